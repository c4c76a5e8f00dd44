// The daemon as a process: how it starts, how it refuses to, how it ends.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { addCamera, makeInstallation, runCommand } from './support/daemon.ts';
import { connectExplicit, endUpload, loginExplicit, loginImplicit } from './support/ftps-client.ts';

t.test(
  'a changed camera takes effect in the running daemon within a second, and its sessions end',
  async t => {
    const installation = await makeInstallation();
    const daemon = await installation.serve();
    t.teardown(async () => {
      await daemon.stop();
      installation.remove();
    });
    const password = await addCamera(installation, 'garage');
    const account = { user: 'garage', password };
    const effects: [string[], string[]][] = [
      [
        ['camera', 'disable', 'garage'],
        ['camera', 'enable', 'garage'],
      ],
      [
        ['camera', 'allow', 'garage', '192.0.2.7'],
        ['camera', 'deny', 'garage', '192.0.2.7'],
      ],
    ];
    for (const [command, undo] of effects) {
      const session = await loginImplicit(installation.implicitPort, account);
      t.equal((await installation.run(command)).code, 0, command.join(' '));
      if (command[1] === 'disable') {
        const changedAt = performance.now();
        t.equal((await session.reply())?.code, 421);
        await session.closed;
        t.ok(performance.now() - changedAt < 1000);
        await t.rejects(loginExplicit(installation.explicitPort, account));
      } else {
        t.equal(await session.code('NOOP'), 200, 'a further allowed network changes nothing for who is in');
        session.close();
      }
      t.equal((await installation.run(undo)).code, 0, undo.join(' '));
    }
    const session = await loginExplicit(installation.explicitPort, account);
    const passwd = await installation.run(
      ['camera', 'passwd', 'garage', '--password-stdin'],
      'another-password-1\n',
    );
    t.equal(passwd.code, 0);
    t.equal((await session.reply())?.code, 421);
    await t.rejects(loginExplicit(installation.explicitPort, account), 'the old password is no longer taken');
    const renewed = await loginExplicit(installation.explicitPort, {
      user: 'garage',
      password: 'another-password-1',
    });
    t.equal(
      (await installation.run(['camera', 'deny', 'garage', '127.0.0.0/8'])).code,
      1,
      'not the last network',
    );
    t.equal((await installation.run(['camera', 'remove', 'garage'])).code, 0);
    t.equal((await renewed.reply())?.code, 421);
  },
);

t.test('82. SIGTERM lets a running upload finish, takes no new session and ends with 0', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const daemon = await installation.serve();
  const password = await addCamera(installation, 'garage');
  const account = { user: 'garage', password };
  const [busy, idle] = await Promise.all([
    loginExplicit(installation.explicitPort, account),
    loginImplicit(installation.implicitPort, account),
  ]);
  const raw = await busy.openData();
  t.equal(await busy.code('STOR late.bin'), 150);
  const tls = await busy.secureData(raw);
  daemon.kill('SIGTERM');
  t.equal((await idle.reply())?.code, 421, 'an idle session is told');
  await t.rejects(connectExplicit(installation.explicitPort));
  await endUpload({ raw, tls }, randomBytes(100_000), 'close-notify');
  t.equal((await busy.reply())?.code, 226);
  t.same(await daemon.ended, { code: 0, signal: null });
});

t.test(
  '82. an upload that outlasts the grace is cut and kept as partial; a second signal ends at once',
  async t => {
    const installation = await makeInstallation({
      settings: ['  limits: { minFreeBytes: 0, shutdownGraceMs: 300 }'],
    });
    t.teardown(() => installation.remove());
    const daemon = await installation.serve();
    const password = await addCamera(installation, 'garage');
    const client = await loginExplicit(installation.explicitPort, { user: 'garage', password });
    const raw = await client.openData();
    t.equal(await client.code('STOR never-ends.bin'), 150);
    const tls = await client.secureData(raw);
    tls.write(randomBytes(10_000));
    daemon.kill('SIGTERM');
    t.same(await daemon.ended, { code: 0, signal: null });

    const patient = await installation.serve();
    const other = await loginExplicit(installation.explicitPort, { user: 'garage', password });
    await other.openData();
    t.equal(await other.code('STOR x.bin'), 150);
    patient.kill('SIGTERM');
    await patient.waitForLog(line => line.msg === 'stopping');
    patient.kill('SIGTERM');
    t.same(await patient.ended, { code: 143, signal: null });
  },
);

