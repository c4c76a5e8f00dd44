// The ffmpeg of a pull: what it is told, how it ends, and that nothing is left of it. One after the other: children are counted.

import { mock } from 'node:test';
import t from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import { startPull } from '../../src/record/pull.ts';
import type { StreamError } from '../../src/record/stream-error.ts';
import { rtpPacket, startFakeCamera } from '../support/fake-camera.ts';
import {
  addressOf,
  children,
  descriptors,
  elementaryStream,
  ffmpegPid,
  password,
  pull,
  short,
  silent,
  startedPid,
  toolsWith,
  withCamera,
} from './pulling.ts';

t.test('nothing of a pull is left open after it', async t => {
  await withCamera({}, { fragments: 1 });
  const before = { descriptors: await descriptors(), children: await children() };
  await Promise.all([1, 2, 3].map(() => withCamera({}, { fragments: 1 })));
  t.ok((await descriptors()) <= before.descriptors, 'no descriptor is left');
  t.same(await children(), before.children, 'no process is left');
});

t.test('ffmpeg is told neither the password nor where the camera is', async t => {
  let seen = '';
  process.env.CLIPWARD_OF_THIS_TEST = 'known-to-the-daemon-alone';
  t.teardown(() => {
    delete process.env.CLIPWARD_OF_THIS_TEST;
  });
  await using camera = await startFakeCamera({ elementaryStream });
  await pull(camera.port, {
    fragments: 2,
    onEach(count) {
      if (count !== 1) return;
      const { readFileSync } = process.getBuiltinModule('node:fs');
      const own = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
      for (const pid of own)
        seen +=
          readFileSync(`/proc/${pid}/cmdline`, 'latin1') + readFileSync(`/proc/${pid}/environ`, 'latin1');
    },
  });
  t.match(seen, 'ffmpeg');
  t.notMatch(seen, password);
  t.notMatch(seen, 'known-to-the-daemon-alone', 'nor anything of our environment');
  t.notMatch(seen, `:${camera.port}`);
});

t.test('an ffmpeg that is killed ends the pull', async t => {
  const { error } = await withCamera(
    {},
    {
      onEach(count) {
        const { readFileSync } = process.getBuiltinModule('node:fs');
        const own = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
        for (const pid of own)
          if (count === 1 && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('pipe:1'))
            process.kill(Number(pid), 'SIGKILL');
      },
    },
  );
  t.equal(error.end, 'ffmpeg');
  t.match(error.message, /SIGKILL/);
});

t.test('an ffmpeg that ignores SIGTERM is killed', async t => {
  const stubborn = '#!/bin/bash\ntrap "" TERM\nexec /usr/bin/sleep 600\n';
  await using camera = await startFakeCamera({ elementaryStream });
  const before = await children();
  const pulling = startPull(
    { clock: systemClock, limits: short, searchPath: await toolsWith(t, stubborn) },
    {
      address: addressOf(camera.port),
      credentials: null,
      fingerprint: null,
      wantsAudio: false,
      maxBitsPerSecond: 64e6,
      onInit() {},
      onFragment() {},
      log: silent,
    },
  );
  const deadlineMs = performance.now() + 10_000;
  while ((await children()).length === before.length && performance.now() < deadlineMs)
    await new Promise(resolve => setImmediate(resolve));
  await pulling[Symbol.asyncDispose]();
  t.equal((await pulling.ended).end, 'stopped');
  t.same(
    (await children()).filter(pid => !before.includes(pid)),
    [],
  );
});

t.test('an ffmpeg that does not begin is ended after fifteen seconds', async t => {
  const idle = '#!/bin/bash\nexec /usr/bin/sleep 600\n';
  const searchPath = await toolsWith(t, idle);
  await using camera = await startFakeCamera({ elementaryStream });
  const before = await children();
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  let over: StreamError | undefined;
  const pulling = pull(camera.port, { searchPath }).then(({ error }) => {
    over = error;
  });
  const until = async (holds: () => boolean | Promise<boolean>) => {
    const deadline = performance.now() + 10_000;
    while (!(await holds()) && performance.now() < deadline)
      await new Promise(resolve => setImmediate(resolve));
  };
  const isStarted = async () => (await startedPid('sleep')) !== undefined;
  await until(isStarted);
  t.ok(await isStarted());
  mock.timers.tick(14_999);
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
  t.ok(camera.sockets.size > 0, 'it is given its time');
  mock.timers.tick(1);
  await until(() => {
    // What it has to end by itself.
    mock.timers.tick(500);
    return over !== undefined;
  });
  t.match(over, { end: 'ffmpeg', message: 'ffmpeg does not begin' });
  t.same(await children(), before);
  await pulling;
});

t.test('without ffmpeg the pull says so', async t => {
  const { error } = await withCamera({}, { searchPath: await toolsWith(t, null) });
  t.match(error.message, /ffmpeg is not installed/);
});

t.test('a camera is not given up because this thread was held up meanwhile', async t => {
  const { error, fragments } = await withCamera(
    {},
    {
      fragments: 5,
      onEach(count) {
        if (count === 2)
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, short.fragmentMs + 1500);
      },
    },
  );
  t.equal(error.end, 'stopped', error.message);
  t.ok(fragments.length >= 5);
});

