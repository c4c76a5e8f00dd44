// A directory tree of somebody else, from which files are taken over. It is only read, and it may be changed at any moment,
// by whoever still uploads into it: directories are held open while they are walked, no link is followed, and only regular
// files are opened.

import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath, stat } from 'node:fs/promises';
import { errnoOf, FailedError } from '../base/errors.ts';
import { type Digest, digestOf } from './digest.ts';
import { pathOfName } from './entry-name.ts';
import { namesIn } from './inbox.ts';
import { type PinnedDirectory, pinDirectory } from './pinned-directory.ts';

/** Cameras make three or four levels; each level that is walked holds a directory open. */
export const maxTreeDepth = 64;
/** Names of one directory that are in memory at a time; it is listed anew for those behind them. */
const defaultNamesAtOnce = 16_384;

/** What a tree holds that is not taken: `other-file-system` is a directory that another disk is mounted on. */
export const skipReasons = ['link', 'device', 'fifo', 'socket', 'other-file-system', 'ours'] as const;
export type SkipReason = (typeof skipReasons)[number];

/** Paths are relative to the tree, with `/`, readable by people: bytes that are no UTF-8 and control characters as `%0A`. */
export type TreeItem = Readonly<
  | { type: 'file'; file: SourceFile }
  | { type: 'skipped'; path: string; reason: SkipReason }
  /** It may not be read, or cannot; `why` is an errno name or `too deep`. */
  | { type: 'unreadable'; path: string; why: string }
>;

export type SourceFile = Readonly<{
  path: string;
  /** The same byte for byte: a name that is no UTF-8 is told as entry-name.ts says. */
  exactPath: string;
  bytes: number;
  /** When its bytes were last changed, in nanoseconds since the epoch. */
  mtimeNs: bigint;
  /**
   * Opens it while the walk stands at it. `changed`: it is not what was found (any more). Throws system errors.
   */
  open(): Promise<OpenedSource | 'changed'>;
}>;

export type OpenedSource = AsyncDisposable &
  Readonly<{
    file: FileHandle;
    /** To the open file, for this process only. */
    path: string;
    /** When the kernel last saw a change of it, whole epoch milliseconds. */
    ctimeMs: number;
    /** Reads it to its end, and one byte beyond when it grew; `onBytes` sees what is read. */
    read(onBytes: (bytes: Uint8Array) => void, signal?: AbortSignal): Promise<Digest>;
    /** Whether it is still as it was when it was opened, as far as size and times show. */
    isUnchanged(): Promise<boolean>;
  }>;

export type SourceTree = Readonly<{
  /** As the file system knows it. */
  directory: string;
  /**
   * Everything in the tree, each directory in ascending order of names, so that what belongs together in time comes
   * together. Memory does not grow with the tree.
   */
  walk(): AsyncIterable<TreeItem>;
}>;

/**
 * Opens the tree at `directory`. `ours`: directories of this installation; the tree must neither lie in one nor hold one,
 * and one that is bound into it is skipped. Throws FailedError for a tree that may not be walked.
 */
export async function openSourceTree(options: {
  directory: string;
  ours: readonly string[];
  namesAtOnce?: number;
}): Promise<SourceTree> {
  const { namesAtOnce = defaultNamesAtOnce } = options;
  const directory = await realpath(options.directory).catch(cause => refuse(options.directory, cause));
  const ourPaths = await Promise.all(options.ours.map(path => realpath(path).catch(() => path)));
  const overlapping = ourPaths.find(path => isWithin(directory, path) || isWithin(path, directory));
  if (overlapping !== undefined)
    throw new FailedError(
      `${directory} and ${overlapping}, which belongs to clipward itself, lie in one another: name a directory that holds only what another program received.`,
    );
  const ours = new Set<string>();
  for (const path of ourPaths) {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    if (found) ours.add(identityOf(found));
  }
  await (await pinDirectory(directory).catch(cause => refuse(directory, cause)))[Symbol.asyncDispose]();
  return {
    directory,
    async *walk() {
      await using root = await pinDirectory(directory).catch(cause => refuse(directory, cause));
      const { device } = await root.identity();
      yield* walkDirectory(root, { path: '', exactPath: '', depth: 0, device, ours, namesAtOnce });
    },
  };
}

type Place = Readonly<{
  path: string;
  exactPath: string;
  depth: number;
  device: bigint;
  ours: ReadonlySet<string>;
  namesAtOnce: number;
}>;

async function* walkDirectory(directory: PinnedDirectory, place: Place): AsyncGenerator<TreeItem> {
  const names = sortedNames(directory, place.namesAtOnce);
  for (;;) {
    let next: IteratorResult<string, void>;
    try {
      next = await names.next();
    } catch (error) {
      yield { type: 'unreadable', path: place.path || '.', why: causeOf(error) };
      return;
    }
    if (next.done) return;
    const name = next.value;
    yield* walkName(directory, name, {
      ...place,
      path: joined(place.path, readable(name)),
      exactPath: joined(place.exactPath, name),
      depth: place.depth + 1,
    });
  }
}

