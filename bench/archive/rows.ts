// What filing costs in a small and in a large archive: the same small clips in turns, everything but the decoder.

import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSigningKey } from '../../src/access/signing-key.ts';
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

const rounds = 60;
const clipsARound = 20;
/** Compiles what files, and makes the directories of the day. */
const roundsToWarmUp = 4;

export type Rows = Readonly<{
  /** CPU of all threads for one clip, in the middle of the rounds. */
  smallCpuMs: number;
  largeCpuMs: number;
  smallMs: number;
  largeMs: number;
  /** Of CPU, for each round. */
  ratio: number;
  ratios: readonly number[];
}>;

/**
 * In turns, and by CPU: what else the machine does, and what the disk does then, is not the archive's. Who comes first changes
 * with each round, as the second finds what the first has left in the processor's caches.
 */
export async function measureRows(smallArchive: LargeArchive, largeArchive: LargeArchive): Promise<Rows> {
  const small = await openToFile(smallArchive);
  const large = await openToFile(largeArchive);
  const costs = { small: [] as Cost[], large: [] as Cost[] };
  try {
    for (let round = -roundsToWarmUp; round < rounds; round++) {
      const turns = [['small', small] as const, ['large', large] as const];
      for (const [name, archive] of round % 2 === 0 ? turns : turns.toReversed()) {
        const cost = await archive.file();
        if (round >= 0) costs[name].push(cost);
      }
    }
  } finally {
    small.close();
    large.close();
  }
  const ratios = costs.large.map(({ cpuMs }, round) => cpuMs / (costs.small[round]?.cpuMs ?? Number.NaN));
  const middle = (name: 'small' | 'large', of: (cost: Cost) => number) => median(costs[name].map(of));
  return {
    ...{
      smallCpuMs: middle('small', ({ cpuMs }) => cpuMs),
      largeCpuMs: middle('large', ({ cpuMs }) => cpuMs),
    },
    ...{ smallMs: middle('small', ({ ms }) => ms), largeMs: middle('large', ({ ms }) => ms) },
    ...{ ratio: median(ratios), ratios },
  };
}

/** Of one clip. */
type Cost = Readonly<{ ms: number; cpuMs: number }>;

/** `file` files some more, and answers what each took. */
async function openToFile({ dataDir, stateDir, archiveId }: LargeArchive) {
  const { sign } = await openSigningKey({ stateDir, log: silentLog() });
  const chain = { archiveId, sign, now: () => systemClock.now() };
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
    async file(): Promise<Cost> {
      let [ms, cpuUs] = [0, 0];
      for (let index = 0; index < clipsARound; index++) {
        const bytes = Buffer.from(randomId().repeat(2000));
        await writeFile(source, bytes);
        await using media = await open(source);
        const camera = `camera-${(index % largeArchiveCameras) + 1}`;
        // Half of them by a camera that never dates its names, and so has used one of them for ever.
        const originalPath = index % 2 ? 'snapshot.mp4' : datedName(systemClock.now());
        const [startedAt, cpuBefore] = [performance.now(), process.cpuUsage()];
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
        const { user, system } = process.cpuUsage(cpuBefore);
        ms += performance.now() - startedAt;
        cpuUs += user + system;
      }
      return { ms: ms / clipsARound, cpuMs: cpuUs / 1000 / clipsARound };
    },
  };
}

export function rowsInWords(rows: Rows, clips: number): string[] {
  const { smallCpuMs, largeCpuMs, smallMs, largeMs, ratio, ratios } = rows;
  const sorted = ratios.toSorted((one, other) => one - other);
  const quarter = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2);
  return [
    `filing a clip: ${smallCpuMs.toFixed(2)} ms of CPU with 1000 rows, ${largeCpuMs.toFixed(2)} with ${clips}: ${ratio.toFixed(2)} times (goal: at most 1.2; half of ${ratios.length} rounds ${quarter(0.25)} to ${quarter(0.75)})`,
    `it takes ${smallMs.toFixed(2)} and ${largeMs.toFixed(2)} ms`,
  ];
}
