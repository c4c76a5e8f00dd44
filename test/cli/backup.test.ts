// A backup as a user makes it, while a camera uploads and another one is recorded, and what comes of it elsewhere.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { writeStreamPassword } from '../../src/access/stream-passwords.ts';
import { systemClock } from '../../src/base/clock.ts';
import { addCamera, type Installation, makeInstallation, startDaemon } from '../support/daemon.ts';
import { makeElementaryStream, startFakeCamera } from '../support/fake-camera.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { makeJpeg } from '../support/media.ts';
import { startCommand } from '../support/running-command.ts';

type Shown = { id: string; originalPath: string; sha256: string };

/** Where a backup was put back: data, state, certs and settings in one directory, as the settings say. */
function restore(backup: string, installation: Installation): Pick<Installation, 'run' | 'json' | 'serve'> {
  for (const directory of ['data', 'state', 'certs'])
    rmSync(join(installation.root, directory), { recursive: true });
  execFileSync('cp', [
    '-a',
    ...['data', 'state', 'certs'].map(name => join(backup, name)),
    installation.root,
  ]);
  return installation;
}

t.test('a backup of a running archive becomes an archive again', async t => {
  const installation = await makeInstallation();
  const daemon = await installation.serve();
  const camera = await startFakeCamera({ elementaryStream: await makeElementaryStream() });
  t.teardown(async () => {
    await camera[Symbol.asyncDispose]();
    await daemon.stop();
    installation.remove();
  });
  const password = await addCamera(installation, 'den');
  await addCamera(installation, 'yard');
  {
    const { stateDir } = installation;
    await writeStreamPassword(stateDir, 'yard', 'its own password');
    using accounts = await openAccountWriter({ stateDir, clock: systemClock });
    accounts.setCamera('yard', { rtspUrl: `rtsp://admin@127.0.0.1:${camera.port}/stream` });
  }
  await daemon.waitForLog(line => line.msg === 'recording');
  const client = await loginExplicit(installation.explicitPort, { user: 'den', password });
  const picture = readFileSync(await makeJpeg());
  const contentOf = (name: string) => Buffer.concat([picture, Buffer.from(name)]);
  const hashOf = (name: string) => createHash('sha256').update(contentOf(name)).digest('hex');
  let number = 0;
  const upload = async () => {
    const name = `${++number}.jpg`;
    const { code } = await client.upload(name, contentOf(name));
    if (code !== 226) throw new Error(`${name}: ${code}`);
  };
  while (number < 5) await upload();
  const acknowledged = number;
  const out = join(installation.root, 'out', 'backup');
  let isDone = false;
  const made = installation.run(['backup', '--out', out, '--json']).finally(() => {
    isDone = true;
  });
  while (!isDone) await upload();
  const { code, stdout, stderr } = await made;
  t.equal(code, 0, stderr);
  const facts = JSON.parse(stdout);
  t.match(facts, { directory: out, findings: [], startedAt: /Z$/, head: /^\d+-[0-9a-f]{64}$/ });
  t.ok(number > acknowledged, 'the camera went on');
  t.match(JSON.parse(readFileSync(join(out, 'BACKUP.json'), 'utf8')), facts);
  t.same(readdirSync(out).sort(), [
    ...['BACKUP.json', 'README.txt', 'certs', 'clipward.yaml', 'data', 'state'],
  ]);
  t.same(readdirSync(join(out, 'state')).sort(), [
    ...['access.db', 'archive-id', 'catalogue.db', 'receiver', 'secrets'],
  ]);
  for (const path of ['', ...(readdirSync(out, { recursive: true }) as string[])])
    t.equal(statSync(join(out, path)).mode & 0o077, 0, path);
  const again = await installation.run(['backup', '--out', out]);
  t.match(again, { code: 1, stderr: /exists already, and nothing is ever overwritten/ });

  client.close();
  await daemon.stop();
  const caBefore = readFileSync(join(installation.certsDir, 'ca.crt'));
  const restored = restore(out, installation);

  await t.test('before it is started, check finds nothing wrong', async t => {
    const { violations, findings } = await restored.json(['check']);
    t.equal(violations, 0);
    // What was being written when the backup was made.
    for (const { code } of findings) t.equal(code, 'open-left');
  });
  await t.test(
    'started, it has what was acknowledged, and takes the next clip by the same password',
    async t => {
      const second = await restored.serve();
      t.teardown(() => second.stop());
      await second.waitForLog(line => line.msg === 'recording');
      const next = await loginExplicit(installation.explicitPort, { user: 'den', password });
      t.equal((await next.upload('after.jpg', picture)).code, 226);
      next.close();
      await second.waitForLog(line => line.msg === 'clip filed' && line.bytes === picture.length);
      const after: Shown[] = await restored.json(['clip', 'list', '--limit', '1000']);
      const names = after.map(({ originalPath }) => originalPath);
      for (let each = 1; each <= acknowledged; each++) t.ok(names.includes(`${each}.jpg`), `${each}.jpg`);
      for (const { sha256, originalPath } of after)
        if (originalPath !== 'after.jpg') t.equal(sha256, hashOf(originalPath), originalPath);
      const check = await restored.run(['check']);
      t.match(check, { code: 0, stderr: '' }, check.stdout);
      t.match(await restored.json(['verify', '--expect', facts.head]), { good: true });
      t.same(readFileSync(join(installation.certsDir, 'ca.crt')), caBefore, 'clients trust it as before');
    },
  );
});

