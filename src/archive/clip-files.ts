// Files of the archive: a clip comes in once, is never written again, and goes out only as a copy. A file is here under
// its final name when it is durable, whole and read-only (I1).

import { constants, linkSync, lstatSync, unlinkSync } from 'node:fs';
import { copyFile, type FileHandle, open, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { openDescriptor } from '../base/descriptor.ts';
import { createFile, makeDirectory, replaceFile, syncDirectory } from '../base/durable.ts';
import { errnoOf, FailedError } from '../base/errors.ts';
import { checkedRelativePath, thumbnailRelativePath } from './clip-path.ts';
import { type Digest, digestOf, prefixHashesOf, type ReadableFile } from './digest.ts';
import { requireMarkerNow } from './marker.ts';
import { openRegular } from './open-regular.ts';

/** `stored`: now, or by an earlier try. `differs`: the media is not what the receipt says; nothing is left behind. */
export type CopyResult = Readonly<{ state: 'stored' } | { state: 'differs'; bytes: number; sha256: string }>;

export type ClipFiles = Readonly<{
  /**
   * Copies what `media` is open on to a path of clipRelativePath, durably. Idempotent: a file that is there already with
   * the same bytes is the result of an earlier try. Throws FailedError when another file has that name, TransientError
   * without the marker, and system errors (ENOSPC). Aborting leaves no file under the final name.
   */
  copyIntoClips(source: {
    media: ReadableFile;
    relativePath: string;
    bytes: number;
    expectedSha256: string;
    signal?: AbortSignal;
  }): Promise<CopyResult>;
  /**
   * Removes what an earlier try stored under a path of clipRelativePath, of an upload that turned out to be a repeat: whatever
   * is unfinished, and the file and its thumbnail if it has these bytes. Durable; most often there is nothing.
   */
  removeCopy(relativePath: string, expectedSha256: string): Promise<void>;
  /** Writes a thumbnail to a path of thumbnailRelativePath, durably, in place of an earlier one. */
  writeThumbnail(relativePath: string, jpeg: Uint8Array): Promise<void>;
  /**
   * SHA-256, in hexadecimal, of the first bytes of a stored clip, by length; a length beyond its end is left out. Throws
   * FailedError when it is not there as it was stored.
   */
  prefixHashes(
    relativePath: string,
    lengths: readonly number[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, string>>;
  /** Copies a clip out, durably. Throws FailedError when the file exists, or cannot be made, or the clip is missing. */
  exportClip(relativePath: string, outFile: string): Promise<void>;
}>;

/** Read-only also for their owner: nothing of ours ever opens a stored clip for writing. */
const clipMode = 0o400;

export function openClipFiles(options: { dataDir: string; archiveId: string }): ClipFiles {
  const { dataDir } = options;
  const reflink = { possible: true };
  return {
    async copyIntoClips(source) {
      requireMarkerNow(options);
      const final = join(dataDir, checkedRelativePath(source.relativePath, 'clips'));
      const stored = await digestOfFile(final, source.signal);
      if (stored !== undefined) {
        if (!matches(stored, source))
          throw new FailedError(`${final} exists with other bytes: move it away, the clip is filed then.`);
        // An earlier try may have been cut short after the link and before its directory was durable.
        await rm(partOf(final), { force: true });
        await syncDirectory(dirname(final));
        return { state: 'stored' };
      }
      return inDirectory(dirname(final), () => store(source, final, reflink));
    },
    async removeCopy(relativePath, expectedSha256) {
      requireMarkerNow(options);
      const final = join(dataDir, checkedRelativePath(relativePath, 'clips'));
      await rm(partOf(final), { force: true });
      if ((await digestOfFile(final, undefined))?.sha256 !== expectedSha256) return;
      await rm(join(dataDir, thumbnailRelativePath(relativePath)), { force: true });
      await rm(final);
      await syncDirectory(dirname(final));
    },
    async writeThumbnail(relativePath, jpeg) {
      requireMarkerNow(options);
      const path = join(dataDir, checkedRelativePath(relativePath, 'thumbnails'));
      await inDirectory(dirname(path), () => replaceFile(path, jpeg));
    },
    prefixHashes: async (relativePath, lengths, signal) => {
      const opened = await openStored(join(dataDir, checkedRelativePath(relativePath, 'clips')));
      await using file = opened.file;
      return await prefixHashesOf(file, lengths, signal);
    },
    exportClip: (relativePath, outFile) =>
      exportFile(join(dataDir, checkedRelativePath(relativePath, 'clips')), resolve(outFile)),
  };
}

type Source = Parameters<ClipFiles['copyIntoClips']>[0];

const directoryTries = 3;

/**
 * Makes the directory where it turns out to be missing: most often there was a clip on that day before. Retention removes
 * directories that are empty (removal.ts), also one that was made for this a moment ago.
 */
async function inDirectory<T>(directory: string, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || tries > directoryTries) throw error;
      await makeDirectory(directory);
    }
  }
}

