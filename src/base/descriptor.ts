// An open file for a thread that may wait for its disk a moment, as the archive's does with every commit. Opening, looking and
// closing take some microseconds, and ten times that when they are handed to libuv's threads and back, so they are done at
// once; what may take long (bytes, and making them durable) is handed over. Never for the thread that receives.

import { closeSync, fchmodSync, fstatSync, fsync, openSync, read, type Stats, write } from 'node:fs';
import { promisify } from 'node:util';

/** Close (dispose) it once; then it is not used any more. */
export type Descriptor = Disposable &
  Readonly<{
    fd: number;
    stat(): Stats;
    chmod(mode: number): void;
    read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
    /** Appends all of it. */
    writeFile(bytes: Uint8Array): Promise<void>;
    sync(): Promise<void>;
  }>;

const readSome = promisify(read);
const writeSome = promisify(write);
const syncFile = promisify(fsync);

/** Throws what `open` throws. `mode`: of a file that is made. */
export function openDescriptor(path: string | Buffer, flags: number, mode?: number): Descriptor {
  const fd = openSync(path, flags, mode);
  let isOpen = true;
  return {
    fd,
    stat: () => fstatSync(fd),
    chmod: to => fchmodSync(fd, to),
    read: (into, offset, length, position) => readSome(fd, into, offset, length, position),
    async writeFile(bytes) {
      // A disk that is about to be full takes less than it is given.
      for (let at = 0; at < bytes.length; )
        at += (await writeSome(fd, bytes, at, bytes.length - at, null)).bytesWritten;
    },
    sync: () => syncFile(fd),
    [Symbol.dispose]() {
      // The number may be another file's by now.
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}
