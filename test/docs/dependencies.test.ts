// Each package is explained under the heading of its kind, and none that is not there.

import t from 'tap';
import { read } from './documents.ts';

type Manifest = Record<'dependencies' | 'optionalDependencies' | 'devDependencies', Record<string, string>>;

const manifest = JSON.parse(read('package.json')) as Manifest;
const page = read('docs/dependencies.md');

for (const [kind, heading] of [
  ['dependencies', 'Packages that the program runs on'],
  ['optionalDependencies', 'Optional packages'],
  ['devDependencies', 'Packages for development'],
] as const) {
  t.test(`docs/dependencies.md explains exactly the ${kind} of package.json`, t => {
    t.same(explainedUnder(heading), Object.keys(manifest[kind]).sort());
    t.end();
  });
}

t.test('docs/dependencies.md names the version of ftp-srv that is pinned', t => {
  t.equal(manifest.dependencies['ftp-srv'], /Pinned at (\S+),/.exec(page)?.[1]);
  t.end();
});

t.test('docs/dependencies.md explains each override', t => {
  const { overrides } = JSON.parse(read('package.json')) as {
    overrides: Record<string, Record<string, string>>;
  };
  const replaced = Object.values(overrides).flatMap(each =>
    Object.entries(each).map(([name, by]) => `${name} → ${/^npm:(.+)@/.exec(by)?.[1]}`),
  );
  t.same(explainedUnder('What replaces a dependency of a dependency'), replaced.sort());
  t.end();
});

function explainedUnder(heading: string): string[] {
  const section = page.split(/^## /m).find(each => each.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^### (.+)$/gm)].map(([, name = '']) => name.trim()).sort();
}
