// What a person with a stubborn camera sees: the daemon and `camera show --follow` as processes of their own.

import t, { type Test } from 'tap';
import { openAccountReader } from '../../src/access/open-accounts.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import {
  connectExplicit,
  connectImplicit,
  connectPlain,
  type FtpsClient,
  loginExplicit,
} from '../support/ftps-client.ts';
import { startCommand } from '../support/running-command.ts';

async function following(t: Test, args: string[] = [], settings: string[] = []) {
  const installation = await makeInstallation({
    settings: [
      '  limits: { minFreeBytes: 0, dataConnectTimeoutMs: 1000, failedLoginDelayMs: 100 }',
      ...settings,
    ],
  });
  const daemon = await installation.serve();
  const password = await addCamera(installation, 'front-door');
  const follow = startCommand([
    'camera',
    'show',
    'front-door',
    '--follow',
    ...args,
    '--config',
    installation.config,
  ]);
  t.teardown(async () => {
    await follow.stop();
    await daemon.stop();
    installation.remove();
  });
  await follow.waitFor(/^Following front-door: press the Test button/);
  const secured = async (): Promise<FtpsClient> => {
    const client = await connectExplicit(installation.explicitPort);
    await client.command('AUTH TLS');
    await client.startTls();
    return client;
  };
  return { installation, follow, daemon, password, secured };
}

