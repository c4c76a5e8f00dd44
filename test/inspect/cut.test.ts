// Which fragments of a segment hold a span, and when that was.

import t from 'tap';
import type { ListedFragment } from '../../src/archive/read-footage.ts';
import { cutFragments } from '../../src/inspect/export/cut.ts';

const began = Date.UTC(2026, 10, 21, 12);

/** Fragments of a second, with a key frame every other; media time begins anywhere. */
const fragments: readonly ListedFragment[] = Array.from({ length: 10 }, (_, index) => ({
  ...{ at: 0, bytes: 0 },
  ...{ startMs: 500 + index * 1000, durationMs: 1000, startsWithKeyFrame: index % 2 === 0 },
}));

function cut(fromMs: number, toMs: number, lastsMs: number | null = 10_000) {
  const segment = { startAt: began, endAt: lastsMs === null ? null : began + lastsMs };
  const found = cutFragments(fragments, segment, { from: began + fromMs, to: began + toMs });
  return found && [found.startAt - began, found.endAt - began, found.fragments.length];
}

t.test('from the key frame at or before a span to the fragment that reaches its end', async t => {
  t.strictSame(cut(4000, 5000), [4000, 5000, 1]);
  t.strictSame(cut(3999, 5001), [2000, 6000, 4]);
  t.strictSame(cut(-5000, 1), [0, 1000, 1]);
  t.strictSame(cut(9999, 20_000), [8000, 10_000, 2]);
  t.strictSame(cut(-5000, 50_000), [0, 10_000, 10]);
});

t.test('nothing of a segment that ends before the span or begins behind it', async t => {
  t.equal(cut(10_000, 20_000), undefined);
  t.equal(cut(10_000, 20_000, null), undefined, 'also of one that is being written');
  t.equal(cut(-1000, 0), undefined);
  t.equal(cutFragments([], { startAt: began, endAt: began + 1 }, { from: began, to: began + 1 }), undefined);
});

t.test('media time is drawn along the time line of the row, where they part by little', async t => {
  t.strictSame(cut(0, 50_000, 10_050), [0, 10_050, 10]);
  t.strictSame(cut(4020, 5000, 10_050), [4020, 5025, 1], 'each a little longer');
  t.strictSame(cut(4020, 5000, 9950), [3980, 5970, 2]);
});

t.test('a row that says something else than its file does not move the pictures', async t => {
  t.strictSame(cut(4000, 5000, 10_099), [2020, 5050, 3], 'just within');
  for (const lastsMs of [10_101, 60_000, 9899, 5000])
    t.strictSame(cut(4000, 5000, lastsMs), [4000, 5000, 1], `${lastsMs}`);
  t.strictSame(cut(4000, 50_000, 60_000), [4000, 10_000, 6], 'and it ends where its pictures do');
});
