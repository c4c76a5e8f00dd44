// One pass of retention: what an earlier one left is finished, the plan is asked, and carried out in small batches in the
// order that survives every interruption. Nothing is decided here, and nothing is deleted without a garbage row (I5).

import type { Clock } from '../base/clock.ts';
import { SettingsError } from '../base/errors.ts';
import { holdLock } from '../base/sqlite.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { GarbageFile } from '../catalogue/garbage.ts';
import type { Eviction, RetentionPlan, Unmet } from '../domain/retention-plan.ts';
import { finishGarbage, type GarbageParts, type Stuck, unlinkGarbage } from './finish-garbage.ts';

export type Disk = Readonly<{ freeBytes: number; totalBytes: number }>;

export type RetentionParts = GarbageParts &
  Readonly<{
    catalogue: Pick<Catalogue, 'makeGarbage' | 'lastPassAt' | 'setLastPassAt'>;
    /** Throws TransientError when the data directory is not the one it was. */
    requireMarker(): Promise<void>;
    /** Of the file system of the data directory. */
    measureDisk(): Promise<Disk>;
    /** By camera, what it has sent that is not filed yet, in bytes. */
    measureWaiting(): Promise<ReadonlyMap<string, number>>;
    /**
     * What is to go now. `disk` counts what this pass has deleted already as free, which the file system may show late.
     * Nothing of the cameras in `except` is to be named: their files cannot be removed, so it would not help.
     */
    plan(
      disk: Disk & Readonly<{ waitingBytes: ReadonlyMap<string, number> }>,
      except: ReadonlySet<string>,
    ): RetentionPlan;
    /** Writing a row has failed; answers whether it was for want of room and there is some now. */
    makeRoomFor(error: unknown): Promise<boolean>;
    /** After each batch: what this pass has deleted until now, in bytes. */
    onProgress?(deletedBytes: number): void;
    /** state/retention.lock: one pass at a time, whoever makes it. */
    lockFile: string;
    clock: Pick<Clock, 'now'>;
  }>;

/** What went of one camera for one reason. */
export type Deleted = Readonly<{
  camera: string;
  reason: string;
  clips: number;
  segments: number;
  bytes: number;
}>;

export type RetentionPass = Readonly<{
  /** False: somebody else is making a pass, so nothing was done. */
  isMade: boolean;
  deleted: readonly Deleted[];
  /** What an earlier pass had begun to delete, and this one has finished. */
  finished: number;
  /** Named by the plan, and on hold, gone or changed by the time it was to go. */
  spared: number;
  /** What is out of the catalogue and cannot be unlinked; it is tried again in every pass. */
  stuck: readonly Stuck[];
  unmet: readonly Unmet[];
  /** False: there is more to do, in the next pass. */
  isComplete: boolean;
}>;

/**
 * Files in one transaction: some fifty milliseconds on a small machine, since each of them is a signed entry of the chain.
 * Whoever files a clip or a segment waits so long at the most.
 */
const batchFiles = 64;
/** So many plans in one pass; the next pass is told that there is more. */
const maxPlans = 16;
/**
 * From so many files on that cannot be unlinked, nothing more of their camera leaves the catalogue: it would free nothing,
 * and the rows of a whole camera must not be lost to a directory that is read-only.
 */
export const maxStuckPerCamera = 64;
/** The last pass is noted this often (domain/retention-plan.ts, clockJump). */
const passNoteMs = 3_600_000;

/** Makes one pass, unless somebody else is at it. Throws TransientError without the marker, and what SQLite throws. */
export async function runRetention(parts: RetentionParts, signal: AbortSignal): Promise<RetentionPass> {
  using lock = lockPass(parts.lockFile);
  if (lock === undefined) return noPass;
  await parts.requireMarker();
  const { finished, stuck } = await finishGarbage(parts, signal);
  const work: Work = { parts, signal, stuck: [...stuck], tally: new Map(), deletedBytes: 0, spared: 0 };
  // Once: what is unlinked now, the file system may count as free only later, and nothing more must go for that.
  const waitingBytes = await parts.measureWaiting();
  const disk = { ...(await parts.measureDisk()), waitingBytes };
  let unmet: readonly Unmet[] = [];
  let isComplete = false;
  for (let plans = 0; plans < maxPlans && !isComplete && !signal.aborted; plans++) {
    const freeBytes = disk.freeBytes + work.deletedBytes;
    const plan = parts.plan({ ...disk, freeBytes }, stuckCameras(work.stuck));
    unmet = plan.unmet;
    noteTime(parts, unmet);
    const hasDeleted = await carryOut(work, plan.evictions);
    isComplete = plan.isComplete && !signal.aborted;
    // All of it was spared or cannot be removed, so the next plan would be the same.
    if (!hasDeleted) break;
  }
  const { spared, tally } = work;
  const deleted = [...tally.values()];
  return { isMade: true, deleted, finished, spared, stuck: work.stuck, unmet, isComplete };
}