t.test('what cannot be started is told in one sentence with the right exit code', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const blocker = createServer().listen(installation.implicitPort, '127.0.0.1');
  await once(blocker, 'listening');
  const inUse = await installation.serve();
  t.same(await inUse.ended, { code: 78, signal: null });
  t.match(inUse.stderr(), /^clipward: Port \d+ is in use by another program: .*ftps\.implicit\.port.*\.\n$/);
  t.notMatch(inUse.stderr() + inUse.lines.join('\n'), /\n\s+at /);
  blocker.close();

  const first = await installation.serve();
  const second = await installation.serve();
  t.same(await second.ended, { code: 78, signal: null });
  t.match(second.stderr(), /^clipward: Another clipward serve is using .*\n$/);
  await first.stop();

  writeFileSync(join(installation.root, 'bad.yaml'), 'ftps:\n  explicit: { port: 99999 }\n');
  const bad = await runCommand(['serve', '--config', join(installation.root, 'bad.yaml')]);
  t.equal(bad.code, 78);
});

t.test('data, state and certificates are for their owner alone', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const daemon = await installation.serve();
  const password = await addCamera(installation, 'garage');
  const client = await loginExplicit(installation.explicitPort, { user: 'garage', password });
  t.equal((await client.upload('a/b.txt', Buffer.from('a test'))).code, 226);
  await daemon.waitForLog(line => line.msg === 'clip filed');
  await daemon.stop();
  for (const directory of [installation.dataDir, installation.stateDir, installation.certsDir]) {
    t.equal(statSync(directory).mode & 0o777, 0o700, directory);
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const { mode } = statSync(join(entry.parentPath, entry.name));
      t.equal(mode & 0o077, 0, join(entry.parentPath, entry.name));
    }
  }
});

t.test(
  '77. without the marker every STOR is 452, and status is red; once it is back all is well',
  async t => {
    const installation = await makeInstallation();
    const daemon = await installation.serve();
    t.teardown(async () => {
      await daemon.stop();
      installation.remove();
    });
    const password = await addCamera(installation, 'garage');
    const marker = join(installation.dataDir, 'MARKER');
    const id = readFileSync(marker);
    const client = await loginExplicit(installation.explicitPort, { user: 'garage', password });
    rmSync(marker);
    await client.openData();
    t.equal(await client.code('STOR a.bin'), 452);
    t.equal((await installation.run(['status'])).code, 1);
    writeFileSync(marker, id);
    t.equal((await client.upload('a.bin', randomBytes(100))).code, 226);
    t.equal((await installation.run(['status'])).code, 0);
  },
);

t.test('a catalogue of a newer version is told in one sentence, exit 78', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  await (await installation.serve()).stop();
  const db = new Database(join(installation.stateDir, 'catalogue.db'));
  db.pragma('user_version = 99');
  db.close();
  const daemon = await installation.serve();
  t.same(await daemon.ended, { code: 78, signal: null });
  t.match(daemon.stderr(), /^clipward: .*catalogue\.db has schema 99.*\.\n$/);
});

t.test('directories that git made wide are closed at the first start, and doctor is content', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  mkdirSync(installation.certsDir, { mode: 0o755 });
  const daemon = await installation.serve();
  t.teardown(() => daemon.stop());
  t.equal(statSync(installation.certsDir).mode & 0o777, 0o700);
  const { stdout, code } = await installation.run(['doctor']);
  t.notMatch(stdout, /^fail/m);
  t.equal(code, 0);
});
