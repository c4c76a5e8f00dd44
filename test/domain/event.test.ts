import t from 'tap';
import { areNear, eventSpan, findCuts, latestEnd, maxSpanMs, unite } from '../../src/domain/event.ts';
import { groupedSpans } from './grouped-spans.ts';
import { seededRandom } from './seeded-random.ts';

const clip = { kind: 'video', startAt: 1_000_000, durationMs: 12_000, receivedAt: 1_020_000 } as const;

t.test('a clip covers the time from its start to its end, a picture an instant', async t => {
  t.strictSame(eventSpan(clip), { startAt: 1_000_000, endAt: 1_012_000 });
  t.strictSame(eventSpan({ ...clip, kind: 'image', durationMs: null }), {
    startAt: 1_000_000,
    endAt: 1_000_000,
  });
});

t.test('tests, sentinels and unknown files are no events', async t => {
  for (const kind of ['test', 'sentinel', 'other'] as const) t.equal(eventSpan({ ...clip, kind }), null);
});

t.test('a forged length is cut at the longest that is believed, and at the arrival', async t => {
  const late = { ...clip, receivedAt: clip.startAt + 10 * maxSpanMs };
  const end = (durationMs: number, receivedAt: number) =>
    (eventSpan({ ...clip, durationMs, receivedAt })?.endAt ?? 0) - clip.startAt;
  t.equal(end(maxSpanMs - 1, late.receivedAt), maxSpanMs - 1);
  t.equal(end(maxSpanMs, late.receivedAt), maxSpanMs);
  t.equal(end(maxSpanMs + 1, late.receivedAt), maxSpanMs);
  t.equal(end(Number.MAX_SAFE_INTEGER, clip.receivedAt), 20_000 + 5 * 60_000);
  t.equal(end(1000, clip.startAt - 86_400_000), 0, 'a start in the future covers an instant');
});

t.test('spans are near up to the gap and not a millisecond more', async t => {
  const first = { startAt: 0, endAt: 1000 };
  for (const [startAt, near] of [
    [30_999, true],
    [31_000, true],
    [31_001, false],
  ] as const) {
    t.equal(areNear(first, { startAt, endAt: startAt }, 30_000), near);
    t.equal(areNear({ startAt, endAt: startAt }, first, 30_000), near);
  }
});

t.test('spans fall apart where their neighbours are not near, also inside a long one', async t => {
  const random = seededRandom(20261121);
  for (let round = 0; round < 300; round++) {
    const spans = randomSpans(random);
    const groups = groupedSpans(spans, 10);
    t.strictSame(
      findCuts(spans, { gapMs: 10 }),
      groups.slice(1).map((group, index) => ({
        endAt: unite(groups[index] ?? []).endAt,
        startAt: unite(group).startAt,
      })),
    );
    for (const [index, group] of groups.entries())
      for (const other of groups.slice(index + 1))
        t.notOk(
          group.some(a => other.some(b => areNear(a, b, 10))),
          'what is near is together',
        );
    t.equal(latestEnd(spans.toReversed()), unite(spans).endAt);
  }
});

t.test('nothing is read behind the place at which nothing has changed', async t => {
  const spans = [
    { startAt: 10, endAt: 30 },
    { startAt: 35, endAt: 40 },
  ];
  let read = 0;
  const counted = function* () {
    for (const span of [...spans, { startAt: 41, endAt: 50 }, { startAt: 500, endAt: 500 }]) {
      read++;
      yield span;
    }
  };
  t.strictSame(findCuts(counted(), { gapMs: 10, reachedAt: 5, untilAt: 40 }), []);
  t.equal(read, 3);
  t.strictSame(findCuts(spans, { gapMs: 10, reachedAt: -1, untilAt: 40 }), [{ endAt: -1, startAt: 10 }]);
  t.strictSame(findCuts(spans, { gapMs: 10, reachedAt: 0, untilAt: 40 }), []);
});

t.test('the last end is found behind later starts, as far back as a clip may reach', async t => {
  const spans = [
    { startAt: maxSpanMs, endAt: maxSpanMs + 10 },
    { startAt: 11, endAt: 11 + maxSpanMs },
  ];
  t.equal(latestEnd(spans), 11 + maxSpanMs);
  t.equal(latestEnd([]), null);
});

function randomSpans(random: (below: number) => number) {
  return Array.from({ length: 1 + random(12) }, () => {
    const startAt = random(400);
    return { startAt, endAt: startAt + random(60) };
  }).sort((a, b) => a.startAt - b.startAt);
}
