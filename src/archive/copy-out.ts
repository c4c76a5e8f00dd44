// Files of the archive on their way into a backup: copied as they are, durably, each under its name only when it is whole.
// What cannot be read is told, and keeps nobody else waiting; what cannot be written ends the work.

import { constants, type Stats } from 'node:fs';
import { copyFile, type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { createFile } from '../base/durable.ts';
import { errnoOf, messageOf } from '../base/errors.ts';
import { digestOf } from './digest.ts';

export type CopiedOut =
  /** `there`: since an earlier try. `shared`: the file system holds the bytes once for both, and nothing was read. */
  | Readonly<{ state: 'there' | 'shared' | 'copied'; bytes: number }>
  /** It is not what was expected; it was copied as it is. */
  | Readonly<{ state: 'differs'; bytes: number }>
  | Readonly<{ state: 'missing' }>
  /** A link, a directory, a device, or longer than `maxBytes`. */
  | Readonly<{ state: 'not-regular' }>
  /** An errno: of the disk (EIO), of rights (EACCES). */
  | Readonly<{ state: 'unreadable'; error: string }>;

export type CopyTask = Readonly<{
  from: string | Buffer;
  to: string;
  /** As the catalogue knows it. */
  expected?: Readonly<{ bytes: number; sha256: string }>;
  /** A longer file is not copied: it may be nothing but a hole. */
  maxBytes?: number;
  /** Follows a link to its file. */
  followLink?: boolean;
  signal?: AbortSignal | undefined;
}>;

export type Copier = Readonly<{
  /** The directory of `to` exists; its entry there is the caller's to sync. */
  copy(task: CopyTask): Promise<CopiedOut>;
  /** Whether the two file systems are one that shares bytes; false until something was copied. */
  shares(): boolean;
}>;

/** What was found to be as expected is read-only; so a later try knows what it need not copy again. */
const settledMode = 0o400;

export function openCopier(): Copier {
  const sharing = { isPossible: true, wasDone: false };
  return {
    copy: task => copyOut(task, sharing),
    shares: () => sharing.isPossible && sharing.wasDone,
  };
}

type Sharing = { isPossible: boolean; wasDone: boolean };

async function copyOut(task: CopyTask, sharing: Sharing): Promise<CopiedOut> {
  const { to, expected } = task;
  task.signal?.throwIfAborted();
  const earlier = await lstat(to).catch(() => undefined);
  if (earlier !== undefined && isSettled(earlier, expected?.bytes))
    return { state: 'there', bytes: earlier.size };
  const source = await openSource(task);
  if ('state' in source) return source;
  await using file = source.file;
  const part = `${to}.part`;
  await rm(part, { force: true });
  try {
    const copied = await shareOrCopy({ ...task, file, part, bytes: source.bytes }, sharing);
    if (!('unreadable' in copied)) {
      await settle(part, to, copied.isAsExpected);
      return { state: copied.isAsExpected ? copied.how : 'differs', bytes: copied.bytes };
    }
    return { state: 'unreadable', error: copied.unreadable };
  } finally {
    await rm(part, { force: true });
  }
}

function isSettled(found: Stats, bytes: number | undefined): boolean {
  return (
    found.isFile() && (found.mode & 0o777) === settledMode && (bytes === undefined || found.size === bytes)
  );
}

async function openSource({
  from,
  maxBytes = Number.POSITIVE_INFINITY,
  followLink = false,
}: CopyTask): Promise<{ file: FileHandle; bytes: number } | CopiedOut> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const file = await open(from, O_RDONLY | O_NONBLOCK | (followLink ? 0 : O_NOFOLLOW));
    const stat = await file.stat();
    if (stat.isFile() && stat.size <= maxBytes) return { file, bytes: stat.size };
    await file.close();
    return { state: 'not-regular' };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return { state: 'missing' };
    if (errno === 'ELOOP' || errno === 'ENXIO' || errno === 'ENODEV') return { state: 'not-regular' };
    return { state: 'unreadable', error: errno ?? messageOf(error) };
  }
}

type Copying = CopyTask & Readonly<{ file: FileHandle; part: string; bytes: number }>;
type Copied =
  | Readonly<{ how: 'shared' | 'copied'; bytes: number; isAsExpected: boolean }>
  | Readonly<{ unreadable: string }>;

async function shareOrCopy(copying: Copying, sharing: Sharing): Promise<Copied> {
  const { file, part, bytes, expected, signal } = copying;
  sharing.isPossible &&= await share(file, part);
  if (sharing.isPossible) {
    sharing.wasDone = true;
    return { how: 'shared', bytes, isAsExpected: expected === undefined || expected.bytes === bytes };
  }
  await using target = await createFile(part);
  let unwritable: unknown;
  const writeFile = (chunk: Uint8Array) =>
    target.writeFile(chunk).catch(error => {
      unwritable = error;
      throw error;
    });
  try {
    const digest = await digestOf(file, bytes, signal, { writeFile });
    const isAsExpected =
      expected === undefined || (digest.bytes === expected.bytes && digest.sha256 === expected.sha256);
    return { how: 'copied', bytes: digest.bytes, isAsExpected };
  } catch (error) {
    if (unwritable !== undefined || errnoOf(error) === undefined) throw error;
    return { unreadable: errnoOf(error) ?? '' };
  }
}

/** Through the open file, whatever its name leads to by now. False where the file systems cannot. */
async function share(file: FileHandle, part: string): Promise<boolean> {
  try {
    const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
    await copyFile(`/proc/self/fd/${file.fd}`, part, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOSPC' || errnoOf(error) === undefined) throw error;
    await rm(part, { force: true });
    return false;
  }
}

async function settle(part: string, to: string, isAsExpected: boolean): Promise<void> {
  {
    await using file = await open(part, constants.O_RDONLY | constants.O_NOFOLLOW);
    await file.chmod(isAsExpected ? settledMode : 0o600);
    await file.sync();
  }
  await rename(part, to);
}
