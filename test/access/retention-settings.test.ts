import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { accessDatabaseFile, openAccountReader, openAccountWriter } from '../../src/access/open-accounts.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openDatabase } from '../../src/base/sqlite.ts';

const own = { keepClipsDays: 30, keepFootageDays: 7, maxBytes: 2 ** 40 };
const none = { keepClipsDays: null, keepFootageDays: null, maxBytes: null };

t.test('cameras of a version without retention keep their media as the installation does', async t => {
  const directory = t.testdir();
  const [stateDir, migrations] = [join(directory, 'state'), join(directory, 'migrations')];
  mkdirSync(stateDir, { mode: 0o700 });
  mkdirSync(migrations);
  for (const file of ['001-accounts.sql', '002-follow.sql', '003-pardons.sql'])
    cpSync(new URL(`../../src/access/migrations-access/${file}`, import.meta.url), join(migrations, file));
  const older = openDatabase({
    file: accessDatabaseFile(stateDir),
    migrations: pathToFileURL(`${migrations}/`),
    journal: 'delete',
    synchronous: 'full',
    group: 'read',
  });
  older.exec(`
    INSERT INTO camera (name, enabled, version, password_hash, time_zone, acceptance_days, added_at, password_changed_at)
    VALUES ('den', 1, 7, '$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA', 'UTC', 7, '2026-11-21T08:00:00Z', '2026-11-21T08:00:00Z')`);
  older.close();
  using writer = await openAccountWriter({ stateDir, clock: systemClock });
  using reader = openAccountReader({ stateDir });
  t.match(reader.camera('den'), { name: 'den', timeZone: 'UTC', ...none });
  writer.setCamera('den', own);
  t.match(reader.camera('den'), own);
});

t.test('what is set for one camera is its own, one by one, and may be taken back', async t => {
  const stateDir = join(t.testdir(), 'state');
  using writer = await openAccountWriter({ stateDir, clock: systemClock });
  using reader = openAccountReader({ stateDir });
  for (const name of ['den', 'porch'])
    writer.addCamera({
      name,
      passwordHash: '$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA',
      allowedNetworks: [],
      timeZone: 'UTC',
    });
  t.match(reader.camera('den'), none);
  writer.setCamera('den', own);
  writer.setCamera('den', { keepFootageDays: null });
  t.match(reader.camera('den'), { ...own, keepFootageDays: null });
  t.match(reader.camera('porch'), none);
  writer.setCamera('den', none);
  t.match(reader.camera('den'), none);
});

t.test('the database itself takes no days and no bytes that make no sense', async t => {
  const stateDir = join(t.testdir(), 'state');
  using writer = await openAccountWriter({ stateDir, clock: systemClock });
  writer.addCamera({
    name: 'den',
    passwordHash: '$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA',
    allowedNetworks: [],
    timeZone: 'UTC',
  });
  for (const changes of [
    { keepClipsDays: 0 },
    { keepClipsDays: 36_601 },
    { keepFootageDays: -1 },
    { maxBytes: 0 },
    { maxBytes: -5 },
  ])
    t.throws(() => writer.setCamera('den', changes), /constraint/i, JSON.stringify(changes));
  for (const changes of [{ keepClipsDays: 1 }, { keepClipsDays: 36_600 }, { maxBytes: 1 }])
    writer.setCamera('den', changes);
});
