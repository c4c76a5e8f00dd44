// What a crash leaves in incoming/. It runs before the first session, so nothing there belongs to anybody; when it is
// done, incoming/ is empty and everything is in the inbox (I4).

import { rm } from 'node:fs/promises';
import { replaceFile } from '../base/durable.ts';
import { errnoOf, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { checkVisitor, isCameraName } from '../domain/camera-name.ts';
import { type Digest, digestOf } from './digest.ts';
import { namesIn } from './inbox.ts';
import { earlierFactsName, layoutOf, mediaName, receiptName, unknownCamera } from './layout.ts';
import { requireMarker } from './marker.ts';
import { openRegular } from './open-regular.ts';
import { type PinnedDirectory, pinDirectory } from './pinned-directory.ts';
import type { Receipt, UploadFacts, UploadReceipt } from './receipt.ts';
import { readEarlierFacts, readReceiptFile } from './receipt-file.ts';
import { isUploadId } from './upload-id.ts';
import { moveIntoInbox } from './uploads.ts';

export type Recovered = Readonly<{
  /** Published with the receipt that was written, or as partial. */
  published: number;
  /** Without a byte: nothing to keep. */
  removed: number;
  /** Nobody knows whose they are: moved to `inbox/_unknown/`, where the archive finds them and quarantines them. */
  unknown: number;
  /** Left for the next start, since something about them failed. */
  failed: number;
}>;

/** Call it before the receiver listens. Throws TransientError without the marker. */
export async function recoverIncoming(options: {
  dataDir: string;
  archiveId: string;
  log: Log;
}): Promise<Recovered> {
  await requireMarker(options);
  const { incoming, inbox } = layoutOf(options.dataDir);
  const counts = { published: 0, removed: 0, unknown: 0, failed: 0 };
  for await (const id of namesIn(incoming)) {
    try {
      counts[await recoverEntry(incoming, inbox, id)]++;
    } catch (error) {
      counts.failed++;
      options.log.error({ upload: id, error: messageOf(error) }, 'upload cannot be recovered');
    }
  }
  if (Object.values(counts).some(count => count > 0))
    options.log.warn(counts, 'uploads recovered after a crash');
  return counts;
}

async function recoverEntry(incoming: string, inbox: string, id: string): Promise<keyof Recovered> {
  await using all = await pinDirectory(incoming);
  await using entry = await pinEntry(all.at(id));
  const camera = entry === undefined ? undefined : await makePublishable(entry, id);
  if (camera === 'nothing') {
    await rm(all.at(id), { recursive: true, force: true });
    return 'removed';
  }
  await moveIntoInbox(inbox, camera ?? unknownCamera, { id, incoming: all });
  return camera === undefined ? 'unknown' : 'published';
}

/** Undefined for what is no directory: nobody's upload. */
async function pinEntry(path: string): Promise<PinnedDirectory | undefined> {
  try {
    return await pinDirectory(path);
  } catch (error) {
    if (['ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Sees to a receipt that fits the media; answers the camera, or undefined when nothing tells it. */
async function makePublishable(entry: PinnedDirectory, id: string): Promise<string | 'nothing' | undefined> {
  if (!isUploadId(id)) return undefined;
  const found = await findMedia(entry.at(mediaName));
  const path = entry.at(receiptName);
  const { receipt, facts: begun } = await readReceiptFile(path);
  if (receipt !== undefined && isOwn(receipt, id) && fits(receipt, found)) {
    // The crash came between the receipt and the rename.
    await syncReceipt(path);
    await seal(entry);
    return receipt.camera;
  }
  if (found === undefined || found.bytes === 0) return 'nothing';
  const facts = begun ?? (await readEarlierFacts(entry.at(earlierFactsName)));
  if (facts?.camera === checkVisitor) return 'nothing';
  if (facts === undefined || !isOwn(facts, id)) return undefined;
  // In one step: until then the file says whose it is.
  await replaceFile(path, JSON.stringify(recoveredReceipt(facts, found)), 'read');
  await seal(entry);
  return facts.camera;
}

/** The last step in incoming/: the entry then holds what the inbox expects, and nothing else. */
async function seal(entry: PinnedDirectory): Promise<void> {
  await rm(entry.at(earlierFactsName), { force: true });
  await entry.sync();
}

function recoveredReceipt(facts: UploadFacts, found: Found): UploadReceipt {
  return {
    ...facts,
    type: 'upload',
    bytes: found.bytes,
    sha256: found.sha256,
    finishedAt: new Date(found.mtimeMs).toISOString(),
    dataTls: null,
    dataBound: false,
    completeness: 'partial',
    completenessBasis: 'none',
    endedBy: 'crash',
  };
}

async function syncReceipt(path: string): Promise<void> {
  const opened = await openRegular(path);
  if (opened === undefined) return;
  await using file = opened.file;
  await file.sync();
}

type Found = Digest & { mtimeMs: number };

/** Synced before it is read: after a crash of the process alone, the bytes may still be on their way to the disk. */
async function findMedia(media: string): Promise<Found | undefined> {
  const opened = await openRegular(media).catch(error => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (opened === undefined) return undefined;
  await using file = opened.file;
  await file.datasync();
  return { ...(await digestOf(file, opened.size)), mtimeMs: opened.mtimeMs };
}

function isOwn(said: { id: string; camera: string }, id: string): boolean {
  return said.id === id && isCameraName(said.camera);
}

function fits(receipt: Receipt, found: Found | undefined): boolean {
  if (receipt.type !== 'upload') return found === undefined;
  return found !== undefined && receipt.bytes === found.bytes && receipt.sha256 === found.sha256;
}
