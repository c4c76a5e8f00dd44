// Spans of the time line, compared moment by moment with what they must be by the plainest rule.

import t from 'tap';
import {
  coverageOf,
  type Gap,
  mergeSpans,
  type Span,
  spansBetween,
} from '../../src/domain/footage/coverage.ts';
import { overlapsAny, spanSet } from '../../src/domain/footage/span-set.ts';
import { seededRandom } from './seeded-random.ts';

const rounds = 400;
const holds =
  (at: number) =>
  ({ startAt, endAt }: Span) =>
    startAt <= at && at < endAt;

function someSpans(random: (below: number) => number, count: number): Span[] {
  return Array.from({ length: random(count) }, () => {
    const startAt = random(60);
    return { startAt, endAt: startAt + random(12) };
  });
}

t.test('merged spans hold the moments that the spans hold, no other, and never touch', async t => {
  const random = seededRandom(31);
  for (let round = 0; round < rounds; round++) {
    const spans = someSpans(random, 9);
    const within = { startAt: random(20), endAt: 30 + random(40) };
    const merged = mergeSpans(spans, within);
    const holes = spansBetween(spans, within);
    for (let at = -1; at < 90; at++) {
      const isThere = spans.some(holds(at)) && holds(at)(within);
      if (merged.some(holds(at)) !== isThere) t.fail(`moment ${at} of round ${round}`);
      if (holes.some(holds(at)) !== (holds(at)(within) && !isThere)) t.fail(`hole ${at} of round ${round}`);
    }
    for (const [index, { startAt, endAt }] of merged.entries()) {
      if (startAt >= endAt) t.fail(`an empty span in round ${round}`);
      const next = merged[index + 1];
      if (next && next.startAt <= endAt) t.fail(`two spans touch in round ${round}`);
    }
  }
  t.pass();
});

t.test('something overlaps a set where they have a moment in common; what lasts no time is one', async t => {
  const random = seededRandom(37);
  for (let round = 0; round < rounds; round++) {
    const spans = someSpans(random, 9);
    const set = spanSet(spans);
    const [startAt, lasts] = [random(70), random(6)];
    let expected = false;
    for (let at = startAt; at < startAt + Math.max(1, lasts); at++) expected ||= spans.some(holds(at));
    if (overlapsAny(set, { startAt, endAt: startAt + lasts }) !== expected)
      t.fail(`${startAt} for ${lasts} and ${JSON.stringify(set)}`);
  }
  t.equal(overlapsAny(spanSet([{ startAt: 10, endAt: 20 }]), { startAt: 19, endAt: 19 }), true);
  t.equal(overlapsAny(spanSet([{ startAt: 10, endAt: 20 }]), { startAt: 20, endAt: 20 }), false);
});

t.test('of what is not recorded, only what was off is not missing', async t => {
  const within = { startAt: 0, endAt: 100 };
  const recorded = [{ startAt: 0, endAt: 50 }];
  const gapOf = (reason: Gap['reason']): Gap => ({ startAt: 50, endAt: 75, reason });
  for (const reason of ['unreachable', 'refused', 'stalled', 'disk', 'restart', 'clock', 'unknown'] as const)
    t.strictSame(
      coverageOf(within, { recorded, gaps: [gapOf(reason)] }),
      { recordedMs: 50, offMs: 0, missingMs: 50, share: 0.5 },
      reason,
    );
  t.strictSame(coverageOf(within, { recorded, gaps: [gapOf('off')] }), {
    ...{ recordedMs: 50, offMs: 25, missingMs: 25, share: 2 / 3 },
  });
});
