// The steps by which media becomes a clip, whoever brought it: looked at, placed in time, copied, pictured, and written into
// the catalogue in one transaction. Each may be done again: the copy finds itself in place, the thumbnail is replaced, the
// transaction knows the upload.

import { extname, join } from 'node:path';
import { clipRelativePath, thumbnailRelativePath } from '../archive/clip-path.ts';
import type { ReadableFile } from '../archive/digest.ts';
import { messageOf } from '../base/errors.ts';
import type { Completeness, CompletenessBasis } from '../domain/clip.ts';
import type { Media } from '../media/media.ts';
import type { ClipParts } from './parts.ts';
import { maxClockPeriods, placeInTime, type TimeAndKind } from './place-in-time.ts';
import { successionOf } from './supersede.ts';

/** What is known of media before it is looked at. Instants are epoch milliseconds. */
export type IncomingMedia = Readonly<{
  /** Of the upload. Every try of the same media has the same. */
  id: string;
  camera: string;
  originalPath: string;
  bytes: number;
  sha256: string;
  /** Every try finds the same: the clip's path is made of it. */
  receivedAt: number;
  /** From when retention counts. */
  keptFrom: number;
  withdrawnAt: number | null;
  completeness: Completeness;
  completenessBasis: CompletenessBasis;
  /** What becomes the body of the receipt. */
  receiptText: string;
  media: Readonly<{
    file: ReadableFile;
    /** A path to the open file. */
    path: string;
    digest(signal?: AbortSignal): Promise<string>;
  }>;
}>;

export type FiledMedia =
  | Readonly<{ state: 'filed'; clip: string; time: TimeAndKind }>
  /** The same bytes under the same name are there: one more receipt of that clip. */
  | Readonly<{ state: 'repeat'; clip: string }>
  /** The bytes are not those that were announced; nothing was filed. */
  | Readonly<{ state: 'differs'; bytes: number; sha256: string }>;

type Facts = Awaited<ReturnType<Media['look']>>;

export async function fileMedia(
  parts: ClipParts,
  incoming: IncomingMedia,
  signal: AbortSignal,
): Promise<FiledMedia> {
  const { catalogue } = parts;
  const { id, camera, originalPath, bytes, sha256, receivedAt, keptFrom, withdrawnAt } = incoming;
  const { completeness, completenessBasis } = incoming;
  const proof = { completeness, completenessBasis };
  const stored = { upload: id, receivedAt, body: incoming.receiptText };
  const same = catalogue.sameClip(camera, originalPath, sha256);
  // A hash that was only announced must not attach an upload to a clip that is there.
  if (same !== undefined && (await incoming.media.digest(signal)) === sha256) {
    const clip = catalogue.clip(same);
    // It was no repeat when an earlier try stored it: another upload of these bytes has overtaken it since. The same bytes
    // have the same extension.
    const extension = extname(clip?.path ?? '').slice(1);
    if (extension !== '')
      await parts.clipFiles.removeCopy(clipRelativePath({ camera, id, at: receivedAt, extension }), sha256);
    const succession = await successionOf(parts, clip, completeness, signal);
    catalogue.fileRepeat(same, stored, proof, succession);
    return { state: 'repeat', clip: same };
  }

  const { facts, time } = await lookAndPlace(parts, incoming, signal);
  const copy = await storeCopy(parts, incoming, facts.extension, signal);
  if (typeof copy !== 'string') return copy;
  const thumbnail = await makeThumbnail(parts, copy, facts, signal);
  if (thumbnail.problem !== null)
    parts.log.warn({ camera, upload: id, error: thumbnail.problem }, 'thumbnail cannot be made');
  const { durationMs, width, height, codec } = facts;
  const file = { id, camera, originalPath, path: copy, bytes, sha256, thumbnail: thumbnail.path };
  const clip = {
    ...file,
    ...proof,
    ...time,
    ...{ receivedAt, keptFrom, withdrawnAt },
    ...{ durationMs, width, height, codec },
    problem: facts.problem ?? thumbnail.problem,
  };
  const succession = await successionOf(parts, clip, completeness, signal);
  signal.throwIfAborted();
  catalogue.fileClip(clip, stored, succession);
  return { state: 'filed', clip: id, time };
}

/** What the media is and when it was taken; nothing is written. */
export async function lookAndPlace(
  parts: Pick<ClipParts, 'media' | 'cameraTime'> & {
    catalogue: Pick<ClipParts['catalogue'], 'claimsUnderName' | 'clockPeriods'>;
  },
  incoming: Pick<IncomingMedia, 'camera' | 'originalPath' | 'bytes' | 'sha256' | 'receivedAt' | 'media'>,
  signal: AbortSignal,
): Promise<{ facts: Facts; time: TimeAndKind }> {
  const { camera, originalPath, bytes, sha256, receivedAt, media } = incoming;
  const facts = bytes === 0 ? emptyFile : await parts.media.look(media.path, signal);
  const time = placeInTime({
    ...parts.cameraTime(camera),
    path: originalPath,
    receivedAt,
    earlierClaims: parts.catalogue.claimsUnderName(camera, originalPath, sha256),
    clock: parts.catalogue.clockPeriods(camera, maxClockPeriods),
    kind: facts.kind,
    containerCreatedAt: facts.containerCreatedAt,
  });
  return { facts, time };
}

/** Nothing can be in an empty file, and no program need be started to say so. */
const emptyFile: Facts = {
  container: 'empty',
  extension: 'bin',
  kind: 'other',
  codec: null,
  audioCodec: null,
  width: null,
  height: null,
  durationMs: null,
  containerCreatedAt: null,
  problem: 'The file is empty.',
};

/**
 * The path is made of the arrival, which every try finds the same; a start may be read differently by the next try, after
 * a setting or the estimate of the camera's clock has changed, and the same upload would be stored twice.
 */
async function storeCopy(
  parts: ClipParts,
  { id, camera, bytes, sha256, receivedAt, media }: IncomingMedia,
  extension: string,
  signal: AbortSignal,
): Promise<string | Extract<FiledMedia, { state: 'differs' }>> {
  const relativePath = clipRelativePath({ camera, id, at: receivedAt, extension });
  const copy = await parts.clipFiles.copyIntoClips({
    media: media.file,
    relativePath,
    bytes,
    expectedSha256: sha256,
    signal,
  });
  return copy.state === 'differs' ? copy : relativePath;
}

/** A thumbnail is worth having; a clip is never kept waiting or lost for want of one. */
async function makeThumbnail(
  parts: ClipParts,
  clipPath: string,
  facts: Facts,
  signal: AbortSignal,
): Promise<{ path: string | null; problem: string | null }> {
  if (facts.kind === 'other') return { path: null, problem: null };
  try {
    const made = await parts.media.thumbnail(join(parts.dataDir, clipPath), facts.container, signal);
    if (made.jpeg === null) return { path: null, problem: made.problem };
    const path = thumbnailRelativePath(clipPath);
    await parts.clipFiles.writeThumbnail(path, made.jpeg);
    return { path, problem: null };
  } catch (error) {
    if (signal.aborted) throw error;
    return { path: null, problem: `No thumbnail could be made: ${messageOf(error)}` };
  }
}
