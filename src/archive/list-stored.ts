// What lies in a tree of the archive (clips/, thumbnails/, footage/), in the order in which its paths sort, so that it can be compared
// with rows in one pass. Directories are opened one below the other and no link is followed; of the whole tree only the names
// of one directory, and the stats of one batch, are in memory.

import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf } from '../base/errors.ts';
import { isCameraName } from '../domain/camera-name.ts';
import { pathOfName, textOfName } from './entry-name.ts';
import { type PinnedDirectory, pinDirectory } from './pinned-directory.ts';

export type StoredFile = Readonly<{
  /** Relative to the data directory; a name that is no UTF-8 is told as entry-name.ts says. */
  path: string;
  type: 'file' | 'directory' | 'link' | 'other';
  bytes: number;
  /** Permissions alone. */
  mode: number;
  uid: number;
  gid: number;
  links: number;
  /** ctime and mtime, epoch milliseconds. */
  changedAt: number;
  modifiedAt: number;
}>;

export type Stored =
  /** On the level of files, whatever it is. */
  | Readonly<{ state: 'file'; file: StoredFile }>
  /** On the way there, and not called what a directory of ours is called; nothing in it was looked at. */
  | Readonly<{ state: 'foreign'; file: StoredFile }>
  /** Nothing is known about what is at this path, or below it: an errno, ENOTDIR and ELOOP for what is no directory. */
  | Readonly<{ state: 'unreadable'; path: string; isDirectory: boolean; error: string }>;

/** Whether a directory of ours may be called so, for each level down to the one on which files lie. */
export type TreeShape = readonly ((name: string) => boolean)[];

/** Asked of the system at the same time: enough to keep a disk's queue filled. */
const batchSize = 256;

/**
 * Lists a tree in batches, sorted by path as SQLite sorts it (by bytes, and a directory by its name with a slash); nothing
 * when it is not there. Never throws for what lies on the disk.
 */
export async function* listStored(
  dataDir: string,
  top: string,
  shape: TreeShape,
): AsyncGenerator<readonly Stored[]> {
  yield* listDirectory(() => pinDirectory(`${dataDir}/${top}`), top, shape);
}

async function* listDirectory(
  open: () => Promise<PinnedDirectory>,
  path: string,
  shape: TreeShape,
): AsyncGenerator<readonly Stored[]> {
  const opened = await openOrTell(open, path);
  if (opened === undefined) return;
  if ('state' in opened) {
    yield [opened];
    return;
  }
  await using directory = opened;
  const names = await namesOrTell(directory, path, shape.length > 0);
  if ('state' in names) {
    yield [names];
    return;
  }
  const [isOurName, ...deeper] = shape;
  for (let from = 0; from < names.length; from += batchSize) {
    const batch = names.slice(from, from + batchSize);
    if (isOurName === undefined) yield await lookAll(directory, path, batch);
    else
      for (const name of batch) {
        if (isOurName(name))
          yield* listDirectory(() => pinDirectory(directory.at(name)), `${path}/${name}`, deeper);
        else
          yield (await lookAll(directory, path, [name])).map(each =>
            each.state === 'file' ? { ...each, state: 'foreign' } : each,
          );
      }
  }
}

/** Undefined when it is gone. */
async function openOrTell(
  open: () => Promise<PinnedDirectory>,
  path: string,
): Promise<PinnedDirectory | Unreadable | undefined> {
  try {
    return await open();
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : unreadable(path, true, error);
  }
}

type Unreadable = Extract<Stored, { state: 'unreadable' }>;

function unreadable(path: string, isDirectory: boolean, error: unknown): Unreadable {
  return { state: 'unreadable', path, isDirectory, error: errnoOf(error) ?? messageOf(error) };
}

const slash = Buffer.from('/');

async function namesOrTell(
  directory: PinnedDirectory,
  path: string,
  areDirectories: boolean,
): Promise<readonly string[] | Unreadable> {
  try {
    const names = await readdir(directory.at('.'), { encoding: 'buffer' });
    const keyed = areDirectories ? names.map(name => Buffer.concat([name, slash])) : names;
    keyed.sort(Buffer.compare);
    return keyed.map(key => textOfName(areDirectories ? key.subarray(0, -1) : key));
  } catch (error) {
    // Removed meanwhile.
    return errnoOf(error) === 'ENOENT' ? [] : unreadable(path, true, error);
  }
}

async function lookAll(
  directory: PinnedDirectory,
  path: string,
  names: readonly string[],
): Promise<readonly Stored[]> {
  const seen = await Promise.all(names.map(name => look(directory.atText(name), `${path}/${name}`)));
  return seen.filter(each => each !== undefined);
}

/** What lies there, without following a link; undefined when there is nothing (any more). */
async function look(at: string | Buffer, path: string): Promise<Stored | undefined> {
  try {
    return { state: 'file', file: factsOf(path, await lstat(at)) };
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : unreadable(path, false, error);
  }
}

/** What is at a path that listStored told; undefined when there is nothing (any more). */
export function lookAtStored(dataDir: string, path: string): Promise<Stored | undefined> {
  // A name that is no UTF-8 is told with a slash in front of it.
  const end = path.includes('//') ? path.indexOf('//') : path.lastIndexOf('/');
  return look(pathOfName(join(dataDir, path.slice(0, Math.max(end, 0))), path.slice(end + 1)), path);
}

function factsOf(path: string, stat: Stats): StoredFile {
  return {
    path,
    type: typeOf(stat),
    bytes: stat.size,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    links: stat.nlink,
    changedAt: stat.ctimeMs,
    modifiedAt: stat.mtimeMs,
  };
}

function typeOf(stat: Stats): StoredFile['type'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'link' : 'other';
}

const twoDigits = (name: string) => /^\d\d$/.test(name);

/** `<camera>/YYYY/MM/DD/`, as clip-path.ts makes it. */
export const storedTree: TreeShape = [isCameraName, name => /^\d{4}$/.test(name), twoDigits, twoDigits];
/** The same with a directory for each hour, as footage-path.ts makes it. */
export const footageTree: TreeShape = [...storedTree, twoDigits];
