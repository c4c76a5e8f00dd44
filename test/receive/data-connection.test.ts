// The numbers are those of the table in docs/security.md.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import t from 'tap';
import { endUpload, type FtpsClient, loginExplicit, loginImplicit } from '../support/ftps-client.ts';
import { loggedIn, onBoth } from '../support/on-both.ts';
import { account, startTestReceiver } from '../support/receiver.ts';
import { connectUnread } from '../support/unread-data.ts';

const clip = randomBytes(200_000);

onBoth('55. active mode does not exist', loggedIn, async (t, client) => {
  t.equal(await client.code('PORT 127,0,0,1,200,10'), 502);
  t.equal(await client.code('EPRT |1|127.0.0.1|51210|'), 502);
});

t.test('56. PASV names the configured address and an unpredictable port of the range', async t => {
  const server = await startTestReceiver({ passive: { address: '192.0.2.9' } });
  t.teardown(() => server.stop());
  for (const client of [await loggedIn.explicit(server), await loggedIn.implicit(server)]) {
    const ports = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const { address, port } = await pasv(client);
      t.equal(address, '192.0.2.9');
      t.ok(port >= server.passive.minPort && port <= server.passive.maxPort);
      ports.add(port);
    }
    t.ok(ports.size > 5, 'not one after the other from the same place');
    const sorted = [...ports];
    t.notSame(
      sorted,
      sorted.toSorted((a, b) => a - b),
    );
    client.close();
  }
});

t.test('56. a configured name is looked up for each PASV', async t => {
  const server = await startTestReceiver({ passive: { address: 'localhost' } });
  t.teardown(() => server.stop());
  for (const client of [await loggedIn.explicit(server), await loggedIn.implicit(server)]) {
    t.equal((await pasv(client)).address, '127.0.0.1');
    client.close();
  }
});

t.test('57. over IPv6 there is no address for PASV, and EPSV works', async t => {
  const server = await startTestReceiver({ host: '::1', allowed: ['::1'] });
  t.teardown(() => server.stop());
  for (const client of [
    await loginExplicit(server.explicitPort, account, { host: '::1' }),
    await loginImplicit(server.implicitPort, account, { host: '::1' }),
  ]) {
    t.equal(await client.code('PASV'), 425);
    t.equal((await client.upload('over-six.bin', clip)).code, 226);
    client.close();
  }
  t.match(server.inbox(), [
    { receipt: { peer: { address: '::1' } } },
    { receipt: { peer: { address: '::1' } } },
  ]);
});

onBoth('58. EPSV 2 is 522 on IPv4, and after EPSV ALL there is no PASV', loggedIn, async (t, client) => {
  t.match(await client.command('EPSV 2'), { code: 522, text: /\(1\)/ });
  t.equal(await client.code('EPSV 1'), 229);
  t.equal(await client.code('EPSV 3'), 522);
  t.equal(await client.code('EPSV ALL'), 200);
  t.equal(await client.code('PASV'), 503);
  t.equal((await client.upload('x.bin', clip)).code, 226);
});

onBoth(
  '59. a stranger on the data port neither stops the upload nor crashes anything',
  loggedIn,
  async (t, client, server) => {
    for (const withTls of [false, true]) {
      const { port } = await pasv(client);
      const stranger = connectTcp({ host: '127.0.0.1', port, localAddress: '127.0.0.9' });
      stranger.on('error', () => {});
      await Promise.race([once(stranger, 'connect'), once(stranger, 'close')]).catch(() => {});
      if (withTls) connectTls({ socket: stranger, rejectUnauthorized: false }).on('error', () => {});
      else stranger.resetAndDestroy();
      await closed(stranger);
      const raw = connectTcp({ host: '127.0.0.1', port });
      await once(raw, 'connect');
      t.equal(await client.code(`STOR after-${withTls}.bin`), 150);
      const tls = await client.secureData(raw);
      await endUpload({ raw, tls }, clip, 'close-notify');
      t.equal((await client.reply())?.code, 226);
    }
    t.equal(server.inbox().length, 2);
    t.match(server.logText(), /data connection from a stranger closed/);
  },
);

