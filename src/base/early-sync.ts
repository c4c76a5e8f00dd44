// A long file is brought to the disk while it is still being written, so that its last sync, which somebody waits for, has
// little left to do.

import type { FileHandle } from 'node:fs/promises';

/** What is shorter is synced once, at its end. */
const earlySyncBytes = 16 * 1024 * 1024;

export type SyncedFile = Readonly<{
  /** So many bytes more were written to it. */
  wrote(bytes: number): void;
  /**
   * Syncs the bytes and the size (fdatasync), which is all that reading them back needs; fsync would add only the times.
   * Rejects when this or an earlier sync failed: the kernel tells of a failure once and may have dropped the pages, so a
   * later success proves nothing.
   */
  sync(): Promise<void>;
}>;

/**
 * For all files of one disk: one early sync runs at a time, since each takes one of the few threads that all reads and
 * writes share.
 */
export function createEarlySyncs(everyBytes = earlySyncBytes): (file: FileHandle) => SyncedFile {
  let isRunning = false;
  return file => {
    let unsynced = 0;
    let early: Promise<void> = Promise.resolve();
    return {
      wrote(bytes) {
        unsynced += bytes;
        if (unsynced < everyBytes || isRunning) return;
        unsynced = 0;
        isRunning = true;
        const before = early;
        early = file
          .datasync()
          .finally(() => {
            isRunning = false;
          })
          .then(() => before);
        // It is told by `sync`.
        early.catch(() => {});
      },
      async sync() {
        await early;
        await file.datasync();
      },
    };
  };
}
