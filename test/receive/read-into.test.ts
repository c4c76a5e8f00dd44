import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Uploads } from '../../src/archive/uploads.ts';
import { readInto } from '../../src/receive/read-into.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

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

/** Other uploads go on for a while before the bytes are read from memory. */
function slowWrites(uploads: Uploads): Uploads {
  return {
    ...uploads,
    begin: async facts => {
      const upload = await uploads.begin(facts);
      return {
        ...upload,
        write: async chunks => {
          for (let turns = 0; turns < 20; turns++) await turn();
          await upload.write(chunks);
        },
      };
    },
  };
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
