// The archive's side of the inbox. The receiver speaks with strangers and may have been taken over, so what lies here is
// hostile input: nothing is followed, only regular files with one link and the stated size are read, a receipt is short
// and parsed by schema, and which camera and upload it is about is told by the directories, never by the receipt.

import { opendirSync, readSync, rmdirSync, unlinkSync } from 'node:fs';
import { lstat, opendir, unlink } from 'node:fs/promises';
import { errnoOf } from '../base/errors.ts';
import { isCameraName } from '../domain/camera-name.ts';
import { digestOf, type ReadableFile } from './digest.ts';
import { isPlainName, textOfName } from './entry-name.ts';
import { layoutOf, mediaName, receiptName, strayCamera } from './layout.ts';
import { requireMarkerNow } from './marker.ts';
import { openRegularNow } from './open-regular.ts';
import { type PinnedDirectory, pinDirectory, pinDirectoryNow } from './pinned-directory.ts';
import { maxReceiptBytes, type Receipt, receiptSchema, type UploadReceipt } from './receipt.ts';
import { isUploadId } from './upload-id.ts';

export type Inbox = Readonly<{
  /**
   * What lies in the inbox now, whatever it is: hostile names and types too, so that they are opened, refused and
   * quarantined. Read in batches, so a backlog costs no memory. A name that is no UTF-8 is told as entry-name.ts says, and
   * what is no directory of a camera's entries, or one that may not be listed, as an entry of `strayCamera`.
   */
  listEntries(): AsyncIterable<Readonly<{ camera: string; id: string }>>;
  /** Looks at one entry. Throws only what may pass (EMFILE, EIO, ...). */
  openEntry(camera: string, id: string): Promise<InboxEntry>;
  /**
   * Removes a filed entry, media first. Answers `rest` when there was something in it that is not ours to delete: what is
   * left is for quarantine. One that is gone is fine. Throws TransientError without the marker. It is not made durable: a
   * power cut may bring the entry back, and filing it again finds that it is known.
   */
  removeEntry(camera: string, id: string): Promise<'removed' | 'rest'>;
}>;

/** Close (dispose) it when done with it: an `upload` holds its media open. */
export type InboxEntry = AsyncDisposable &
  Readonly<
    | ({ state: 'upload'; receipt: UploadReceipt; media: OpenedMedia } & EntryFacts)
    | ({ state: 'note'; receipt: Exclude<Receipt, UploadReceipt> } & EntryFacts)
    /** Not there (any more). */
    | { state: 'gone' }
    /**
     * What an interrupted removal leaves: an empty entry, or a receipt without media. Remove it when the catalogue has
     * the upload or there is no receipt; otherwise the media was lost, and it belongs into quarantine.
     */
    | { state: 'remains'; hasReceipt: boolean }
    /** Can never be filed; a sentence for quarantine's reason. */
    | { state: 'refused'; reason: Refusal; sentence: string }
  >;

export type EntryFacts = Readonly<{
  /** The receipt's text as it was delivered. */
  receiptText: string;
  /**
   * When the bytes (of a note: its receipt) last changed, by the file's ctime, epoch milliseconds. Only the kernel sets
   * it, so it bounds what the receipt says about times: an honest receipt's finishedAt lies within moments of it.
   */
  changedAt: number;
}>;

export type OpenedMedia = Readonly<{
  /** Open for reading on what was checked, whatever has its name by now. Closed with the entry. */
  file: ReadableFile;
  /** A path to the open file, for this process only, as long as the entry is open. */
  path: string;
  /** SHA-256 of the bytes as they are now, in hexadecimal. */
  digest(signal?: AbortSignal): Promise<string>;
}>;

export type Refusal = keyof typeof refusals;

