import { type Db, inTransaction } from '../base/sqlite.ts';
import type { ClipKind, TimeSource } from '../domain/clip.ts';
import type { EventPlacing } from './events.ts';

export type StoredNote = Readonly<{
  id: string;
  camera: string;
  upload: string;
  type: 'renamed' | 'withdrawn';
  /** The new name of a rename, else null. */
  originalPath: string | null;
  at: number;
  /** receipt.json as delivered. */
  body: string;
}>;

/** What a note changes about a clip that is filed already. */
export type ClipChange = Readonly<{
  clip: string;
  originalPath: string;
  kind: ClipKind;
  claimedAt: number | null;
  startAt: number;
  timeSource: TimeSource;
  clockOffsetMs: number | null;
  withdrawnAt: number | null;
}>;

export type Notes = Readonly<{
  knowsNote(id: string): boolean;
  /** Notes of this camera about one upload, oldest first. */
  notesOf(camera: string, upload: string): readonly StoredNote[];
  /** Keeps a note and, when the clip is there, what follows from it, in one transaction. Does nothing when the note is known. */
  fileNote(note: StoredNote, change: ClipChange | undefined): void;
}>;

export function noteQueries(db: Db, placing: EventPlacing): Notes {
  const known = db.prepare<[string], number>('SELECT 1 FROM note WHERE id = ?').pluck();
  const ofUpload = db.prepare<[string, string], StoredNote>(`
    SELECT id, camera, upload, type, original_path AS originalPath, at, body
    FROM note WHERE camera = ? AND upload = ? ORDER BY at, id`);
  const insert = db.prepare<[StoredNote]>(`
    INSERT INTO note (id, camera, upload, type, original_path, at, body)
    VALUES (@id, @camera, @upload, @type, @originalPath, @at, @body)`);
  const apply = db.prepare<[ClipChange]>(`
    UPDATE clip SET original_path = @originalPath, kind = @kind, claimed_at = @claimedAt, start_at = @startAt,
                    time_source = @timeSource, clock_offset_ms = @clockOffsetMs, withdrawn_at = @withdrawnAt
    WHERE id = @clip`);
  return {
    knowsNote: id => known.get(id) !== undefined,
    notesOf: (camera, upload) => ofUpload.all(camera, upload),
    fileNote: (note, change) =>
      inTransaction(db, () => {
        if (known.get(note.id) !== undefined) return;
        insert.run(note);
        if (change === undefined) return;
        placing.moveClip(change.clip, () => apply.run(change), { holdsFollow: false });
      }),
  };
}
