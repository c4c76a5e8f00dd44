import t from 'tap';
import { createRecentFragments, type RecentFragment } from '../../src/record/recent-fragments.ts';

const init = { bytes: Buffer.alloc(0), tracks: [] };
const other = { bytes: Buffer.alloc(1), tracks: [] };

function made(
  number: number,
  more: { key?: boolean; bytes?: number; init?: typeof init } = {},
): RecentFragment {
  return {
    init: more.init ?? init,
    fragment: {
      bytes: Buffer.alloc(more.bytes ?? 10),
      tracks: [],
      startsWithKeyFrame: more.key ?? number % 4 === 0,
      startMs: number * 1000,
      durationMs: 1000,
    },
    startAt: number * 1000,
  };
}

const numberOf = (read: IteratorResult<RecentFragment>) => (read.done ? null : read.value.startAt / 1000);

t.test('a reader begins at the newest key frame, and gets everything from there', async t => {
  const recent = createRecentFragments();
  t.equal(recent.newestKeyFrame(), undefined);
  for (let number = 0; number < 7; number++) recent.add(made(number));
  t.equal(recent.newestKeyFrame()?.startAt, 4000);
  using reading = recent.subscribe();
  t.strictSame([numberOf(await reading.next()), numberOf(await reading.next())], [4, 5]);
  recent.add(made(7));
  t.strictSame([numberOf(await reading.next()), numberOf(await reading.next())], [6, 7]);
});

t.test('a reader that comes before the first key frame waits for it', async t => {
  const recent = createRecentFragments();
  using reading = recent.subscribe();
  const first = reading.next();
  recent.add(made(1));
  recent.add(made(2));
  recent.add(made(4));
  t.equal(numberOf(await first), 4);
});

t.test('the ring holds so many bytes and so much time, and always the newest', async t => {
  for (const [limits, kept] of [
    [{ maxBytes: 49, maxMs: 60_000 }, 4],
    [{ maxBytes: 50, maxMs: 60_000 }, 5],
    [{ maxBytes: 1, maxMs: 60_000 }, 1],
    [{ maxBytes: 1e6, maxMs: 2999 }, 3],
    [{ maxBytes: 1e6, maxMs: 3000 }, 4],
  ] as const) {
    const recent = createRecentFragments(limits);
    using reading = recent.subscribe();
    recent.add(made(0));
    await reading.next();
    for (let number = 1; number < 20; number++) recent.add(made(number, { key: true }));
    recent.end();
    // It is behind, and goes on at the newest key frame.
    t.equal(numberOf(await reading.next()), 19);
    const all = createRecentFragments(limits);
    for (let number = 0; number < 20; number++) all.add(made(number, { key: number === 20 - kept }));
    using second = all.subscribe();
    t.equal(numberOf(await second.next()), 20 - kept, 'the oldest is there');
    const one = createRecentFragments(limits);
    for (let number = 0; number < 20; number++) one.add(made(number, { key: number === 19 - kept }));
    t.equal(one.newestKeyFrame(), undefined, 'and none before it');
  }
});

t.test('a slow reader loses what fell out, and goes on at a key frame', async t => {
  const recent = createRecentFragments({ maxBytes: 60, maxMs: 60_000 });
  using reading = recent.subscribe();
  recent.add(made(0));
  t.equal(numberOf(await reading.next()), 0);
  for (let number = 1; number < 15; number++) recent.add(made(number));
  t.equal(numberOf(await reading.next()), 12);
  t.equal(numberOf(await reading.next()), 13);
});

t.test('a reader sees a new description with a key frame of it', async t => {
  const recent = createRecentFragments();
  using reading = recent.subscribe();
  recent.add(made(0));
  t.equal((await reading.next()).value?.init, init);
  recent.add(made(1));
  recent.add(made(9, { key: true, init: other }));
  const read = [await reading.next(), await reading.next()];
  t.equal(read[0]?.value?.init, init);
  t.equal(read[1]?.value?.init, other);
  t.equal(read[1]?.value?.fragment.startsWithKeyFrame, true);
});

t.test('what is cleared is not shown any more, and readers stay', async t => {
  const recent = createRecentFragments();
  using reading = recent.subscribe();
  for (let number = 0; number < 6; number++) recent.add(made(number));
  t.equal(numberOf(await reading.next()), 4);
  recent.clear();
  t.equal(recent.newestKeyFrame(), undefined);
  const next = reading.next();
  recent.add(made(7));
  recent.add(made(8));
  t.equal(numberOf(await next), 8, 'not before a key frame');
});

t.test('what is cleared takes no room from what follows', async t => {
  const recent = createRecentFragments({ maxBytes: 50, maxMs: 60_000 });
  for (let number = 0; number < 4; number++) recent.add(made(number));
  recent.clear();
  for (let number = 8; number < 12; number++) recent.add(made(number));
  t.equal(recent.newestKeyFrame()?.startAt, 8000);
});

t.test('a reader ends when it is closed, also while it waits, and with the ring', async t => {
  const recent = createRecentFragments();
  const one = recent.subscribe();
  const two = recent.subscribe();
  t.equal(recent.readerCount(), 2);
  const waiting = [one.next(), two.next()] as const;
  one[Symbol.dispose]();
  t.equal((await waiting[0]).done, true);
  await one.return?.();
  t.equal(recent.readerCount(), 1, 'closing it twice is closing it once');
  recent.add(made(0));
  t.equal(numberOf(await waiting[1]), 0);
  recent.add(made(1));
  recent.end();
  recent.add(made(2));
  t.equal(numberOf(await two.next()), 1, 'what there was is still read');
  t.equal((await two.next()).done, true);
  t.equal((await recent.subscribe().next()).value?.startAt, 0);
});

t.test('a loop over a reading ends with it', async t => {
  const recent = createRecentFragments();
  for (let number = 0; number < 3; number++) recent.add(made(number));
  const seen: number[] = [];
  for await (const { startAt } of recent.subscribe()) {
    seen.push(startAt);
    if (seen.length === 2) break;
  }
  t.strictSame(seen, [0, 1000]);
  t.equal(recent.readerCount(), 0);
});