const refusals = {
  stray: 'It lies in the inbox where only directories of cameras belong.',
  closed: 'The entry may not be read by the archive: its owner keeps it to himself.',
  'camera-name': 'The directory in the inbox is not named like a camera.',
  'entry-name': 'The entry is not named like an upload.',
  'entry-type': 'The entry is not a directory.',
  contents: 'The entry holds something else than media and a receipt.',
  'receipt-missing': 'The entry has no receipt.',
  'receipt-type': 'The receipt is not a regular file with one link.',
  'receipt-size': `The receipt is empty or longer than ${maxReceiptBytes} bytes.`,
  'receipt-content': 'The receipt is not what a receipt must be.',
  'receipt-names': 'The receipt is about another camera or another upload.',
  'media-type': 'The media is not a regular file with one link.',
  'media-size': 'The media is not as long as the receipt says.',
  'media-limit': 'The media is longer than an upload may be.',
  'media-unwanted': 'The entry is a note and has media.',
} as const;

/** Entries read from a directory at a time. */
export const listingBatch = 256;

/** `maxMediaBytes`: what the receiver takes at most. A longer file, which may well be nothing but a hole, is never copied. */
export function openInbox(options: { dataDir: string; archiveId: string; maxMediaBytes?: number }): Inbox {
  const { inbox } = layoutOf(options.dataDir);
  const maxMediaBytes = options.maxMediaBytes ?? Number.POSITIVE_INFINITY;
  return {
    async *listEntries() {
      for await (const camera of namesIn(inbox)) {
        await using directory = await listable(inbox, camera);
        if (directory === undefined) continue;
        if (directory === null) yield { camera: strayCamera, id: camera };
        else for await (const id of namesIn(directory.at('.'))) yield { camera, id };
      }
    },
    openEntry: (camera, id) =>
      camera === strayCamera ? openStray(inbox, id) : openEntry(inbox, camera, id, maxMediaBytes),
    async removeEntry(camera, id) {
      requireMarkerNow(options);
      if (!isCameraName(camera) || !isUploadId(id))
        throw new Error('only entries that were filed are removed');
      return removeEntry(inbox, camera, id);
    },
  };
}