onBoth(
  '59. the camera’s own address that connects and resets makes room for the next connection',
  loggedIn,
  async (t, client) => {
    const { port } = await pasv(client);
    const first = connectTcp({ host: '127.0.0.1', port });
    first.on('error', () => {});
    await once(first, 'connect');
    first.resetAndDestroy();
    const raw = connectTcp({ host: '127.0.0.1', port });
    await once(raw, 'connect');
    t.equal(await client.code('STOR x.bin'), 150);
    const tls = await client.secureData(raw);
    await endUpload({ raw, tls }, clip, 'close-notify');
    t.equal((await client.reply())?.code, 226);
  },
);

onBoth('60. fifty PASV leave one listener', loggedIn, async (t, client, server) => {
  for (let round = 0; round < 25; round++) {
    t.equal(await client.code('PASV'), 227);
    t.equal(await client.code('EPSV'), 229);
    t.equal(server.receiver.leasedPorts(), 1);
  }
  client.close();
  await client.closed;
  const other = await loggedIn.explicit(server);
  t.equal((await other.upload('x.bin', clip)).code, 226);
  t.equal(server.receiver.leasedPorts(), 0, 'ports come back');
  other.close();
});

t.test('60. a used-up range is 425, and a port that something else holds is skipped', async t => {
  const holder = createServer();
  const server = await startTestReceiver({ passiveSize: 3 });
  t.teardown(() => server.stop());
  holder.listen(server.passive.minPort + 1, '127.0.0.1');
  await once(holder, 'listening');
  t.teardown(() => void holder.close());
  const clients = await Promise.all([
    loggedIn.explicit(server),
    loggedIn.implicit(server),
    loggedIn.implicit(server),
  ]);
  const [first, second, third] = clients as [FtpsClient, FtpsClient, FtpsClient];
  const ports = [(await pasv(first)).port, (await pasv(second)).port];
  t.same(new Set(ports), new Set([server.passive.minPort, server.passive.maxPort]));
  t.equal(await third.code('PASV'), 425);
  t.equal(await third.code('STOR x.bin'), 425);
  first.close();
  await first.closed;
  for (let code: number | 'closed' = 425; code !== 227; ) code = await third.code('PASV');
  t.equal((await third.upload('x.bin', clip, { mode: 'PASV' })).code, 226);
  for (const client of clients) client.close();
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(
    `61. where resumption is required, only a session of the same control connection will do (${version})`,
    async t => {
      const server = await startTestReceiver();
      t.teardown(() => server.stop());
      server.writer.setCamera(account.user, { requireResumption: true });
      const tls = { minVersion: version, maxVersion: version };
      const [own, other] = await Promise.all([
        loginExplicit(server.explicitPort, account, { tls }),
        loginImplicit(server.implicitPort, account, { tls }),
      ]);
      t.equal((await own.upload('fresh.bin', clip)).code, 522, 'a fresh session');
      const foreign = await sessionOf(other);
      t.equal(
        (await own.upload('foreign.bin', clip, { tls: { session: foreign } })).code,
        522,
        "another connection's session",
      );
      const session = await sessionOf(own);
      for (let round = 1; round <= 9; round++) {
        t.equal(
          (await own.upload(`${round}.bin`, clip, { tls: { session } })).code,
          226,
          `transfer ${round}`,
        );
      }
      const receipts = server.inbox().map(({ receipt }) => receipt);
      t.equal(receipts.length, 9);
      t.ok(receipts.every(({ dataBound }) => dataBound));
      server.writer.setCamera(account.user, { requireResumption: false });
      const after = await loginExplicit(server.explicitPort, account, { tls });
      t.equal((await after.upload('free.bin', clip)).code, 226);
      t.match(server.inbox().at(-1), { receipt: { dataBound: false } });
      for (const client of [own, other, after]) client.close();
    },
  );

  t.test(
    `62. of 250 whole and 250 cut uploads of clients that never read none is answered wrongly (${version})`,
    async t => {
      const server = await startTestReceiver();
      t.teardown(() => server.stop());
      const tls = { minVersion: version, maxVersion: version };
      const wrong: string[] = [];
      const lanes = Array.from({ length: 5 }, async (_, lane) => {
        const client = await loginExplicit(server.explicitPort, account, { tls });
        for (let round = 0; round < 100; round++) {
          const isCut = round % 2 === 1;
          const bytes = randomBytes(1 + Math.floor(Math.random() * 300_000));
          const path = `${lane}-${round}.bin`;
          const { port } = await pasv(client);
          const before = round % 3 === 0 ? await connectUnread(port, tls) : undefined;
          client.send(`STOR ${path}`);
          const data = before ?? (await connectUnread(port, tls));
          if ((await client.reply())?.code !== 150) wrong.push(`${path}: no 150`);
          await data.finish(bytes, { closeNotify: !isCut });
          const code = (await client.reply())?.code;
          if (code !== (isCut ? 426 : 226)) wrong.push(`${path}: ${code}`);
          const entry = server.inbox().find(({ receipt }) => receipt.path === path);
          if (!entry?.media.equals(bytes))
            wrong.push(`${path}: ${entry?.media.length} of ${bytes.length} bytes`);
          if (entry?.receipt.completeness !== (isCut ? 'partial' : 'whole'))
            wrong.push(`${path}: ${entry?.receipt.completeness}`);
        }
        client.close();
      });
      await Promise.all(lanes);
      t.same(wrong, []);
    },
  );
}

onBoth(
  '64. a control connection that dies in an upload leaves nothing whole, no port and no descriptor',
  loggedIn,
  async (t, client, server) => {
    const warmUp = await loggedIn.explicit(server);
    await warmUp.upload('warm-up.bin', clip);
    warmUp.close();
    await until(() => server.receiver.connections() === 1);
    const before = openDescriptors();
    for (let round = 0; round < 5; round++) {
      const dying = await loggedIn.explicit(server);
      const raw = await dying.openData();
      t.equal(await dying.code(`STOR cut-${round}.bin`), 150);
      const tls = await dying.secureData(raw);
      await new Promise<void>(resolve => tls.write(clip, () => resolve()));
      dying.raw.resetAndDestroy();
      await closed(raw);
    }
    await until(
      () =>
        server.receiver.connections() === 1 &&
        server.receiver.leasedPorts() === 0 &&
        server.incoming().length === 0,
    );
    await until(() => openDescriptors() <= before);
    const cut = server.inbox().filter(({ receipt }) => receipt.path.startsWith('cut-'));
    t.ok(
      cut.every(({ receipt }) => receipt.completeness === 'partial' && receipt.endedBy === 'disconnected'),
    );
    t.equal(await client.code('NOOP'), 200);
  },
);

t.test('65. the data handshake may come before or after 150', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await loggedIn.explicit(server);
  for (const handshake of ['before', 'after'] as const) {
    for (const mode of ['PASV', 'EPSV'] as const) {
      t.equal((await client.upload(`${handshake}-${mode}.bin`, clip, { handshake, mode })).code, 226);
    }
  }
  client.close();
});

