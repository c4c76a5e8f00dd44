import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { type FootageFile, openFootageFiles } from '../../src/archive/footage-files.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Segment } from '../../src/catalogue/footage.ts';
import type { Fragment } from '../../src/domain/footage/fragment-reader.ts';
import { recoverSegment } from '../../src/record/recover-segment.ts';
import { startSegmentWriter } from '../../src/record/segment-writer.ts';
import { seededRandom } from '../domain/seeded-random.ts';
import { handClock, makeFootage } from './made-footage.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const camera = 'den';
const footage = makeFootage(30);
const other = makeFootage(3, { size: '320x240' });
const { privateKey } = generateKeyPairSync('ed25519');

async function opened(test: Test) {
  const root = test.testdir();
  const dirs = { dataDir: join(root, 'data'), stateDir: join(root, 'state') };
  const archiveId = await openMarker(dirs);
  const catalogue = openCatalogue({
    file: join(dirs.stateDir, 'catalogue.db'),
    chain: {
      archiveId,
      sign: text => sign(null, Buffer.from(text), privateKey).toString('base64'),
      now: () => noon,
    },
  });
  test.teardown(() => catalogue[Symbol.dispose]());
  const files = openFootageFiles({ dataDir: dirs.dataDir, archiveId });
  const clock = handClock(noon);
  const failures: unknown[] = [];
  const writer = startSegmentWriter({
    ...{ camera, files, catalogue, clock, segmentMs: 10_000, lossWindowMs: 5000 },
    onFailure: error => failures.push(error),
  });
  return {
    ...{ catalogue, files, clock, writer, failures, dataDir: dirs.dataDir },
    /** As fragments arrive: at the end of the second that they hold. */
    bring(fragments = footage.fragments) {
      for (const fragment of fragments) {
        clock.pass(fragment.durationMs);
        writer.fragment(fragment);
      }
    },
    segments: () => catalogue.segmentsBetween({ camera, from: noon - 3_600_000, to: noon + 7_200_000 }),
    gaps: () => {
      catalogue.beatRecorder(clock.now());
      return catalogue.gaps({ camera, from: noon - 3_600_000, to: noon + 7_200_000, now: clock.now() });
    },
  };
}

t.test('segments follow each other without a hole, play, and are what the catalogue says', async t => {
  const { bring, writer, segments, dataDir, failures, catalogue } = await opened(t);
  writer.init(footage.init);
  bring();
  await writer.end('stopped', 'off');
  const found = segments();
  t.strictSame(failures, []);
  t.ok(found.length >= 3, 'several segments');
  t.equal(found[0]?.startAt, noon, 'the first begins when its first fragment did');
  for (const [index, segment] of found.entries()) {
    const next = found[index + 1];
    if (next) t.equal(next.startAt, segment.endAt, 'the next begins where this one ends');
    const file = join(dataDir, segment.path);
    t.equal(createHash('sha256').update(readFileSync(file)).digest('hex'), segment.sha256);
    t.equal(statSync(file).mode & 0o777, 0o400);
    const probed = execFileSync('ffprobe', [
      ...['-v', 'error', '-count_frames', '-select_streams', 'v'],
      ...['-show_entries', 'stream=nb_read_frames,start_time', '-of', 'csv=p=0', file],
    ]).toString();
    const [startS, frames] = probed.trim().split(',').map(Number);
    t.ok((startS ?? 9) < 0.2, 'media time begins at zero');
    t.equal(frames, Math.round(segment.durationMs / 100), 'every frame is there');
    t.equal(segment.codec, 'h264');
    t.equal(segment.audioCodec, null);
  }
  t.equal(found.at(-1)?.endAt, noon + 30_000);
  t.equal(new Set(found.map(({ run }) => run)).size, 1);
  t.strictSame(catalogue.openSegments(), []);
});

t.test('sound is kept, in step with the pictures', async t => {
  const { bring, writer, segments, dataDir } = await opened(t);
  const { init, fragments } = makeFootage(20, { sound: true });
  writer.init(init);
  bring(fragments);
  await writer.end('stopped', 'off');
  const found = segments();
  t.ok(found.length >= 2);
  for (const { path, audioCodec } of found) {
    t.equal(audioCodec, 'aac');
    const probed = execFileSync('ffprobe', [
      ...['-v', 'error', '-show_entries', 'stream=start_time', '-of', 'csv=p=0', join(dataDir, path)],
    ]).toString();
    const [videoS = 0, audioS = 9] = probed.trim().split('\n').map(Number);
    t.ok(Math.abs(videoS - audioS) < 0.2, `${videoS} and ${audioS}`);
  }
});

