// Files of footage: written fragment by fragment under a name that ends in `.open`, and under their own name only when they
// are whole, durable and read-only (I1). A crash leaves at most one `.open` for each camera, which the next start cuts at
// its last whole fragment.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createFile, makeDirectory, syncDirectory } from '../base/durable.ts';
import { errnoOf } from '../base/errors.ts';
import {
  createFragmentReader,
  type FootageInit,
  FragmentFormatError,
} from '../domain/footage/fragment-reader.ts';
import { checkedFootagePath } from './footage-path.ts';
import { layoutOf } from './layout.ts';
import { requireMarker } from './marker.ts';

export type FinishedFile = Readonly<{ bytes: number; sha256: string }>;

export type FootageFile = Readonly<{
  /** What belongs together. When it fails, what was there before is still whole. */
  append(...pieces: readonly Uint8Array[]): Promise<void>;
  /** What was appended survives a power cut. */
  sync(): Promise<void>;
  /** Durable, read-only, under its own name. Not to be used after that. */
  finish(): Promise<FinishedFile>;
  /** Closes it and leaves it as it is, for `recover`. */
  leave(): Promise<void>;
}>;

export type RecoveredFile = FinishedFile &
  Readonly<{
    init: FootageInit;
    /** By media time. */
    durationMs: number;
  }>;

export type FootageFiles = Readonly<{
  /** A new `.open` file, its name durable. Throws TransientError without the marker, and system errors (ENOSPC). */
  create(relativePath: string): Promise<FootageFile>;
  /**
   * Finishes what a crash left under this path: cut after its last whole fragment. Undefined, and no file any more, when
   * there is not one fragment. Also for a file that was finished and not filed. `upToDamage`: what lies behind a place that
   * the disk cannot read is given up; a file of which nothing can be read is left as it is.
   */
  recover(relativePath: string, options?: RecoverOptions): Promise<RecoveredFile | undefined>;
}>;

export type RecoverOptions = Readonly<{ upToDamage?: boolean }>;

const readBits = 0o444;
const directoryTries = 3;

export function openFootageFiles(options: { dataDir: string; archiveId: string }): FootageFiles {
  const pathOf = (relativePath: string) => join(options.dataDir, checkedFootagePath(relativePath));
  return {
    async create(relativePath) {
      await requireMarker(options);
      const final = pathOf(relativePath);
      await makeDirectory(layoutOf(options.dataDir).footage);
      return writing(await createInDirectory(openNameOf(final)), final);
    },
    async recover(relativePath, { upToDamage = false } = {}) {
      await requireMarker(options);
      const final = pathOf(relativePath);
      return (await recoverOpen(final, upToDamage)) ?? (await readFinished(final, upToDamage));
    },
  };
}

/**
 * What is whole of a file of footage from its beginning, changing nothing; undefined when it is no regular file, or there is
 * not one fragment. `storedPath` may end in `.open`.
 */
export async function readFootage(dataDir: string, storedPath: string): Promise<RecoveredFile | undefined> {
  checkedFootagePath(storedPath.replace(/\.open$/, ''));
  const file = await openRegular(join(dataDir, storedPath), constants.O_RDONLY);
  if (file === undefined) return undefined;
  try {
    return await readWhole(file);
  } finally {
    await file.close();
  }
}

function openNameOf(final: string): string {
  return `${final}.open`;
}

/** Retention removes directories that are empty, also one that was made for this a moment ago. */
async function createInDirectory(path: string): Promise<FileHandle> {
  for (let tries = 1; ; tries++) {
    try {
      await makeDirectory(dirname(path), 'write');
      const file = await createFile(path, 'read');
      await syncDirectory(dirname(path)).catch(async error => {
        await file.close();
        throw error;
      });
      return file;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || tries === directoryTries) throw error;
    }
  }
}

