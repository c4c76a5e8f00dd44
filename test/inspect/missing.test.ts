// What is said of the parts that an export does not hold.

import t from 'tap';
import { nothingFound } from '../../src/inspect/export/footage-stream.ts';
import { findMissing } from '../../src/inspect/export/missing.ts';
import { sampleClip } from '../catalogue/sample-clip.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const minute = 60_000;

t.test('with what is missing stand the clips that were filmed then, and no others', async t => {
  const clip = (id: string, startMs: number, durationMs: number) => ({
    ...sampleClip(id, { camera: 'den' }),
    ...{ startAt: noon + startMs, durationMs, receivedAt: noon + startMs + durationMs },
  });
  const clips = [
    clip('long', -30 * minute, 35 * minute),
    clip('inside', 2 * minute, 1000),
    clip('before', -minute, 30_000),
    clip('behind', 11 * minute, 1000),
  ];
  const found = findMissing(
    {
      clock: { now: () => noon + 60 * minute },
      catalogue: {
        gaps: () => [],
        openSegments: () => [],
        segmentsBetween: () => [],
        isRecording: () => false,
        listClips({ since = 0 }: { since?: number }) {
          return clips
            .filter(({ startAt }) => startAt >= since)
            .reverse()
            [Symbol.iterator]();
        },
      },
    } as unknown as Parameters<typeof findMissing>[0],
    { camera: 'den', from: noon, to: noon + 10 * minute },
    nothingFound(),
  );
  t.equal(found.length, 1);
  t.match(found, [{ startAt: noon, endAt: noon + 10 * minute, reason: 'no-record' }]);
  t.strictSame(found[0]?.clips.toSorted(), ['inside', 'long']);
});
