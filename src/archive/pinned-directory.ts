import { constants, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { openDescriptor } from '../base/descriptor.ts';
import { pathOfName } from './entry-name.ts';

export type PinnedDirectory = AsyncDisposable &
  Readonly<{
    /** A path to an entry of this very directory, whatever is renamed or linked in its place meanwhile. */
    at(name: string): string;
    /** The same for the text of a name that may be no UTF-8 (entry-name.ts). */
    atText(text: string): string | Buffer;
    /** Which directory this is, on this machine. */
    identity(): Promise<Readonly<{ device: bigint; inode: bigint }>>;
    /**
     * Where it lies now, links resolved; of one that is gone or on a disk that is not mounted any more, something else. Only
     * the kernel is asked, and no disk waited for.
     */
    place(): string;
    /** Makes the directory's entries durable. */
    sync(): Promise<void>;
  }>;

/**
 * Opens a directory that somebody else may be exchanging at this moment. Node has no openat, but a path below
 * `/proc/self/fd/N` means the same. Fails with ELOOP or ENOTDIR on a link or anything else that is no directory.
 */
export async function pinDirectory(path: string | Buffer): Promise<PinnedDirectory> {
  const handle = await open(path, pinningFlags);
  return {
    at: name => pathBelow(handle.fd, name),
    atText: text => pathOfName(`/proc/self/fd/${handle.fd}`, text),
    async identity() {
      const { dev, ino } = await handle.stat({ bigint: true });
      return { device: dev, inode: ino };
    },
    place: () => readlinkSync(`/proc/self/fd/${handle.fd}`),
    sync: () => handle.sync(),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** The same at once, for the thread that files (base/descriptor.ts). */
export function pinDirectoryNow(path: string): Disposable & Pick<PinnedDirectory, 'at'> {
  const descriptor = openDescriptor(path, pinningFlags);
  return { at: name => pathBelow(descriptor.fd, name), [Symbol.dispose]: descriptor[Symbol.dispose] };
}

const pinningFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function pathBelow(fd: number, name: string): string {
  if (name.includes('/') || name.includes('\0') || name === '..' || name === '')
    throw new Error('a name in a directory was expected');
  return `/proc/self/fd/${fd}/${name}`;
}