t.test('what has another form becomes another run, and nothing is written before a key frame', async t => {
  const { bring, writer, segments, clock, gaps } = await opened(t);
  writer.init(footage.init);
  const [first] = footage.fragments;
  if (!first) throw new Error('a fragment was expected');
  writer.fragment({ ...first, startsWithKeyFrame: false });
  bring(footage.fragments.slice(0, 3));
  clock.pass(2000);
  writer.init(other.init);
  bring(other.fragments);
  await writer.end('stalled', 'stalled');
  const [one, two] = segments();
  t.equal(segments().length, 2);
  t.equal(one?.endReason, 'changed');
  t.equal(two?.endReason, 'stalled');
  t.not(one?.run, two?.run);
  t.not(one?.initSha256, two?.initSha256);
  t.equal(two?.width, 320);
  clock.pass(1000);
  t.strictSame(gaps(), [
    { startAt: noon + 3000, endAt: noon + 5000, reason: 'restart' },
    { startAt: noon + 8000, endAt: noon + 9000, reason: 'stalled' },
  ]);
});

t.test('media time that jumps by an hour, or goes back, begins a new run with a gap in between', async t => {
  for (const jumpMs of [3_600_000, -8000]) {
    await t.test(`${jumpMs} ms`, async t => {
      const { bring, writer, segments, failures } = await opened(t);
      writer.init(footage.init);
      bring(footage.fragments.slice(10, 13));
      bring(
        footage.fragments
          .slice(13, 16)
          .map(fragment => ({ ...fragment, startMs: fragment.startMs + jumpMs })),
      );
      await writer.end('stopped', 'off');
      t.strictSame(failures, []);
      t.equal(segments().length, 2);
      t.equal(segments()[0]?.endReason, 'changed');
      t.equal(segments()[1]?.startAt, noon + 3000, 'and lies where it happened');
    });
  }
});

t.test('our own clock that is set begins a new run', async t => {
  const { bring, writer, segments, clock, gaps } = await opened(t);
  writer.init(footage.init);
  bring(footage.fragments.slice(0, 3));
  clock.set(noon + 3_600_000);
  bring(footage.fragments.slice(3, 6));
  await writer.end('stopped', 'off');
  t.strictSame(
    segments().map(({ startAt }) => startAt),
    [noon, noon + 3_600_000],
  );
  t.strictSame(gaps()[0], { startAt: noon + 3000, endAt: noon + 3_600_000, reason: 'clock' });
});

t.test(
  'what comes all at once after a camera stood still lies before what follows, not under it',
  async t => {
    const { bring, writer, clock, segments, gaps, failures } = await opened(t);
    writer.init(footage.init);
    // As with sound of G.711, whose frames of AAC fill no second.
    const uneven = footage.fragments.map(each => ({ ...each, durationMs: each.durationMs + 0.4 }));
    bring(footage.fragments.slice(0, 4));
    // Twelve seconds in one: the first was placed as if it had happened just now.
    for (const fragment of uneven.slice(4, 16)) writer.fragment(fragment);
    bring(footage.fragments.slice(16));
    await writer.end('stopped', 'off');
    t.strictSame(failures, []);
    const spans = [...segments(), ...gaps()].toSorted((one, other) => one.startAt - other.startAt);
    t.ok(segments().length > 2, `${segments().length} segments`);
    for (const [index, { startAt }] of spans.entries())
      t.ok(index === 0 || startAt >= (spans[index - 1]?.endAt as number), `span ${index} lies in another`);
    const last = segments().at(-1);
    t.ok(Math.abs((last?.endAt ?? 0) - clock.now()) < 2100, 'live again');
  },
);

t.test('a machine that stands still between two looks at its clocks has not set one of them', async t => {
  const { bring, writer, segments, clock, gaps } = await opened(t);
  const { now } = clock;
  writer.init(footage.init);
  bring(footage.fragments.slice(0, 3));
  clock.now = () => {
    const at = now();
    clock.now = now;
    clock.pass(700);
    return at;
  };
  bring(footage.fragments.slice(3, 6));
  await writer.end('stopped', 'off');
  t.match(segments(), [{ startAt: noon, endReason: 'stopped' }], 'one segment, and no other run');
  t.match(gaps(), [{ reason: 'off' }].slice(0, gaps().length));
});

