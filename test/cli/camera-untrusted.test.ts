// What a receiver that was taken over writes into its database is shown to a person, and moves no cursor.

import Database from 'better-sqlite3';
import t from 'tap';
import { receiverDatabaseFile } from '../../src/access/receiver-database.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';

const evil = '\u001b[2Jevil\u202e\u009b';

t.test('camera list and show escape what the receiver remembers, and leave out what cannot be', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  await addCamera(installation, 'den');
  const daemon = await installation.serve();
  t.equal((await daemon.stop()).code, 0);
  const [{ addedAt }] = await installation.json(['camera', 'list']);
  const db = new Database(receiverDatabaseFile(installation.stateDir));
  const later = Date.parse(addedAt) + 1000;
  db.prepare('INSERT INTO login (camera, address, at) VALUES (?, ?, ?)').run('den', evil, later);
  db.prepare('INSERT INTO login (camera, address, at) VALUES (?, ?, ?)').run('den', 'never', 2 ** 60);
  db.prepare(
    `INSERT INTO camera_habit (camera, account_added_at, listener, control_protocol, control_cipher, control_alpn,
       upload_at, upload_path, upload_bytes, upload_completeness, refusal_at, refusal_address, refusal_event)
     VALUES ('den', ?, 'explicit', :evil, :evil, :evil, 1, :evil, 1, 'whole', 1, :evil, :event)`,
  ).run(new Date(addedAt).toISOString(), {
    evil,
    event: JSON.stringify({ kind: 'refused', verb: evil, reply: 552, text: evil, why: evil }),
  });
  db.close();
  for (const args of [
    ['camera', 'list'],
    ['camera', 'show', 'den'],
  ]) {
    const { code, stdout, stderr } = await installation.run(args);
    t.equal(code, 0, stderr);
    t.match(stdout, '\\u{1b}[2Jevil\\u{202e}\\u{9b}', 'it is shown');
    t.notMatch(stdout, /[\u001b\u202e\u009b]/, 'as what it is');
  }
  const { stdout } = await installation.run(['camera', 'show', 'den']);
  t.match(stdout, /^last refusal +\S+ from \\u\{1b\}\[2Jevil/m);
  t.match(stdout, /^last upload +\S+ \/\\u\{1b\}\[2Jevil/m);
});