t.test(
  'a misspelled user name, a wrong password, a wrong network and a plaintext log-in are explained',
  async t => {
    const { installation, follow, password, secured } = await following(t);
    const misspelled = await secured();
    t.equal((await misspelled.login('Front-Dor\u202e', password)).code, 530);
    const line = await follow.waitFor(/there is no user/);
    t.match(line, /"Front-Dor\\u\{202e\}"\. The user name of this camera is front-door, exactly so/);
    t.notMatch(line, /\u202e/, 'nothing that a client sends reaches the terminal as it is');
    t.match(
      await follow.waitFor(/Connected to the explicit FTPS port/),
      /^\d\d:\d\d:\d\d {2}127\.0\.0\.1 #1 /,
    );
    await follow.waitFor(/TLS is up on the control connection: TLSv1\.3, TLS_/);

    t.equal((await misspelled.login('front-door', 'not-the-password')).code, 530);
    await follow.waitFor(/wrong password for "front-door".*clipward camera passwd front-door/);
    misspelled.close();
    await follow.waitFor(/#1 {2}The client closed the connection/);

    const plain = await connectExplicit(installation.explicitPort);
    t.equal(await plain.code('USER front-door'), 530);
    await follow.waitFor(/Sent a log-in without TLS.*switch FTPS/);

    const onWrongPort = await connectPlain(installation.explicitPort);
    await onWrongPort.reply();
    onWrongPort.raw.write(Buffer.from('16030100', 'hex'));
    await follow.waitFor(/Began with a TLS handshake, but this is the explicit port/);
    const plainOnImplicit = await connectPlain(installation.implicitPort);
    plainOnImplicit.raw.write('USER front-door\r\n');
    await follow.waitFor(/handshake failed.*this is the implicit port/);

    await installation.run(['camera', 'allow', 'front-door', '192.0.2.7']);
    t.equal((await installation.run(['camera', 'deny', 'front-door', '127.0.0.0/8'])).code, 0);
    const elsewhere = await secured();
    t.equal((await elsewhere.login('front-door', password)).code, 530);
    await follow.waitFor(/may not log in from 127\.0\.0\.1: clipward camera allow front-door 127\.0\.0\.1/);
    elsewhere.close();

    const text = follow.lines.join('\n');
    t.notMatch(text, /not-the-password/);
    t.notOk(text.includes(password));
    t.equal(await follow.stop(), 0);
  },
);

t.test('a data connection that never comes, and a good upload, are explained', async t => {
  const { installation, follow, password } = await following(t);
  const client = await loginExplicit(installation.explicitPort, { user: 'front-door', password });
  await follow.waitFor(/Logged in: user name and password are right/);
  await client.command('PASV');
  await follow.waitFor(/Waits for the data connection \(PASV\) on 127\.0\.0\.1 port \d+/);
  t.equal(await client.code('STOR day/clip.bin'), 425);
  await follow.waitFor(/Sent STOR \/day\/clip\.bin/);
  await follow.waitFor(/answered 425 "Nobody connected.*a firewall may block the passive ports/);
  t.equal((await client.upload('day/clip.bin', Buffer.alloc(20_000))).code, 226);
  await follow.waitFor(/The data connection came, and is secured: TLSv1\.3/);
  await follow.waitFor(/Stored \/day\/clip\.bin, 20\.0 kB, answered 226/);
  t.equal((await client.upload('cut.bin', Buffer.alloc(20_000), { ending: 'reset' })).code, 426);
  await follow.waitFor(/Upload of \/cut\.bin was answered 426/);
  client.close();

  // Written within a second, beside the uploads.
  let shown = await installation.json(['camera', 'show', 'front-door']);
  while (shown.habits?.lastUpload?.path !== 'cut.bin')
    shown = await installation.json(['camera', 'show', 'front-door']);
  t.match(shown.habits, {
    passiveMode: 'EPSV',
    control: { listener: 'explicit', protocol: 'TLSv1.3' },
    uploads: { withCloseNotify: 1, withoutCloseNotify: 0, partial: 1 },
    lastUpload: { path: 'cut.bin', completeness: 'partial' },
    lastRefusal: { address: '127.0.0.1', reply: 426, why: /^Upload of \/cut\.bin was answered 426/ },
  });
  const text = (await installation.run(['camera', 'show', 'front-door'])).stdout;
  t.match(text, /^passive mode +EPSV$/m);
  t.match(text, /^close_notify +1 upload ended with it, 0 without; 1 cut short$/m);
  t.match(text, /^last refusal +\S+ from 127\.0\.0\.1: Upload of/m);
  t.match(text, /^hint +Its last upload was cut short/m);
});

t.test('as JSON each event is a line; another camera is left out', async t => {
  const { installation, follow, password } = await following(t, ['--json']);
  const other = await addCamera(installation, 'garage');
  const garage = await loginExplicit(installation.explicitPort, { user: 'garage', password: other });
  t.equal((await garage.upload('garage.bin', Buffer.from('x'))).code, 226);
  garage.close();
  const client = await connectImplicit(installation.implicitPort);
  t.equal((await client.login('front-door', password)).code, 230);
  const line = await follow.waitFor(/"kind":"logged-in"/);
  t.match(JSON.parse(line), {
    at: /^\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d$/,
    session: /^\d+$/,
    address: '127.0.0.1',
    listener: 'implicit',
    kind: 'logged-in',
    text: /^Logged in/,
  });
  client.close();
  await follow.waitFor(/"kind":"other-camera","name":"garage"/);
  t.notMatch(follow.lines.join('\n'), /garage\.bin/);
});

t.test(
  'a receiver that stops and starts again is told, and followed on; at the end nothing is left',
  async t => {
    const { installation, follow, daemon } = await following(t);
    await daemon.stop();
    await follow.waitFor(/^The receiver has stopped/);
    const restarted = await installation.serve();
    t.teardown(() => restarted.stop());
    await follow.waitFor(/^The receiver runs again/);
    const plain = await connectExplicit(installation.explicitPort);
    await plain.code('USER front-door');
    await follow.waitFor(/Sent a log-in without TLS/);
    using accounts = openAccountReader(installation);
    t.match(accounts.follows(), [{ camera: 'front-door' }]);
    t.equal(await follow.stop(), 0);
    t.same(accounts.follows(), []);
  },
);

t.test('without a daemon there is nothing to follow, and the command says so', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  await addCamera(installation, 'front-door');
  const result = await installation.run(['camera', 'show', 'front-door', '--follow']);
  t.equal(result.code, 1);
  t.match(result.stderr, /^clipward: The receiver does not run.*start clipward serve/);
});
