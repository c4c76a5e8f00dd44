// Reading footage again: a segment that is finished, or the one that is still being written, up to its last whole fragment.
// What was written and not synced yet can be read too. Nothing is held in memory but one fragment and a short list.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import {
  createFragmentReader,
  type FootageInit,
  type Fragment,
  FragmentFormatError,
} from '../domain/footage/fragment-reader.ts';
import { checkedFootagePath } from './footage-path.ts';

/** One fragment in its file. Times in milliseconds of media time. */
export type ListedFragment = Readonly<{
  at: number;
  bytes: number;
  startMs: number;
  durationMs: number;
  startsWithKeyFrame: boolean;
}>;

export type FootageSurvey = Readonly<{
  /** Undefined, and no fragments, where there is not one whole one. */
  init: FootageInit | undefined;
  fragments: readonly ListedFragment[];
  /** Of all that was there when it was opened; of an open segment, of its whole fragments, which its file will begin with. */
  bytes: number;
  sha256: string;
}>;

export type OpenedFootage = AsyncDisposable &
  Readonly<{
    /** Its name ended in `.open` when it was opened. */
    isOpen: boolean;
    /** What it begins with; undefined when that is not whole. */
    init(signal?: AbortSignal): Promise<FootageInit | undefined>;
    /** Reads all of it once. */
    survey(signal?: AbortSignal): Promise<FootageSurvey>;
    /** Reads these again, which must follow each other in the file. Throws FragmentFormatError when they are not there any more. */
    fragments(
      init: FootageInit,
      listed: readonly ListedFragment[],
      signal?: AbortSignal,
    ): AsyncGenerator<Fragment>;
  }>;

export type NoFootage = Readonly<{
  /** `not-regular`: a link, a directory, a device. `bad-path`: the row leads out of footage/. `unreadable`: EIO, EACCES. */
  state: 'missing' | 'not-regular' | 'bad-path' | 'unreadable';
}>;

/**
 * Opens a segment. `isOpen`: its row says that it is being written; it may be finished by now. Whatever becomes of its name
 * after that, what was opened is read.
 */
export async function openFootage(
  dataDir: string,
  { path, isOpen }: Readonly<{ path: string; isOpen: boolean }>,
): Promise<OpenedFootage | NoFootage> {
  try {
    checkedFootagePath(path);
  } catch {
    return { state: 'bad-path' };
  }
  const final = join(dataDir, path);
  // It is renamed once, from the first of these to the second.
  for (const name of isOpen ? [`${final}.open`, final] : [final]) {
    const opened = await openForReading(name);
    if ('file' in opened) return openedFootage(opened, name !== final);
    if (opened.state !== 'missing') return opened;
  }
  return { state: 'missing' };
}

async function openForReading(path: string): Promise<{ file: FileHandle; size: number } | NoFootage> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = await file.stat();
    if (stat.isFile()) return { file, size: stat.size };
    await file.close();
    return { state: 'not-regular' };
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (['ENOENT', 'ENOTDIR'].includes(errno)) return { state: 'missing' };
    return { state: ['ELOOP', 'ENXIO', 'ENODEV'].includes(errno) ? 'not-regular' : 'unreadable' };
  }
}

function openedFootage({ file, size }: { file: FileHandle; size: number }, isOpen: boolean): OpenedFootage {
  return {
    isOpen,
    async init(signal) {
      const reader = createFragmentReader();
      for await (const chunk of chunksOf(file, 0, size, signal))
        for (const part of partsOf(reader, chunk))
          return part !== 'broken' && 'init' in part ? part.init : undefined;
      return undefined;
    },
    survey: signal => survey(file, { size, isOpen }, signal),
    async *fragments(init, listed, signal) {
      const [first, last] = [listed[0], listed.at(-1)];
      if (first === undefined || last === undefined) return;
      const reader = createFragmentReader();
      reader.push(init.bytes);
      let count = 0;
      for await (const chunk of chunksOf(file, first.at, last.at + last.bytes, signal))
        for (const part of reader.push(chunk)) {
          if (!('fragment' in part)) throw new FragmentFormatError('a second description');
          count++;
          yield part.fragment;
        }
      if (count !== listed.length) throw new FragmentFormatError('a fragment is not there any more');
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

async function survey(
  file: FileHandle,
  { size, isOpen }: { size: number; isOpen: boolean },
  signal: AbortSignal | undefined,
): Promise<FootageSurvey> {
  const reader = createFragmentReader();
  const hash = createHash('sha256');
  const fragments: ListedFragment[] = [];
  let init: FootageInit | undefined;
  let at = 0;
  let isBroken = false;
  for await (const chunk of chunksOf(file, 0, size, signal)) {
    if (!isOpen) hash.update(chunk);
    for (const part of isBroken ? [] : partsOf(reader, chunk)) {
      if (part === 'broken') {
        isBroken = true;
        break;
      }
      const { bytes } = 'init' in part ? part.init : part.fragment;
      if (isOpen) hash.update(bytes);
      if ('init' in part) init = part.init;
      else {
        const { startMs, durationMs, startsWithKeyFrame } = part.fragment;
        fragments.push({ at, bytes: bytes.length, startMs, durationMs, startsWithKeyFrame });
      }
      at += bytes.length;
    }
    // A crash may have left anything behind the last whole fragment.
    if (isBroken && isOpen) break;
  }
  return {
    init: fragments.length === 0 ? undefined : init,
    fragments,
    bytes: isOpen ? at : size,
    sha256: hash.digest('hex'),
  };
}

function partsOf(
  reader: ReturnType<typeof createFragmentReader>,
  chunk: Buffer,
): ReadonlyArray<Readonly<{ init: FootageInit } | { fragment: Fragment }> | 'broken'> {
  try {
    return reader.push(chunk);
  } catch (error) {
    if (error instanceof FragmentFormatError) return ['broken'];
    throw error;
  }
}

const chunkBytes = 256 * 1024;

async function* chunksOf(
  file: FileHandle,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  for (let at = from; at < to; ) {
    signal?.throwIfAborted();
    const wanted = Math.min(chunkBytes, to - at);
    // The reader keeps views of what it is given, so every chunk is a buffer of its own.
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
