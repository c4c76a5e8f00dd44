// The numbers are those of the table in docs/security.md.

import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import t, { type Test } from 'tap';
import { parseNetwork } from '../../src/domain/networks.ts';
import {
  connectExplicit,
  connectImplicit,
  connectPlain,
  type FtpsClient,
  loginExplicit,
  loginImplicit,
} from '../support/ftps-client.ts';
import { account, startTestReceiver, type TestReceiver } from '../support/receiver.ts';

const listeners = ['explicit', 'implicit'] as const;
type Listener = (typeof listeners)[number];

const strange = '127.0.9.9';
const bans = { enabled: true, firstBanMs: 60_000, maxBanMs: 600_000 };
const limits = { failedLoginDelayMs: 0, maxFailedLogins: 100, maxUnknownCommands: 1000 };

function clockThatIsSet() {
  const clock = {
    offsetMs: 0,
    now: () => Date.now() + clock.offsetMs,
    monotonicMs: () => performance.now(),
  };
  return clock;
}

async function start(t: Test, options: Parameters<typeof startTestReceiver>[0] = {}) {
  const server = await startTestReceiver({
    ...options,
    bans: { ...bans, ...options.bans },
    limits: { ...limits, ...options.limits },
  });
  t.teardown(() => server.stop());
  return server;
}

async function secured(server: TestReceiver, listener: Listener, localAddress: string): Promise<FtpsClient> {
  if (listener === 'implicit') return connectImplicit(server.implicitPort, { localAddress });
  const client = await connectExplicit(server.explicitPort, { localAddress });
  await client.command('AUTH TLS');
  await client.startTls();
  return client;
}

function loggedIn(server: TestReceiver, listener: Listener, localAddress: string): Promise<FtpsClient> {
  return listener === 'explicit'
    ? loginExplicit(server.explicitPort, account, { localAddress })
    : loginImplicit(server.implicitPort, account, { localAddress });
}

/** Different passwords until the connection is closed; how many were refused with 530, and the last word. */
async function guess(client: FtpsClient, name: string, most = 50) {
  for (let refused = 0; refused < most; refused += 1) {
    const { code } = await client.login(name, `guess ${refused}`);
    if (code !== 530) return { refused, code };
  }
  return { refused: most, code: 530 };
}

/** Everything that a connection is told before it is closed. */
async function wordsUntilClosed(port: number, localAddress: string): Promise<string> {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  let words = '';
  socket.on('data', chunk => {
    words += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return words;
}

async function isLetIn(server: TestReceiver, localAddress: string): Promise<boolean> {
  const client = await connectPlain(server.explicitPort, { localAddress }).catch(() => undefined);
  const greeting = await client?.reply();
  client?.close();
  return greeting?.code === 220;
}

/** Polls the door: what makes the difference is done by another connection to a database. */
async function untilLetIn(server: TestReceiver, localAddress: string, limitMs: number): Promise<boolean> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < limitMs) if (await isLetIn(server, localAddress)) return true;
  return false;
}

function addressOf(text: string) {
  const network = parseNetwork(text);
  if (network === undefined) throw new Error(`${text} is no address`);
  return network;
}

for (const listener of listeners) {
  t.test(`73. whoever guesses is banned, and closed without a word on both ports (${listener})`, async t => {
    const server = await start(t);
    const client = await secured(server, listener, strange);
    const { refused, code } = await guess(client, account.user);
    t.ok(refused >= 9 && refused <= 11, `${refused} guesses, with points fading in between`);
    t.equal(code, 421);
    await client.closed;
    t.equal(server.receiver.bans(), 1);
    t.equal(await wordsUntilClosed(server.explicitPort, strange), '');
    t.equal(await wordsUntilClosed(server.implicitPort, strange), '');
    t.ok(await isLetIn(server, '127.0.9.8'), 'the neighbour is not banned');
    t.match(server.logText(), /"address":"127\.0\.9\.9","reasons":\{"bad-login":1\d\}.*"address banned"/);
    t.notMatch(server.logText(), /guess \d/);
  });

  t.test(
    `73. another name guessed at a camera's address is banned, sessions of cameras go on (${listener})`,
    async t => {
      const server = await start(t);
      const camera = await loggedIn(server, listener, strange);
      const idle = await secured(server, listener, strange);
      const client = await secured(server, listener, strange);
      t.equal((await guess(client, 'back-door')).code, 421);
      t.equal((await idle.reply())?.code, 421, 'what the address has open without a camera is closed');
      t.equal((await camera.upload('clip.bin', Buffer.from('still here'))).code, 226);
      t.notOk(await isLetIn(server, strange));
      camera.close();
    },
  );

  t.test(`73. a camera's own failures at its own address only make it wait (${listener})`, async t => {
    const server = await start(t, {
      limits: { failedLoginDelayMs: 10 },
      bans: { maxBackOffMs: 20 },
    });
    (await loggedIn(server, listener, strange)).close();
    const client = await secured(server, listener, strange);
    t.same(await guess(client, account.user, 25), { refused: 25, code: 530 });
    t.equal((await client.login(account.user, account.password)).code, 230);
    t.equal(server.receiver.bans(), 0);
    client.close();
  });
}

