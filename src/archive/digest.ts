import { createHash } from 'node:crypto';

/** A file that is open for reading. */
export type ReadableFile = Readonly<{
  fd: number;
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}>;

export type Digest = Readonly<{ bytes: number; sha256: string }>;

const chunkBytes = 1024 * 1024;
/** A new buffer for each clip would make V8 look through its whole heap after every few of them. */
const spareBuffers: Buffer[] = [];
const maxSpareBuffers = 2;

/**
 * Reads a file from its start and answers the SHA-256 of what was read, writing it to `copyTo` on the way when that is
 * given. It reads one byte more than `limit` and no further, so a file that is longer, or grows meanwhile, shows as such
 * and costs no more. Rejects with the signal's reason.
 */
export async function digestOf(
  file: ReadableFile,
  limit: number,
  signal?: AbortSignal,
  copyTo?: Readonly<{ writeFile(bytes: Uint8Array): Promise<void> }>,
): Promise<Digest> {
  using borrowed = borrowBuffer();
  const { buffer } = borrowed;
  const hash = createHash('sha256');
  let bytes = 0;
  while (bytes <= limit) {
    signal?.throwIfAborted();
    const wanted = Math.min(buffer.length, limit + 1 - bytes);
    const { bytesRead } = await file.read(buffer, 0, wanted, bytes);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    // writeFile on an open file appends at its position, and writes all of it; hashing goes on beside it.
    const written = copyTo?.writeFile(chunk);
    hash.update(chunk);
    await written;
    bytes += bytesRead;
    // The byte more was asked for, and is not there.
    if (bytes === limit && bytesRead < wanted) break;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Its own until it is disposed of, when nothing reads into it or writes out of it any more. */
function borrowBuffer(): Disposable & Readonly<{ buffer: Buffer }> {
  const buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
  return {
    buffer,
    [Symbol.dispose]() {
      if (spareBuffers.length < maxSpareBuffers) spareBuffers.push(buffer);
    },
  };
}

/** SHA-256, in hexadecimal, of the first bytes of a file, by length; it is read once. A length beyond its end is left out. */
export async function prefixHashesOf(
  file: ReadableFile,
  lengths: readonly number[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  using borrowed = borrowBuffer();
  const { buffer } = borrowed;
  const hashes = new Map<number, string>();
  const hash = createHash('sha256');
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
