import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { openDescriptor } from '../base/descriptor.ts';
import { errnoOf, messageOf } from '../base/errors.ts';
import { checkedRelativePath } from './clip-path.ts';
import { digestOf } from './digest.ts';
import { checkedFootagePath } from './footage-path.ts';

/** What reading a stored clip or segment again showed. */
export type StoredReading =
  /** As long as it should be; the hash is for the caller to compare. */
  | Readonly<{ state: 'read'; sha256: string }>
  /** `bytes`: how long it is instead. */
  | Readonly<{ state: 'other-length'; bytes: number }>
  | Readonly<{ state: 'missing' }>
  /** A link, a directory, a device: somebody has put it there. Nothing was read through it. */
  | Readonly<{ state: 'not-regular' }>
  /** The row leads out of the archive, or nowhere. */
  | Readonly<{ state: 'bad-path' }>
  /** An errno: of the disk (EIO), of rights (EACCES). */
  | Readonly<{ state: 'unreadable'; error: string }>;

/**
 * Reads a clip or a finished segment again from its first byte to its last, writing it to `copyTo` on the way when that is given. Never throws
 * for what lies on the disk (or for a copy that fails: ENOSPC); rejects with the signal's reason when that is aborted.
 */
export async function readStored(
  dataDir: string,
  clip: Readonly<{ path: string; bytes: number }>,
  signal?: AbortSignal,
  copyTo?: FileHandle,
): Promise<StoredReading> {
  signal?.throwIfAborted();
  try {
    if (clip.path.startsWith('footage/')) checkedFootagePath(clip.path);
    else checkedRelativePath(clip.path, 'clips');
  } catch {
    return { state: 'bad-path' };
  }
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    // O_NONBLOCK: opening a FIFO would wait for ever.
    using file = openDescriptor(join(dataDir, clip.path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = file.stat();
    if (!stat.isFile()) return { state: 'not-regular' };
    if (stat.size !== clip.bytes) return { state: 'other-length', bytes: stat.size };
    const digest = await digestOf(file, clip.bytes, signal, copyTo);
    return digest.bytes === clip.bytes
      ? { state: 'read', sha256: digest.sha256 }
      : { state: 'other-length', bytes: digest.bytes };
  } catch (error) {
    if (signal?.aborted) throw error;
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return { state: 'missing' };
    // A socket; a device that nobody serves.
    if (errno === 'ELOOP' || errno === 'ENXIO' || errno === 'ENODEV') return { state: 'not-regular' };
    return { state: 'unreadable', error: errno ?? messageOf(error) };
  }
}
