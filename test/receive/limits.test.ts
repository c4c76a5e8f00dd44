// Each limit just below, at and just above. The numbers are those of the table in docs/security.md.

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval as everyMs } from 'node:timers/promises';
import t from 'tap';
import type { ReceiverMemory } from '../../src/access/receiver-memory.ts';
import type { Uploads } from '../../src/archive/uploads.ts';
import { TransientError } from '../../src/base/errors.ts';
import { endUpload, loginExplicit } from '../support/ftps-client.ts';
import { loggedIn, onBoth, secured } from '../support/on-both.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

onBoth(
  '74. a file of the largest size is taken, one byte more is 552 whatever ALLO said, and kept as partial',
  loggedIn,
  async (t, client, server) => {
    t.equal(await client.code('ALLO 10'), 200);
    for (const [bytes, code] of [
      [99_999, 226],
      [100_000, 226],
      [100_001, 552],
      [5_000_000, 552],
    ] as const) {
      t.equal((await client.upload(`${bytes}.bin`, randomBytes(bytes))).code, code, `${bytes} bytes`);
    }
    const big = server.inbox().find(({ receipt }) => receipt.path === '5000000.bin');
    t.match(big, { receipt: { completeness: 'partial', endedBy: 'too-large', bytes: 100_000 } });
    t.equal((await client.upload('next.bin', randomBytes(10))).code, 226);
  },
  { limits: { maxUploadBytes: 100_000 } },
);

onBoth(
  '75. a day’s bytes: at the quota 226, beyond it 552 during and 452 before the transfer',
  loggedIn,
  async (t, client, server) => {
    server.writer.setCamera(account.user, { maxBytesPerDay: 100_000 });
    const after = await loggedIn.explicit(server);
    t.equal((await after.upload('a.bin', randomBytes(60_000))).code, 226);
    t.equal((await after.upload('b.bin', randomBytes(40_001))).code, 552);
    t.match(
      server.inbox().find(({ receipt }) => receipt.path === 'b.bin'),
      { receipt: { endedBy: 'quota', bytes: 40_000 } },
    );
    t.equal(await after.code('PWD'), 257, 'the STOR is over');
    const used = server.memory.usage(account.user, new Date().toISOString().slice(0, 10));
    t.equal(used.bytes, 100_000);
    await after.openData();
    t.equal(await after.code('STOR d.bin'), 452);
    server.writer.setCamera(account.user, { maxBytesPerDay: 200_000 });
    const raised = await loggedIn.explicit(server);
    t.equal((await raised.upload('e.bin', randomBytes(10_000))).code, 226);
    for (const each of [after, raised, client]) each.close();
  },
);

onBoth(
  '75. a day’s files, empty ones too: one beyond the quota is 452, another camera is not concerned',
  loggedIn,
  async (t, client, server) => {
    t.equal((await client.upload('a.bin', randomBytes(10))).code, 226);
    t.equal((await client.upload('empty.bin', Buffer.alloc(0))).code, 226);
    t.equal((await client.upload('c.bin', randomBytes(10))).code, 226);
    await client.openData();
    t.equal(await client.code('STOR d.bin'), 452);
    const other = await server.addCamera('back-yard');
    const otherClient = await loginExplicit(server.explicitPort, other);
    t.equal((await otherClient.upload('a.bin', randomBytes(10))).code, 226);
    otherClient.close();
  },
  { limits: { maxFilesPerDay: 3 } },
);

t.test('75. the quota is for the day, and starts anew with the next one', async t => {
  let now = Date.parse('2026-11-21T23:59:00Z');
  const clock = { now: () => now, monotonicMs: () => performance.now() };
  const server = await startTestReceiver({ limits: { maxFilesPerDay: 1 }, clock });
  t.teardown(() => server.stop());
  const client = await loggedIn.explicit(server);
  t.equal((await client.upload('a.bin', randomBytes(10))).code, 226);
  await client.openData();
  t.equal(await client.code('STOR b.bin'), 452);
  now += 2 * 60_000;
  t.equal((await client.upload('b.bin', randomBytes(10))).code, 226);
  client.close();
});

onBoth(
  'a day’s directories: one beyond the quota is 452',
  loggedIn,
  async (t, client) => {
    t.equal(await client.code('MKD a'), 257);
    t.equal(await client.code('MKD b'), 257);
    t.equal(await client.code('MKD c'), 452);
    t.equal(await client.code('MKD a'), 550, 'one that exists costs nothing');
    t.equal((await client.upload('a/x.bin', randomBytes(10))).code, 226);
  },
  { limits: { maxDirectoriesPerDay: 2 } },
);