const noPass: RetentionPass = {
  ...{ isMade: false, deleted: [], finished: 0, spared: 0, stuck: [], unmet: [], isComplete: false },
};

type Work = {
  readonly parts: RetentionParts;
  readonly signal: AbortSignal;
  readonly stuck: Stuck[];
  /** By camera and reason. */
  readonly tally: Map<string, Deleted>;
  deletedBytes: number;
  spared: number;
};

/** Undefined while somebody else makes a pass. */
function lockPass(file: string): Disposable | undefined {
  try {
    return holdLock(file, 'Another pass of retention is being made.');
  } catch (error) {
    // Held, and not a file that cannot be a lock.
    if (error instanceof SettingsError && error.cause !== undefined) return undefined;
    throw error;
  }
}

/** Not by a clock that may have been set: a wrong time would be taken for the right one by the next pass. */
function noteTime({ catalogue, clock }: RetentionParts, unmet: readonly Unmet[]): void {
  if (unmet.some(({ promise }) => promise === 'clock')) return;
  const lastAt = catalogue.lastPassAt();
  const now = clock.now();
  if (lastAt === null || Math.abs(now - lastAt) >= passNoteMs) catalogue.setLastPassAt(now);
}

/** Deletes in batches; while the files of one are unlinked, everybody else has his turn. False when nothing of it could be deleted. */
async function carryOut(work: Work, evictions: readonly Eviction[]): Promise<boolean> {
  let hasDeleted = false;
  for (let start = 0; start < evictions.length && !work.signal.aborted; start += batchFiles) {
    if (await deleteBatch(work, evictions.slice(start, start + batchFiles))) hasDeleted = true;
  }
  return hasDeleted;
}

async function deleteBatch(work: Work, batch: readonly Eviction[]): Promise<boolean> {
  const { parts, tally } = work;
  const except = stuckCameras(work.stuck);
  const wanted = batch.filter(({ camera }) => !except.has(camera));
  if (wanted.length === 0) return false;
  // Before a row goes: it must be its files' disk that is there.
  await parts.requireMarker();
  const files = await makeGarbage(parts, wanted);
  work.spared += wanted.length - files.length;
  if (files.length === 0) return false;
  const left = await unlinkGarbage(parts, files);
  work.stuck.push(...left);
  const stays = new Set(left.map(({ id }) => id));
  const gone = files.filter(({ id }) => !stays.has(id));
  for (const { camera, type, reason, bytes } of gone) {
    const key = `${camera} ${reason}`;
    const before = tally.get(key) ?? { camera, reason, clips: 0, segments: 0, bytes: 0 };
    const files = type === 'clip' ? { clips: before.clips + 1 } : { segments: before.segments + 1 };
    tally.set(key, { ...before, ...files, bytes: before.bytes + bytes });
    work.deletedBytes += bytes;
  }
  parts.onProgress?.(work.deletedBytes);
  return gone.length > 0;
}

async function makeGarbage(
  parts: RetentionParts,
  evictions: readonly Eviction[],
): Promise<readonly GarbageFile[]> {
  const make = () => parts.catalogue.makeGarbage(evictions, parts.clock.now());
  try {
    return make();
  } catch (error) {
    if (!(await parts.makeRoomFor(error))) throw error;
    return make();
  }
}

function stuckCameras(stuck: readonly Stuck[]): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const { camera } of stuck) counts.set(camera, (counts.get(camera) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count >= maxStuckPerCamera).map(([camera]) => camera));
}