t.test('one that is killed goes on where it was', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const daemon = await installation.serve();
  const password = await addCamera(installation, 'den');
  const client = await loginExplicit(installation.explicitPort, { user: 'den', password });
  for (let number = 1; number <= 3; number++)
    t.equal((await client.upload(`${number}.bin`, Buffer.alloc(1_500_000, number))).code, 226);
  await daemon.waitForLog(line => line.msg === 'clip filed', 3);
  client.close();
  await daemon.stop();
  const out = join(installation.root, 'out', 'backup');
  // It waits for the accounts, after the media.
  const accounts = new Database(join(installation.stateDir, 'access.db'));
  accounts.exec('BEGIN EXCLUSIVE');
  const killed = startCommand(['backup', '--out', out, '--config', installation.config]);
  await appears(join(out, 'state', 'access.db'));
  process.kill(killed.pid, 'SIGKILL');
  await killed.ended;
  accounts.close();
  t.ok(existsSync(join(out, 'INCOMPLETE')), 'it was not done yet');

  const early = join(installation.root, 'early');
  mkdirSync(early);
  cpSync(out, early, { recursive: true });
  writeFileSync(join(early, 'clipward.yaml'), readFileSync(installation.config));
  const refused = await makeRefusal(t, join(early, 'clipward.yaml'));
  t.match(refused, {
    code: 78,
    stderr: /is not empty and .*archive-id does not exist, .*a backup that was not completed: .*--resume/,
  });

  const { code, stdout } = await installation.run(['backup', '--out', out, '--resume']);
  t.match({ code, stdout }, { code: 0, stdout: /, complete\nmedia +3 clips/ });
  t.notOk(existsSync(join(out, 'INCOMPLETE')));
  restore(out, installation);
  t.match(await installation.json(['check']), { clips: 3, violations: 0 });
  t.match(await installation.json(['verify']), { good: true });
});

async function makeRefusal(t: Test, config: string) {
  const daemon = await startDaemon(['serve', '--config', config]);
  t.teardown(() => daemon.stop());
  const { code } = await daemon.ended;
  return { code, stderr: daemon.stderr() };
}

async function appears(path: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!existsSync(path)) {
    if (Date.now() > deadline) throw new Error(`${path} did not appear`);
    await setTimeout(5);
  }
}