t.test('75. below the floor of free disk STOR is 452 before data, at the floor it is not', async t => {
  let free = 0;
  const server = await startTestReceiver({
    limits: { minFreeBytes: 1000 },
    uploads: uploads => ({ ...uploads, freeBytes: async () => free }),
  });
  t.teardown(() => server.stop());
  const client = await loggedIn.explicit(server);
  for (const [bytes, code] of [
    [999, 452],
    [1000, 226],
    [1001, 226],
  ] as const) {
    free = bytes;
    if (code === 226) t.equal((await client.upload(`${bytes}.bin`, randomBytes(10))).code, 226);
    else {
      await client.openData();
      t.equal(await client.code(`STOR ${bytes}.bin`), code);
    }
  }
  client.close();
});

const isRoot = process.geteuid?.() === 0;
t.test(
  '76. a full disk is 452, and the next upload after space returns works',
  { skip: isRoot ? false : 'needs root for a small file system' },
  async t => {
    const mount = mkdtempSync(join(tmpdir(), 'clipward-small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount]);
    t.teardown(() => {
      execFileSync('umount', [mount]);
      rmSync(mount, { recursive: true });
    });
    const server = await startTestReceiver({ dataDir: join(mount, 'data') });
    t.teardown(() => server.stop());
    for (const client of [await loggedIn.explicit(server), await loggedIn.implicit(server)]) {
      t.equal((await client.upload('large.bin', randomBytes(20_000_000))).code, 452);
      t.match(server.logText(), /upload could not be stored/);
      t.match(server.inbox(), [{ receipt: { completeness: 'partial', endedBy: 'disk-full' } }]);
      for (const { receipt, media } of server.inbox()) {
        t.ok(media.length > 100_000, 'what arrived before is kept');
        t.equal(receipt.bytes, media.length);
        t.equal(receipt.sha256, createHash('sha256').update(media).digest('hex'));
      }
      server.clearInbox();
      t.equal((await client.upload('small.bin', randomBytes(100_000))).code, 226);
      server.clearInbox();
      client.close();
    }
  },
);

t.test('76. an I/O error is 451, nothing is acknowledged, and the next upload works', async t => {
  let fails = true;
  const breaking = (uploads: Uploads): Uploads => ({
    ...uploads,
    begin: async facts => {
      const upload = await uploads.begin(facts);
      const ioError = new TransientError('broken', {
        cause: Object.assign(new Error('EIO'), { code: 'EIO' }),
      });
      return fails ? { ...upload, publish: async () => Promise.reject(ioError) } : upload;
    },
  });
  const server = await startTestReceiver({ uploads: breaking });
  t.teardown(() => server.stop());
  const clients = [await loggedIn.explicit(server), await loggedIn.implicit(server)];
  for (const client of clients) t.equal((await client.upload('a.bin', randomBytes(1000))).code, 451);
  t.same(server.inbox(), []);
  fails = false;
  for (const client of clients) {
    t.equal((await client.upload('a.bin', randomBytes(1000))).code, 226);
    client.close();
  }
});

onBoth('78. an upload without a byte is 226', loggedIn, async (t, client, server) => {
  t.equal((await client.upload('empty.mp4', Buffer.alloc(0))).code, 226);
  t.match(server.inbox(), [{ receipt: { bytes: 0, completeness: 'whole' } }]);
  t.equal((await client.upload('gone.mp4', Buffer.alloc(0), { ending: 'fin' })).code, 426);
  t.equal(server.inbox().length, 1);
});

onBoth(
  '79. silence is cut after the stall time, counted from the last byte',
  loggedIn,
  async (t, client, server) => {
    const raw = await client.openData();
    t.equal(await client.code('STOR slow.bin'), 150);
    const tls = await client.secureData(raw);
    const started = performance.now();
    let pieces = 0;
    // The pace of a slow camera: always within the stall time, far beyond it in all.
    for await (const _tick of everyMs(100)) {
      tls.write(randomBytes(1000));
      t.equal(await client.code('NOOP'), 200);
      if (++pieces === 8) break;
    }
    t.ok(performance.now() - started > 700, 'longer than the stall time in all');
    const silentSince = performance.now();
    t.equal((await client.reply())?.code, 426);
    t.ok(performance.now() - silentSince > 200);
    t.match(server.inbox(), [{ receipt: { completeness: 'partial', endedBy: 'stalled', bytes: 8000 } }]);
    raw.destroy();
  },
  { limits: { dataStallTimeoutMs: 400 } },
);

onBoth(
  '79. a pace below the slowest allowed is cut, one above it is not',
  loggedIn,
  async (t, client, server) => {
    for (const [bytesEach, name] of [
      [1, 'drip'],
      [400, 'slow'],
    ] as const) {
      const raw = await client.openData();
      t.equal(await client.code(`STOR ${name}.bin`), 150);
      const tls = await client.secureData(raw);
      const reply = client.reply();
      let isAnswered = false;
      void reply.then(() => {
        isAnswered = true;
      });
      let pieces = 0;
      // The faster one goes on for several spans of the pace, the slower one until it is cut.
      for await (const _tick of everyMs(20)) {
        if (isAnswered || (name === 'slow' && ++pieces === 60)) break;
        tls.write(randomBytes(bytesEach));
      }
      if (name === 'slow') await endUpload({ raw, tls }, Buffer.alloc(0), 'close-notify');
      t.equal((await reply)?.code, name === 'slow' ? 226 : 426, name);
      raw.destroy();
    }
    t.match(
      server.inbox().find(({ receipt }) => receipt.path === 'drip.bin'),
      { receipt: { endedBy: 'too-slow' } },
    );
  },
  { limits: { dataStallTimeoutMs: 300, minUploadBytesPerSecond: 1000 } },
);

onBoth(
  '80. an idle session is 421, never during a transfer',
  loggedIn,
  async (t, client, server) => {
    const raw = await client.openData();
    t.equal(await client.code('STOR long.bin'), 150);
    const tls = await client.secureData(raw);
    const idle = await loggedIn.explicit(server);
    t.equal((await idle.reply())?.code, 421);
    await idle.closed;
    // The other one has been silent on its control connection for as long.
    await endUpload({ raw, tls }, randomBytes(1000), 'close-notify');
    t.equal((await client.reply())?.code, 226);
    t.equal((await client.reply())?.code, 421, 'idle after the transfer');
  },
  { limits: { idleTimeoutMs: 400 } },
);

t.test('a client that does not log in is closed', async t => {
  const server = await startTestReceiver({ limits: { loginTimeoutMs: 300 } });
  t.teardown(() => server.stop());
  const stays = await loggedIn.explicit(server);
  const client = await secured.explicit(server);
  const started = performance.now();
  t.equal((await client.reply())?.code, 421);
  t.ok(performance.now() - started > 100);
  t.equal(await stays.code('NOOP'), 200);
  stays.close();
});

t.test('81. no password, in any spelling, is in any log at any level', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const secret = 'Pa55w0rd-that-must-not-show';
  const lines = [
    `PASS ${secret}`,
    `pass ${secret}`,
    `PASS\t${secret}`,
    ` PASS ${secret}`,
    `PASS  ${secret}`,
    secret,
    `XPAS ${secret}`,
  ];
  for (const line of lines) {
    const client = await secured.explicit(server);
    await client.command(`USER ${account.user}`);
    const reply = await client.command(line);
    t.notOk(reply.lines.join().includes(secret));
    client.close();
  }
  const swapped = await secured.implicit(server);
  await swapped.login(secret, account.user);
  await swapped.login(account.user, account.password);
  swapped.close();
  t.notOk(server.logText().includes(secret));
  t.notOk(server.logText().includes(account.password));
  t.match(server.logText(), /log in refused/);
});

t.test('a session whose replies are not read is closed like an idle one', async t => {
  const server = await startTestReceiver({ limits: { idleTimeoutMs: 500 } });
  t.teardown(() => server.stop());
  const client = await loggedIn.explicit(server);
  client.socket.removeAllListeners('data');
  client.socket.pause();
  client.raw.pause();
  const flood = setInterval(() => client.socket.write('FEAT\r\n'.repeat(16)), 1);
  t.teardown(() => clearInterval(flood));
  await until(() => server.receiver.connections() === 0);
  t.equal(server.receiver.connections(), 0);
  client.close();
});

t.test('a full state disk costs no camera its uploads, and its day is counted all the same', async t => {
  let isFull = false;
  const failing = (memory: ReceiverMemory): ReceiverMemory => {
    const full =
      <Rest extends unknown[], Result>(work: (...rest: Rest) => Result) =>
      (...rest: Rest) => {
        if (isFull) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
        return work(...rest);
      };
    const { addUsage, makeDirectory, touch, rememberLogin, rememberCut, forgetUsage } = memory;
    return {
      ...memory,
      addUsage: full(addUsage),
      makeDirectory: full(makeDirectory),
      touch: full(touch),
      rememberLogin: full(rememberLogin),
      rememberCut: full(rememberCut),
      forgetUsage: full(forgetUsage),
    };
  };
  const server = await startTestReceiver({ limits: { maxFilesPerDay: 3 }, memory: failing });
  t.teardown(() => server.stop());
  isFull = true;
  const client = await loggedIn.explicit(server);
  t.equal((await client.upload('new/directory/a.bin', randomBytes(10))).code, 226);
  t.equal((await client.upload('cut.bin', randomBytes(10), { ending: 'fin' })).code, 426);
  t.equal((await client.upload('c.bin', randomBytes(10))).code, 226);
  await client.openData();
  t.equal(await client.code('STOR d.bin'), 452, 'the quota holds');
  isFull = false;
  await client.openData();
  t.equal(await client.code('STOR d.bin'), 452, 'and is not forgotten');
  t.equal(server.inbox().length, 3);
  client.close();
});

/** Waits for what no event tells from outside; the test's own time-out is the limit. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve));
}