function writing(file: FileHandle, final: string): FootageFile {
  const hash = createHash('sha256');
  let whole = 0;
  let isCut = false;
  return {
    async append(...pieces) {
      isCut = true;
      let end = whole;
      let rest = pieces.filter(({ length }) => length > 0);
      while (rest.length > 0) {
        const { bytesWritten } = await file.writev(rest, end);
        end += bytesWritten;
        rest = withoutFirst(rest, bytesWritten);
      }
      isCut = false;
      whole = end;
      for (const piece of pieces) hash.update(piece);
    },
    sync: () => file.datasync(),
    async finish() {
      try {
        if (isCut) await file.truncate(whole);
        await seal(file);
      } finally {
        await file.close();
      }
      await giveName(final);
      return { bytes: whole, sha256: hash.digest('hex') };
    },
    leave: () => file.close(),
  };
}

function withoutFirst(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  const rest: Uint8Array[] = [];
  for (const piece of pieces) {
    if (left < piece.length) rest.push(piece.subarray(left));
    left = Math.max(0, left - piece.length);
  }
  return rest;
}

/** Read-only, also for whoever records, and still for the archive, which may be another user. */
async function seal(file: FileHandle): Promise<void> {
  await file.chmod((await file.stat()).mode & readBits);
  await file.sync();
}

async function giveName(final: string): Promise<void> {
  await rename(openNameOf(final), final);
  await syncDirectory(dirname(final));
}

async function recoverOpen(final: string, upToDamage: boolean): Promise<RecoveredFile | undefined> {
  const file = await openRegular(openNameOf(final), constants.O_RDWR);
  if (file === undefined) return undefined;
  let found: RecoveredFile | undefined;
  try {
    found = await readWhole(file, upToDamage);
    if (found) {
      await file.truncate(found.bytes);
      await seal(file);
    }
  } finally {
    await file.close();
  }
  if (found) await giveName(final);
  else if (!upToDamage) {
    await rm(openNameOf(final), { force: true });
    await syncDirectory(dirname(final));
  }
  return found;
}

async function readFinished(final: string, upToDamage: boolean): Promise<RecoveredFile | undefined> {
  const file = await openRegular(final, upToDamage ? constants.O_RDWR : constants.O_RDONLY);
  if (file === undefined) return undefined;
  try {
    const found = await readWhole(file, upToDamage);
    if (upToDamage) {
      if (found) await file.truncate(found.bytes);
      await seal(file);
    }
    return found;
  } finally {
    await file.close();
    // The crash may have come before its name was durable.
    await syncDirectory(dirname(final));
  }
}

/**
 * Undefined when there is none, or a link or something else has its name: that is left alone. A file that was sealed before
 * the crash is made writable first.
 */
async function openRegular(path: string, flags: number): Promise<FileHandle | undefined> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
  try {
    if (flags === O_RDWR) {
      await using sealed = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const facts = await sealed.stat();
      if (!facts.isFile()) return undefined;
      await sealed.chmod((facts.mode & readBits) | 0o200);
    }
    const file = await open(path, flags | O_NOFOLLOW | O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    return undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

const chunkBytes = 256 * 1024;

/** What is whole from the beginning; what follows, a power cut may have left as it likes. */
async function readWhole(file: FileHandle, upToDamage = false): Promise<RecoveredFile | undefined> {
  const reader = createFragmentReader();
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let bytes = 0;
  let init: FootageInit | undefined;
  let firstMs: number | undefined;
  let endMs = 0;
  try {
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      for (const part of reader.push(chunk.subarray(0, bytesRead))) {
        const whole = 'init' in part ? part.init.bytes : part.fragment.bytes;
        hash.update(whole);
        bytes += whole.length;
        if ('init' in part) init = part.init;
        else {
          firstMs ??= part.fragment.startMs;
          endMs = Math.max(endMs, part.fragment.startMs + part.fragment.durationMs);
        }
      }
    }
  } catch (error) {
    const isDamage = upToDamage && errnoOf(error) === 'EIO';
    if (!(error instanceof FragmentFormatError || isDamage)) throw error;
  }
  if (init === undefined || firstMs === undefined) return undefined;
  return {
    bytes,
    sha256: hash.digest('hex'),
    init,
    durationMs: Math.max(0, Math.round(endMs - firstMs)),
  };
}
