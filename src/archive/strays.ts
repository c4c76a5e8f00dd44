// What check looks for beside clips and thumbnails (entries that wait, uploads in progress, cases of the quarantine), and the
// few things that its repairs do to files. Nothing is opened through a link, and nothing is removed that is not named as ours.

import { createHash } from 'node:crypto';
import { lstat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../base/durable.ts';
import { errnoOf, FailedError } from '../base/errors.ts';
import { isCameraName } from '../domain/camera-name.ts';
import { checkedRelativePath, readStoredPath } from './clip-path.ts';
import type { Digest } from './digest.ts';
import { isPlainName, pathOfName } from './entry-name.ts';
import { checkedFootagePath } from './footage-path.ts';
import { jsonOf, namesIn } from './inbox.ts';
import { layoutOf, mediaName, strayCamera, unknownCamera } from './layout.ts';
import { requireMarker } from './marker.ts';
import { openRegular } from './open-regular.ts';
import { isUploadId } from './upload-id.ts';

/** Whether `inbox/<camera>/<id>` is there, whatever it is. Throws system errors. */
export async function isInInbox(dataDir: string, camera: string, id: string): Promise<boolean> {
  const { inbox } = layoutOf(dataDir);
  if (camera !== strayCamera && !isPlainName(camera)) return isThere(pathOfName(inbox, camera));
  return isThere(pathOfName(camera === strayCamera ? inbox : `${inbox}/${camera}`, id));
}

/** What lies in `incoming/`, and when its bytes last grew (or the entry was made), epoch milliseconds. */
export async function* incomingEntries(dataDir: string): AsyncGenerator<{ id: string; changedAt: number }> {
  const { incoming } = layoutOf(dataDir);
  for await (const id of namesIn(incoming)) {
    const entry = await statOf(pathOfName(incoming, id));
    if (entry === undefined) continue;
    const media = isUploadId(id) ? await statOf(join(incoming, id, mediaName)) : undefined;
    yield { id, changedAt: Math.floor(Math.max(entry.ctimeMs, media?.ctimeMs ?? 0)) };
  }
}

/** A case of the quarantine: where it lies, and the entry of the inbox that it was, as reason.json tells. */
export type QuarantineCase = Readonly<{
  /** Relative to the data directory. */
  path: string;
  camera: string;
  id: string;
  reason: string | null;
  /** Epoch milliseconds. */
  at: number;
}>;

/** A reason is a sentence of ours and two names of directories. */
const maxReasonBytes = 16_384;

export async function* quarantineCases(dataDir: string): AsyncGenerator<QuarantineCase> {
  const { quarantine } = layoutOf(dataDir);
  for await (const camera of namesIn(quarantine)) {
    if (!isCameraName(camera) && camera !== unknownCamera) continue;
    for await (const id of namesIn(join(quarantine, camera))) {
      if (!isUploadId(id)) continue;
      const path = join('quarantine', camera, id);
      const stat = await statOf(join(dataDir, path));
      if (stat?.isDirectory() !== true) continue;
      yield { path, camera, id, reason: null, at: stat.mtimeMs, ...(await readReason(join(dataDir, path))) };
    }
  }
}

/** Where an entry of the inbox is put aside; undefined where its names had to be replaced, and only reason.json tells. */
export function quarantinePathOf(camera: string, id: string): string | undefined {
  if (!isUploadId(id)) return undefined;
  return isCameraName(camera) || camera === unknownCamera ? join('quarantine', camera, id) : undefined;
}

/** Whether there is something at this path, relative to the data directory. Throws system errors other than ENOENT. */
export function isStored(dataDir: string, path: string): Promise<boolean> {
  return isThere(join(dataDir, path));
}

export type Strays = Readonly<{
  /** Removes what storing a clip or thumbnail left behind: `<path of ours>.part` or `.new`, and nothing else. Durable. */
  removePart(path: string): Promise<void>;
  /** Removes a thumbnail. Durable; one that is gone is fine. */
  removeThumbnail(path: string): Promise<void>;
  /** Removes a stored file whose bytes are all in another one. Durable. Throws FailedError when they are not the same. */
  removeDuplicate(path: string, other: Readonly<{ path: string; sha256: string }>): Promise<void>;
  /** Makes a stored clip or segment read-only again. Throws FailedError when it is not a regular file. */
  sealFile(path: string): Promise<void>;
  /** Throws FailedError when a stored clip is not there as a regular file with one name. */
  requireClip(path: string): Promise<void>;
  /** Size and SHA-256 of a stored clip, which is given to `onBytes` on the way. Throws as requireClip. */
  digestOfClip(path: string, onBytes: (bytes: Uint8Array) => void): Promise<Digest>;
}>;

/** Everything here throws TransientError without the marker. */
export function openStrays(options: { dataDir: string; archiveId: string }): Strays {
  const { dataDir } = options;
  const removeDurably = async (path: string) => {
    await unlink(join(dataDir, path)).catch(error => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    // Its directory may be gone with it.
    await syncDirectory(dirname(join(dataDir, path))).catch(error => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  };
  return {
    async removePart(path) {
      await requireMarker(options);
      const [, stem = '', suffix] = /^(.*)(\.part|\.new)$/.exec(path) ?? [];
      if (readStoredPath(stem, suffix === '.part' ? 'clips' : 'thumbnails') === undefined)
        throw new Error('only what storing left behind is removed');
      await removeDurably(path);
    },
    async removeDuplicate(path, other) {
      await requireMarker(options);
      if (path === other.path) throw new Error('two files were expected');
      const [own, kept] = await Promise.all([path, other.path].map(each => digestOfClip(dataDir, each)));
      if (own?.sha256 !== other.sha256 || kept?.sha256 !== other.sha256)
        throw new FailedError(
          `${path} and ${other.path} are not the same: keep both, and look at them by hand.`,
        );
      await removeDurably(checkedRelativePath(path, 'clips'));
    },
    async removeThumbnail(path) {
      await requireMarker(options);
      await removeDurably(checkedRelativePath(path, 'thumbnails'));
    },
    async sealFile(path) {
      await requireMarker(options);
      await using file = await openStored(dataDir, path);
      await file.chmod(0o400);
      await file.sync();
    },
    async requireClip(path) {
      await (await openStored(dataDir, path)).close();
    },
    digestOfClip: (path, onBytes) => digestOfClip(dataDir, path, onBytes),
  };
}

async function digestOfClip(
  dataDir: string,
  path: string,
  onBytes: (bytes: Uint8Array) => void = () => {},
): Promise<Digest> {
  await using file = await openStored(dataDir, path);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    onBytes(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function openStored(dataDir: string, path: string) {
  const opened = await openRegular(join(dataDir, checkedMediaPath(path))).catch(error => {
    throw new FailedError(`${path} cannot be opened (${errnoOf(error)}).`, { cause: error });
  });
  if (opened === undefined)
    throw new FailedError(
      `${path} is not a regular file with one name that may be read: look at it by hand.`,
    );
  return opened.file;
}

function checkedMediaPath(path: string): string {
  return path.startsWith('footage/') ? checkedFootagePath(path) : checkedRelativePath(path, 'clips');
}

async function readReason(place: string) {
  const opened = await openRegular(join(place, 'reason.json')).catch(error => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (opened === undefined) return {};
  await using file = opened.file;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(maxReasonBytes), 0, maxReasonBytes, 0);
  const told = (jsonOf(buffer.toString('utf8', 0, bytesRead)) ?? {}) as Record<string, unknown>;
  const { camera, id, reason } = told;
  const at = typeof told.at === 'string' ? Date.parse(told.at) : Number.NaN;
  if (typeof camera !== 'string' || typeof id !== 'string' || typeof reason !== 'string') return {};
  return { camera, id, reason, ...(Number.isNaN(at) ? {} : { at }) };
}

async function statOf(path: string | Buffer) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function isThere(path: string | Buffer): Promise<boolean> {
  return (await statOf(path)) !== undefined;
}