t.test('a camera is held back while ffmpeg does not read', async t => {
  const junk = rtpPacket({ sequence: 0, timestamp: 0, marker: false }, Buffer.alloc(60_000, 1));
  // No packet of this version is judged; ffmpeg would leave it out.
  junk[4] = 0;
  let isStopped = false;
  let heldBackBytes = 0;
  const { error } = await withCamera(
    {
      sends(_, socket) {
        heldBackBytes = socket.writableLength;
        if (isStopped) for (let count = 0; count < 20; count++) socket.write(junk);
        return true;
      },
    },
    {
      maxBitsPerSecond: 4e9,
      limits: { ...short, fragmentMs: 3000 },
      onEach(count) {
        if (count !== 1) return;
        void ffmpegPid().then(pid => {
          process.kill(pid, 'SIGSTOP');
          isStopped = true;
        });
      },
    },
  );
  t.equal(error.end, 'stalled');
  t.ok(heldBackBytes > 8e6, `${heldBackBytes} bytes were left at the camera`);
});

t.test('a camera that was held back goes on when ffmpeg reads again', async t => {
  const junk = rtpPacket({ sequence: 0, timestamp: 0, marker: false }, Buffer.alloc(60_000, 1));
  junk[4] = 0;
  let stopped: number | undefined;
  let isHeld = false;
  const { error, fragments } = await withCamera(
    {
      sends(_, socket) {
        if (stopped !== undefined && socket.writableLength > 8e6) {
          isHeld = true;
          process.kill(stopped, 'SIGCONT');
          stopped = undefined;
        }
        if (stopped !== undefined) for (let count = 0; count < 20; count++) socket.write(junk);
        return true;
      },
    },
    {
      maxBitsPerSecond: 4e9,
      limits: { ...short, fragmentMs: 8000 },
      fragments: 5,
      onEach(count) {
        if (count !== 1) return;
        void ffmpegPid().then(pid => {
          process.kill(pid, 'SIGSTOP');
          stopped = pid;
        });
      },
    },
  );
  t.ok(isHeld);
  t.equal(error.end, 'stopped', error.message);
  t.ok(fragments.length >= 5);
});

t.test('when a pull has ended no connection is open, whatever ended it', async t => {
  for (const [what, camera, ffmpeg] of [
    ['stalled', { sends: (picture: number) => picture < 31 }, undefined],
    ['malformed', {}, '#!/bin/bash\nexit 1\n'],
    ['jumped', { shift: (picture: number) => (picture < 31 ? 0 : 3600 * 90_000) }, undefined],
  ] as const) {
    await using fake = await startFakeCamera({ elementaryStream, ...camera });
    const searchPath = ffmpeg === undefined ? undefined : await toolsWith(t, ffmpeg);
    // Disposing it would end the connection as well.
    const { ended } = startPull(
      { clock: systemClock, limits: short, ...(searchPath !== undefined && { searchPath }) },
      {
        address: addressOf(fake.port),
        ...{ credentials: null, fingerprint: null, wantsAudio: false, maxBitsPerSecond: 64e6 },
        onInit() {},
        onFragment() {},
        log: silent,
      },
    );
    t.equal((await ended).end, what);
    const deadline = performance.now() + 10_000;
    while (fake.sockets.size > 0 && performance.now() < deadline)
      await new Promise(resolve => setImmediate(resolve));
    t.equal(fake.sockets.size, 0, what);
  }
});

t.test('an ffmpeg that fails in the middle is no fault of the sound', async t => {
  const failing = '#!/bin/bash\n/usr/bin/timeout -s KILL 4 /usr/bin/ffmpeg "$@"\nexit 1\n';
  const audio = ['m=audio 0 RTP/AVP 0', 'a=control:audio'];
  const { error, fragments, lost, requests } = await withCamera(
    { audio, sound: picture => Math.round((picture * 8000) / 15) },
    { searchPath: await toolsWith(t, failing) },
  );
  t.equal(error.end, 'malformed', error.message);
  t.ok(fragments.length > 0);
  t.same(lost, []);
  t.equal(requests.filter(({ method }) => method === 'DESCRIBE').length, 1, 'it is not tried without');
});

t.test('a camera is blamed for what ffmpeg cannot take, not for an ffmpeg that cannot run', async t => {
  for (const [code, end] of [
    [1, 'malformed'],
    [126, 'ffmpeg'],
    [127, 'ffmpeg'],
    [255, 'ffmpeg'],
    [137, 'ffmpeg'],
  ] as const) {
    const { error } = await withCamera({}, { searchPath: await toolsWith(t, `#!/bin/bash\nexit ${code}\n`) });
    t.equal(error.end, end, `${code}`);
  }
});

t.test('what ffmpeg has started does not hide that it has ended', async t => {
  const leaving = '#!/bin/bash\n/usr/bin/sleep 600 &\nexit 1\n';
  const { error } = await withCamera({}, { searchPath: await toolsWith(t, leaving) });
  t.match(error.message, /ended with code 1/);
  t.same(await children(), []);
});
