// The receiver's side of the data directory: an upload from its first byte to its place in the inbox. Nothing here knows
// what is in a file; reading the inbox is inbox.ts, and what a crash leaves in incoming/ is incoming.ts.

import { constants } from 'node:fs';
import { type FileHandle, rename, rm, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createDirectory, createFile, makeDirectory, syncDirectory, writeNewFile } from '../base/durable.ts';
import { errnoOf, TransientError } from '../base/errors.ts';
import { layoutOf, mediaName, receiptName, uploadFactsName } from './layout.ts';
import { markerHolds, requireMarker } from './marker.ts';
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

  const makeEntry = async (id: string): Promise<string> => {
    await requireMarker(options);
    const entry = join(layout.incoming, id);
    // Where the roles are parted, the archive reads what is in an entry, and removes it.
    await createDirectory(entry, 'write').catch(async error => {
      if (errnoOf(error) !== 'ENOENT') throw error;
      await makeDirectory(layout.incoming, 'write');
      await createDirectory(entry, 'write');
    });
    return entry;
  };
  const enter = (camera: string, id: string) => moveIntoInbox(layout.inbox, layout.incoming, camera, id);
  return {
    begin: facts =>
      explained('the upload cannot be stored', async () => {
        const id = newUploadId();
        const entry = await makeEntry(id);
        try {
          const media = await createFile(join(entry, mediaName), 'read', constants.O_RDWR);
          try {
            await writeFacts(join(entry, uploadFactsName), { version: 1, id, ...facts });
          } catch (error) {
            await media.close();
            throw error;
          }
          return startUpload({ id, entry, media, enter: () => enter(facts.camera, id) });
        } catch (error) {
          await removeQuietly(entry);
          throw error;
        }
      }),
    publishNote: note =>
      explained('the note cannot be stored', async () => {
        const entry = await makeEntry(note.id);
        try {
          await finishEntry(entry, note);
        } catch (error) {
          await removeQuietly(entry);
          throw error;
        }
        await enter(note.camera, note.id);
      }),
    async freeBytes() {
      const { bavail, bsize } = await statfs(options.dataDir);
      return bavail * bsize;
    },
    markerHolds: () => markerHolds(options.dataDir, options.archiveId),
  };
}

function startUpload(parts: {
  id: string;
  entry: string;
  media: FileHandle;
  enter(): Promise<void>;
}): Upload {
  const { id, entry, media, enter } = parts;
  let ended = false;
  return {
    id,
    write: chunks => explained('the upload cannot be written', () => writeAll(media, chunks)),
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
            // fdatasync writes the bytes and the size, which is all that reading them back needs; fsync would add only
            // the times. After a failed sync the kernel may have dropped the pages: it must not be tried again.
            await media.datasync();
          } finally {
            await media.close();
          }
          await finishEntry(entry, receipt);
        } catch (error) {
          await removeQuietly(entry);
          throw error;
        }
        await enter();
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
 * Writes the receipt and makes the entry itself durable. The facts go only after the receipt is safe, so that one of the
 * two always says whose upload it is.
 */
export async function finishEntry(entry: string, receipt: Receipt): Promise<void> {
  await writeNewFile(join(entry, receiptName), JSON.stringify(receipt), 'read');
  await sealEntry(entry);
}

/** The last step in incoming/: the entry then holds what the inbox expects, and nothing else. */
export async function sealEntry(entry: string): Promise<void> {
  await unlink(join(entry, uploadFactsName)).catch(error => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
  await syncDirectory(entry);
}

/** One rename publishes; then both directories are synced, at the same time since either order is safe before `226`. */
export async function moveIntoInbox(
  inbox: string,
  incoming: string,
  camera: string,
  id: string,
): Promise<void> {
  const directory = join(inbox, camera);
  try {
    await rename(join(incoming, id), join(directory, id));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeDirectory(directory, 'write');
    await rename(join(incoming, id), join(directory, id));
  }
  await Promise.all([syncDirectory(directory), syncDirectory(incoming)]);
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

async function removeQuietly(entry: string): Promise<void> {
  await rm(entry, { recursive: true, force: true }).catch(() => undefined);
}

async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new TransientError(`${what}: ${errnoOf(error)}.`, { cause: error });
  }
}
