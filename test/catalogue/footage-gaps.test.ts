// Gaps as the recorder writes them, where clocks and disks do not behave.

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { OpenSegment } from '../../src/catalogue/footage.ts';
import { sampleSegment } from './sample-segment.ts';

const camera = 'front-door';
const noon = Date.UTC(2026, 10, 21, 12);
const minute = 60_000;

function opened(test: Test) {
  const chain = { archiveId: 'a', sign: () => 'c2lnbmVk', now: () => noon };
  const catalogue = openCatalogue({ file: join(test.testdir(), 'catalogue.db'), chain });
  test.teardown(() => catalogue[Symbol.dispose]());
  return {
    catalogue,
    gapsAt(now: number) {
      catalogue.beatRecorder(now);
      return catalogue
        .gaps({ camera, from: 0, to: 9e15, now })
        .map(({ startAt, endAt, reason }) => [(startAt - noon) / minute, (endAt - noon) / minute, reason]);
    },
  };
}

const open = (startAt: number): OpenSegment => ({
  ...{ camera, id: 'o'.padEnd(26, '0'), run: 'r'.padEnd(26, '0'), path: 'footage/o.mp4' },
  ...{ startAt, endAt: startAt, writtenAt: startAt },
});

t.test('a clock that is set back makes no gaps that overlap', async t => {
  const { catalogue, gapsAt } = opened(t);
  catalogue.beginGap(camera, noon, 'unreachable');
  catalogue.addOpenSegment(open(noon + 10 * minute));
  catalogue.dropOpenSegment(camera, open(0).id, 'restart');
  catalogue.addOpenSegment(open(noon + 11 * minute));
  const between = [
    [0, 10, 'unreachable'],
    [10, 11, 'restart'],
  ];
  t.strictSame(gapsAt(noon + 12 * minute), between);
  catalogue.fileSegment(
    sampleSegment(open(0).id, noon + 11 * minute, { camera, endAt: noon + 12 * minute }),
    { gap: 'clock' },
  );
  catalogue.addOpenSegment(open(noon + 5 * minute));
  t.strictSame(gapsAt(noon + 6 * minute), between, 'a gap that would end before it began was none');
  catalogue.beginGap(camera, noon + 6 * minute, 'stalled');
  t.strictSame(gapsAt(noon + 13 * minute), [...between, [11, 13, 'stalled']]);
  catalogue.addOpenSegment(open(noon + 20 * minute));
  t.strictSame(gapsAt(noon + 20 * minute), [...between, [11, 20, 'stalled']]);
});

t.test('a segment that is finished late takes only what is in no other gap', async t => {
  const { catalogue, gapsAt } = opened(t);
  catalogue.addOpenSegment(open(noon));
  catalogue.beginGap(camera, noon + 2 * minute, 'disk');
  catalogue.beginGap(camera, noon + 3 * minute, 'unreachable');
  const late = sampleSegment(open(0).id, noon, { camera });
  catalogue.fileSegment(late, { gap: 'disk' });
  t.strictSame(gapsAt(noon + 4 * minute), [
    [1, 3, 'disk'],
    [3, 4, 'unreachable'],
  ]);
  catalogue.addOpenSegment({ ...open(noon + 2.5 * minute), id: 'p'.padEnd(26, '0') });
  catalogue.beginGap(camera, noon + 5 * minute, 'stalled');
  const overlapping = sampleSegment('p'.padEnd(26, '0'), noon + 2 * minute, {
    ...{ camera, endAt: noon + 2.5 * minute },
  });
  catalogue.fileSegment(overlapping, { gap: 'disk' });
  const gaps = gapsAt(noon + 6 * minute);
  for (const [index, gap] of gaps.slice(1).entries())
    t.ok((gap[0] as number) >= (gaps[index]?.[1] as number), JSON.stringify(gaps));
  t.strictSame(gaps, [
    [1, 3, 'disk'],
    [3, 6, 'stalled'],
  ]);
});