onBoth('66. plaintext or garbage on the data port is 522', loggedIn, async (t, client, server) => {
  for (const bytes of [
    Buffer.from('not TLS at all, but a clip in plain text'),
    randomBytes(1000),
    Buffer.alloc(300),
  ]) {
    const raw = await client.openData();
    t.equal(await client.code('STOR x.bin'), 150);
    raw.write(bytes);
    t.equal((await client.reply())?.code, 522);
    raw.destroy();
  }
  t.same(server.inbox(), []);
  t.equal(await client.code('PWD'), 257, 'the STOR is over');
  t.same(server.incoming(), []);
});

onBoth(
  '66. nobody connects: 425; a handshake that never comes: 522',
  loggedIn,
  async (t, client, server) => {
    t.equal(await client.code('EPSV'), 229);
    t.equal(await client.code('STOR x.bin'), 425);
    const raw = await client.openData();
    t.equal(await client.code('STOR x.bin'), 150);
    t.equal((await client.reply())?.code, 522);
    raw.destroy();
    t.equal(await client.code('PWD'), 257, 'the STOR is over');
    t.same(server.incoming(), []);
    t.equal((await client.upload('after.bin', clip)).code, 226);
  },
  { limits: { dataConnectTimeoutMs: 200, tlsHandshakeTimeoutMs: 200 } },
);

