// What a review that played the attacker got through with; each of these was seen to fail.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import t from 'tap';
import { openInbox } from '../../src/archive/inbox.ts';
import { type FtpsClient, loginExplicit } from '../support/ftps-client.ts';
import { loggedIn, onBoth, secured } from '../support/on-both.ts';
import { account, startTestReceiver, type TestReceiver } from '../support/receiver.ts';

const clip = randomBytes(20_000);

onBoth(
  'a name whose receipt the archive would not read is refused, the longest other name is filed',
  loggedIn,
  async (t, client, server) => {
    const longest = (character: string) =>
      Array.from({ length: 16 }, () => character.repeat(255 / Buffer.byteLength(character)))
        .join('/')
        .slice(0, 4091);
    t.equal(await storeAndOpen(longest('"')), '553');
    t.equal(await storeAndOpen(longest('a')), '226 upload');
    t.equal(await storeAndOpen(longest('門').slice(0, 1360)), '226 upload');
    t.equal(await storeAndOpen('a "quoted" name.bin'), '226 upload');

    async function storeAndOpen(name: string): Promise<string> {
      server.clearInbox();
      const { code } = await client.upload(name, clip);
      const [stored] = server.inbox();
      if (stored === undefined) return String(code);
      const inbox = openInbox({ dataDir: server.dataDir, archiveId: 'not asked for' });
      await using entry = await inbox.openEntry(stored.camera, stored.id);
      return `${code} ${entry.state}`;
    }
  },
);

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`a ticket that a data connection gave to a stranger binds nothing (${version})`, async t => {
    const server = await startTestReceiver();
    t.teardown(() => server.stop());
    const tls = { minVersion: version, maxVersion: version };
    const client = await loginExplicit(server.explicitPort, account, { tls });
    // The stranger shares the camera's address, and is there first.
    const given: Buffer[] = [];
    const first = await stranger(client, tls, given);
    t.equal(await client.code('STOR first.bin'), 150);
    first.end(clip);
    t.equal((await client.reply())?.code, 226);
    if (!first.closed) await once(first, 'close');
    t.ok(given.length > 0, 'the stranger has a ticket');
    t.equal((await client.upload('second.bin', clip, { tls: { session: given.at(-1) } })).code, 226);
    t.same(
      server.inbox().map(({ receipt }) => receipt.dataBound),
      [false, false],
    );
    client.close();
  });
}

async function stranger(
  client: FtpsClient,
  tls: { minVersion: 'TLSv1.2' | 'TLSv1.3'; maxVersion: 'TLSv1.2' | 'TLSv1.3' },
  given: Buffer[],
): Promise<TLSSocket> {
  const socket = connectTls({ socket: await client.openData(), rejectUnauthorized: false, ...tls });
  socket.on('session', session => void given.push(session));
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.resume();
  return socket;
}

onBoth(
  'a data connection that ended before the transfer began makes room for the next one',
  loggedIn,
  async (t, client) => {
    const { text } = await client.command('EPSV');
    const port = Number(/\|\|\|(\d+)\|/.exec(text)?.[1]);
    const first = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    first.on('error', () => {});
    await once(first, 'secureConnect');
    // By then the server has finished the handshake, too.
    t.equal(await client.code('NOOP'), 200);
    first.destroy();
    await once(first, 'close');
    const second = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    second.on('error', () => {});
    await once(second, 'secureConnect');
    t.equal(await client.code('STOR x.bin'), 150);
    second.end(clip);
    t.equal((await client.reply())?.code, 226);
  },
);

onBoth('a listing whose client is gone by then ends all the same', loggedIn, async (t, client) => {
  for (let round = 0; round < 40; round++) {
    const raw = await client.openData();
    await client.secureData(raw);
    client.send('LIST');
    if (round % 2 === 0) raw.resetAndDestroy();
    else setImmediate(() => raw.resetAndDestroy());
    const first = await client.reply();
    if (first?.code === 150) t.match((await client.reply())?.code, /226|426/);
  }
});

onBoth('an upload may be renamed a few times and no more', loggedIn, async (t, client, server) => {
  t.equal((await client.upload('0.bin', clip)).code, 226);
  const codes: (number | 'closed')[] = [];
  for (let round = 0; round < 9; round++) {
    t.equal(await client.code(`RNFR ${Math.min(round, 8)}.bin`), 350);
    codes.push(await client.code(`RNTO ${round + 1}.bin`));
  }
  t.same(codes, [250, 250, 250, 250, 250, 250, 250, 250, 550]);
  t.equal(server.receipts().filter(({ type }) => type === 'renamed').length, 8);
  t.equal(await client.code('SIZE 8.bin'), 213, 'under its last name');
});

onBoth('a state disk that is full costs no log-in', secured, async (t, client, server) => {
  fails(server, 'rememberLogin');
  t.equal((await client.login(account.user, account.password)).code, 230);
});

onBoth(
  'a state disk that fills up costs no upload and no second reply',
  loggedIn,
  async (t, client, server) => {
    const { addUsage } = server.memory;
    let calls = 0;
    Object.assign(server.memory, {
      addUsage: (...args: Parameters<typeof addUsage>) => (++calls === 1 ? addUsage(...args) : full()),
    });
    t.equal((await client.upload('x.bin', clip)).code, 226);
    t.equal(await client.code('NOOP'), 200, 'the next reply is the next command’s');
  },
);

onBoth('a cut upload is kept although it cannot be remembered', loggedIn, async (t, client, server) => {
  fails(server, 'rememberCut');
  t.equal((await client.upload('x.bin', clip, { ending: 'fin' })).code, 426);
  t.match(server.inbox(), [{ receipt: { completeness: 'partial', endedBy: 'truncated' } }]);
});

function fails(server: TestReceiver, method: keyof TestReceiver['memory']): void {
  Object.assign(server.memory, { [method]: full });
}

function full(): never {
  throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
}

t.test('over IPv6 there is no PASV, also where an address is configured', async t => {
  const server = await startTestReceiver({
    host: '::1',
    allowed: ['::1'],
    passive: { address: '192.0.2.7' },
  });
  t.teardown(() => server.stop());
  const client = await loginExplicit(server.explicitPort, account, { host: '::1' });
  t.equal(await client.code('PASV'), 425);
  client.close();
});
