// Directories that one upload after the other puts something in, held open for a moment after the last: to open, close and
// sync them for each is a fifth of the calls that an upload makes. Nobody is handed one that lies elsewhere by now, and when
// nothing arrives any more all are closed, so that the disk can be unmounted.

import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isLent } from '../base/durable.ts';
import type { PinnedDirectory } from './pinned-directory.ts';

export const keptDirectoryLimits = {
  /** From the last use until it is closed; at most twice as long. */
  keepMs: 1000,
  /** Open files are few, and cameras may be many: beyond these, directories are opened for each upload. */
  maxKept: 64,
};

/** Dispose it once: it is not closed before all who have it are done. */
export type KeptDirectory = Disposable &
  Pick<PinnedDirectory, 'at'> & {
    /** Whether what is made in it may be for its group (base/durable.ts). */
    isLent(): Promise<boolean>;
    /**
     * Makes the directory's entries durable: what was in it when this was called. One sync serves all who wait for one. After
     * one has failed all do: the kernel tells of a failure once, and what it is about may be anybody's.
     */
    sync(): Promise<void>;
  };

export type KeptDirectories = AsyncDisposable &
  Readonly<{
    /** The directory with this path below the data directory; `open` pins it, through no link. */
    take(relativePath: string, open: () => Promise<PinnedDirectory>): Promise<KeptDirectory>;
    /** Everything is opened anew from now on: the disk may be another one. */
    forget(): void;
  }>;

/** Ending it closes what nobody has any more. */
export function openKeptDirectories(
  dataDir: string,
  { keepMs, maxKept }: typeof keptDirectoryLimits = keptDirectoryLimits,
): KeptDirectories {
  const kept = new Map<string, Shared>();
  const closing = new Set<Promise<void>>();
  let sweeping: NodeJS.Timeout | undefined;
  let timesForgotten = 0;

  const close = (directory: PinnedDirectory) => {
    const closed = Promise.resolve(directory[Symbol.asyncDispose]())
      .catch(() => undefined)
      .finally(() => closing.delete(closed));
    closing.add(closed);
  };
  const letGo = (path: string) => {
    kept.get(path)?.release();
    kept.delete(path);
  };
  /** Lets go of what nobody has or took since the last time. */
  const sweep = () => {
    sweeping = undefined;
    for (const [path, shared] of kept) if (!shared.wasUsed()) letGo(path);
    if (kept.size > 0) sweepLater();
  };
  const sweepLater = () => {
    sweeping ??= setTimeout(sweep, keepMs).unref();
  };
  const forget = () => {
    timesForgotten++;
    for (const path of kept.keys()) letGo(path);
  };
  return {
    async take(relativePath, open) {
      const before = kept.get(relativePath);
      if (before?.isUsable() === true) return before.take();
      letGo(relativePath);
      const timesBefore = timesForgotten;
      const opened = await open();
      const place = await realpath(dataDir).then(
        root => join(root, relativePath),
        () => undefined,
      );
      const shared = share(opened, place, close);
      const mine = shared.take();
      // Another upload may have been quicker.
      const isWanted = timesForgotten === timesBefore && !kept.has(relativePath) && kept.size < maxKept;
      if (isWanted && shared.isUsable()) {
        kept.set(relativePath, shared);
        sweepLater();
      } else shared.release();
      return mine;
    },
    forget,
    async [Symbol.asyncDispose]() {
      clearTimeout(sweeping);
      forget();
      await Promise.all(closing);
    },
  };
}

type Shared = ReturnType<typeof share>;

/** `place`: where it is to lie, as the kernel says it; undefined where nobody knows. */
function share(
  directory: PinnedDirectory,
  place: string | undefined,
  close: (directory: PinnedDirectory) => void,
) {
  // The first is who keeps it.
  let holders = 1;
  let isTaken = false;
  let lent: boolean | undefined;
  let failure: { cause: unknown } | undefined;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const release = () => {
    if (--holders === 0) close(directory);
  };
  const start = async (): Promise<void> => {
    if (failure !== undefined) throw failure.cause;
    running = directory.sync();
    try {
      await running;
    } catch (error) {
      failure ??= { cause: error };
      throw error;
    } finally {
      running = undefined;
    }
  };
  const sync = (): Promise<void> => {
    if (next !== undefined) return next;
    if (running === undefined) return start();
    // The one that runs may have passed what is to be synced now.
    next = running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
  return {
    isUsable: () => failure === undefined && place !== undefined && directory.place() === place,
    /** Since it was asked last. */
    wasUsed() {
      const was = isTaken || holders > 1;
      isTaken = false;
      return was;
    },
    take(): KeptDirectory {
      holders++;
      isTaken = true;
      return {
        at: directory.at,
        async isLent() {
          lent ??= await isLent(directory.at('.'));
          return lent;
        },
        sync,
        [Symbol.dispose]: release,
      };
    },
    release,
  };
}
