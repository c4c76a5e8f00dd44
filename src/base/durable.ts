// What it takes on Linux that a file is still there after the power was cut: the file's own fsync, and an
// fsync of every directory whose entries changed. Everything that promises durability goes through here.

import { constants } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from './errors.ts';

/**
 * What is made here is for its owner alone, mode 0600 or 0700, unless the caller says what the group may do with it. Even
 * then the group gets it only where an installer has prepared for roles under different users (docs/security.md): where the
 * directory it is made in lends to its group, by the set-group-ID bit and the right to enter. So in a clone, whatever the
 * umask, nothing is for anybody else, and a command that root runs under a umask of its own makes what the roles can read.
 * Others never get anything.
 */
export type GroupRights = 'none' | 'read' | 'write';

const fileModes: Record<GroupRights, number> = { none: 0o600, read: 0o640, write: 0o660 };
// The set-group-ID bit makes what is in it lend in turn, and belong to the same group.
const directoryModes: Record<GroupRights, number> = { none: 0o700, read: 0o2750, write: 0o2770 };
const lendingBits = 0o2010;

/** Where an installer has prepared for parted roles, a process that plays one takes nothing away from the group by its umask. */
export async function letGroupIn(directory: string): Promise<void> {
  if (await isLent(directory)) process.umask(0o007);
}

/** The mode of a new file in a directory of this mode. */
export function fileModeIn(directoryMode: number, group: GroupRights): number {
  return fileModes[(directoryMode & lendingBits) === lendingBits ? group : 'none'];
}

/** Whether what is made in it may be for its group. Who makes several things there asks once. */
export async function isLent(directory: string): Promise<boolean> {
  return ((await stat(directory)).mode & lendingBits) === lendingBits;
}

/**
 * Opens a new file, for writing alone unless `flags` say otherwise: it must not exist, and no link is followed to it. `lent`:
 * whether its directory is (isLent), where the caller knows.
 */
export async function createFile(
  path: string,
  group: GroupRights = 'none',
  { flags = constants.O_WRONLY, lent }: { flags?: number; lent?: boolean } = {},
): Promise<FileHandle> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const mode = fileModes[await granted(group, dirname(path), lent)];
  const file = await open(path, flags | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  try {
    // Whatever the umask took away.
    if (mode !== fileModes.none) await file.chmod(mode);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes a new file and its bytes durably; the entry in the directory is the caller's to sync. */
export async function writeNewFile(
  path: string,
  bytes: string | Uint8Array,
  group: GroupRights = 'none',
): Promise<void> {
  const file = await createFile(path, group);
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
export async function makeDirectory(path: string, group: GroupRights = 'none'): Promise<void> {
  try {
    await createIfMissing(path, group);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeDirectory(dirname(path), group);
    // Not over and over: where an automounter or /proc says ENOENT below a parent that is there, there would be no end.
    await createIfMissing(path, group);
  }
}

async function createIfMissing(path: string, group: GroupRights): Promise<void> {
  try {
    await createDirectory(path, group);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Takes everybody else's rights to a directory away, unless an installer lends it to a group: git and people make them wide. */
export async function closeToOthers(directory: string): Promise<void> {
  const { mode } = await stat(directory);
  const wanted = (mode & lendingBits) === lendingBits ? mode & ~0o007 : mode & ~0o077;
  if (wanted !== mode) await chmod(directory, wanted & 0o7777);
}

/**
 * Makes one directory, which must not exist; its entry is the caller's to sync. Under the umask of `letGroupIn` it has its
 * mode from the first moment: a watcher of another user that was refused then would not look again.
 */
export async function createDirectory(
  path: string,
  group: GroupRights = 'none',
  { lent }: { lent?: boolean } = {},
): Promise<void> {
  const rights = await granted(group, dirname(path), lent);
  const mode = directoryModes[rights];
  // The set-group-ID bit is inherited. A unit may forbid to ask for it (RestrictSUIDSGID).
  await mkdir(path, { mode: mode & 0o777 });
  if (rights !== 'none' && ((await stat(path)).mode & 0o7777) !== mode) await chmod(path, mode);
}

async function granted(
  group: GroupRights,
  directory: string,
  lent: boolean | undefined,
): Promise<GroupRights> {
  return group !== 'none' && (lent ?? (await isLent(directory))) ? group : 'none';
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
  group: GroupRights = 'none',
): Promise<void> {
  const temporary = temporaryOf(path);
  await rm(temporary, { force: true });
  await writeNewFile(temporary, bytes, group);
  await renameDurably(temporary, path);
}

/** Where `replaceFile` writes before the file has its name; a crash may leave it behind, until the next time. */
export function temporaryOf(path: string): string {
  return `${path}.new`;
}
