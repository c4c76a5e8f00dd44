// A real archive with clips of any age, and passes of retention over it.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Test } from 'tap';
import { thumbnailRelativePath } from '../../src/archive/clip-path.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import type { Segment } from '../../src/catalogue/footage.ts';
import type { Eviction, EvictionReason, MediaClass, RetentionPlan } from '../../src/domain/retention-plan.ts';
import { openRetention } from '../../src/retain/open-retention.ts';
import { type RetentionParts, runRetention } from '../../src/retain/run-retention.ts';
import { type ChainedArchive, chainedArchive, idOf } from '../inspect/chained-archive.ts';

export { idOf };

export type RetainedArchive = Awaited<ReturnType<typeof retainedArchive>>;
const dayMs = 86_400_000;

export async function retainedArchive(test: Test) {
  const archive = await chainedArchive(test);
  const { dataDir, stateDir, archiveId, catalogue, clock } = archive;
  const opened = openRetention({
    settings: { dataDir, stateDir, retention: standardRetention, ftps: { limits: { minFreeBytes: 0 } } },
    ...{ archiveId, catalogue },
    cameras: () => [],
    // Nobody sets this clock: what is added to it has passed.
    clock: { now: () => clock.at, monotonicMs: () => clock.at + performance.now() },
  });
  const run = (more: Partial<RetentionParts> = {}, signal = new AbortController().signal) =>
    runRetention({ ...opened, ...more }, signal);
  return {
    ...archive,
    parts: opened,
    run,
    /** A pass that is told to delete exactly these, at once. */
    runFor: (evictions: readonly Eviction[], more: Partial<RetentionParts> = {}) =>
      run({ plan: onePlan(evictions), ...more }),
    /** A clip with file and thumbnail that arrived so many days ago. */
    clip(word: string, facts: Partial<Clip> & { daysAgo?: number; media?: string | Buffer } = {}) {
      const { daysAgo = 10, media, ...columns } = facts;
      const receivedAt = clock.at - daysAgo * dayMs;
      const times = { receivedAt, keptFrom: receivedAt, startAt: receivedAt, thumbnail: null };
      const filed = archive.fileClip(word, media, { ...times, ...columns });
      const thumbnail = thumbnailRelativePath(filed.path);
      mkdirSync(dirname(join(dataDir, thumbnail)), { recursive: true });
      writeFileSync(join(dataDir, thumbnail), `small ${word}`);
      catalogue.setThumbnail(filed.id, thumbnail);
      return catalogue.clip(filed.id) as Clip;
    },
    /** A segment of a minute with its file that was recorded so many days ago. */
    segment(word: string, facts: Partial<Segment> & { daysAgo?: number } = {}) {
      const { daysAgo = 10, startAt = clock.at - daysAgo * dayMs, ...columns } = facts;
      return archive.fileSegment(word, startAt, columns);
    },
    /** What lies under clips/, thumbnails/ and footage/, sorted. */
    files: () =>
      ['clips', 'thumbnails', 'footage']
        .filter(top => existsSync(join(dataDir, top)))
        .flatMap(top => readdirSync(join(dataDir, top), { recursive: true, withFileTypes: true }))
        .filter(file => !file.isDirectory())
        .map(file => join(relative(dataDir, file.parentPath), file.name))
        .sort(),
    /** What rows say should lie there, garbage included. */
    rowFiles: () =>
      [...catalogue.listClips({}), ...segmentsOf(archive), ...catalogue.garbageFiles('', 1000)]
        .flatMap(({ path, thumbnail }) => [path, ...(thumbnail === null ? [] : [thumbnail])])
        .sort(),
    read: (path: string) => readFileSync(join(dataDir, path), 'utf8'),
    at: (path: string) => join(dataDir, path),
  };
}

function segmentsOf({ catalogue }: Pick<ChainedArchive, 'catalogue'>) {
  return [...catalogue.segmentsByPath()].map(({ path }) => ({ path, thumbnail: null }));
}

export const standardRetention = {
  keepClipsDays: 30,
  keepFootageDays: 30,
  expectEveryMs: null,
  keepEventFootageDays: null,
  maxBytes: null,
  minFreeBytes: 0,
  minAgeHours: 72,
  maxHolds: 1000,
  intervalMs: 60_000,
} as const;

export function evictionOf(
  { id, camera, bytes, keptFrom }: Pick<Clip, 'id' | 'camera' | 'bytes' | 'keptFrom'>,
  reason: EvictionReason = 'age',
  mediaClass: MediaClass = 'clip',
): Eviction {
  return { id, camera, bytes, keptFrom, mediaClass, reason };
}

/** The first time it is asked, these; then nothing more. */
export function onePlan(evictions: readonly Eviction[]): () => RetentionPlan {
  let isFirst = true;
  return () => {
    const plan = { evictions: isFirst ? evictions : [], isComplete: true, unmet: [] };
    isFirst = false;
    return plan;
  };
}
