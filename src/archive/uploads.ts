// The receiver's side of the data directory: an upload from its first byte to its place in the inbox. Nothing here knows
// what is in a file; reading the inbox is inbox.ts, and what a crash leaves in incoming/ is incoming.ts.

import { constants } from 'node:fs';
import { type FileHandle, rename, rm, statfs } from 'node:fs/promises';
import { createDirectory, createFile, makeDirectory, writeNewFile } from '../base/durable.ts';
import { createEarlySyncs, type SyncedFile } from '../base/early-sync.ts';
import { errnoOf, TransientError } from '../base/errors.ts';
import { type KeptDirectory, openKeptDirectories } from './kept-directories.ts';
import { layoutOf, mediaName, receiptName } from './layout.ts';
import { markerHolds, openMarkerLook } from './marker.ts';
import { type PinnedDirectory, pinDirectory } from './pinned-directory.ts';
import type { RenamedNote, UploadFacts, UploadReceipt, WithdrawnNote } from './receipt.ts';
import { firstPart, lastPart } from './receipt-file.ts';
import { newUploadId } from './upload-id.ts';

/** Known when STOR begins; `version` and `id` are added here. */
export type BeginFacts = Omit<UploadFacts, 'version' | 'id'>;

export type Uploads = AsyncDisposable &
  Readonly<{
    /** Makes `incoming/<id>/` with an empty `media` and the facts. Throws TransientError (see there) when it cannot. */
    begin(facts: BeginFacts): Promise<Upload>;
    /** Publishes an inbox entry without media, durably. */
    publishNote(note: RenamedNote | WithdrawnNote): Promise<void>;
    /** Free bytes for an ordinary user on the media file system. */
    freeBytes(): Promise<number>;
    /** Whether the data directory is still this archive's; otherwise `begin` refuses. */
    markerHolds(): Promise<boolean>;
  }>;

/**
 * One upload in progress. Its calls must not overlap. It ends with `publish` or `discard`, each of which closes the file;
 * calling `discard` after a `publish` is harmless.
 *
 * Every failure is a TransientError whose `cause` is the system's error (`errnoOf(error.cause)`: ENOSPC and EDQUOT mean
 * 452, anything else 451). After a failed `write` the bytes before it are still there: the caller may publish them as
 * partial, or discard.
 */
export type Upload = Readonly<{
  id: string;
  /** Appends; resolves when the kernel has all bytes. Awaiting it is the back-pressure. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /** Up to `length` bytes of what was written, fewer at its end. */
  read(position: number, length: number): Promise<Uint8Array>;
  /**
   * Makes bytes and receipt durable and moves the entry into `inbox/<camera>/`. When it resolves, a power cut loses
   * nothing. When it rejects, the client must be told so: the entry was removed as far as that was possible, since the
   * client still has its copy and will send it again. One that was already renamed stays: it is complete, only its
   * durability is not known.
   */
  publish(receipt: UploadReceipt): Promise<void>;
  /** Removes the entry; for what is not worth keeping. Never rejects: what is left is filed as partial at the next start. */
  discard(): Promise<void>;
}>;

/** Opens the receiver's side. Writes nothing while the marker does not hold; `begin` and `publishNote` make what is missing. */
export function openUploads(options: { dataDir: string; archiveId: string }): Uploads {
  const layout = layoutOf(options.dataDir);
  const earlySyncs = createEarlySyncs();
  const directories = openKeptDirectories(options.dataDir);
  const marker = openMarkerLook({ ...options, onChange: directories.forget });

  const makeEntry = async (id: string): Promise<PinnedEntry> => {
    await marker.require();
    const incoming = await directories.take('incoming', () => pinOrMake(layout.incoming));
    try {
      const lent = await incoming.isLent();
      // Where the roles are parted, the archive reads what is in an entry, and removes it.
      await createDirectory(incoming.at(id), 'write', { lent });
      return { id, incoming, lent, directory: await pinDirectory(incoming.at(id)) };
    } catch (error) {
      incoming[Symbol.dispose]();
      throw error;
    }
  };
  const enter = async (camera: string, { id, incoming }: PinnedEntry) => {
    // The disk may have gone since the upload began; what is made then would lie below its mount point.
    await marker.require();
    using ofCamera = await directories.take(`inbox/${camera}`, () => pinInInbox(layout.inbox, camera));
    await publish({ id, incoming, ofCamera });
  };
  return {
    begin: facts =>
      explained('the upload cannot be stored', async () => {
        const id = newUploadId();
        const entry = await makeEntry(id);
        try {
          const files = await makeFiles(entry, { version: 1, id, ...facts });
          const synced = earlySyncs(files.media);
          return startUpload({ entry, files, synced, enter: () => enter(facts.camera, entry) });
        } catch (error) {
          await removeQuietly(entry);
          throw error;
        }
      }),
    publishNote: note =>
      explained('the note cannot be stored', async () => {
        const entry = await makeEntry(note.id);
        try {
          await writeNewFile(entry.directory.at(receiptName), JSON.stringify(note), 'read');
          await entry.directory.sync();
          await enter(note.camera, entry);
        } catch (error) {
          await removeQuietly(entry);
          throw error;
        }
        await letGo(entry);
      }),
    async freeBytes() {
      const { bavail, bsize } = await statfs(options.dataDir);
      return bavail * bsize;
    },
    markerHolds: () => markerHolds(options.dataDir, options.archiveId),
    [Symbol.asyncDispose]: () => directories[Symbol.asyncDispose](),
  };
}

