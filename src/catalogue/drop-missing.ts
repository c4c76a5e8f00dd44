// Rows that go because their files are gone, which only check --repair decides. No garbage is made of them: there is no file
// to unlink, and after an interruption whoever finishes garbage must not unlink one that was put back from a backup meanwhile.

import { type Db, inTransaction } from '../base/sqlite.ts';
import type { Span } from '../domain/footage/coverage.ts';
import { overlapsAny } from '../domain/footage/span-set.ts';
import type { ChainAppends } from './chain.ts';
import type { EventPlacing } from './events.ts';
import type { HeldFootage } from './held-footage.ts';
import { heldClip } from './holds.ts';

/** The word in the tombstone. */
export const missingReason = 'missing';

export type Dropped = 'dropped' | 'held' | 'gone';

export type DropMissing = Readonly<{
  /**
   * Takes a clip out of the catalogue, with its receipts, and leaves a tombstone, in one transaction. `held`: it is on hold,
   * so it stays. `gone`: it is not there any more. Throws when the catalogue was opened without a key.
   */
  dropMissing(clip: string, at: number): Dropped;
  /** The same for a segment. Its time becomes no gap: that it was recorded stays true, and the chain says so. */
  dropMissingSegment(segment: string, at: number): Dropped;
}>;

type Row = Readonly<{ id: string; camera: string; bytes: number; sha256: string; held: 0 | 1 }>;

export function dropMissingQuery(
  db: Db,
  {
    chain,
    placing,
    held: heldFootage,
  }: { chain: ChainAppends; placing: EventPlacing; held: Pick<HeldFootage, 'heldSpans'> },
): DropMissing {
  const byId = db.prepare<[string], Row>(
    `SELECT id, camera, bytes, sha256, ${heldClip} AS held FROM clip WHERE id = ?`,
  );
  // As garbage.ts: they say what a client did to it, and nobody could ask for them any more.
  const removeNotes = db.prepare<[Row]>(
    'DELETE FROM note WHERE camera = @camera AND upload IN (SELECT upload FROM receipt WHERE clip = @id)',
  );
  const remove = db.prepare<[string]>('DELETE FROM clip WHERE id = ?');
  const segmentById = db.prepare<[string], Omit<Row, 'held'> & Span>(
    'SELECT id, camera, bytes, sha256, start_at AS startAt, end_at AS endAt FROM segment WHERE id = ?',
  );
  const removeSegment = db.prepare<[string]>('DELETE FROM segment WHERE id = ?');
  return {
    dropMissingSegment: (segment, at) =>
      inTransaction(db, () => {
        const row = segmentById.get(segment);
        if (row === undefined) return 'gone';
        const { startAt, endAt, ...facts } = row;
        if (overlapsAny(heldFootage.heldSpans(row.camera), { startAt, endAt })) return 'held';
        chain.appendGone({ media: 'segment', ...facts, reason: missingReason, at });
        removeSegment.run(segment);
        return 'dropped';
      }),
    dropMissing: (clip, at) =>
      inTransaction(db, () => {
        const row = byId.get(clip);
        if (row === undefined) return 'gone';
        const { held, ...facts } = row;
        if (held) return 'held';
        chain.appendGone({ media: 'clip', ...facts, reason: missingReason, at });
        placing.removeClip(clip);
        removeNotes.run(row);
        remove.run(clip);
        return 'dropped';
      }),
  };
}
