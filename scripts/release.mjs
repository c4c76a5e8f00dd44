// npm run release: clipward-VERSION.tar.gz, all that a server needs but Node and ffmpeg: compiled code, the packages it runs on
// as package-lock.json names them, documents, units and their installer. For the architecture it is made on.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt } from './lib/build.mjs';
import { ensurePackages, packagesToRun } from './lib/packages.mjs';
import { checkPlatform, main, projectRoot, run, Stop, say } from './lib/run.mjs';

const contents = [
  'bin/clipward.mjs',
  'dist',
  'docs',
  'systemd',
  'config/clipward.example.yaml',
  'certs/README.md',
  'package.json',
  'package-lock.json',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
];

await main(() => {
  checkPlatform();
  const { values } = parseArgs({ options: { directory: { type: 'string' } } });
  ensurePackages();
  ensureBuilt({ onStart: () => say('building') });
  if (values.directory !== undefined) {
    const directory = resolve(values.directory);
    if (existsSync(directory)) throw new Stop(`${directory} exists already: name a new directory.`);
    return fill(directory);
  }
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  const name = `clipward-${version}`;
  const stage = mkdtempSync(join(tmpdir(), 'clipward-release-'));
  try {
    fill(join(stage, name));
    say(`made ${pack(stage, name)} for ${process.arch}`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
});

function fill(directory) {
  const copy = path => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    cpSync(join(projectRoot, path), join(directory, path), { recursive: true, dereference: true });
  };
  for (const path of contents) copy(path);
  for (const path of packagesToRun(projectRoot)) copyPackage(join(projectRoot, path), join(directory, path));
  writeFileSync(
    join(directory, 'release.json'),
    `${JSON.stringify({ platform: process.platform, arch: process.arch })}\n`,
  );
}

/** Without the packages inside it: the lockfile names those one by one. */
function copyPackage(from, to) {
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: source => source !== join(from, 'node_modules'),
  });
}

/** The same bytes for the same contents: sorted, without times and owners. */
function pack(stage, name) {
  const directory = join(projectRoot, 'release');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${name}.tar.gz`);
  const { code, output } = run(
    'tar',
    [
      ...['--create', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'],
      ...['--mode=u=rwX,go=rX', '--use-compress-program=gzip --no-name', '--directory', stage],
      ...['--file', `${file}.new`, name],
    ],
    { quiet: true },
  );
  if (code !== 0) throw new Stop(`tar could not make ${file}: ${output.trim()}`);
  renameSync(`${file}.new`, file);
  return file;
}
