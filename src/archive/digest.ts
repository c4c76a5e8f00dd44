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
  copyTo?: Readonly<{ writeFile(bytes: Uint8Array): Promise<void> }>,
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

/** SHA-256, in hexadecimal, of the first bytes of a file, by length; it is read once. A length beyond its end is left out. */
export async function prefixHashesOf(
  file: FileHandle,
  lengths: readonly number[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  const hashes = new Map<number, string>();
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let bytes = 0;
  for (const length of lengths.toSorted((a, b) => a - b)) {
    while (bytes < length) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, length - bytes), bytes);
      if (bytesRead === 0) return hashes;
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
    hashes.set(length, hash.copy().digest('hex'));
  }
  return hashes;
}
