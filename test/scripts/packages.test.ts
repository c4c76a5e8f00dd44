import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));

// The scripts are plain JavaScript without types, so that they run on any Node.
const packages = (await import(pathToFileURL(join(scripts, 'lib', 'packages.mjs')).href)) as {
  findMissingPackage(root: string): string | undefined;
};

t.test('packages are installed again only when something is missing or of another version', async t => {
  const root = t.testdir();
  const entry = (version: string, more = {}) => ({ version, integrity: `sha512-${version}`, ...more });
  const lock = (file: string, entries: Record<string, object>) => {
    mkdirSync(join(root, 'node_modules'), { recursive: true });
    writeFileSync(join(root, file), JSON.stringify({ packages: { '': {}, ...entries } }));
  };
  const put = (name: string) => {
    mkdirSync(join(root, 'node_modules', name), { recursive: true });
    writeFileSync(join(root, 'node_modules', name, 'package.json'), '{}');
  };
  const installed = 'node_modules/.package-lock.json';
  const elsewhere = entry('1.0.0', { optional: true, os: ['win32'], cpu: ['x64'] });
  lock('package-lock.json', { 'node_modules/a': entry('1.0.0'), 'node_modules/w': elsewhere });
  t.equal(
    packages.findMissingPackage(root),
    'there are none yet',
    'a fresh clone, or an installation cut short',
  );
  lock(installed, {});
  t.equal(packages.findMissingPackage(root), 'a is missing');
  lock(installed, { 'node_modules/a': entry('1.0.0') });
  t.equal(packages.findMissingPackage(root), 'a is missing', 'its directory is gone');
  put('a');
  t.equal(packages.findMissingPackage(root), undefined, 'what is for other machines is not missed');
  lock('package-lock.json', { 'node_modules/a': entry('1.0.1'), 'node_modules/w': elsewhere });
  t.equal(packages.findMissingPackage(root), 'a is not at 1.0.1');
  lock('package-lock.json', {
    'node_modules/a': entry('1.0.0'),
    'node_modules/n': entry('1.0.0', { optional: true, os: ['linux'], cpu: [process.arch] }),
  });
  t.equal(packages.findMissingPackage(root), 'n is missing', 'what is for this machine is');
  rmSync(join(root, installed));
  t.equal(packages.findMissingPackage(root), 'there are none yet');
});
