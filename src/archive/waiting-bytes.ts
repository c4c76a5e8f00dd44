// What cameras have sent that is not filed yet, in bytes on the disk. Only sizes are looked at; as everywhere in the inbox,
// nothing is followed, and what cannot be looked at is nobody's.

import { lstat } from 'node:fs/promises';
import { isCameraName } from '../domain/camera-name.ts';
import { namesIn } from './inbox.ts';
import { layoutOf, mediaName, receiptName } from './layout.ts';
import { pinDirectory } from './pinned-directory.ts';
import { readReceiptFile } from './receipt-file.ts';
import { isUploadId } from './upload-id.ts';

/** Looking at so many takes some seconds; what lies beyond them is counted as nobody's. */
export const maxWaitingEntries = 100_000;

/** By camera: uploads in progress, and entries of the inbox. */
export async function measureWaiting(
  dataDir: string,
  maxEntries = maxWaitingEntries,
): Promise<ReadonlyMap<string, number>> {
  const { incoming, inbox } = layoutOf(dataDir);
  const waiting = new Map<string, number>();
  let entries = 0;
  const add = (camera: string, bytes: number) => waiting.set(camera, (waiting.get(camera) ?? 0) + bytes);
  // Uploads in progress first: there are never more than there are sessions.
  for await (const id of readable(incoming)) {
    if (entries++ >= maxEntries) return waiting;
    const upload = await ifReadable(() => lookAtUpload(`${incoming}/${id}`, id));
    if (upload !== undefined) add(upload.camera, upload.bytes);
  }
  for await (const camera of readable(inbox)) {
    if (!isCameraName(camera)) continue;
    await using directory = await ifReadable(() => pinDirectory(`${inbox}/${camera}`));
    if (directory === undefined) continue;
    for await (const id of readable(directory.at('.'))) {
      if (entries++ >= maxEntries) return waiting;
      if (!isUploadId(id)) continue;
      const bytes = await ifReadable(async () => {
        await using entry = await pinDirectory(directory.at(id));
        // Awaited here: the entry is let go when this returns.
        return await bytesOf(entry.at(mediaName));
      });
      add(camera, bytes ?? 0);
    }
  }
  return waiting;
}

/** Its camera stands in the facts that the receiver wrote when it began. */
async function lookAtUpload(
  path: string,
  id: string,
): Promise<{ camera: string; bytes: number } | undefined> {
  if (!isUploadId(id)) return undefined;
  await using entry = await pinDirectory(path);
  const bytes = await bytesOf(entry.at(mediaName));
  const { facts } = await readReceiptFile(entry.at(receiptName));
  return facts !== undefined && isCameraName(facts.camera) ? { camera: facts.camera, bytes } : undefined;
}

/** What it takes of the disk: a hole takes nothing, however long it makes the file. */
async function bytesOf(path: string): Promise<number> {
  const found = await lstat(path);
  return found.isFile() ? found.blocks * 512 : 0;
}

async function* readable(directory: string): AsyncGenerator<string> {
  try {
    yield* namesIn(directory);
  } catch {
    // It went away, or may not be listed; doctor and check say so.
  }
}

async function ifReadable<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch {
    // It is being moved or removed at this moment, or is not what it should be; filing deals with it.
    return undefined;
  }
}
