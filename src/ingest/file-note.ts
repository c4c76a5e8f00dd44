import type { RenamedNote, WithdrawnNote } from '../archive/receipt.ts';
import type { StoredNote } from '../catalogue/notes.ts';
import { adjustClock } from './adjust-clock.ts';
import { UnfileableError } from './failures.ts';
import type { FilingParts } from './parts.ts';
import { maxClockPeriods, placeInTime } from './place-in-time.ts';

/**
 * Keeps a note and applies it to its clip; when the upload was not filed yet, filing it applies the note. A rename gives
 * the clip its last name, and with it the time that the name carries: a temporary name carries none. The file under
 * clips/ stays where it is.
 */
export function fileNote(parts: FilingParts, note: RenamedNote | WithdrawnNote, body: string): void {
  const { catalogue } = parts;
  if (catalogue.knowsNote(note.id)) return;
  const stored: StoredNote = {
    id: note.id,
    camera: note.camera,
    upload: note.upload,
    type: note.type,
    originalPath: note.type === 'renamed' ? note.path : null,
    at: Date.parse(note.at),
    body,
  };
  const log = parts.log.child({ camera: note.camera, upload: note.upload });
  const clip = catalogue.clipOfUpload(note.upload);
  if (clip && clip.camera !== note.camera)
    throw new UnfileableError(`The note is of camera ${note.camera}, its upload of ${clip.camera}.`);
  // A repeat shares its clip with an earlier upload, whose name is not this note's to change.
  if (clip === undefined || clip.id !== note.upload) {
    catalogue.fileNote(stored, undefined);
    log.info({ type: note.type }, 'note kept');
    return;
  }
  const notes = [...catalogue.notesOf(note.camera, note.upload), stored];
  const { originalPath, withdrawnAt } = effectOf(notes, clip.originalPath);
  const time =
    originalPath === clip.originalPath
      ? clip
      : placeInTime({
          ...parts.cameraTime(clip.camera),
          path: originalPath,
          receivedAt: clip.receivedAt,
          earlierClaims: catalogue.claimsUnderName(clip.camera, originalPath, clip.sha256),
          clock: catalogue.clockPeriods(clip.camera, maxClockPeriods),
          kind: clip.kind === 'video' || clip.kind === 'image' ? clip.kind : 'other',
          containerCreatedAt: clip.timeSource === 'container' ? new Date(clip.startAt).toISOString() : null,
        });
  const { kind, claimedAt, startAt, timeSource, clockOffsetMs } = time;
  catalogue.fileNote(stored, {
    clip: clip.id,
    originalPath,
    kind,
    claimedAt,
    startAt,
    timeSource,
    clockOffsetMs,
    withdrawnAt,
  });
  log.info({ type: note.type }, 'note filed');
  // A temporary name claims nothing; the last one does.
  adjustClock(parts, clip.camera);
}

/** What all notes of an upload come to, in the order in which they were made. */
export function effectOf(
  notes: readonly StoredNote[],
  sentAs: string,
): { originalPath: string; withdrawnAt: number | null } {
  const ordered = notes.toSorted((a, b) => a.at - b.at);
  const renames = ordered.flatMap(note => note.originalPath ?? []);
  const withdrawal = ordered.find(note => note.type === 'withdrawn');
  return { originalPath: renames.at(-1) ?? sentAs, withdrawnAt: withdrawal?.at ?? null };
}
