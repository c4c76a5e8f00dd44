// Copies of databases: of one that others write to, and of one whose schema is about to change.

import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { copyDatabase, type Db, earlierSchemaFile, openDatabase } from '../../src/base/sqlite.ts';

const steps = [
  'CREATE TABLE clip (id TEXT PRIMARY KEY) STRICT;',
  'ALTER TABLE clip ADD COLUMN camera TEXT;',
  'CREATE TABLE note (id TEXT PRIMARY KEY) STRICT;',
  'CREATE TABLE hold (id TEXT PRIMARY KEY) STRICT;',
];

/** A program that knows the first `count` steps. */
function version(root: string, count: number, more: Readonly<{ broken?: string }> = {}) {
  const directory = join(root, `migrations-${count}${more.broken ? '-broken' : ''}`);
  mkdirSync(directory, { recursive: true });
  for (const [index, text] of steps.slice(0, count).entries())
    writeFileSync(join(directory, `00${index + 1}-step.sql`), text);
  if (more.broken) writeFileSync(join(directory, `00${count + 1}-broken.sql`), more.broken);
  const open = (readOnly = false) =>
    openDatabase({
      file: join(root, 'some.db'),
      migrations: pathToFileURL(`${directory}/`),
      ...{ readOnly, journal: 'wal', synchronous: 'full' },
    });
  return {
    open,
    use<T>(work: (db: Db) => T): T {
      const db = open();
      try {
        return work(db);
      } finally {
        db.close();
      }
    },
  };
}

function copiesIn(root: string): string[] {
  return readdirSync(root).filter(name => name.includes('.schema-'));
}

t.test('a new database is made at once or not at all', t => {
  const root = t.testdir({});
  const half = version(root, 2, { broken: 'CREATE TABLE clip (id TEXT);' });
  t.throws(() => half.open(), /already exists/);
  t.throws(() => version(root, 2).open(true), /has schema 0 and 2 is needed/, 'nothing of it is there');
  version(root, 2).use(db => db.exec("INSERT INTO clip VALUES ('a', 'den')"));
  version(root, 2).open(true).close();
  t.end();
});

t.test('before a schema changes, the database is copied as it was, and two such copies are kept', t => {
  const root = t.testdir({});
  version(root, 1).use(db => db.exec("INSERT INTO clip VALUES ('a')"));
  t.same(copiesIn(root), [], 'a database that is new has nothing to keep');
  version(root, 3).use(db => db.exec("INSERT INTO clip VALUES ('b', 'den')"));
  t.same(copiesIn(root), ['some.db.schema-001'], 'one, though there were two steps');
  t.equal(statSync(join(root, 'some.db.schema-001')).mode & 0o777, 0o600);
  version(root, 3).use(() => {});
  t.same(copiesIn(root), ['some.db.schema-001'], 'none where nothing changes');
  version(root, 4).use(() => {});
  t.same(copiesIn(root), ['some.db.schema-001', 'some.db.schema-003']);
  steps.push('CREATE TABLE more (id TEXT PRIMARY KEY) STRICT;');
  version(root, 5).use(() => {});
  t.same(copiesIn(root), ['some.db.schema-003', 'some.db.schema-004'], 'the oldest goes');

  const old = openDatabase({
    file: earlierSchemaFile(join(root, 'some.db'), 3),
    migrations: pathToFileURL(`${join(root, 'migrations-3')}/`),
    ...{ readOnly: true, journal: 'wal', synchronous: 'full' },
  });
  t.same(
    old.prepare('SELECT id FROM clip ORDER BY id').pluck().all(),
    ['a', 'b'],
    'the earlier version reads it',
  );
  old.close();
  t.end();
});

t.test('a step that fails leaves the database and its copy as they were, and may be tried again', t => {
  const root = t.testdir({});
  version(root, 2).use(db => db.exec("INSERT INTO clip VALUES ('a', 'den')"));
  t.throws(() => version(root, 2, { broken: 'CREATE TABLE clip (id TEXT);' }).open(), /already exists/);
  t.equal(
    version(root, 2).use(db => db.pragma('user_version', { simple: true })),
    2,
  );
  version(root, 2).use(db => db.exec("INSERT INTO clip VALUES ('b', 'den')"));
  version(root, 3).use(() => {});
  const copy = earlierSchemaFile(join(root, 'some.db'), 2);
  t.same(
    openDatabase({
      file: copy,
      migrations: pathToFileURL(`${join(root, 'migrations-2')}/`),
      ...{ readOnly: true, journal: 'wal', synchronous: 'full' },
    })
      .prepare('SELECT count(*) FROM clip')
      .pluck()
      .get(),
    2,
    'the copy is of the last try',
  );
  t.same(copiesIn(root), ['some.db.schema-002'], 'nothing half written is left');
  t.end();
});

t.test('where no copy can be made, the schema stays as it is', t => {
  const root = t.testdir({});
  version(root, 1).use(() => {});
  mkdirSync(join(root, 'some.db.schema-001'));
  t.throws(() => version(root, 2).open(), { code: 'EISDIR' });
  t.equal(
    version(root, 1).use(db => db.pragma('user_version', { simple: true })),
    1,
  );
  t.end();
});

t.test('a database that somebody writes to is copied as of one moment, and the writer goes on', t => {
  const root = t.testdir({});
  const writer = version(root, 2).open();
  t.teardown(() => writer.close());
  const insert = writer.prepare('INSERT INTO clip VALUES (?, ?)');
  for (let number = 0; number < 500; number++) insert.run(String(number), 'den');
  writer.exec('BEGIN IMMEDIATE');
  insert.run('uncommitted', 'den');
  const to = join(root, 'copy.db');
  copyDatabase(join(root, 'some.db'), to);
  writer.exec('COMMIT');
  insert.run('later', 'den');
  t.equal(statSync(to).mode & 0o777, 0o600);
  const copy = openDatabase({
    file: to,
    migrations: pathToFileURL(`${join(root, 'migrations-2')}/`),
    ...{ readOnly: true, journal: 'wal', synchronous: 'full' },
  });
  t.equal(copy.prepare('SELECT count(*) FROM clip').pluck().get(), 500);
  copy.close();
  t.throws(() => copyDatabase(join(root, 'some.db'), to), { code: 'EEXIST' }, 'nothing is overwritten');
  t.end();
});
