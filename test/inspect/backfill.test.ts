// Which clips fill a gap of the footage.

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { ListedGap } from '../../src/catalogue/footage.ts';
import { openBackfill } from '../../src/inspect/backfill.ts';
import { sampleOpenSegment, sampleSegment } from '../catalogue/footage-rows.ts';
import { seededRandom } from '../domain/seeded-random.ts';

const noon = Date.UTC(2026, 10, 21, 12);

/** Footage for a minute from noon on, stalled for another, recorded for a third, then off. */
function ground(test: Test) {
  const catalogue = openCatalogue({ file: join(test.testdir(), 'catalogue.db') });
  test.teardown(() => catalogue[Symbol.dispose]());
  catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: noon }));
  catalogue.fileSegment(sampleSegment('s1', { startAt: noon }), { gap: 'stalled' });
  catalogue.addOpenSegment(sampleOpenSegment('s2', { startAt: noon + 120_000 }));
  catalogue.fileSegment(sampleSegment('s2', { startAt: noon + 120_000 }), { gap: 'off' });
  catalogue.beatRecorder(noon + 600_000);
  const backfill = openBackfill(catalogue, noon + 600_000);
  return (from: number, durationMs: number | null, kind: 'video' | 'image' | 'test' | 'other' = 'video') =>
    backfill({ camera: 'den', kind, startAt: noon + from, durationMs });
}

t.test('a clip of which a part lies in a gap fills it', t => {
  const backfill = ground(t);
  t.equal(backfill(70_000, 10_000), true);
  t.equal(backfill(0, 60_000), false, 'up to the gap');
  t.equal(backfill(0, 60_001), true);
  t.equal(backfill(119_999, 1000), true);
  t.equal(backfill(120_000, 1000), false, 'from its end on');
  t.equal(backfill(10_000, 300_000), true, 'all of it and more');
  t.end();
});

t.test('a picture is a moment, and what has no length too', t => {
  const backfill = ground(t);
  t.equal(backfill(59_999, null, 'image'), false);
  t.equal(backfill(60_000, null, 'image'), true);
  t.equal(backfill(119_999, 0), true);
  t.equal(backfill(120_000, 0), false);
  t.end();
});

t.test('when nothing was to be recorded there is nothing to fill', t => {
  const backfill = ground(t);
  t.equal(backfill(180_000, 1000), null, 'off');
  t.equal(backfill(179_999, 1000), false, 'half of it recorded');
  t.equal(backfill(-1000, 1000), null, 'before anything was known');
  t.equal(backfill(-1000, 1001), false);
  for (const kind of ['test', 'other'] as const) t.equal(backfill(70_000, 1000, kind), null, kind);
  const other = ground(t);
  t.equal(other(70_000, 1000), true);
  t.end();
});

t.test('the answer is the same in any order, and as if every gap had been looked at', t => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const gaps: ListedGap[] = [];
    for (let at = random(20); at < 200; ) {
      const endAt = at + 1 + random(15);
      gaps.unshift({ startAt: at, endAt, reason: random(3) === 0 ? 'off' : 'stalled', lasts: false });
      at = endAt + random(3) * random(20);
    }
    const from = random(2) === 0 ? 0 : Math.min(...gaps.map(({ startAt }) => startAt));
    const catalogue = {
      recordedFrom: () => from,
      listGaps({ from = 0, to = 0, limit = Number.POSITIVE_INFINITY }) {
        return gaps.filter(({ startAt, endAt }) => startAt < to && endAt > from).slice(0, limit);
      },
    };
    const clips = Array.from({ length: 300 }, () => ({
      ...{ camera: 'den', kind: 'video' as const, startAt: random(220) - 10 },
      durationMs: random(4) === 0 ? null : random(25),
    }));
    const naive = ({ startAt, durationMs }: (typeof clips)[number]) => {
      const endAt = startAt + Math.max(1, durationMs ?? 0);
      if (endAt <= from) return null;
      const hit = gaps.filter(gap => gap.startAt < endAt && gap.endAt > startAt);
      if (hit.some(({ reason }) => reason !== 'off')) return true;
      return hit.some(gap => gap.startAt <= startAt && gap.endAt >= endAt) ? null : false;
    };
    const expected = clips.map(naive);
    t.strictSame(clips.map(openBackfill(catalogue, 1000)), expected, `seed ${seed}`);
    const newestFirst = clips.toSorted((one, other) => other.startAt - one.startAt);
    t.strictSame(
      newestFirst.map(openBackfill(catalogue, 1000)),
      newestFirst.map(naive),
      `seed ${seed}, newest first`,
    );
  }
  t.end();
});

t.test('gaps are read by the hundred, not for each clip', t => {
  const gaps = Array.from({ length: 2000 }, (_, number): ListedGap => {
    const startAt = (2000 - number) * 100;
    return { startAt, endAt: startAt + 10, reason: 'stalled', lasts: false };
  });
  let lookUps = 0;
  const backfill = openBackfill(
    {
      recordedFrom: () => 0,
      listGaps({ to = 0, from = 0, limit = Number.POSITIVE_INFINITY }) {
        lookUps++;
        return gaps.filter(({ startAt, endAt }) => startAt < to && endAt > from).slice(0, limit);
      },
    },
    2_000_000,
  );
  for (let startAt = 200_200; startAt > 0; startAt -= 50)
    t.equal(
      backfill({ camera: 'den', kind: 'video', startAt, durationMs: 5 }),
      startAt <= 200_000 && startAt % 100 === 0,
    );
  t.ok(lookUps <= 6, `${lookUps}`);
  t.equal(
    backfill({ camera: 'den', kind: 'video', startAt: 150, durationMs: 199_850 }),
    true,
    'more than remembered',
  );
  t.equal(backfill({ camera: 'den', kind: 'video', startAt: 110, durationMs: 90 }), false);
  t.equal(backfill({ camera: 'den', kind: 'video', startAt: 110, durationMs: 91 }), true);
  t.end();
});