t.test('another run does not lie over what was placed ahead of its arrival', async t => {
  const { bring, writer, segments } = await opened(t);
  writer.init(footage.init);
  bring(footage.fragments.slice(0, 3));
  for (const fragment of footage.fragments.slice(3, 5)) writer.fragment(fragment);
  writer.init(other.init);
  bring(other.fragments);
  await writer.end('stopped', 'off');
  const [one, two] = segments();
  // Drawn towards our clock by half a millisecond a second.
  t.ok(Math.abs((one?.endAt ?? 0) - noon - 5000) <= 2, 'ahead of its arrival');
  t.equal(two?.startAt, one?.endAt);
});

t.test('nor does another connection', async t => {
  const { writer, segments, catalogue, files, clock, failures } = await opened(t);
  writer.init(footage.init);
  clock.pass(1000);
  for (const fragment of footage.fragments.slice(0, 3)) writer.fragment(fragment);
  await writer.end('stalled', 'stalled');
  const next = startSegmentWriter({
    ...{ camera, files, catalogue, clock, segmentMs: 10_000, lossWindowMs: 5000, notBefore: noon + 3000 },
    onFailure: error => failures.push(error),
  });
  next.init(footage.init);
  clock.pass(1000);
  for (const fragment of footage.fragments.slice(0, 1)) next.fragment(fragment);
  await next.end('stopped', 'off');
  const [one, two] = segments();
  t.ok(Math.abs((one?.endAt ?? 0) - noon - 3000) <= 2);
  t.equal(two?.startAt, noon + 3000);
});

t.test('a camera that is silent and goes on with its times leaves a gap', async t => {
  const { bring, writer, segments, clock, gaps, failures } = await opened(t);
  writer.init(footage.init);
  bring(footage.fragments.slice(0, 3));
  clock.pass(5000);
  bring(footage.fragments.slice(8, 11));
  await writer.end('stopped', 'off');
  t.strictSame(failures, []);
  t.strictSame(
    segments().map(({ startAt, endAt }) => [startAt - noon, endAt - noon]),
    [
      [0, 3000],
      [8000, 11_000],
    ],
  );
  t.match(gaps(), [{ startAt: noon + 3000, endAt: noon + 8000, reason: 'stalled' }]);
});

/** A writer whose disk takes what it is given, as soon as `isReady`. */
function weightless(isReady: Promise<void> = Promise.resolve()) {
  const clock = handClock(noon);
  const rows: Segment[] = [];
  const failures: unknown[] = [];
  const kept: string[] = [];
  const file: FootageFile = {
    append: () => isReady,
    sync: async () => void kept.push('synced'),
    leave: async () => {},
    finish: async () => ({ bytes: 1, sha256: '0'.repeat(64) }),
  };
  const writer = startSegmentWriter({
    ...{ camera, clock, segmentMs: 60_000, lossWindowMs: 5000 },
    files: { create: async () => file, recover: async () => undefined },
    catalogue: {
      addOpenSegment() {},
      renewOpenSegment: ({ endAt }) => void kept.push(`told up to ${(endAt - noon) / 1000}`),
      fileSegment: segment => void rows.push(segment),
    },
    onFailure: error => failures.push(error),
  });
  writer.init(footage.init);
  return { clock, rows, failures, kept, writer };
}

t.test('so much waits for a disk that hangs, and no more', async t => {
  const ready = Promise.withResolvers<void>();
  const { writer, failures } = weightless(ready.promise);
  const [first] = footage.fragments;
  if (!first) throw new Error('a fragment was expected');
  const bytes = Buffer.alloc(8 * 1024 * 1024);
  for (let count = 0; count < 4; count++) writer.fragment({ ...first, bytes });
  t.strictSame(failures, []);
  writer.fragment({ ...first, bytes: Buffer.alloc(1) });
  t.match(failures, [{ message: /does not keep up/ }]);
  ready.resolve();
  await writer.end('disk', 'disk');
  t.equal(failures.length, 1);
});

