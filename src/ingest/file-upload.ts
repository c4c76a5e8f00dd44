import type { InboxEntry } from '../archive/inbox.ts';
import { adjustClock } from './adjust-clock.ts';
import { arrivalOf } from './arrival.ts';
import { UnfileableError } from './failures.ts';
import { fileMedia } from './file-media.ts';
import { effectOf } from './file-note.ts';
import type { FilingParts } from './parts.ts';

type OpenUpload = Extract<InboxEntry, { state: 'upload' }>;

/** Files one upload: a new clip, or a further receipt of a clip that is there. Nothing is done for one that was filed before. */
export async function fileUpload(parts: FilingParts, upload: OpenUpload, signal: AbortSignal): Promise<void> {
  const { catalogue } = parts;
  const { id, camera, bytes, sha256, completeness, completenessBasis } = upload.receipt;
  const log = parts.log.child({ camera, upload: id });
  if (isKnown(catalogue, id)) return;

  const receivedAt = arrivalOf(Date.parse(upload.receipt.finishedAt), upload.changedAt);
  const { originalPath, withdrawnAt } = effectOf(catalogue.notesOf(camera, id), upload.receipt.path);
  const filed = await fileMedia(
    parts,
    {
      ...{ id, camera, originalPath, bytes, sha256, completeness, completenessBasis, withdrawnAt },
      receivedAt,
      keptFrom: receivedAt,
      receiptText: upload.receiptText,
      media: upload.media,
    },
    signal,
  );
  if (filed.state === 'differs')
    throw new UnfileableError(
      `The receipt says ${bytes} bytes with SHA-256 ${sha256}, the media has ${filed.bytes} with ${filed.sha256}.`,
    );
  if (filed.state === 'repeat') return void log.info({ clip: filed.clip }, 'upload filed as a repeat');
  const { kind, timeSource } = filed.time;
  log.info({ kind, bytes, completeness, timeSource }, 'clip filed');
  adjustClock(parts, camera);
}

/** Also what was deleted since: it is not taken in again because its entry, or an import, still brings it. */
export function isKnown(
  catalogue: Pick<FilingParts['catalogue'], 'clipOfUpload' | 'hasTombstone'>,
  upload: string,
): boolean {
  return catalogue.clipOfUpload(upload) !== undefined || catalogue.hasTombstone(upload);
}
