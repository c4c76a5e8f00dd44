// What it takes on Linux that a file is still there after the power was cut: the file's own fsync, and an
// fsync of every directory whose entries changed. Everything that promises durability goes through here.

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './errors.ts';

/** Directories are for their owner alone. */
export const privateDirectoryMode = 0o700;
/** Files are for their owner alone. */
export const privateFileMode = 0o600;

/** Opens a new file for writing: it must not exist, and no link is followed to it. */
export function createFile(path: string, mode = privateFileMode): Promise<FileHandle> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

/** Writes a new file and its bytes durably; the entry in the directory is the caller's to sync. */
export async function writeNewFile(
  path: string,
  bytes: string | Uint8Array,
  mode = privateFileMode,
): Promise<void> {
  const file = await createFile(path, mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the entries of a directory durable: what was created, renamed or removed in it. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes a directory and its missing parents, each durably; those that exist are left as they are. */
export async function makeDirectory(path: string, mode = privateDirectoryMode): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeDirectory(dirname(path), mode);
    return makeDirectory(path, mode);
  }
  await syncDirectory(dirname(path));
}

/** Renames within one file system, durably on both sides. The bytes must have been synced before. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from));
}

/** Replaces a small file as a whole: readers see the old or the new bytes, also after a power cut. */
export async function replaceFile(
  path: string,
  bytes: string | Uint8Array,
  mode = privateFileMode,
): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  await writeNewFile(temporary, bytes, mode);
  await renameDurably(temporary, path);
}

/** Removes a file durably; one that is gone already is fine. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  await syncDirectory(dirname(path));
}

/** Removes an empty directory durably. Answers false when it is gone already or holds something. */
export async function removeEmptyDirectory(path: string): Promise<boolean> {
  try {
    await rmdir(path);
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
  await syncDirectory(dirname(path));
  return true;
}