async function store(source: Source, final: string, reflink: { possible: boolean }): Promise<CopyResult> {
  // One name for one clip, so that the next try finds and removes what this one leaves behind.
  const part = partOf(final);
  removeIfThere(part);
  try {
    const digest = await copyHashed(source, part, reflink);
    if (!matches(digest, source)) return { state: 'differs', ...digest };
    // link fails where rename would replace; whatever else has this name stays what it is.
    linkSync(part, final);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST')
      throw new FailedError(`${final} appeared while the clip was being stored.`, { cause: error });
    throw error;
  } finally {
    removeIfThere(part);
  }
  using directory = openDescriptor(dirname(final), constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync();
  return { state: 'stored' };
}

/** Asks first: an error costs more than the question, and most often there is nothing. */
function removeIfThere(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) unlinkSync(file);
}

/**
 * Copies to a new file and answers the hash of what is in it. Where the file system can, the blocks are shared and then
 * read through the new file: the source may be changed by whoever still holds it, the copy not. A shared copy takes no
 * space until one of the two changes, and the source is removed soon.
 */
async function copyHashed(source: Source, part: string, reflink: { possible: boolean }): Promise<Digest> {
  const cloned = reflink.possible && (await clone(source.media, part));
  reflink.possible = cloned;
  const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  using file = openDescriptor(
    part,
    cloned ? O_RDONLY | O_NOFOLLOW : O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
    0o600,
  );
  const digest = cloned
    ? await digestOf(file, source.bytes, source.signal)
    : await digestOf(source.media, source.bytes, source.signal, file);
  file.chmod(clipMode);
  await file.sync();
  return digest;
}

/** Through the open file, whatever its path leads to by now. False where this is not possible. */
async function clone(media: ReadableFile, part: string): Promise<boolean> {
  try {
    const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
    await copyFile(`/proc/self/fd/${media.fd}`, part, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (!['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOTTY', 'ENOSYS', 'EACCES'].includes(errno))
      throw error;
    await rm(part, { force: true });
    return false;
  }
}

async function digestOfFile(path: string, signal: AbortSignal | undefined): Promise<Digest | undefined> {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = await file.stat();
    return stat.isFile() ? await digestOf(file, stat.size, signal) : { bytes: -1, sha256: '' };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'ELOOP') return { bytes: -1, sha256: '' };
    throw error;
  }
}

function matches(digest: Digest, source: Source): boolean {
  return digest.bytes === source.bytes && digest.sha256 === source.expectedSha256;
}

function partOf(final: string): string {
  return `${final}.part`;
}

async function openStored(clip: string): Promise<{ file: FileHandle; size: number }> {
  const opened = await openRegular(clip).catch(error => {
    throw new FailedError(
      `${clip} cannot be read (${errnoOf(error)}): look whether its disk is there and healthy.`,
      {
        cause: error,
      },
    );
  });
  if (opened === undefined)
    throw new FailedError(
      `${clip} is not a regular file: somebody has replaced it, look for the clip in your backup.`,
    );
  return opened;
}

async function exportFile(clip: string, outFile: string): Promise<void> {
  const opened = await openStored(clip);
  await using source = opened.file;
  const target = await createFile(outFile).catch(error => {
    const why = errnoOf(error) === 'EEXIST' ? 'exists already' : `cannot be made (${errnoOf(error)})`;
    throw new FailedError(`${outFile} ${why}: name a new file in a directory that you may write to.`, {
      cause: error,
    });
  });
  try {
    await using file = target;
    await digestOf(source, opened.size, undefined, file);
    await file.sync();
  } catch (error) {
    await rm(outFile, { force: true });
    throw new FailedError(`${outFile} cannot be written (${errnoOf(error)}).`, { cause: error });
  }
  await syncDirectory(dirname(outFile));
}
