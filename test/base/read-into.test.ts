import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { createSecureContext, connect as startTls } from 'node:tls';
import t, { type Test } from 'tap';
import type { Uploads } from '../../src/archive/uploads.ts';
import { readInto } from '../../src/base/read-into.ts';
import { startDataTls } from '../../src/receive/data-tls.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver } from '../support/receiver.ts';
import { wrapWrites } from '../support/wrap-writes.ts';

/** As incoming-bytes.ts has it: what lies at an end of a chunk is where two uploads could meet. */
const chunkBytes = 256 * 1024;

t.test('this Node lets a socket read into memory of ours', async t => {
  const { accepted, client } = await pairOf(t);
  const memory = Buffer.alloc(20);
  let used = 0;
  const isOurs = readInto(accepted, {
    buffer: () => memory.subarray(used),
    onBytes: bytes => {
      used += bytes.length;
    },
  });
  t.equal(isOurs, true, 'Node has what readInto uses of it; without it uploads are slower');
  accepted.resume();
  client.end('0123456789');
  await once(accepted, 'end');
  t.equal(memory.toString('latin1', 0, used), '0123456789');
});

t.test('a socket without what it takes stays as it was', async t => {
  const { accepted, client } = await pairOf(t);
  const handle = (accepted as unknown as { _handle: object })._handle;
  Object.defineProperty(handle, 'useUserBuffer', { value: undefined });
  t.equal(readInto(accepted, { buffer: () => Buffer.alloc(10), onBytes: () => t.fail('not ours') }), false);
  client.end('as data');
  accepted.resume();
  const [data] = await once(accepted, 'data');
  t.equal(String(data), 'as data');
});

t.test('uploads at the same time, long and short, whole and cut, never get bytes of each other', async t => {
  // Slow enough that their batches lie in memory together.
  const server = await startTestReceiver({
    uploads: slowWrites,
    limits: {
      maxConnections: 100,
      maxConnectionsPerAddress: 100,
      maxConnectionsPerCamera: 100,
      maxConnectionsBeforeLogin: 100,
    },
  });
  t.teardown(() => server.stop());
  const sizes = [
    1,
    16_384,
    ...[1, 4, 9].flatMap(chunks => [-1, 0, 1].map(more => chunks * chunkBytes + more)),
  ];
  const uploads = Array.from({ length: 24 }, (_, index) => ({
    path: `clip-${index}.bin`,
    bytes: randomBytes(sizes[index % sizes.length] ?? 1),
    ending: index % 4 === 3 ? ('fin' as const) : ('close-notify' as const),
  }));
  await Promise.all(
    uploads.map(async ({ path, bytes, ending }) => {
      const client = await loginExplicit(server.explicitPort, account);
      const { code } = await client.upload(path, bytes, { ending });
      t.equal(code, ending === 'fin' ? 426 : 226);
      client.close();
    }),
  );
  const entries = server.inbox();
  for (const { path, bytes } of uploads) {
    const entry = entries.find(({ receipt }) => receipt.path === path);
    t.ok(entry?.media.equals(bytes), `${path} holds what was sent`);
    t.equal(entry?.receipt.sha256, createHash('sha256').update(bytes).digest('hex'));
  }
});

t.test('single bytes that wait for STOR take no buffer each', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const { accepted, client } = await pairOf(t);
  const data = startDataTls(accepted, createSecureContext(server.certificates.ecdsa), () => undefined);
  // What TLS makes of a write goes out as it is, and what it did not make can be sent beside it.
  const wire = new Duplex({ read: () => {}, write: (bytes, _encoding, done) => client.write(bytes, done) });
  client.on('data', bytes => wire.push(bytes));
  const tls = startTls({ socket: wire, rejectUnauthorized: false });
  tls.on('error', () => {});
  await data.secured;
  const arrived = async () => {
    while (accepted.bytesRead < client.bytesWritten) await turn();
  };
  // More than the stream holds of what nobody reads: from here on nothing is taken any more.
  for (let written = 0; written < 70_000; written += 7000) {
    await new Promise(resolve => tls.write(Buffer.alloc(7000), resolve));
    await arrived();
  }
  const before = process.memoryUsage().arrayBuffers;
  const beginOfRecord = Buffer.from([0x17]);
  const count = 500;
  const readBefore = accepted.bytesRead;
  for (let sent = 0; sent < count; sent++) {
    client.write(beginOfRecord);
    await arrived();
  }
  t.equal(accepted.bytesRead - readBefore, count, 'they are read');
  t.ok(process.memoryUsage().arrayBuffers - before < 4_000_000, 'and held in little more than themselves');
});

/** Other uploads go on for a while before the bytes are read from memory. */
function slowWrites(uploads: Uploads): Uploads {
  return wrapWrites(uploads, write => async chunks => {
    for (let turns = 0; turns < 20; turns++) await turn();
    await write(chunks);
  });
}

async function pairOf(t: Test): Promise<{ accepted: Socket; client: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  t.teardown(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return { accepted, client };
}
