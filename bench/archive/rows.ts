// What filing costs in a small and in a large archive: the same small clips in turns, everything but the decoder.

import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openClipFiles } from '../../src/archive/clip-files.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { randomId } from '../../src/base/random-id.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { adjustClock } from '../../src/ingest/adjust-clock.ts';
import { fileMedia } from '../../src/ingest/file-media.ts';
import type { ClipParts } from '../../src/ingest/parts.ts';
import { datedName, type LargeArchive, largeArchiveCameras } from '../lib/large-archive.ts';
import { median } from '../lib/spread.ts';

const rounds = 8;
const clipsARound = 40;

export type Rows = Readonly<{ smallMs: number; largeMs: number; ratio: number; ratios: readonly number[] }>;

export async function measureRows(smallArchive: LargeArchive, largeArchive: LargeArchive): Promise<Rows> {
  const small = openToFile(smallArchive);
  const large = openToFile(largeArchive);
  const ratios: number[] = [];
  const smallMs: number[] = [];
  const largeMs: number[] = [];
  await small.file();
  await large.file();
  for (let round = 0; round < rounds; round++) {
    const [a, b] = [await small.file(), await large.file()];
    smallMs.push(a);
    largeMs.push(b);
    ratios.push(b / a);
  }
  small.close();
  large.close();
  return { smallMs: median(smallMs), largeMs: median(largeMs), ratio: median(ratios), ratios };
}

/** `file` files some more, and answers the milliseconds that each took. */
function openToFile({ dataDir, stateDir, archiveId }: LargeArchive) {
  // Nobody verifies these.
  const chain = { archiveId, sign: () => 'x'.repeat(88), now: () => systemClock.now() };
  const catalogue = openCatalogue({ file: catalogueFile(stateDir), chain });
  const parts: ClipParts & Parameters<typeof adjustClock>[0] = {
    dataDir,
    media: {
      look: async () => ({
        ...{ container: 'mp4', extension: 'mp4', kind: 'video', codec: 'h264', audioCodec: null },
        ...{ width: 1920, height: 1080, durationMs: 10_000, containerCreatedAt: null, problem: null },
      }),
      thumbnail: async () => ({ jpeg: Buffer.alloc(20_000, 1), width: 480, height: 270 }),
    },
    clipFiles: openClipFiles({ dataDir, archiveId }),
    catalogue,
    cameraTime: () => ({ timeZone: 'UTC', acceptanceDays: 7 }),
    log: silentLog(),
  };
  const source = join(stateDir, 'source');
  return {
    close: () => catalogue[Symbol.dispose](),
    async file(): Promise<number> {
      let spentMs = 0;
      for (let index = 0; index < clipsARound; index++) {
        const bytes = Buffer.from(randomId().repeat(2000));
        await writeFile(source, bytes);
        await using media = await open(source);
        const camera = `camera-${(index % largeArchiveCameras) + 1}`;
        // Half of them by a camera that never dates its names, and so has used one of them for ever.
        const originalPath = index % 2 ? 'snapshot.mp4' : datedName(systemClock.now());
        const startedAt = performance.now();
        await fileMedia(
          parts,
          {
            ...{ id: randomId(), camera, originalPath, bytes: bytes.length },
            sha256: createHash('sha256').update(bytes).digest('hex'),
            receivedAt: systemClock.now(),
            keptFrom: systemClock.now(),
            withdrawnAt: null,
            ...{ completeness: 'whole', completenessBasis: 'close-notify', receiptText: '{}' },
            media: { file: media, path: source, digest: async () => '' },
          },
          new AbortController().signal,
        );
        adjustClock(parts, camera);
        spentMs += performance.now() - startedAt;
      }
      return spentMs / clipsARound;
    },
  };
}

export function rowsInWords({ smallMs, largeMs, ratio, ratios }: Rows, clips: number): string[] {
  return [
    `filing a clip: ${smallMs.toFixed(2)} ms with 1000 rows, ${largeMs.toFixed(2)} ms with ${clips}: ${ratio.toFixed(2)} times (goal: at most 1.2)`,
    `the rounds: ${ratios.map(each => each.toFixed(2)).join(', ')}`,
  ];
}