const written = () => new Promise(resolve => setImmediate(resolve));

t.test('what a disk has taken waits no more, however much comes in all', async t => {
  const { writer, failures, clock } = weightless();
  const [first] = footage.fragments;
  if (!first) throw new Error('a fragment was expected');
  const bytes = Buffer.alloc(8 * 1024 * 1024);
  for (let second = 0; second < 20; second++) {
    clock.pass(1000);
    writer.fragment({ ...first, bytes, startMs: second * 1000, durationMs: 1000 });
    await written();
  }
  t.strictSame(failures, []);
});

t.test('what was written is durable after the loss window, and the row says so only then', async t => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const { writer, kept, clock } = weightless();
  const bring = async (second: number) => {
    clock.pass(1000);
    writer.fragment({ ...(footage.fragments[second] as Fragment), startMs: second * 1000, durationMs: 1000 });
    await written();
  };
  const pass = async (ms: number) => {
    mock.timers.tick(ms);
    await written();
  };
  await bring(0);
  await pass(4999);
  t.strictSame(kept, []);
  await pass(1);
  t.strictSame(kept, ['synced', 'told up to 1']);
  await pass(60_000);
  t.equal(kept.length, 2, 'nothing came');
  for (let second = 1; second < 4; second++) await bring(second);
  await pass(5000);
  t.strictSame(kept.slice(2), ['synced', 'told up to 4']);
});

t.test('each run may wait for its own first key frame', async t => {
  const { writer, failures, rows, clock } = weightless();
  const [first] = footage.fragments;
  if (!first) throw new Error('a fragment was expected');
  const bring = async (startMs: number, startsWithKeyFrame: boolean) => {
    clock.pass(1000);
    writer.fragment({ ...first, startMs, durationMs: 1000, startsWithKeyFrame });
    await written();
  };
  for (const beganMs of [0, 3_600_000, 7_200_000, 10_800_000]) {
    for (let second = 0; second < 20; second++) await bring(beganMs + second * 1000, false);
    for (let second = 20; second < 40; second++) await bring(beganMs + second * 1000, second === 20);
  }
  t.strictSame(failures, []);
  await writer.end('stopped', 'off');
  t.strictSame(
    rows.map(({ durationMs }) => durationMs),
    [20_000, 20_000, 20_000, 20_000],
  );
});

t.test('a camera that sends no key frame any more is connected to anew after half an hour', async t => {
  const { writer, failures, rows, clock } = weightless();
  const [first] = footage.fragments;
  if (!first) throw new Error('a fragment was expected');
  const bring = async (from: number, to: number) => {
    for (let second = from; second < to; second++) {
      clock.pass(1000);
      writer.fragment({
        ...first,
        ...{ startMs: second * 1000, durationMs: 1000, startsWithKeyFrame: second === 0 },
      });
    }
    await new Promise(resolve => setImmediate(resolve));
  };
  await bring(0, 1801);
  t.strictSame([failures, rows], [[], []]);
  await bring(1801, 1802);
  t.match(failures, [{ end: 'stalled' }]);
  t.match(rows, [{ startAt: noon, endAt: noon + 1_801_000, endReason: 'stalled' }]);
  await writer.end('stalled', 'stalled');
});