/** The type is asked for before anything is opened: to open a device may do something. */
async function* walkName(directory: PinnedDirectory, name: string, place: Place): AsyncGenerator<TreeItem> {
  const { path } = place;
  try {
    const found = await lstat(directory.atText(name), { bigint: true });
    if (found.isDirectory()) {
      yield* enter(directory, name, found, place);
      return;
    }
    yield found.isFile()
      ? { type: 'file', file: sourceFile(directory, name, found, place) }
      : { type: 'skipped', path, reason: reasonOf(found) };
  } catch (error) {
    // Gone since it was listed: whoever removed it did not want it imported.
    if (errnoOf(error) !== 'ENOENT') yield { type: 'unreadable', path, why: causeOf(error) };
  }
}

async function* enter(
  directory: PinnedDirectory,
  name: string,
  found: BigIntStats,
  place: Place,
): AsyncGenerator<TreeItem> {
  const { path, device, depth, ours } = place;
  if (ours.has(identityOf(found))) yield { type: 'skipped', path, reason: 'ours' };
  else if (found.dev !== device) yield { type: 'skipped', path, reason: 'other-file-system' };
  else if (depth > maxTreeDepth) yield { type: 'unreadable', path, why: 'too deep' };
  else {
    await using inside = await pinDirectory(directory.atText(name));
    const { inode } = await inside.identity();
    // Another directory has its name by now; the next run finds it.
    if (inode === found.ino) yield* walkDirectory(inside, place);
  }
}

function sourceFile(directory: PinnedDirectory, name: string, listed: BigIntStats, place: Place): SourceFile {
  const bytes = Number(listed.size);
  return {
    path: place.path,
    exactPath: place.exactPath,
    bytes,
    mtimeNs: listed.mtimeNs,
    async open() {
      const file = await openToRead(directory.atText(name));
      if (file === 'changed') return 'changed';
      const isUnchanged = async () => sameState(await file.stat({ bigint: true }), listed);
      if (!(await isUnchanged())) {
        await file.close();
        return 'changed';
      }
      return {
        file,
        path: `/proc/self/fd/${file.fd}`,
        ctimeMs: Number(listed.ctimeNs / 1_000_000n),
        read: (onBytes, signal) => digestOf(file, bytes, signal, { writeFile: async read => onBytes(read) }),
        isUnchanged,
        [Symbol.asyncDispose]: () => file.close(),
      };
    },
  };
}

async function openToRead(path: string | Buffer): Promise<FileHandle | 'changed'> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO', 'ENODEV'].includes(errnoOf(error) ?? '')) return 'changed';
    throw error;
  }
}

/** The names of a directory in ascending order, some at a time: memory is bounded, however many there are. */
async function* sortedNames(directory: PinnedDirectory, atOnce: number): AsyncGenerator<string, void> {
  let last: string | undefined;
  for (;;) {
    const batch = await smallestNames(directory, last, atOnce);
    yield* batch;
    if (batch.length < atOnce) return;
    last = batch.at(-1);
  }
}

async function smallestNames(
  directory: PinnedDirectory,
  after: string | undefined,
  atOnce: number,
): Promise<string[]> {
  let names: string[] = [];
  for await (const name of namesIn(directory.at('.'))) {
    if (after !== undefined && name <= after) continue;
    names.push(name);
    if (names.length === 2 * atOnce) names = names.sort().slice(0, atOnce);
  }
  return names.sort().slice(0, atOnce);
}

/** One line of text, the same for the same bytes: control characters, and what is no ASCII in a name that is no UTF-8, as `%0A`. */
function readable(name: string): string {
  const raw = pathOfName('', name);
  if (typeof raw !== 'string')
    return raw
      .subarray(1)
      .toString('latin1')
      .replaceAll(/[^\x20-\x7e]/g, each => escaped(each, 'latin1'));
  return name.replaceAll(/\p{Cc}/gu, each => escaped(each, 'utf8'));
}

function escaped(character: string, encoding: 'latin1' | 'utf8'): string {
  const bytes = [...Buffer.from(character, encoding)];
  return bytes.map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}/${name}`;
}

function sameState(now: BigIntStats, before: BigIntStats): boolean {
  const same = (key: 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs') => now[key] === before[key];
  return now.isFile() && same('dev') && same('ino') && same('size') && same('mtimeNs') && same('ctimeNs');
}

function reasonOf(found: BigIntStats): SkipReason {
  if (found.isSymbolicLink()) return 'link';
  if (found.isFIFO()) return 'fifo';
  return found.isSocket() ? 'socket' : 'device';
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

function causeOf(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return errno;
}

function refuse(directory: string, cause: unknown): never {
  throw new FailedError(
    `${directory} cannot be walked (${errnoOf(cause)}): name a directory that this user may list and read.`,
    { cause },
  );
}