function startUpload(parts: {
  entry: PinnedEntry;
  files: UploadFiles;
  synced: SyncedFile;
  enter(): Promise<void>;
}): Upload {
  const { entry, files, synced, enter } = parts;
  const { media, receiptFile } = files;
  let ended = false;
  let length = 0;
  return {
    id: entry.id,
    write: chunks =>
      explained('the upload cannot be written', async () => {
        try {
          await writeAll(media, chunks);
        } catch (error) {
          // What a full disk still took of it goes, so that the file is what was written whole, and its receipt has room.
          await media.truncate(length).catch(() => undefined);
          throw error;
        }
        const before = length;
        for (const chunk of chunks) length += chunk.byteLength;
        synced.wrote(length - before);
      }),
    read: (position, length) =>
      explained('the upload cannot be read', async () => {
        const { buffer, bytesRead } = await media.read(Buffer.allocUnsafe(length), 0, length, position);
        return buffer.subarray(0, bytesRead);
      }),
    publish: receipt =>
      explained('the upload cannot be published', async () => {
        ended = true;
        try {
          try {
            await receiptFile.writeFile(lastPart(files.facts, receipt));
            // Nothing has to be durable before the rename but all three: what a crash leaves is looked at (incoming.ts).
            await allDone([synced.sync(), receiptFile.sync(), entry.directory.sync()]);
          } finally {
            await closeFiles(files);
          }
          await enter();
        } catch (error) {
          // After the rename there is nothing left of it here to remove.
          await removeQuietly(entry);
          throw error;
        }
        await letGo(entry);
      }),
    async discard() {
      if (ended) return;
      ended = true;
      await closeFiles(files).catch(() => undefined);
      await removeQuietly(entry);
    },
  };
}

/**
 * An entry of incoming/ and incoming/ itself, held open: a link that somebody puts in their place is not followed, neither
 * before nor while an upload runs.
 */
type PinnedEntry = Readonly<{
  id: string;
  incoming: KeptDirectory;
  directory: PinnedDirectory;
  /** What is made in either (base/durable.ts). */
  lent: boolean;
}>;

type UploadFiles = Readonly<{ media: FileHandle; receiptFile: FileHandle; facts: UploadFacts }>;

/** The facts are not synced: they are for a crash of this process. A power cut before `226` may lose them, and the upload too. */
async function makeFiles({ directory, lent }: PinnedEntry, facts: UploadFacts): Promise<UploadFiles> {
  const media = await createFile(directory.at(mediaName), 'read', { flags: constants.O_RDWR, lent });
  try {
    const receiptFile = await createFile(directory.at(receiptName), 'read', { lent });
    try {
      await receiptFile.writeFile(firstPart(facts));
      return { media, receiptFile, facts };
    } catch (error) {
      await receiptFile.close();
      throw error;
    }
  } catch (error) {
    await media.close();
    throw error;
  }
}

async function closeFiles({ media, receiptFile }: UploadFiles): Promise<void> {
  await allDone([media.close(), receiptFile.close()]);
}

/** The same for one upload alone. */
export async function moveIntoInbox(
  inbox: string,
  camera: string,
  { id, incoming }: { id: string; incoming: PinnedDirectory },
): Promise<void> {
  await using ofCamera = await pinInInbox(inbox, camera);
  await publish({ id, incoming, ofCamera });
}

type Syncable = Pick<PinnedDirectory, 'at' | 'sync'>;

/** One rename publishes; then both directories are synced, at the same time since either order is safe before `226`. */
async function publish({
  id,
  incoming,
  ofCamera,
}: {
  id: string;
  incoming: Syncable;
  ofCamera: Syncable;
}): Promise<void> {
  await rename(incoming.at(id), ofCamera.at(id));
  await allDone([ofCamera.sync(), incoming.sync()]);
}

async function pinInInbox(inbox: string, camera: string): Promise<PinnedDirectory> {
  await using all = await pinOrMake(inbox);
  return await pinOrMake(all.at(camera));
}

async function pinOrMake(directory: string): Promise<PinnedDirectory> {
  try {
    return await pinDirectory(directory);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeDirectory(directory, 'write');
    return pinDirectory(directory);
  }
}

async function letGo({ directory, incoming }: PinnedEntry): Promise<void> {
  incoming[Symbol.dispose]();
  await directory[Symbol.asyncDispose]();
}

/** writev may take less than it was given (a disk about to be full): the rest is offered again, until all or an error. */
async function writeAll(media: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter(chunk => chunk.byteLength > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await media.writev(rest);
    const next: Uint8Array[] = [];
    for (const chunk of rest) {
      const taken = Math.min(bytesWritten, chunk.byteLength);
      bytesWritten -= taken;
      if (taken < chunk.byteLength) next.push(taken === 0 ? chunk : chunk.subarray(taken));
    }
    rest = next;
  }
}

async function removeQuietly(entry: PinnedEntry): Promise<void> {
  await rm(entry.incoming.at(entry.id), { recursive: true, force: true }).catch(() => undefined);
  await letGo(entry);
}

/** Rejects with the first failure, when all have ended: none is left behind that still uses what is closed next. */
async function allDone(works: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(works)) if (end.status === 'rejected') throw end.reason;
}

async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new TransientError(`${what}: ${errnoOf(error)}.`, { cause: error });
  }
}
