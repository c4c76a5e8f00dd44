// src/ compiled to dist/, when it changed. The stamp is part of what is moved into place, so a build is there as a whole
// or not at all.

import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { projectRoot, requireNode, run, Stop } from './run.mjs';

const sources = join(projectRoot, 'src');
const target = join(projectRoot, 'dist');
/** Another build may put its dist/ in place between our two renames; more than a few times is something else. */
const maxAttempts = 5;
const configurations = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

export function isBuildStale() {
  const stamp = join(target, '.stamp');
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== fingerprint();
}

/** Compiles unless dist/ is up to date; `onStart` is called when there is something to do. Answers whether there was. */
export function ensureBuilt({ onStart = () => {} } = {}) {
  const stamp = fingerprint();
  if (!isBuildStale()) return false;
  onStart();
  const fresh = join(projectRoot, 'node_modules', `.clipward-build-${process.pid}`);
  const old = join(projectRoot, 'node_modules', `.clipward-old-${process.pid}`);
  try {
    rmSync(fresh, { recursive: true, force: true });
    const compiler = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc');
    const { code, output } = run(requireNode(), [compiler, '-p', 'tsconfig.build.json', '--outDir', fresh], {
      quiet: true,
    });
    if (code !== 0) throw new Stop(`The build failed:\n${output.trim()}`);
    for (const file of listFiles(sources).filter(name => name.endsWith('.sql'))) {
      const copy = join(fresh, relative(sources, file));
      mkdirSync(dirname(copy), { recursive: true });
      cpSync(file, copy);
    }
    writeFileSync(join(fresh, '.stamp'), stamp);
    putInPlace(fresh, old);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
    throw new Stop(
      `dist/ is older than src/, and this user may not write there: run npm run build as its owner.`,
    );
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
  return true;
}

/** A daemon that runs from dist/ keeps its files until the new ones are there; of two builds at once the last one stays. */
function putInPlace(fresh, old) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      rmSync(old, { recursive: true, force: true });
      if (existsSync(target)) renameSync(target, old);
      return renameSync(fresh, target);
    } catch (error) {
      const isAnotherBuild = ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code);
      if (!isAnotherBuild || attempt === maxAttempts) throw error;
    }
  }
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const file of [...listFiles(sources), ...configurations.map(name => join(projectRoot, name))])
    hash
      .update(`${relative(projectRoot, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

function listFiles(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? listFiles(path) : entry.isFile() ? [path] : [];
    });
}
