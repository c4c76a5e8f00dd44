// The marker tells this archive's media directory from an empty mount point or a foreign disk. Where it is missing or
// another, nothing is written or deleted: reconciling against a directory that is not mounted has emptied other
// recorders' catalogues.

import { randomUUID } from 'node:crypto';
import { constants, readSync } from 'node:fs';
import { access, lstat, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { openDescriptor } from '../base/descriptor.ts';
import { makeDirectory, replaceFile } from '../base/durable.ts';
import { errnoOf, SettingsError, TransientError } from '../base/errors.ts';
import { layoutOf } from './layout.ts';

const maxIdBytes = 64;
const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Answers the id that the marker must show, from `stateDir/archive-id`. At the first start it makes both files.
 *
 * The order is archive-id, then MARKER. So a first start that was interrupted leaves an archive-id and a data directory
 * without marker that holds nothing, and is completed by the next start: an id without a marker is accepted where the
 * data directory holds nothing but empty directories of ours. That is also what an empty mount point looks like, so it
 * is accepted only until the marker was seen once (`archive-id` then says `sealed`); after that a missing marker means
 * that the disk is not there.
 *
 * A missing or foreign marker of a sealed archive is not an error here: the daemon runs and answers STOR with 452
 * (Uploads.begin), health is red, and the disk may be mounted later. Throws SettingsError when a first start finds a
 * data directory that is not empty, a marker without an archive-id, or an archive-id that cannot be read.
 */
export async function openMarker(dirs: { dataDir: string; stateDir: string }): Promise<string> {
  const { dataDir, stateDir } = dirs;
  const idFile = join(stateDir, 'archive-id');
  const { marker } = layoutOf(dataDir);
  const known = await readShort(idFile);
  const shown = await readShort(marker);
  if (known === undefined) {
    if (shown !== undefined || !(await holdsNothing(dataDir))) {
      throw new SettingsError(
        `${dataDir} is not empty and ${idFile} does not exist, so it is the data directory of another archive, or of a backup that was not completed: point stateDir at that archive's state, dataDir at an empty directory, or complete the backup (clipward backup --resume).`,
      );
    }
    await makeDirectory(stateDir);
    const id = randomUUID();
    await replaceFile(idFile, `${id}\n`, 'read');
    return seal(idFile, marker, dataDir, id);
  }
  const { id, sealed } = parseKnown(known, idFile);
  if (sealed) return id;
  if (shown === id) {
    await replaceFile(idFile, `${id} sealed\n`, 'read');
    return id;
  }
  if (shown === undefined && (await holdsNothing(dataDir))) return seal(idFile, marker, dataDir, id);
  throw new SettingsError(
    `${dataDir} holds something that does not belong to the archive of ${idFile}: point dataDir at an empty directory, or stateDir at the state that belongs to it.`,
  );
}

/**
 * The id that the marker must show, for a role that makes nothing. Throws TransientError before the owner of the state
 * directory has started once, SettingsError for a file that holds no id.
 */
export async function readArchiveId(stateDir: string): Promise<string> {
  const idFile = join(stateDir, 'archive-id');
  const known = await readShort(idFile).catch(error => {
    throw new SettingsError(
      `${idFile} cannot be read (${errnoOf(error)}): run this as a user in the group of ${stateDir}, or as its owner.`,
      { cause: error },
    );
  });
  if (known !== undefined) return parseKnown(known, idFile).id;
  throw new TransientError(`${idFile} does not exist yet: start clipward serve, or its role archive, first.`);
}

/** Whether the data directory shows this id. False also when it cannot be read. */
export async function markerHolds(dataDir: string, archiveId: string): Promise<boolean> {
  // Nothing that is no id holds, so that an empty marker cannot match a missing id.
  if (!idPattern.test(archiveId)) return false;
  try {
    return (await readShort(layoutOf(dataDir).marker)) === archiveId;
  } catch {
    return false;
  }
}

/** Like markerHolds, for who asks whether there is a disk at all: rejects when the data directory itself is not there or not readable. */
export async function dataDirectoryHolds(dataDir: string, archiveId: string): Promise<boolean> {
  await access(dataDir, constants.R_OK | constants.X_OK);
  return markerHolds(dataDir, archiveId);
}

/** For everything that is about to write or delete in the data directory. Throws TransientError: the disk may be mounted later. */
export async function requireMarker(options: { dataDir: string; archiveId: string }): Promise<void> {
  if (!(await markerHolds(options.dataDir, options.archiveId))) throw markerMissing(options.dataDir);
}

/**
 * The same for who asks again and again: one call while the very file that was read last is there, unchanged. Nothing is
 * held open in between, so that the disk can be unmounted.
 */
export function openMarkerLook(options: {
  dataDir: string;
  archiveId: string;
  /** What is known of the data directory may be of another by now. */
  onChange?(): void;
}): { require(): Promise<void> } {
  const { marker } = layoutOf(options.dataDir);
  let known: string | undefined;
  return {
    async require() {
      const before = await identityOf(marker);
      if (before !== undefined && before === known) return;
      known = undefined;
      options.onChange?.();
      await requireMarker(options);
      // What was read is of this very file if it was there before and is there still.
      if ((await identityOf(marker)) === before) known = before;
    },
  };
}

/** Changes with whatever is written to the file, or put in its place. Undefined when it cannot be looked at. */
async function identityOf(file: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, ctimeMs } = await lstat(file);
    return `${dev} ${ino} ${size} ${ctimeMs}`;
  } catch {
    return undefined;
  }
}

