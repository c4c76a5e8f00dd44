// Some megabytes that are given up when the disk is full, so that the catalogue can commit what makes room. They help only
// where catalogue and media share a file system; elsewhere there is no ballast.

import { randomFillSync } from 'node:crypto';
import { lstat, stat, statfs, unlink } from 'node:fs/promises';
import { createFile, syncDirectory } from '../base/durable.ts';
import { errnoOf, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { layoutOf } from './layout.ts';
import { markerHolds } from './marker.ts';

export type Ballast = Readonly<{
  /**
   * Makes it where there is room for it, gives it up where next to nothing is left, and does nothing in between. Nothing
   * either without the marker, or where something else has its name.
   */
  tend(freeBytes: number): Promise<BallastChange>;
  /**
   * Gives it up where next to nothing is left of the disk now, for what cannot even be opened then. Where that cannot be seen
   * or done, it stays.
   */
  giveUpIfScarce(): Promise<void>;
  /** Gives it up at once. Answers whether there was any. */
  giveUp(): Promise<boolean>;
}>;

export type BallastChange = 'made' | 'given-up' | 'as-it-was';

/** The log of the catalogue grows to some 4 MiB before it is written back, and a clip takes less than 20 KiB of it. */
export const ballastBytes = 16 * 1024 * 1024;
/** Less than one commit with everything around it. */
export const scarceBytes = 1024 * 1024;
/** Far enough above the floor that making it does not bring anybody down to it. */
const marginBytes = 4 * ballastBytes;
const chunkBytes = 1024 * 1024;

/** `refusedBelowBytes`: the floor below which uploads are refused (settings, ftps.limits.minFreeBytes). */
export function openBallast(
  options: Readonly<{
    dataDir: string;
    stateDir: string;
    archiveId: string;
    refusedBelowBytes: number;
    log: Log;
  }>,
): Ballast {
  const { dataDir, stateDir, archiveId, refusedBelowBytes, log } = options;
  const { ballast } = layoutOf(dataDir);
  const work = {
    async make(): Promise<BallastChange> {
      if (!(await markerHolds(dataDir, archiveId)) || !(await shareFileSystem(dataDir, stateDir)))
        return 'as-it-was';
      const found = await look(ballast);
      if (found === 'whole' || found === 'foreign') return 'as-it-was';
      // The making of it was interrupted.
      if (found === 'unfinished') await unlink(ballast);
      await write(ballast);
      await syncDirectory(dataDir);
      log.info({ bytes: ballastBytes }, 'ballast made');
      return 'made';
    },
    async giveUp(): Promise<boolean> {
      if (!(await markerHolds(dataDir, archiveId))) return false;
      const found = await look(ballast);
      if (found === 'none' || found === 'foreign') return false;
      await unlink(ballast);
      // Until this is durable, some file systems do not hand the blocks out again.
      await syncDirectory(dataDir);
      log.warn({ bytes: ballastBytes }, 'disk is full, ballast given up');
      return true;
    },
  };
  // One after the other: who gives it up must not find it half made.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(next: () => Promise<T>): Promise<T> => {
    const done = last.then(next);
    last = done.catch(() => undefined);
    return done;
  };
  return {
    async tend(freeBytes) {
      if (freeBytes < scarceBytes) return (await inTurn(work.giveUp)) ? 'given-up' : 'as-it-was';
      return freeBytes >= refusedBelowBytes + marginBytes ? inTurn(work.make) : 'as-it-was';
    },
    async giveUpIfScarce() {
      try {
        const { bavail, bsize } = await statfs(dataDir);
        if (bavail * bsize < scarceBytes) await inTurn(work.giveUp);
      } catch (error) {
        log.debug({ error: messageOf(error) }, 'free disk cannot be looked after');
      }
    },
    giveUp: () => inTurn(work.giveUp),
  };
}

/** Whether something failed because nothing more can be written: to a file, or by SQLite. */
export function isDiskFull(error: unknown): boolean {
  const errno = errnoOf(error) ?? errnoOf((error as { cause?: unknown } | null)?.cause);
  return (
    errno === 'ENOSPC' || errno === 'EDQUOT' || (error as { code?: unknown } | null)?.code === 'SQLITE_FULL'
  );
}

async function shareFileSystem(one: string, other: string): Promise<boolean> {
  return (await stat(one)).dev === (await stat(other)).dev;
}

/** Ours is a file with one name and no more bytes than it should have; anything else of that name is left alone. */
async function look(path: string): Promise<'none' | 'whole' | 'unfinished' | 'foreign'> {
  try {
    const found = await lstat(path);
    if (!found.isFile() || found.nlink !== 1 || found.size > ballastBytes) return 'foreign';
    return found.size === ballastBytes ? 'whole' : 'unfinished';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'none';
    throw error;
  }
}

/** Of random bytes: zeros would be a hole, or nothing at all, on a file system that compresses. */
async function write(path: string): Promise<void> {
  try {
    await using file = await createFile(path);
    // One piece of memory, filled anew: sixteen would stay for long, since V8 hardly sees them.
    const chunk = Buffer.allocUnsafeSlow(chunkBytes);
    for (let written = 0; written < ballastBytes; written += chunkBytes)
      await file.writeFile(randomFillSync(chunk));
    await file.sync();
  } catch (error) {
    // Somebody was quicker to fill the disk.
    await unlink(path).catch(() => undefined);
    throw error;
  }
}