async function openEntry(
  inbox: string,
  camera: string,
  id: string,
  maxMediaBytes: number,
): Promise<InboxEntry> {
  if (!isPlainName(camera) || !isPlainName(id)) return refused('entry-name');
  try {
    if (!isCameraName(camera)) return refused('camera-name');
    using directory = pinDirectoryNow(`${inbox}/${camera}`);
    if (!isUploadId(id)) return refused('entry-name');
    using entry = pinDirectoryNow(directory.at(id));
    return readEntry(entry, { camera, id, maxMediaBytes });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { state: 'gone', ...nothingOpen };
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENOTDIR') return refused('entry-type');
    if (errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM') return refused('closed');
    throw error;
  }
}

/** What the listing found in the inbox itself: refused, unless it went away or became a directory that can be listed. */
async function openStray(inbox: string, name: string): Promise<InboxEntry> {
  await using directory = await pinDirectory(inbox);
  const found = await lstat(directory.atText(name)).catch(error => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return { state: 'gone', ...nothingOpen };
  await using now = await listable(inbox, name);
  return now === null ? refused('stray') : { state: 'gone', ...nothingOpen };
}

type Pinned = Pick<PinnedDirectory, 'at'>;

function readEntry(
  entry: Pinned,
  { camera, id, maxMediaBytes }: { camera: string; id: string; maxMediaBytes: number },
): InboxEntry {
  const names = ownNames(entry);
  if (names === undefined) return refused('contents');
  if (names.size === 0) return { state: 'remains', hasReceipt: false, ...nothingOpen };
  if (!names.has(receiptName)) return refused('receipt-missing');
  const read = readReceipt(entry);
  if (typeof read === 'string') return refused(read);
  const { receipt } = read;
  const facts = { receiptText: read.body, changedAt: Math.floor(read.ctimeMs) };
  if (receipt.camera !== camera || receipt.id !== id) return refused('receipt-names');
  if (receipt.type !== 'upload') {
    if (names.has(mediaName)) return refused('media-unwanted');
    return { state: 'note', receipt, ...facts, ...nothingOpen };
  }
  if (!names.has(mediaName)) return { state: 'remains', hasReceipt: true, ...nothingOpen };
  if (receipt.bytes > maxMediaBytes) return refused('media-limit');
  const media = openRegularNow(entry.at(mediaName));
  if (media === undefined) return refused('media-type');
  const { file } = media;
  if (media.size !== receipt.bytes) {
    file[Symbol.dispose]();
    return refused('media-size');
  }
  return {
    state: 'upload',
    receipt,
    ...facts,
    changedAt: Math.floor(media.ctimeMs),
    media: {
      file,
      path: `/proc/self/fd/${file.fd}`,
      digest: async signal => (await digestOf(file, receipt.bytes, signal)).sha256,
    },
    [Symbol.asyncDispose]: async () => file[Symbol.dispose](),
  };
}

/** The names in an entry; undefined as soon as there is one that is not ours, however many there are. */
function ownNames(entry: Pinned): Set<string> | undefined {
  const names = new Set<string>();
  const directory = opendirSync(entry.at('.'), { bufferSize: 4, encoding: 'buffer' as BufferEncoding });
  try {
    for (let found = directory.readSync(); found !== null; found = directory.readSync()) {
      const name = textOfName(found.name as unknown as Buffer);
      if (name !== mediaName && name !== receiptName) return undefined;
      names.add(name);
    }
    return names;
  } finally {
    directory.closeSync();
  }
}

/** One byte more than allowed: the file may grow after its size was asked for. */
const receiptBuffer = Buffer.alloc(maxReceiptBytes + 1);

function readReceipt(entry: Pinned): { receipt: Receipt; body: string; ctimeMs: number } | Refusal {
  const opened = openRegularNow(entry.at(receiptName));
  if (opened === undefined) return 'receipt-type';
  using file = opened.file;
  const buffer = receiptBuffer;
  const bytesRead = readSync(file.fd, buffer, 0, buffer.length, 0);
  if (bytesRead === 0 || bytesRead > maxReceiptBytes) return 'receipt-size';
  const body = buffer.toString('utf8', 0, bytesRead);
  const parsed = receiptSchema.safeParse(jsonOf(body));
  return parsed.success ? { receipt: parsed.data, body, ctimeMs: opened.ctimeMs } : 'receipt-content';
}

async function removeEntry(inbox: string, camera: string, id: string): Promise<'removed' | 'rest'> {
  try {
    using directory = pinDirectoryNow(`${inbox}/${camera}`);
    {
      using entry = pinDirectoryNow(directory.at(id));
      // In this order, an interruption leaves what `remains` describes and never media without a receipt. To give back the
      // blocks of a long file takes a while, the rest does not.
      await unlink(entry.at(mediaName)).catch(unlessGone);
      try {
        unlinkSync(entry.at(receiptName));
      } catch (error) {
        unlessGone(error);
      }
    }
    rmdirSync(directory.at(id));
    return 'removed';
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOENT') return 'removed';
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'ELOOP', 'EISDIR', 'EACCES', 'EPERM'].includes(errno))
      return 'rest';
    throw error;
  }
}

/** The names in a directory, as text (entry-name.ts). Nothing when it is gone. */
export async function* namesIn(path: string): AsyncGenerator<string> {
  let directory: AsyncIterable<{ name: unknown }>;
  try {
    directory = await opendir(path, { bufferSize: listingBatch, encoding: 'buffer' as BufferEncoding });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  for await (const { name } of directory) yield textOfName(name as Buffer);
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Null for a stray: no directory, or one that may not be listed, or whose name is no text. Undefined when it is gone. */
async function listable(inbox: string, camera: string): Promise<PinnedDirectory | null | undefined> {
  if (!isPlainName(camera)) return null;
  try {
    return await pinDirectory(`${inbox}/${camera}`);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOENT') return undefined;
    if (['ELOOP', 'ENOTDIR', 'ENXIO', 'EACCES', 'EPERM'].includes(errno)) return null;
    throw error;
  }
}

function unlessGone(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

const nothingOpen = { [Symbol.asyncDispose]: async () => undefined };

function refused(reason: Refusal): InboxEntry {
  return { state: 'refused', reason, sentence: refusals[reason], ...nothingOpen };
}