/** The same at once, for the thread that files (base/descriptor.ts): it asks several times for each clip. */
export function requireMarkerNow({ dataDir, archiveId }: { dataDir: string; archiveId: string }): void {
  if (!idPattern.test(archiveId) || shownNow(dataDir) !== archiveId) throw markerMissing(dataDir);
}

function shownNow(dataDir: string): string | undefined {
  try {
    using file = openDescriptor(layoutOf(dataDir).marker, shortFileFlags);
    const buffer = Buffer.alloc(maxIdBytes);
    return shortText(buffer, readSync(file.fd, buffer, 0, maxIdBytes, 0));
  } catch {
    return undefined;
  }
}

export function markerMissing(dataDir: string, cause?: unknown): TransientError {
  return new TransientError(
    `${dataDir} does not hold the marker of this archive: mount the disk it is on, or correct dataDir.`,
    { cause },
  );
}

async function seal(idFile: string, marker: string, dataDir: string, id: string): Promise<string> {
  await makeDirectory(dataDir);
  await replaceFile(marker, `${id}\n`, 'read');
  await replaceFile(idFile, `${id} sealed\n`, 'read');
  return id;
}

function parseKnown(text: string, idFile: string): { id: string; sealed: boolean } {
  const [id = '', state, ...more] = text.split(' ');
  if (!idPattern.test(id) || (state !== undefined && state !== 'sealed') || more.length > 0)
    throw new SettingsError(`${idFile} does not hold the id of an archive: restore it from a backup.`);
  return { id, sealed: state === 'sealed' };
}

/** The trimmed text of a short regular file; undefined when there is none. A longer one is cut, and so matches nothing. */
async function readShort(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, shortFileFlags);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxIdBytes), 0, maxIdBytes, 0);
    return shortText(buffer, bytesRead);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

const shortFileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function shortText(bytes: Buffer, length: number): string {
  return bytes.toString('latin1', 0, length).trim();
}

/** Missing, empty, or nothing in it but empty directories of ours (a marker that was being written counts as nothing). */
async function holdsNothing(dataDir: string): Promise<boolean> {
  const layout = layoutOf(dataDir);
  const { incoming, inbox, clips, thumbnails, footage, quarantine } = layout;
  const ours = new Set([incoming, inbox, clips, thumbnails, footage, quarantine]);
  for await (const entry of entriesOf(dataDir)) {
    const path = join(dataDir, entry.name);
    if (path === `${layout.marker}.new` && entry.isFile()) continue;
    // What a new file system has in it, and only root may look into.
    if (entry.name === 'lost+found' && entry.isDirectory()) continue;
    if (!ours.has(path) || !entry.isDirectory()) return false;
    for await (const _inside of entriesOf(path)) return false;
  }
  return true;
}

async function* entriesOf(path: string) {
  try {
    for await (const entry of await opendir(path)) yield entry;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
