// The numbers are those of the table in docs/security.md.

import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { maxWaitingVerifications } from '../../src/access/passwords.ts';
import {
  connectImplicit,
  connectPlain,
  type FtpsClient,
  loginExplicit,
  loginImplicit,
} from '../support/ftps-client.ts';
import { account, startTestReceiver, type TestReceiver } from '../support/receiver.ts';

const listeners = ['explicit', 'implicit'] as const;
type Listener = (typeof listeners)[number];

const cameraAddress = '127.0.0.1';
const crowd = 200;

async function start(t: Test, options: Parameters<typeof startTestReceiver>[0] = {}) {
  const server = await startTestReceiver(options);
  t.teardown(() => server.stop());
  return server;
}

/** Addresses of as many strangers, none of them the camera's. */
function strangers(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `127.0.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`,
  );
}

/** One connection from each address at the same moment: those that were let in, and what the others were told. */
async function knock(server: TestReceiver, listener: Listener, addresses: readonly string[]) {
  const answers = await Promise.all(
    addresses.map(async localAddress => {
      if (listener === 'explicit') {
        const client = await connectPlain(server.explicitPort, { localAddress });
        return { client, code: (await client.reply())?.code };
      }
      const client = await connectImplicit(server.implicitPort, { localAddress }).catch(() => undefined);
      return { client, code: client === undefined ? undefined : 220 };
    }),
  );
  const letIn = answers.flatMap(({ client, code }) => (code === 220 && client ? [client] : []));
  const refusals = answers.filter(({ code }) => code !== 220);
  return {
    letIn,
    refused: refusals.length,
    /** On the implicit port there is no word before TLS. */
    areRefusedRight: refusals.every(({ code }) => code === (listener === 'explicit' ? 421 : undefined)),
  };
}

function login(server: TestReceiver, listener: Listener, localAddress = cameraAddress): Promise<FtpsClient> {
  return listener === 'explicit'
    ? loginExplicit(server.explicitPort, account, { localAddress })
    : loginImplicit(server.implicitPort, account, { localAddress });
}

async function leave(server: TestReceiver, clients: readonly FtpsClient[], left = 0): Promise<void> {
  for (const client of clients) client.close();
  await until(() => server.receiver.connections() === left);
}

/** The server learns of a closed connection when the kernel tells it; nothing else announces that. */
async function until(isTrue: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(10_000);
  while (!isTrue()) {
    deadline.throwIfAborted();
    await new Promise(resolve => setImmediate(resolve));
  }
}

