// The receiver's side of the data directory: an upload from its first byte to its place in the inbox. Nothing here knows
// what is in a file; reading the inbox is inbox.ts, and what a crash leaves in incoming/ is incoming.ts.

import { constants } from 'node:fs';
import { type FileHandle, rename, rm, statfs, unlink } from 'node:fs/promises';
import { createDirectory, createFile, makeDirectory, writeNewFile } from '../base/durable.ts';
import { createEarlySyncs, type SyncedFile } from '../base/early-sync.ts';
import { errnoOf, TransientError } from '../base/errors.ts';
import { layoutOf, mediaName, receiptName, uploadFactsName } from './layout.ts';
import { markerHolds, requireMarker } from './marker.ts';
import { type PinnedDirectory, pinDirectory } from './pinned-directory.ts';
import type { Receipt, RenamedNote, UploadFacts, UploadReceipt, WithdrawnNote } from './receipt.ts';
import { newUploadId } from './upload-id.ts';

/** Known when STOR begins; `version` and `id` are added here. */
export type BeginFacts = Omit<UploadFacts, 'version' | 'id'>;

export type Uploads = Readonly<{
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

  const makeEntry = async (id: string): Promise<PinnedEntry> => {
    await requireMarker(options);
    const incoming = await pinOrMake(layout.incoming);
    try {
      // Where the roles are parted, the archive reads what is in an entry, and removes it.
      await createDirectory(incoming.at(id), 'write');
      return { id, incoming, directory: await pinDirectory(incoming.at(id)) };
    } catch (error) {
      await incoming[Symbol.asyncDispose]();
      throw error;
    }
  };
  const enter = async (camera: string, entry: PinnedEntry) => {
    // The disk may have gone since the upload began; what is made then would lie below its mount point.
    await requireMarker(options);
    await moveIntoInbox(layout.inbox, camera, entry);
  };
  return {
    begin: facts =>
      explained('the upload cannot be stored', async () => {
        const id = newUploadId();
        const entry = await makeEntry(id);
        try {
          const media = await createFile(entry.directory.at(mediaName), 'read', constants.O_RDWR);
          try {
            await writeFacts(entry.directory.at(uploadFactsName), { version: 1, id, ...facts });
          } catch (error) {
            await media.close();
            throw error;
          }
          return startUpload({
            entry,
            media,
            synced: earlySyncs(media),
            enter: () => enter(facts.camera, entry),
          });
        } catch (error) {
          await removeQuietly(entry);
          throw error;
        }
      }),
    publishNote: note =>
      explained('the note cannot be stored', async () => {
        const entry = await makeEntry(note.id);
        try {
          await finishEntry(entry.directory, note);
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
  };
}

function startUpload(parts: {
  entry: PinnedEntry;
  media: FileHandle;
  synced: SyncedFile;
  enter(): Promise<void>;
}): Upload {
  const { entry, media, synced, enter } = parts;
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
            await synced.sync();
          } finally {
            await media.close();
          }
          await finishEntry(entry.directory, receipt);
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
      await media.close().catch(() => undefined);
      await removeQuietly(entry);
    },
  };
}

/**
 * An entry of incoming/ and incoming/ itself, held open: a link that somebody puts in their place is not followed, neither
 * before nor while an upload runs.
 */
export type PinnedEntry = Readonly<{ id: string; incoming: PinnedDirectory; directory: PinnedDirectory }>;

/**
 * Writes the receipt and makes the entry itself durable. The facts go only after the receipt is safe, so that one of the
 * two always says whose upload it is.
 */
export async function finishEntry(entry: PinnedDirectory, receipt: Receipt): Promise<void> {
  await writeNewFile(entry.at(receiptName), JSON.stringify(receipt), 'read');
  await sealEntry(entry);
}

/** The last step in incoming/: the entry then holds what the inbox expects, and nothing else. */
export async function sealEntry(entry: PinnedDirectory): Promise<void> {
  await unlink(entry.at(uploadFactsName)).catch(error => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
  await entry.sync();
}

/** One rename publishes; then both directories are synced, at the same time since either order is safe before `226`. */
export async function moveIntoInbox(
  inbox: string,
  camera: string,
  { id, incoming }: Pick<PinnedEntry, 'id' | 'incoming'>,
): Promise<void> {
  await using all = await pinOrMake(inbox);
  await using ofCamera = await pinOrMake(all.at(camera));
  await rename(incoming.at(id), ofCamera.at(id));
  await Promise.all([ofCamera.sync(), incoming.sync()]);
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
  await Promise.all([directory[Symbol.asyncDispose](), incoming[Symbol.asyncDispose]()]);
}

/** Not synced: it is for a crash of this process. A power cut before `226` may lose it, and the upload with it. */
async function writeFacts(path: string, facts: UploadFacts): Promise<void> {
  await using file = await createFile(path);
  await file.writeFile(JSON.stringify(facts));
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

async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new TransientError(`${what}: ${errnoOf(error)}.`, { cause: error });
  }
}