t.test(
  '73. an IPv6 address and an IPv4 address on a socket for both are banned by their own names',
  async t => {
    const server = await start(t, { host: '::', allowed: ['127.0.0.0/8', '::1'], bans: { threshold: 50 } });
    for (const options of [{ host: '::1' }, { localAddress: strange }]) {
      const client = await connectExplicit(server.explicitPort, options);
      client.send('GET / HTTP/1.1');
      await client.closed;
    }
    t.same(
      server.memory.bans().map(({ subject }) => subject),
      ['::1', strange],
    );
    t.notOk(await isLetIn(server, strange));
    t.ok(await isLetIn(server, '127.0.9.8'));
    const again = await connectPlain(server.explicitPort, { host: '::1' });
    t.equal(await again.reply(), undefined);
  },
);

t.test('73. the delay of a camera with a wrong password grows to its cap', async t => {
  const server = await start(t, { limits: { failedLoginDelayMs: 50 }, bans: { maxBackOffMs: 150 } });
  (await loggedIn(server, 'implicit', strange)).close();
  const client = await secured(server, 'implicit', strange);
  for (const delayMs of [50, 100, 150, 150]) {
    const startedAt = performance.now();
    t.equal((await client.login(account.user, 'wrong')).code, 530);
    t.ok(performance.now() - startedAt >= delayMs - 5, `${delayMs} ms`);
  }
  client.close();
});

t.test('73. a ban ends by itself, and the next one lasts longer', async t => {
  const clock = clockThatIsSet();
  const server = await start(t, { clock });
  const banOnce = async () => guess(await secured(server, 'implicit', strange), 'nobody-here');
  await banOnce();
  clock.offsetMs += bans.firstBanMs - 5000;
  t.notOk(await isLetIn(server, strange));
  clock.offsetMs += 5000;
  t.ok(await isLetIn(server, strange));
  t.match(server.logText(), /"address":"127\.0\.9\.9","msg":"ban ended"/);
  await banOnce();
  clock.offsetMs += bans.firstBanMs;
  t.notOk(await isLetIn(server, strange), 'twice as long');
  clock.offsetMs += bans.firstBanMs;
  t.ok(await isLetIn(server, strange));
});

t.test('73. a pardon reaches the running receiver within a second', async t => {
  const server = await start(t);
  for (const address of [strange, '127.0.9.8'])
    await guess(await secured(server, 'implicit', address), 'nobody-here');
  t.equal(server.receiver.bans(), 2);
  server.writer.pardon(addressOf(strange));
  t.ok(await untilLetIn(server, strange, 1000));
  t.equal(server.receiver.bans(), 1);
  t.match(server.logText(), /"address":"127\.0\.9\.9","msg":"ban lifted by command"/);
  t.notOk(await isLetIn(server, '127.0.9.8'));
  server.writer.pardon(null);
  t.ok(await untilLetIn(server, '127.0.9.8', 1000));
  t.same(server.memory.bans(), [], 'nor does it come back with a restart');
});

t.test('73. a restart is no pardon, and a pardon given in between counts', async t => {
  const first = await start(t);
  for (const address of [strange, '127.0.9.8'])
    await guess(await secured(first, 'implicit', address), 'nobody-here');
  const [kept, lifted] = first.memory.bans();
  if (kept === undefined || lifted === undefined) throw new Error('not written down');
  const second = await start(t, {
    parts: { memory: first.memory },
    beforeStart: ({ writer }) => writer.pardon(addressOf(lifted.subject)),
  });
  t.notOk(await isLetIn(second, kept.subject));
  t.ok(await isLetIn(second, lifted.subject));
});

t.test('bans that are switched off are forgotten, and nobody is banned', async t => {
  const first = await start(t);
  await guess(await secured(first, 'implicit', strange), 'nobody-here');
  const second = await start(t, { bans: { enabled: false }, parts: { memory: first.memory } });
  t.same(first.memory.bans(), []);
  const client = await secured(second, 'implicit', strange);
  t.equal((await guess(client, 'nobody-here', 15)).refused, 15);
  client.close();
});