t.test(
  'rows of a camera whose clock is 200 ppm fast are within half a second of the truth for 24 hours',
  async t => {
    const clock = handClock(noon);
    const random = seededRandom(29);
    const rows: Segment[] = [];
    let catalogued = 0;
    const file: FootageFile = {
      append: async () => {},
      sync: async () => {},
      leave: async () => {},
      finish: async () => ({ bytes: 1, sha256: '0'.repeat(64) }),
    };
    const writer = startSegmentWriter({
      ...{ camera, clock, segmentMs: 60_000, lossWindowMs: 5000 },
      files: { create: async () => file, recover: async () => undefined },
      catalogue: {
        addOpenSegment: () => void catalogued++,
        renewOpenSegment() {},
        fileSegment: segment => void rows.push(segment),
      },
      onFailure: error => t.fail(String(error)),
    });
    const [first] = footage.fragments;
    if (!first) throw new Error('a fragment was expected');
    writer.init(footage.init);
    const seconds = 86_400;
    let arrivedAt = noon;
    for (let second = 0; second < seconds; second++) {
      // A second of the camera is over sooner; the network keeps up to 300 ms, and once a minute for three seconds more.
      const trueEndAt = noon + ((second + 1) * 1000) / 1.0002;
      const delayMs = random(300) + (second % 60 === 30 ? 3000 : 0);
      arrivedAt = Math.max(arrivedAt, trueEndAt + delayMs);
      clock.pass(Math.max(0, arrivedAt - clock.now()));
      writer.fragment({
        ...first,
        startMs: second * 1000,
        durationMs: 1000,
      });
      if (second % 1000 === 0) await new Promise(resolve => setImmediate(resolve));
    }
    await writer.end('stopped', 'off');
    t.equal(catalogued, 1, 'one run');
    t.ok(rows.length > 1400);
    let mediaMs = 0;
    let worstMs = 0;
    for (const [index, { startAt, endAt, durationMs }] of rows.entries()) {
      worstMs = Math.max(worstMs, Math.abs(startAt - (noon + mediaMs / 1.0002)));
      mediaMs += durationMs;
      const next = rows[index + 1];
      if (next && next.startAt !== endAt) t.fail('a hole between two segments');
    }
    t.equal(mediaMs, seconds * 1000, 'no second is lost');
    t.ok(worstMs <= 500, `${worstMs} ms`);
  },
);

t.test('what a crash left open is cut at its last whole fragment and filed', async t => {
  for (const cutBytes of [0, 1, 500]) {
    await t.test(`${cutBytes} bytes short`, async t => {
      const { bring, writer, clock, catalogue, files, dataDir, segments } = await opened(t);
      writer.init(footage.init);
      bring(footage.fragments.slice(0, 4));
      // In turn behind the fragments: when it is answered, they are in the file.
      const path = await openPath(dataDir, footage.init.bytes.length + sizeOf(4));
      truncateSync(path, statSync(path).size - cutBytes);
      const [open] = catalogue.openSegments();
      if (!open) throw new Error('an open segment was expected');
      const now = () => clock.now();
      await recoverSegment({ catalogue, files, now }, open, { endReason: 'crash', gap: 'restart' });
      const [segment] = segments();
      t.equal(segment?.endReason, 'crash');
      t.equal(segment?.durationMs, cutBytes === 0 ? 4000 : 3000);
      const bytes = readFileSync(join(dataDir, segment?.path ?? ''));
      t.equal(createHash('sha256').update(bytes).digest('hex'), segment?.sha256);
      t.notOk(existsSync(path));
      t.strictSame(catalogue.openSegments(), []);
      clock.pass(60_000);
      catalogue.beatRecorder(clock.now());
      t.match(catalogue.gaps({ camera, from: noon, to: noon + 70_000, now: clock.now() }), [
        { startAt: segment?.endAt, endAt: noon + 64_000, reason: 'restart' },
      ]);
    });
  }
});

t.test('an open file without a whole fragment goes, and its time is a gap', async t => {
  const { bring, writer, clock, catalogue, files, dataDir, segments, gaps } = await opened(t);
  writer.init(footage.init);
  bring(footage.fragments.slice(0, 1));
  const path = await openPath(dataDir, footage.init.bytes.length + sizeOf(1));
  truncateSync(path, footage.init.bytes.length + 10);
  const [open] = catalogue.openSegments();
  if (!open) throw new Error('an open segment was expected');
  const now = () => clock.now();
  await recoverSegment({ catalogue, files, now }, open, { endReason: 'crash', gap: 'restart' });
  t.strictSame(segments(), []);
  t.notOk(existsSync(path));
  t.strictSame(gaps(), [{ startAt: noon, endAt: noon + 1000, reason: 'restart' }]);
});

function sizeOf(count: number): number {
  return footage.fragments.slice(0, count).reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** The `.open` file, once it has so many bytes. */
async function openPath(dataDir: string, bytes: number): Promise<string> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const names = existsSync(join(dataDir, 'footage'))
      ? (readdirSync(join(dataDir, 'footage'), { recursive: true }) as string[])
      : [];
    const name = names.find(each => each.endsWith('.open'));
    const path = join(dataDir, 'footage', name ?? '');
    if (name !== undefined && statSync(path).size === bytes) return path;
    await new Promise(resolve => setImmediate(resolve));
  }
  throw new Error('the fragments did not reach the file');
}
