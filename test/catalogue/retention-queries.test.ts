import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import { sampleClip, sampleReceipt } from './sample-clip.ts';
import { sampleSegment } from './sample-segment.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const second = 1000;

function opened(test: Test) {
  const file = join(test.testdir(), 'catalogue.db');
  const catalogue = openCatalogue({ file });
  test.teardown(() => catalogue[Symbol.dispose]());
  let count = 0;
  return {
    catalogue,
    file,
    clip(keptFrom: number, facts: Partial<Clip> = {}) {
      const id = `c${count++}`.padStart(26, '0');
      const camera = facts.camera ?? 'den';
      const path = `clips/${camera}/${id}.mp4`;
      const times = { startAt: keptFrom, receivedAt: keptFrom, keptFrom, durationMs: 1000 };
      catalogue.fileClip(
        sampleClip(id, { ...{ camera, path, thumbnail: null, bytes: 10 }, ...times, ...facts }),
        sampleReceipt(id, keptFrom),
      );
      return id;
    },
  };
}

const ids = (candidates: Iterable<{ id: string }>) => [...candidates].map(({ id }) => id);

t.test('an empty catalogue holds nothing, and nothing may go', async t => {
  const { catalogue } = opened(t);
  t.strictSame(catalogue.holdings(), []);
  t.strictSame(catalogue.arrivals(0), []);
  t.strictSame(ids(catalogue.clipCandidates('den')), []);
});

t.test('holdings are the sums of each camera, of files of every kind', async t => {
  const { catalogue, clip } = opened(t);
  clip(noon, { bytes: 1 });
  clip(noon, { bytes: 20, kind: 'test' });
  clip(noon, { bytes: 300, camera: 'attic', kind: 'other' });
  t.strictSame(catalogue.holdings(), [
    { camera: 'attic', clips: 1, segments: 0, bytes: 300, footageBytes: 0 },
    { camera: 'den', clips: 2, segments: 0, bytes: 21, footageBytes: 0 },
  ]);
});

t.test('what was imported counts by its arrival then, not by the import', async t => {
  const { catalogue, clip } = opened(t);
  clip(noon, { bytes: 1 });
  clip(noon, { bytes: 20, receivedAt: noon - 100 * second });
  clip(noon, { bytes: 300, receivedAt: noon - 101 * second });
  clip(noon + 1, { bytes: 4000, camera: 'porch' });
  t.strictSame(catalogue.arrivals(noon - 100 * second), [
    { camera: 'den', media: 'clips', firstAt: noon - 101 * second, recentBytes: 21 },
    { camera: 'porch', media: 'clips', firstAt: noon + 1, recentBytes: 4000 },
  ]);
  t.match(catalogue.arrivals(noon + 2), [{ recentBytes: 0 }, { recentBytes: 0 }]);
});

t.test('footage counts beside clips, that around events with the rest', async t => {
  const { catalogue, clip } = opened(t);
  const segment = (word: string, startAt: number, bytes: number, camera = 'den') =>
    catalogue.fileSegment(sampleSegment(word.padStart(26, '0'), startAt, { camera, bytes }), {
      gap: 'restart',
    });
  clip(noon, { bytes: 1 });
  segment('a', noon - 60 * second, 20);
  segment('b', noon - 600 * second, 300);
  segment('c', noon, 4000, 'porch');
  t.strictSame(catalogue.holdings(), [
    { camera: 'den', clips: 1, segments: 2, bytes: 321, footageBytes: 320 },
    { camera: 'porch', clips: 0, segments: 1, bytes: 4000, footageBytes: 4000 },
  ]);
  const footage = { camera: 'den', media: 'footage', firstAt: noon - 540 * second };
  const porch = { camera: 'porch', media: 'footage', firstAt: noon + 60 * second };
  t.strictSame(catalogue.arrivals(noon), [
    { camera: 'den', media: 'clips', firstAt: noon, recentBytes: 1 },
    { ...footage, recentBytes: 20 },
    { ...porch, recentBytes: 4000 },
  ]);
  t.match(catalogue.arrivals(noon - 540 * second)[1], { recentBytes: 320 });
});

t.test('candidates are those of one camera, oldest first, each once, over all pages', async t => {
  const { catalogue, clip } = opened(t);
  // Many of the same instant, so that a page ends within it.
  const filed = Array.from({ length: 700 }, (_, index) => ({
    keptFrom: noon + Math.floor(index / 300) * second,
    id: clip(noon + Math.floor(index / 300) * second),
  }));
  clip(noon - second, { camera: 'porch' });
  const expected = filed.sort((a, b) => a.keptFrom - b.keptFrom || (a.id < b.id ? -1 : 1));
  const found = [...catalogue.clipCandidates('den')];
  t.strictSame(
    found,
    expected.map(({ id, keptFrom }) => ({ id, bytes: 10, keptFrom })),
  );
});

t.test(
  'other statements may run while candidates are read, and what they hold is left out from then on',
  async t => {
    const { catalogue, clip } = opened(t);
    for (let index = 0; index < 300; index++) clip(noon + index * 60 * second);
    const candidates = catalogue.clipCandidates('den')[Symbol.iterator]();
    candidates.next();
    clip(noon, { camera: 'porch' });
    catalogue.addHold(
      {
        ...{ id: 'h', camera: 'den', event: null, reason: null, addedAt: 1 },
        fromAt: noon + 280 * 60 * second,
        toAt: noon + 290 * 60 * second,
      },
      9,
    );
    let rest = 0;
    while (candidates.next().done !== true) rest++;
    t.equal(rest, 299 - 10);
  },
);

t.test('what is on hold is no candidate: by its event, by a span, at its very ends', async t => {
  const { catalogue, clip } = opened(t);
  const minute = 60 * second;
  const [before, first, last, after, ofEvent] = [0, 10, 20, 30, 40].map(at => clip(noon + at * minute));
  const twin = clip(noon + 40 * minute + 5 * second);
  const base = { camera: 'den', reason: null, addedAt: 1 };
  // From the end of the first to the start of the last and a millisecond.
  const span = { fromAt: noon + 10 * minute + second, toAt: noon + 20 * minute + 1 };
  catalogue.addHold({ id: 'span', event: null, ...span, ...base }, 9);
  const event = catalogue.clip(ofEvent as string)?.event ?? '';
  catalogue.addHold({ id: 'event', event, fromAt: null, toAt: null, ...base }, 9);
  t.strictSame(ids(catalogue.clipCandidates('den')), [before, after]);
  catalogue.removeHold('span');
  t.strictSame(ids(catalogue.clipCandidates('den')), [before, first, last, after]);
  catalogue.removeHold('event');
  t.strictSame(ids(catalogue.clipCandidates('den')).slice(4), [ofEvent, twin]);
});

t.test('the last pass is remembered, also one of an earlier time', async t => {
  const { catalogue } = opened(t);
  t.equal(catalogue.lastPassAt(), null);
  for (const at of [noon, noon + 1, noon - 86_400_000]) {
    catalogue.setLastPassAt(at);
    t.equal(catalogue.lastPassAt(), at);
  }
});