onBoth(
  '67. during a transfer NOOP, STAT, ABOR and QUIT are answered, everything else waits',
  loggedIn,
  async (t, client, server) => {
    t.equal(await client.code('ABOR'), 226, 'idle');
    let raw = await client.openData();
    t.equal(await client.code('STOR aborted.bin'), 150);
    let tls = await client.secureData(raw);
    await new Promise<void>(resolve => tls.write(clip, () => resolve()));
    t.equal(await client.code('NOOP'), 200);
    t.match(await client.command('STAT'), { code: 211, text: /running/ });
    client.send('PWD');
    client.send('ABOR');
    t.equal((await client.reply())?.code, 426);
    t.equal((await client.reply())?.code, 226, 'of ABOR');
    t.equal((await client.reply())?.code, 257, 'PWD waited');
    raw.destroy();
    raw = await client.openData();
    t.equal(await client.code('STOR last.bin'), 150);
    tls = await client.secureData(raw);
    client.send('QUIT');
    t.equal(server.receiver.connections(), 1);
    await endUpload({ raw, tls }, clip, 'close-notify');
    t.equal((await client.reply())?.code, 226);
    t.equal((await client.reply())?.code, 221);
    await client.closed;
    t.match(
      server.inbox().find(({ receipt }) => receipt.path === 'last.bin'),
      { receipt: { completeness: 'whole' } },
    );
  },
);

onBoth('67. ABOR that comes right behind STOR ends it at once', loggedIn, async (t, client, server) => {
  t.equal(await client.code('EPSV'), 229);
  client.send(Buffer.from('STOR x.bin\r\nABOR\r\nPWD\r\n'));
  const codes = [await client.reply(), await client.reply(), await client.reply()].map(reply => reply?.code);
  t.same(codes, [426, 226, 257]);
  t.same(server.inbox(), []);
});

onBoth('68. STOR without PASV is 425', loggedIn, async (t, client) => {
  t.equal(await client.code('STOR x.bin'), 425);
  t.equal(await client.code('LIST'), 425);
});

async function pasv(client: FtpsClient): Promise<{ address: string; port: number }> {
  const { code, text } = await client.command('PASV');
  const numbers = /\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)/.exec(text)?.slice(1).map(Number);
  if (code !== 227 || !numbers) throw new Error(`PASV answered ${code} ${text}`);
  return {
    address: numbers.slice(0, 4).join('.'),
    port: (numbers[4] as number) * 256 + (numbers[5] as number),
  };
}

/** A TLS session of the control connection that a data connection may resume. */
async function sessionOf(client: FtpsClient): Promise<Buffer> {
  const socket = client.socket as TLSSocket;
  // TLS 1.3 tickets come after the handshake, and were read with the first reply.
  if (socket.getProtocol() === 'TLSv1.2') return socket.getSession() as Buffer;
  for (; client.session === undefined; ) await client.command('NOOP');
  return client.session;
}

function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  socket.resume();
  return new Promise(resolve => socket.once('close', () => resolve()));
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Waits for what no event tells from outside; the test's own time-out is the limit. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve));
}
