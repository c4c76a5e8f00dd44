import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { brokenImportRules, importsOf } from './storeys.ts';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

function sources(): Map<string, string> {
  const paths = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts'));
  return new Map(paths.map(path => [path, readFileSync(join(src, path), 'utf8')]));
}

/** What the rules say of a tree of two or three files. */
function verdict(tree: Record<string, string>): string[] {
  return brokenImportRules(new Map(Object.entries(tree)));
}

t.test('imports go down the storeys, and libraries stay where they belong', async t => {
  const files = sources();
  t.ok(files.size > 50, 'the sources were found');
  t.same(brokenImportRules(files), []);
});

t.test('every way to import is seen', async t => {
  const text = [
    "import a from './a.ts';",
    "import type { B } from './b.ts';",
    "import {\n  c,\n  type D,\n} from './c.ts';",
    "import './effects.ts';",
    "export { e } from './e.ts';",
    "export * from './f.ts';",
    "const g = await import('./g.ts');",
    "// import h from './h.ts';",
    "/* import i from './i.ts'; */",
  ].join('\n');
  t.same(
    importsOf(text).map(({ target, isType }) => `${target}${isType ? ' type' : ''}`),
    ['./a.ts', './b.ts type', './c.ts', './effects.ts', './e.ts', './f.ts', './g.ts'],
  );
});

t.test('what is allowed passes', async t => {
  t.same(
    verdict({
      'main.ts': "import { a } from './cli/a.ts'; \nimport { Command } from 'commander';",
      'cli/a.ts': "import { s } from '../service.ts';",
      'service.ts': "import { w } from './watch/w.ts';\nimport { r } from './receive-role.ts';",
      'receive-role.ts': "import { e } from './receive/engine.ts';",
      'receive/engine.ts':
        "import { FtpSrv } from 'ftp-srv';\nimport x from 'ftp-srv/src/commands/registry.js';",
      'watch/w.ts': "import { u } from '../archive/u.ts';\nimport { watch } from 'chokidar';",
      'archive/u.ts': "import { d } from '../domain/d.ts';\nimport { open } from 'node:fs/promises';",
      'domain/d.ts': "import { isIP } from 'node:net';\nimport type { E } from './e.ts';",
      'domain/e.ts': "import { d } from './d.ts';",
    }),
    [],
  );
});

const wrongs: [string, Record<string, string>, RegExp][] = [
  [
    'the receiver and the catalogue',
    { 'receive/x.ts': "import { y } from '../catalogue/y.ts';", 'catalogue/y.ts': '' },
    /^src\/receive\/x\.ts imports src\/catalogue\/y\.ts: the receiver must not know the catalogue/,
  ],
  [
    'a stage and another stage',
    { 'watch/x.ts': "import type { Y } from '../ingest/y.ts';", 'ingest/y.ts': '' },
    /imports src\/ingest\/y\.ts: neighbours reach each other only through a callback/,
  ],
  [
    'a store and another store',
    { 'archive/x.ts': "export { y } from '../access/y.ts';", 'access/y.ts': '' },
    /stores do not know each other/,
  ],
  [
    'a store and a stage',
    { 'archive/x.ts': "const y = await import('../watch/y.ts');", 'watch/y.ts': '' },
    /src\/watch\/y\.ts, which is above it: imports go down only/,
  ],
  [
    'a stage and the hall',
    { 'ingest/x.ts': "import { y } from '../service.ts';", 'service.ts': '' },
    /src\/service\.ts, which is above it/,
  ],
  ['a file without a room', { 'misc/x.ts': '' }, /^src\/misc\/x\.ts is in no room/],
  ['a new file beside main.ts', { 'helpers.ts': '' }, /^src\/helpers\.ts is in no room/],
  ['a file that is not there', { 'base/x.ts': "import { y } from './y.js';" }, /there is no such file/],
  [
    'a library in the wrong room',
    { 'ingest/x.ts': "import { z } from 'zod';" },
    /ingest takes no part of that library/,
  ],
  [
    'a scoped library in the wrong room',
    { 'cli/x.ts': "import * as x509 from '@peculiar/x509';" },
    /imports @peculiar\/x509: cli takes no part/,
  ],
  [
    'ftp-srv beside the engine',
    { 'receive/x.ts': "import type { FtpSrv } from 'ftp-srv';" },
    /only src\/receive\/engine\.ts does/,
  ],
  [
    'sqlite beside base/sqlite.ts',
    { 'base/x.ts': "import D from 'better-sqlite3';" },
    /only src\/base\/sqlite\.ts does/,
  ],
  ['a library in domain', { 'domain/x.ts': "import { z } from 'zod';" }, /domain takes no part/],
  ['the disk in domain', { 'domain/x.ts': "import { stat } from 'node:fs';" }, /domain touches nothing/],
  [
    'a circle',
    { 'base/a.ts': "import { b } from './b.ts';", 'base/b.ts': "import { a } from './a.ts';" },
    /^src\/base\/a\.ts imports src\/base\/b\.ts imports src\/base\/a\.ts: a circle/,
  ],
];

for (const [what, tree, expected] of wrongs) {
  t.test(`what is forbidden is told in a sentence: ${what}`, async t => {
    const told = verdict(tree);
    t.equal(told.length, 1);
    t.match(told[0], expected);
  });
}
