// A new version meets the state directory of an earlier one: what is there is copied before it is changed.

import { copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';
import { openDatabase } from '../../src/base/sqlite.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';

const sources = {
  'catalogue.db': new URL('../../src/catalogue/migrations/', import.meta.url),
  'access.db': new URL('../../src/access/migrations-access/', import.meta.url),
};
type Name = keyof typeof sources;

const stepsOf = (name: Name) =>
  readdirSync(sources[name])
    .filter(each => /^\d{3}-.*\.sql$/.test(each))
    .sort();

/** The migrations that a program had which knew one step less. */
function earlierMigrations(root: string, name: Name): URL {
  const directory = join(root, `migrations-${name}`);
  mkdirSync(directory);
  for (const step of stepsOf(name).slice(0, -1))
    copyFileSync(join(fileURLToPath(sources[name]), step), join(directory, step));
  return pathToFileURL(`${directory}/`);
}

t.test('an upgrade copies each database first, and the earlier version takes its copy back', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const { root, stateDir } = installation;
  mkdirSync(stateDir, { mode: 0o700 });
  const journals = { 'catalogue.db': 'wal', 'access.db': 'delete' } as const;
  const opened = (Object.keys(sources) as Name[]).map(name => {
    const migrations = earlierMigrations(root, name);
    const options = { migrations, journal: journals[name], synchronous: 'full' } as const;
    openDatabase({ file: join(stateDir, name), ...options }).close();
    return { name, options, earlier: stepsOf(name).length - 1 };
  });
  await addCamera(installation, 'den');
  const daemon = await installation.serve();
  t.equal((await daemon.stop()).code, 0);
  for (const { name, options, earlier } of opened) {
    const copy = join(stateDir, `${name}.schema-${String(earlier).padStart(3, '0')}`);
    t.equal(statSync(copy).mode & 0o777, 0o600, name);
    const db = openDatabase({ file: copy, ...options, readOnly: true });
    t.equal(db.pragma('user_version', { simple: true }), earlier, 'the earlier version reads it');
    db.close();
    // And refuses what the newer one made of the database itself.
    t.throws(() => openDatabase({ file: join(stateDir, name), ...options, readOnly: true }), {
      name: 'SettingsError',
      message: /has schema \d+, this version of clipward knows up to \d+: run the newer version/,
    });
  }
});

t.test('accounts of a newer version are told by doctor once, in one sentence', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  await addCamera(installation, 'den');
  const file = join(installation.stateDir, 'access.db');
  const db = openDatabase({ file, migrations: sources['access.db'], journal: 'delete', synchronous: 'full' });
  db.pragma('user_version = 99');
  db.close();
  const { code, stdout } = await installation.run(['doctor']);
  t.equal(code, 1);
  t.equal(stdout.split('has schema 99').length - 1, 1, stdout);
  t.match(
    stdout,
    /^fail {2}accounts: \S+access\.db has schema 99, this version of clipward knows up to \d+: /m,
  );
  t.notMatch(stdout, /cannot be read just now/);
});