for (const listener of listeners) {
  for (const limit of [1, 19, 20]) {
    t.test(
      `71. of ${crowd} connections at once from one address ${limit} are let in, the others are told 421 (${listener})`,
      async t => {
        const server = await start(t, { limits: { maxConnectionsPerAddress: limit } });
        const { letIn, refused, areRefusedRight } = await knock(
          server,
          listener,
          Array.from({ length: crowd }, () => '127.0.3.3'),
        );
        t.equal(letIn.length, limit);
        t.equal(refused, crowd - limit);
        t.ok(areRefusedRight);
        t.equal(server.receiver.connections(), limit);
        const neighbour = await knock(server, listener, ['127.0.3.4']);
        t.equal(neighbour.letIn.length, 1, 'another address has places of its own');
        await leave(server, [...letIn, ...neighbour.letIn]);
        const again = await knock(
          server,
          listener,
          Array.from({ length: limit + 1 }, () => '127.0.3.3'),
        );
        t.equal(again.letIn.length, limit, 'the places are free again, just as many');
        await leave(server, again.letIn);
      },
    );
  }

  t.test(
    `71. in all there are as many connections as the limit, the kept places included (${listener})`,
    async t => {
      // A tenth of 40 is kept for addresses from which a camera logged in.
      const server = await start(t, { limits: { maxConnections: 40, maxConnectionsPerAddress: crowd } });
      (await login(server, listener)).close();
      await until(() => server.receiver.connections() === 0);
      const { letIn, refused, areRefusedRight } = await knock(server, listener, strangers(crowd));
      t.equal(letIn.length, 36);
      t.equal(refused, crowd - 36);
      t.ok(areRefusedRight);
      const cameras = await Promise.all(Array.from({ length: 4 }, () => login(server, listener)));
      t.equal(server.receiver.connections(), 40, 'the kept places are the camera’s');
      t.equal((await knock(server, listener, ['127.0.5.5'])).refused, 1);
      const oneMore = await login(server, listener);
      t.equal(server.receiver.connections(), 40, 'and when they are used up a stranger gives way');
      const gone = await Promise.race(letIn.map(client => client.reply().then(reply => reply?.code)));
      t.equal(gone, 421);
      await leave(server, [...letIn, ...cameras, oneMore]);
    },
  );

  t.test(`71. a server full of cameras refuses one more, also a known one (${listener})`, async t => {
    const server = await start(t, { limits: { maxConnections: 8 } });
    const cameras = [await login(server, listener)];
    for (let count = 1; count < 8; count += 1) cameras.push(await login(server, listener));
    const { refused, areRefusedRight } = await knock(server, listener, [cameraAddress, cameraAddress]);
    t.equal(refused, 2);
    t.ok(areRefusedRight);
    await leave(server, cameras.splice(0, 1), 7);
    cameras.push(await login(server, listener));
    await leave(server, cameras);
  });

  t.test(
    `71. a camera has as many sessions as the limit, of ${crowd} that log in at once (${listener})`,
    async t => {
      const server = await start(t, { limits: { maxConnections: crowd + 1, maxConnectionsPerCamera: 5 } });
      // The password is then remembered, so that no log-in waits for a scrypt.
      await leave(server, [await login(server, listener)]);
      const { letIn } = await knock(server, listener, strangers(crowd).fill(cameraAddress));
      t.equal(letIn.length, crowd);
      const codes = await Promise.all(
        letIn.map(async client => {
          if (listener === 'explicit') {
            await client.command('AUTH TLS');
            await client.startTls();
          }
          return (await client.login(account.user, account.password)).code;
        }),
      );
      t.equal(codes.filter(code => code === 230).length, 5);
      t.equal(codes.filter(code => code === 421).length, crowd - 5);
      await leave(server, letIn);
      (await login(server, listener)).close();
    },
  );

  for (const [who, addresses] of Object.entries({
    'one address': strangers(300).fill('127.0.3.3'),
    'a hundred addresses': [...strangers(100), ...strangers(100), ...strangers(100)],
  })) {
    t.test(`72. 300 idle connections from ${who} do not keep a camera out (${listener})`, async t => {
      // The limits are those of the settings' defaults.
      const limits = {
        maxConnections: 200,
        maxConnectionsPerAddress: 20,
        maxConnectionsPerCamera: 10,
        maxConnectionsBeforeLogin: 50,
      };
      for (const isKnown of [true, false]) {
        const server = await start(t, { limits });
        if (isKnown) await leave(server, [await login(server, listener)]);
        const idle = await Promise.all(
          addresses.map(localAddress =>
            connectPlain(listener === 'explicit' ? server.explicitPort : server.implicitPort, {
              localAddress,
            }).catch(() => undefined),
          ),
        );
        const cameras = await Promise.all(Array.from({ length: 8 }, () => login(server, listener)));
        for (const [index, camera] of cameras.entries()) {
          const reply = await camera.upload(`${index}.bin`, Buffer.from(`clip ${index}`));
          t.equal(reply.code, 226, `camera ${index}, its address ${isKnown ? 'known' : 'new'}`);
        }
        await leave(
          server,
          [...cameras, ...idle].flatMap(client => client ?? []),
        );
      }
    });
  }
}

t.test(
  '19. a login flood beside eight uploads: all complete, one scrypt runs at a time, few wait',
  async t => {
    const server = await start(t, { limits: { maxFailedLogins: 1_000_000 } });
    const cameras = [];
    for (let count = 0; count < 8; count += 1) cameras.push(await login(server, 'implicit'));
    const worst = { running: 0, waiting: 0 };
    const codes = new Set<number | undefined>();
    let isOver = false;
    const flood = strangers(80).map(async localAddress => {
      for (let attempt = 0; !isOver; attempt += 1) {
        const client = await connectImplicit(server.implicitPort, { localAddress });
        client.send(`USER nobody\r\nPASS ${localAddress} ${attempt}`);
        await client.reply();
        codes.add((await client.reply())?.code);
        const { running, waiting } = server.verifier.load();
        worst.running = Math.max(worst.running, running);
        worst.waiting = Math.max(worst.waiting, waiting);
        client.close();
      }
    });
    await until(() => server.verifier.load().waiting === maxWaitingVerifications);
    const before = server.verifier.scryptCount();
    const clips = cameras.map(() => randomBytes(4 * 1024 * 1024));
    const replies = await Promise.all(
      cameras.map((camera, index) => camera.upload(`${index}.bin`, clips[index] as Buffer)),
    );
    const during = server.verifier.scryptCount() - before;
    isOver = true;
    await Promise.all(flood);
    t.same(
      replies.map(({ code }) => code),
      cameras.map(() => 226),
    );
    for (const { receipt, media } of server.inbox())
      t.ok(clips[Number.parseInt(receipt.path, 10)]?.equals(media), receipt.path);
    t.equal(server.inbox().length, 8);
    t.ok(during > 0, 'the flood went on beside the uploads');
    t.equal(worst.running, 1);
    t.equal(worst.waiting, maxWaitingVerifications);
    t.same([...codes].sort(), [421, 530], 'whoever does not fit into the queue is told to come back');
    await leave(server, cameras);
    t.same(server.verifier.load(), { running: 0, waiting: 0 });
  },
);
