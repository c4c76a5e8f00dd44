// Taking media out of the archive. Who calls this has a garbage row for each file (I5); here is seen to it that nothing but
// that file goes, whatever lies in the directories by now: they are opened one below the other from the one that shows the
// marker, and no link is followed.

import { lstat, realpath, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errnoOf, messageOf } from '../base/errors.ts';
import { readStoredPath, thumbnailRelativePath } from './clip-path.ts';
import { readFootagePath } from './footage-path.ts';
import { markerHolds, markerMissing } from './marker.ts';
import { type PinnedDirectory, pinDirectory } from './pinned-directory.ts';

/** A clip with its thumbnail, or a finished segment; paths are relative to the data directory. */
export type RemovableMedia = Readonly<{
  id: string;
  camera: string;
  type: 'clip' | 'segment';
  path: string;
  thumbnail: string | null;
}>;

/**
 * Unlinks clips with their thumbnails, and segments, durably, and the directories that are empty then. What is gone already is fine, so it
 * may be done again. Answers what could not be removed, by id, with the reason: an errno or a few words; others are not kept
 * waiting by it. Throws TransientError without the marker.
 */
export async function removeMedia(
  options: Readonly<{ dataDir: string; archiveId: string }>,
  media: readonly RemovableMedia[],
): Promise<ReadonlyMap<string, string>> {
  const failed = new Map<string, string>();
  const byDirectory = new Map<string, Target[]>();
  for (const each of media) {
    const paths = ownPaths(each);
    if (paths === undefined) failed.set(each.id, 'the row names a file that is not its own');
    for (const path of paths ?? []) {
      const targets = byDirectory.get(dirname(path)) ?? [];
      byDirectory.set(dirname(path), targets);
      targets.push({ id: each.id, name: basename(path) });
    }
  }
  await using root = await pinArchive(options);
  for (const [path, targets] of byDirectory) {
    for (const [id, reason] of await removeFrom(root, path, targets)) failed.set(id, reason);
  }
  return failed;
}

type Target = Readonly<{ id: string; name: string }>;

/**
 * Of a row that somebody may have edited: another clip's file does not go in its place, and never one that is being written,
 * whose name ends in `.open`.
 */
function ownPaths({ id, camera, type, path, thumbnail }: RemovableMedia): readonly string[] | undefined {
  const said = type === 'clip' ? readStoredPath(path, 'clips') : readFootagePath(path);
  if (said?.id !== id || said.camera !== camera) return undefined;
  if (thumbnail === null) return [path];
  return type === 'clip' && thumbnail === thumbnailRelativePath(path) ? [path, thumbnail] : undefined;
}

/**
 * The directory that shows the marker, held: where a disk is unmounted meanwhile, its files are not taken for deleted
 * because they are not below the mount point. The data directory itself may be reached through links, it is the owner's.
 */
async function pinArchive({
  dataDir,
  archiveId,
}: Readonly<{ dataDir: string; archiveId: string }>): Promise<PinnedDirectory> {
  const root = await realpath(dataDir)
    .then(pinDirectory)
    .catch(error => {
      throw markerMissing(dataDir, error);
    });
  if (await markerHolds(root.at('.'), archiveId)) return root;
  await root[Symbol.asyncDispose]();
  throw markerMissing(dataDir);
}

async function removeFrom(
  root: PinnedDirectory,
  path: string,
  targets: readonly Target[],
): Promise<ReadonlyMap<string, string>> {
  const names = path.split('/');
  try {
    await using opened = new AsyncDisposableStack();
    const way = [root];
    const isThere = await descend(way, names, opened);
    const deepest = way.at(-1) as PinnedDirectory;
    const failed = isThere ? await unlinkAll(deepest, targets) : new Map<string, string>();
    // Also where nothing was left to unlink: whoever did it may have been killed before this.
    await deepest.sync();
    await pruneEmpty(way, names);
    return failed;
  } catch (error) {
    return new Map(targets.map(({ id }) => [id, reasonOf(error)]));
  }
}

/** Opens one directory below the other as far as they are there. False where the last one is not. */
async function descend(
  way: PinnedDirectory[],
  names: readonly string[],
  opened: AsyncDisposableStack,
): Promise<boolean> {
  for (const name of names) {
    try {
      way.push(opened.use(await pinDirectory((way.at(-1) as PinnedDirectory).at(name))));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
  return true;
}

async function unlinkAll(
  directory: PinnedDirectory,
  targets: readonly Target[],
): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (const { id, name } of targets) {
    try {
      // A link, a directory, a device was put there by somebody; it is not what the catalogue knew.
      if ((await lstat(directory.at(name))).isFile()) await unlink(directory.at(name));
      else failed.set(id, 'it is not a regular file');
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') failed.set(id, reasonOf(error));
    }
  }
  return failed;
}

/**
 * Removes the directories of the hour, the day, the month, the year and the camera as far as they are empty. Whoever stores
 * a clip or begins a segment in one at this moment makes it again (clip-files.ts, footage-files.ts).
 */
async function pruneEmpty(way: readonly PinnedDirectory[], names: readonly string[]): Promise<void> {
  // names[depth] lies in way[depth]; the uppermost, clips/, thumbnails/ or footage/, stays.
  for (let depth = way.length - 2; depth >= 1; depth--) {
    const parent = way[depth] as PinnedDirectory;
    try {
      await rmdir(parent.at(names[depth] as string));
    } catch (error) {
      // Not empty; or a mount point, or not ours to remove. It is in nobody's way.
      if (errnoOf(error) === undefined) throw error;
      if (errnoOf(error) !== 'ENOENT') return;
    }
    await parent.sync();
  }
}

function reasonOf(error: unknown): string {
  return errnoOf(error) ?? messageOf(error);
}
