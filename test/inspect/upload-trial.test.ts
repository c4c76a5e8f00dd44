import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkPassMs, openCheckPass } from '../../src/access/check-pass.ts';
import { recoverIncoming } from '../../src/archive/incoming.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { openUploads } from '../../src/archive/uploads.ts';
import { systemClock } from '../../src/base/clock.ts';
import { TransientError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { checkVisitor } from '../../src/domain/camera-name.ts';
import type { SessionEvent, Visitor } from '../../src/domain/session-event.ts';
import { type UploadParts, uploads } from '../../src/inspect/checks/upload.ts';
import { tryUpload, waysTo } from '../../src/inspect/upload-trial.ts';
import { connectExplicit, connectImplicit, loginExplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver, type TestReceiver } from '../support/receiver.ts';

const trialMs = 5000;

function partsFor(receiver: TestReceiver, changes: Partial<UploadParts> = {}): UploadParts {
  const { stateDir, explicitPort, implicitPort } = receiver;
  return {
    listeners: [
      { name: 'explicit', enabled: true, host: '127.0.0.1', port: explicitPort },
      { name: 'implicit', enabled: true, host: '127.0.0.1', port: implicitPort },
    ],
    stateDir,
    receives: () => true,
    isAllowed: () => true,
    isBanned: () => false,
    openPass: () => openCheckPass({ stateDir, clock: systemClock }),
    tryUpload: (listener, password) => tryUpload(listener, password, trialMs),
    ...changes,
  };
}

async function findingsOf(parts: UploadParts) {
  return Promise.all(uploads(parts).map(async check => ({ check: check.name, ...(await check.run()) })));
}

const passFile = (receiver: TestReceiver) => join(receiver.stateDir, 'check-pass');

t.test('doctor uploads through both listeners, and leaves nothing behind, in no log and no list', async t => {
  const observed: string[] = [];
  const observe = (visitor: Visitor, { kind }: SessionEvent) =>
    void observed.push(`${visitor.camera?.name ?? 'nobody'} ${kind}`);
  const receiver = await startTestReceiver({ bans: { enabled: true }, parts: { observe } });
  t.teardown(receiver.stop);
  for (let round = 0; round < 3; round++)
    t.match(await findingsOf(partsFor(receiver)), [
      { check: 'upload-explicit', level: 'pass', text: /TLSv1\.3.*refused in plain text/ },
      { check: 'upload-implicit', level: 'pass' },
    ]);
  t.notMatch(observed.join(), /_check/, 'nobody who follows a camera, and no list of habits, is told');
  t.strictSame(receiver.receipts(), []);
  t.strictSame(receiver.incoming(), []);
  t.strictSame(receiver.memory.lastLogins(), []);
  t.strictSame(receiver.memory.usage(checkVisitor, new Date().toISOString().slice(0, 10)), {
    bytes: 0,
    files: 0,
    directories: 0,
  });
  t.notOk(existsSync(passFile(receiver)));
  t.notMatch(receiver.logText(), /"level":[3-6]0/, 'no line that anybody sees');
  t.equal(receiver.receiver.bans(), 0);
});

t.test('the pass is of use to no other name, without the password, and after its time', async t => {
  const receiver = await startTestReceiver();
  t.teardown(receiver.stop);
  const login = async (user: string, password: string) => {
    const client = await connectExplicit(receiver.explicitPort);
    await client.command('AUTH TLS');
    await client.startTls();
    const { code } = await client.login(user, password);
    client.close();
    return code;
  };
  t.equal(await login(checkVisitor, ''), 530, 'no pass, no password');
  {
    await using pass = await openCheckPass({ stateDir: receiver.stateDir, clock: systemClock });
    t.equal(await login(checkVisitor, 'wrong'), 530);
    t.equal(await login(account.user, pass.password), 530);
    t.equal(await login(checkVisitor, pass.password), 230);
    t.notMatch(readFileSync(passFile(receiver), 'utf8'), pass.password);
    const [hash] = readFileSync(passFile(receiver), 'utf8').split(' ');
    for (const [until, code] of [
      [systemClock.now() - 1, 530],
      [systemClock.now() + checkPassMs + 60_000, 530],
      [systemClock.now() + checkPassMs, 230],
    ] as const) {
      writeFileSync(passFile(receiver), `${hash} ${until}\n`);
      t.equal(await login(checkVisitor, pass.password), code, String(until));
    }
    writeFileSync(passFile(receiver), 'x'.repeat(100_000));
    t.equal(await login(checkVisitor, pass.password), 530, 'rubbish is no pass');
  }
  t.equal(await login(checkVisitor, 'wrong'), 530);
});

t.test(
  'what doctor may do is upload little, and nothing of it can be renamed or deleted into the archive',
  async t => {
    const receiver = await startTestReceiver();
    t.teardown(receiver.stop);
    await using pass = await openCheckPass({ stateDir: receiver.stateDir, clock: systemClock });
    const client = await loginExplicit(receiver.explicitPort, {
      user: checkVisitor,
      password: pass.password,
    });
    t.equal((await client.upload('a.mp4', Buffer.alloc(64 * 1024))).code, 226);
    t.equal((await client.upload('b.mp4', Buffer.alloc(64 * 1024 + 1))).code, 552);
    t.equal(await client.code('RNFR a.mp4'), 350);
    t.equal(await client.code('RNTO b.mp4'), 550);
    t.equal(await client.code('DELE a.mp4'), 550);
    t.equal(await client.code('MKD 2026'), 452);
    // Every change of an account is looked at by all sessions: the camera's own ends, and this one does not.
    const camera = await loginExplicit(receiver.explicitPort, account);
    receiver.writer.setEnabled(account.user, false);
    await camera.closed;
    t.equal(await client.code('NOOP'), 200, 'a change of accounts does not end it');
    client.close();
    t.strictSame(receiver.receipts(), []);
  },
);

t.test('the pass is of use from loopback alone, not from another address, even of this machine', async t => {
  const [address] = Object.values(networkInterfaces())
    .flatMap(entries => entries ?? [])
    .flatMap(each => (each.internal || each.family !== 'IPv4' ? [] : [each.address]));
  if (address === undefined) return t.comment('this machine has no other address');
  const receiver = await startTestReceiver({ host: '0.0.0.0', allowed: ['0.0.0.0/0'] });
  t.teardown(receiver.stop);
  await using pass = await openCheckPass({ stateDir: receiver.stateDir, clock: systemClock });
  const visitor = { user: checkVisitor, password: pass.password };
  const logIn = (localAddress: string) =>
    loginExplicit(receiver.explicitPort, visitor, { host: address, localAddress }).then(client =>
      client.close(),
    );
  await t.rejects(logIn(address), { message: /530/ });
  await t.resolves(logIn('127.0.0.1'));
});

t.test('while doctor is at work, others are told off as ever', async t => {
  const receiver = await startTestReceiver({ bans: { enabled: true } });
  t.teardown(receiver.stop);
  await using _pass = await openCheckPass({ stateDir: receiver.stateDir, clock: systemClock });
  const client = await connectExplicit(receiver.explicitPort);
  t.equal(await client.code('USER front-door'), 530);
  await client.closed;
  const implicit = await connectImplicit(receiver.implicitPort);
  t.equal((await implicit.login(account.user, 'wrong')).code, 530);
  implicit.close();
  t.match(receiver.logText(), /log in refused/);
});

t.test('a listener on IPv6, or on one address of this machine, is tried as well', async t => {
  const own = Object.values(networkInterfaces())
    .flatMap(entries => entries ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
  for (const host of ['::', '::1', '0.0.0.0', ...own]) {
    const receiver = await startTestReceiver({ host, allowed: ['127.0.0.0/8', '::1'] });
    const listeners = partsFor(receiver).listeners.map(listener => ({ ...listener, host }));
    t.match(
      await findingsOf(partsFor(receiver, { listeners })),
      [{ level: 'pass' }, { level: 'pass' }],
      host,
    );
    await receiver.stop();
  }
});

t.test('without a daemon, an allowed address or a turn of its own it is skipped, and says why', async t => {
  const receiver = await startTestReceiver();
  t.teardown(receiver.stop);
  t.match(await findingsOf(partsFor(receiver, { receives: () => false })), [
    { level: 'skip', text: /does not run/ },
    { level: 'skip' },
  ]);
  t.match(await findingsOf(partsFor(receiver, { isAllowed: () => false })), [
    { level: 'skip', text: /127\.0\.0\.1.*not allowed/ },
    { level: 'skip' },
  ]);
  t.match(await findingsOf(partsFor(receiver, { isBanned: () => true })), [
    { level: 'fail', remedy: /ban clear/ },
    { level: 'fail' },
  ]);
  const [explicit, implicit] = partsFor(receiver).listeners;
  t.match(
    await findingsOf(
      partsFor(receiver, {
        listeners: [explicit, { ...implicit, enabled: false }] as UploadParts['listeners'],
      }),
    ),
    [{ level: 'pass' }, { level: 'skip', text: /switched off/ }],
  );
  await using _other = await openCheckPass({ stateDir: receiver.stateDir, clock: systemClock });
  t.match(await findingsOf(partsFor(receiver)), [{ level: 'skip', text: /Another clipward doctor/ }, {}]);
  await t.rejects(openCheckPass({ stateDir: receiver.stateDir, clock: systemClock }), TransientError);
});

t.test('what a killed doctor left is replaced', async t => {
  const stateDir = t.testdir();
  const file = join(stateDir, 'check-pass');
  await openCheckPass({
    stateDir,
    clock: { ...systemClock, now: () => systemClock.now() - checkPassMs - 1 },
  });
  t.ok(existsSync(file));
  const pass = await openCheckPass({ stateDir, clock: systemClock });
  await pass[Symbol.asyncDispose]();
  t.notOk(existsSync(file));
});

t.test('a state directory that takes no file, and a full disk, fail with what to do', async t => {
  const receiver = await startTestReceiver({ limits: { minFreeBytes: 2 ** 60 } });
  t.teardown(receiver.stop);
  t.match(await findingsOf(partsFor(receiver)), [
    { level: 'fail', text: /452/, remedy: /free space/ },
    { level: 'fail' },
  ]);
  const openPass = () => openCheckPass({ stateDir: '/proc/nowhere', clock: systemClock });
  t.match(await findingsOf(partsFor(receiver, { openPass })), [
    { level: 'fail', text: /nothing can be written/, remedy: /disk/ },
    { level: 'fail' },
  ]);
});

t.test('what a crash leaves of a trial is removed, and not filed', async t => {
  const root = t.testdir();
  const dirs = { dataDir: join(root, 'data'), stateDir: join(root, 'state') };
  const archiveId = await openMarker(dirs);
  const upload = await openUploads({ ...dirs, archiveId }).begin({
    camera: checkVisitor,
    sentAs: 'doctor.bin',
    path: 'doctor.bin',
    startedAt: new Date().toISOString(),
    peer: { address: '127.0.0.1', port: 1 },
    listener: 'explicit',
    controlTls: { protocol: 'TLSv1.3', cipher: 'x', alpn: null },
  });
  await upload.write([Buffer.from('half')]);
  t.match(await recoverIncoming({ ...dirs, archiveId, log: silentLog() }), {
    removed: 1,
    published: 0,
    unknown: 0,
  });
});

/** A server that is not ours, and what doctor makes of it. */
async function against(t: Test, name: 'explicit' | 'implicit', serve: (socket: Socket) => void) {
  const server = createServer(socket => {
    socket.on('error', () => {});
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return tryUpload({ name, host: '127.0.0.1', port }, 'x', 500);
}

t.test('servers that are not ours are told from ours', async t => {
  const talking =
    (greeting: string, answer = '') =>
    (socket: Socket) => {
      socket.write(greeting);
      socket.on('data', () => socket.write(answer));
    };
  t.match(await against(t, 'explicit', talking('220 Hello.\r\n', '331 Password?\r\n')), {
    step: 'plaintext',
    problem: /user name in plain text/,
  });
  t.match(await against(t, 'implicit', talking('220 Hello.\r\n')), { step: 'plaintext' });
  t.match(await against(t, 'explicit', talking('SSH-2.0-OpenSSH_9\r\n')), {
    step: 'greeting',
    problem: /no answer/,
  });
  t.match(await against(t, 'explicit', talking('x'.repeat(100_000))), {
    step: 'greeting',
    problem: /closed/,
  });
  t.match(await against(t, 'explicit', socket => socket.destroy()), {
    step: 'greeting',
    problem: /closed|ECONNRESET/,
  });
  t.match(await against(t, 'explicit', () => {}), { step: 'greeting', problem: /no answer within 0\.5 s/ });
  t.match(await against(t, 'explicit', talking('220 Hello.\r\n', '530 No.\r\n')), {
    step: 'tls',
    problem: /530 No/,
  });
  t.match(await tryUpload({ name: 'explicit', host: '127.0.0.1', port: 1 }, 'x', 500), {
    step: 'connect',
    problem: /nothing listens/,
  });
});

t.test(
  'a listener is reached on loopback where it takes that, by IPv6 where IPv4 is not allowed',
  async t => {
    const hosts = (host: string) => waysTo(host).map(way => `${way.from} ${way.host}`);
    t.strictSame(hosts('::'), ['127.0.0.1 127.0.0.1', '::1 ::1']);
    t.strictSame(hosts('0.0.0.0'), ['127.0.0.1 127.0.0.1']);
    t.strictSame(hosts('::1'), ['::1 ::1']);
    t.strictSame(hosts('192.168.20.5'), ['127.0.0.1 192.168.20.5']);
    const receiver = await startTestReceiver({ host: '::', allowed: ['::1'] });
    t.teardown(receiver.stop);
    const listeners = partsFor(receiver).listeners.map(listener => ({ ...listener, host: '::' }));
    const found = await findingsOf(
      partsFor(receiver, { listeners, isAllowed: address => address === '::1' }),
    );
    t.match(found, [{ level: 'pass' }, { level: 'pass' }]);
  },
);
