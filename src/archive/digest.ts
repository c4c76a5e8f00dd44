import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

export type Digest = Readonly<{ bytes: number; sha256: string }>;

const chunkBytes = 1024 * 1024;

/**
 * Reads a file from its start and answers the SHA-256 of what was read, writing it to `copyTo` on the way when that is
 * given. It reads one byte more than `limit` and no further, so a file that is longer, or grows meanwhile, shows as such
 * and costs no more. Rejects with the signal's reason.
 */
export async function digestOf(
  file: FileHandle,
  limit: number,
  signal?: AbortSignal,
  copyTo?: FileHandle,
): Promise<Digest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, limit + 1));
  let bytes = 0;
  while (bytes <= limit) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, limit + 1 - bytes), bytes);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    // writeFile on an open file appends at its position, and writes all of it.
    if (copyTo) await copyTo.writeFile(chunk);
    bytes += bytesRead;
  }
  return { bytes, sha256: hash.digest('hex') };
}