/** Each once from an address of its own; the points are those of the ban's reasons. */
const misdeeds: Record<string, (server: TestReceiver, localAddress: string) => Promise<void>> = {
  'plaintext-login': async (server, localAddress) => {
    const client = await connectExplicit(server.explicitPort, { localAddress });
    client.send('USER camera');
    await client.closed;
  },
  'tls-on-explicit-port': async (server, localAddress) => {
    const client = await connectExplicit(server.explicitPort, { localAddress });
    await client.startTls().catch(() => {});
    await client.closed;
  },
  'handshake-failure': async (server, localAddress) => {
    await connectImplicit(server.implicitPort, { localAddress, tls: { ALPNProtocols: ['h2'] } }).catch(
      () => {},
    );
  },
  'unknown-verb': async (server, localAddress) => {
    const client = await secured(server, 'implicit', localAddress);
    await client.command('XYZZ');
    client.close();
  },
  'line-too-long': async (server, localAddress) => {
    const client = await secured(server, 'implicit', localAddress);
    client.send('A'.repeat(5000));
    await client.closed;
  },
  'too-many-commands': async (server, localAddress) => {
    const client = await secured(server, 'implicit', localAddress);
    client.send('NOOP\r\n'.repeat(100));
    await client.closed;
  },
  'foreign-protocol': async (server, localAddress) => {
    const client = await connectExplicit(server.explicitPort, { localAddress });
    client.send('GET / HTTP/1.1');
    await client.closed;
  },
  'starttls-injection': async (server, localAddress) => {
    const client = await connectExplicit(server.explicitPort, { localAddress });
    client.send(Buffer.from('AUTH TLS\r\nUSER camera\r\n'));
    await client.closed;
  },
};

for (const [event, commit] of Object.entries(misdeeds)) {
  t.test(`${event} counts, and nothing is said to who is banned for it`, async t => {
    const server = await start(t, { bans: { threshold: 1 } });
    await commit(server, strange);
    t.same(
      server.memory.bans().map(({ subject, reasons }) => ({ subject, reasons })),
      [{ subject: strange, reasons: { [event]: 1 } }],
    );
    t.equal(await wordsUntilClosed(server.explicitPort, strange), '');
  });
}

t.test('a look at an open port, and a camera’s handshake that fails, are no misdeeds', async t => {
  const server = await start(t, { bans: { threshold: 1 }, limits: { tlsHandshakeTimeoutMs: 200 } });
  const probe = await connectPlain(server.implicitPort, { localAddress: strange });
  probe.raw.end();
  await probe.closed;
  const silent = await connectPlain(server.implicitPort, { localAddress: strange });
  await silent.closed;
  t.ok(await isLetIn(server, strange));
  (await loggedIn(server, 'explicit', strange)).close();
  await misdeeds['handshake-failure']?.(server, strange);
  t.ok(await isLetIn(server, strange));
});

t.test('what a session does after log-in is a camera’s odd firmware', async t => {
  const server = await start(t, { bans: { threshold: 1 } });
  const camera = await loggedIn(server, 'implicit', strange);
  for (let count = 0; count < 20; count += 1) t.equal(await camera.code('XYZZ'), 502);
  camera.send('GET / HTTP/1.1');
  await camera.closed;
  t.ok(await isLetIn(server, strange));
});

for (const listener of listeners) {
  t.test(`69. an address outside the global list is closed before the banner (${listener})`, async t => {
    const server = await start(t, { allowed: ['127.0.0.0/24'] });
    const port = listener === 'explicit' ? server.explicitPort : server.implicitPort;
    t.equal(await wordsUntilClosed(port, strange), '');
    const inside = await secured(server, listener, '127.0.0.7');
    t.equal(await inside.code('NOOP'), 200);
    inside.close();
  });

  t.test(
    `70. a wrong network with the right password is answered like a wrong password (${listener})`,
    async t => {
      const server = await start(t, {
        cameraNetworks: ['127.0.0.7'],
        limits: { failedLoginDelayMs: 300 },
      });
      const client = await secured(server, listener, strange);
      const answers = [];
      for (const password of [account.password, 'wrong']) {
        const startedAt = performance.now();
        const { code, text } = await client.login(account.user, password);
        t.ok(performance.now() - startedAt >= 295, 'after the same delay');
        answers.push({ code, text });
      }
      t.equal(answers[0]?.code, 530);
      t.same(answers[0], answers[1]);
      client.close();
      const allowed = await loggedIn(server, listener, '127.0.0.7');
      t.equal(await allowed.code('NOOP'), 200);
      allowed.close();
    },
  );
}
