import { join } from 'node:path';
import { clipRelativePath, thumbnailRelativePath } from '../archive/clip-path.ts';
import type { InboxEntry } from '../archive/inbox.ts';
import { messageOf } from '../base/errors.ts';
import type { Media } from '../media/media.ts';
import { arrivalOf } from './arrival.ts';
import { UnfileableError } from './failures.ts';
import { effectOf } from './file-note.ts';
import type { FilingParts } from './parts.ts';
import { placeInTime } from './place-in-time.ts';

type OpenUpload = Extract<InboxEntry, { state: 'upload' }>;
type Facts = Awaited<ReturnType<Media['look']>>;

/** Files one upload: a new clip, or a further receipt of a clip that is there. Nothing is done for one that was filed before. */
export async function fileUpload(parts: FilingParts, upload: OpenUpload, signal: AbortSignal): Promise<void> {
  const { catalogue } = parts;
  const {
    id,
    camera,
    bytes,
    sha256,
    completeness,
    completenessBasis,
    finishedAt,
    path: sentAs,
  } = upload.receipt;
  const log = parts.log.child({ camera, upload: id });
  if (catalogue.clipOfUpload(id) !== undefined) return;

  const receivedAt = arrivalOf(Date.parse(finishedAt), upload.changedAt);
  const stored = { upload: id, receivedAt, body: upload.receiptText };
  const { originalPath, withdrawnAt } = effectOf(catalogue.notesOf(camera, id), sentAs);
  const same = catalogue.sameClip(camera, originalPath, sha256);
  // The receipt's hash alone must not attach an upload to a clip that is there.
  if (same !== undefined && (await upload.media.digest(signal)) === sha256) {
    catalogue.fileRepeat(same, stored, { completeness, completenessBasis });
    log.info({ clip: same }, 'upload filed as a repeat');
    return;
  }

  const facts = bytes === 0 ? emptyFile : await parts.media.look(upload.media.path, signal);
  const { kind: contentKind, containerCreatedAt, durationMs, width, height, codec } = facts;
  const earlierClaims = catalogue.claimsUnderName(camera, originalPath, sha256);
  const time = placeInTime({
    ...parts.cameraTime(camera),
    path: originalPath,
    receivedAt,
    earlierClaims,
    kind: contentKind,
    containerCreatedAt,
  });
  const path = await storeCopy(parts, upload, { receivedAt, extension: facts.extension }, signal);
  const thumbnail = await makeThumbnail(parts, path, facts, signal);
  if (thumbnail.problem !== null) log.warn({ error: thumbnail.problem }, 'thumbnail cannot be made');
  signal.throwIfAborted();
  const problem = facts.problem ?? thumbnail.problem;
  const proof = { completeness, completenessBasis };
  const file = { id, camera, originalPath, path, bytes, sha256, thumbnail: thumbnail.path };
  catalogue.fileClip(
    {
      ...file,
      ...proof,
      ...time,
      receivedAt,
      keptFrom: receivedAt,
      durationMs,
      width,
      height,
      codec,
      withdrawnAt,
      problem,
    },
    stored,
  );
  log.info({ kind: time.kind, bytes, completeness, timeSource: time.timeSource }, 'clip filed');
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
  parts: FilingParts,
  { receipt, media }: OpenUpload,
  { receivedAt, extension }: { receivedAt: number; extension: string },
  signal: AbortSignal,
): Promise<string> {
  const { id, camera, bytes, sha256 } = receipt;
  const relativePath = clipRelativePath({ camera, id, at: receivedAt, extension });
  const copy = await parts.clipFiles.copyIntoClips({
    media: media.file,
    relativePath,
    bytes,
    expectedSha256: sha256,
    signal,
  });
  if (copy.state === 'differs')
    throw new UnfileableError(
      `The receipt says ${bytes} bytes with SHA-256 ${sha256}, the media has ${copy.bytes} with ${copy.sha256}.`,
    );
  return relativePath;
}

/** A thumbnail is worth having; a clip is never kept waiting or lost for want of one. */
async function makeThumbnail(
  parts: FilingParts,
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
