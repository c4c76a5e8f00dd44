// receiver.db as a receiver may leave it that was taken over: commands, and the other roles, believe no more of it than they must.

import { writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { readCameraHabits } from '../../src/access/camera-habits.ts';
import { readBans } from '../../src/access/read-bans.ts';
import { receiverDatabaseFile } from '../../src/access/receiver-database.ts';
import { openReceiverMemory, readLastLogins } from '../../src/access/receiver-memory.ts';
import { openSessionEventReader } from '../../src/access/session-events.ts';
import { systemClock } from '../../src/base/clock.ts';

const lastInstantMs = Date.UTC(9999, 11, 30);
const maxTextLength = 32_768;
const account = { name: 'den', addedAt: '2026-11-21T00:00:00.000Z' };

/** A receiver's database, and what its owner may do to it without this program. */
async function foreignDatabase(test: Test) {
  const stateDir = test.testdir();
  (await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1, clock: systemClock }))[Symbol.dispose]();
  const change = (work: (db: Database.Database) => void) => {
    const db = new Database(receiverDatabaseFile(stateDir));
    db.pragma('ignore_check_constraints = on');
    work(db);
    db.close();
  };
  return { stateDir, change };
}

t.test(
  'log-ins are shown up to the last instant that there is a date of, and to a length of a name',
  async t => {
    const { stateDir, change } = await foreignDatabase(t);
    change(db => {
      const insert = db.prepare('INSERT INTO login (camera, address, at) VALUES (?, ?, ?)');
      insert.run('den', 'last', lastInstantMs);
      insert.run('den', 'too late', lastInstantMs + 1);
      insert.run('den', 'far too late', BigInt('9223372036854775807'));
      insert.run('den', 'before there was time', -1);
      insert.run('den', 'a'.repeat(maxTextLength), 2);
      insert.run('den', 'a'.repeat(maxTextLength + 1), 1);
    });
    t.same(
      readLastLogins(stateDir)?.map(({ address, atMs }) => [address.slice(0, 4), atMs]),
      [
        ['last', lastInstantMs],
        ['aaaa', 2],
      ],
    );
  },
);

t.test('habits that are not what they should be are none', async t => {
  const { stateDir, change } = await foreignDatabase(t);
  change(db => {
    db.prepare(
      'INSERT INTO camera_habit (camera, account_added_at, upload_at, upload_path) VALUES (?, ?, 1, ?)',
    ).run(account.name, account.addedAt, 'a.jpg');
  });
  t.match(readCameraHabits(stateDir, account), { lastUpload: { path: 'a.jpg' } });
  for (const [column, value, usual] of [
    ['upload_at', BigInt('9223372036854775807'), 1],
    ['upload_at', -1, 1],
    ['refusal_at', lastInstantMs + 1, null],
    ['upload_path', 'a'.repeat(maxTextLength + 1), 'a.jpg'],
    ['control_cipher', 'a'.repeat(maxTextLength + 1), null],
  ] as const) {
    change(db => void db.prepare(`UPDATE camera_habit SET ${column} = ?`).run(value));
    t.equal(readCameraHabits(stateDir, account), undefined, `${column} ${String(value).slice(0, 30)}`);
    change(db => void db.prepare(`UPDATE camera_habit SET ${column} = ?`).run(usual));
  }
  t.match(readCameraHabits(stateDir, account), { lastUpload: { path: 'a.jpg' } });
});

t.test('bans whose reasons are no counts are left out, and the others are shown', async t => {
  const { stateDir, change } = await foreignDatabase(t);
  change(db => {
    const insert = db.prepare(
      'INSERT INTO ban (subject, since, until, repetition, reasons) VALUES (?, 1, 2, 1, ?)',
    );
    for (const [subject, reasons] of Object.entries({
      '192.0.2.1': '{"bad-login":3}',
      '192.0.2.2': 'null',
      '192.0.2.3': '{"bad-login":"\u001b[2J"}',
      '192.0.2.4': '{"deep":{}}',
      '192.0.2.5': 'no JSON',
      '192.0.2.6': '7',
    }))
      insert.run(subject, reasons);
    db.exec("UPDATE ban SET until = 9223372036854775807 WHERE subject = '192.0.2.6'");
  });
  t.same(
    readBans(stateDir).map(({ subject }) => subject),
    ['192.0.2.1'],
  );
});

t.test(
  'who follows is not led astray by rows, nor by another table in the place of the one that was there',
  async t => {
    const { stateDir, change } = await foreignDatabase(t);
    using events = openSessionEventReader(stateDir);
    const columns = 'INSERT INTO session_event (camera, at, session, address, listener, event) VALUES';
    const connected = '{"kind":"connected"}';
    change(db => {
      const insert = db.prepare(`${columns} ('den', ?, '', ?, 'explicit', ?)`);
      insert.run(1, 'first', connected);
      insert.run(lastInstantMs + 1, 'too late', connected);
      insert.run(2, 'long', `{"kind":"connected","more":"${'a'.repeat(maxTextLength)}"}`);
      insert.run(2, 'deep', '{"kind":"connected","more":{}}');
      insert.run(2, 'no JSON', '{');
      insert.run(3, 'last', connected);
    });
    t.same(
      events.after('den', 0).map(({ id, address }) => [id, address]),
      [
        [1, 'first'],
        [6, 'last'],
      ],
    );
    let sql = '';
    change(db => {
      sql = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'session_event'").pluck().get() as string;
      db.exec(`ALTER TABLE session_event RENAME TO kept;
      CREATE VIEW session_event AS
        WITH RECURSIVE forever (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM forever)
        SELECT id, 'den' AS camera, 1 AS at, '' AS session, '' AS address, '' AS listener, '{}' AS event FROM forever`);
    });
    t.throws(() => events.after('den', 0), {
      name: 'SettingsError',
      message: /holds other tables than clipward makes/,
    });
    t.throws(() => events.newestId(), { name: 'SettingsError' });
    t.throws(() => readBans(stateDir), { name: 'SettingsError' });
    t.equal(readLastLogins(stateDir), undefined);
    change(db => {
      db.exec(
        `DROP VIEW session_event; ${sql}; INSERT INTO session_event SELECT * FROM kept; DROP TABLE kept`,
      );
    });
    t.equal(events.newestId(), 6, 'and it is read again when it is as it was');
  },
);

t.test(
  'garbage in the place of the database is one sentence for who must know, and nothing for who can do without',
  async t => {
    const { stateDir } = await foreignDatabase(t);
    writeFileSync(receiverDatabaseFile(stateDir), Buffer.alloc(8192, 'garbage'));
    t.equal(readLastLogins(stateDir), undefined);
    t.equal(readCameraHabits(stateDir, account), undefined);
    const sentence = {
      name: 'FailedError',
      message: /^The receiver's memory in \S+receiver\.db cannot be read \(.*\): /,
    };
    t.throws(() => readBans(stateDir), sentence);
    t.throws(() => openSessionEventReader(stateDir), sentence);
  },
);
