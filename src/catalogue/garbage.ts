// Media on its way out (I5). Its row, and all that belongs to it, becomes garbage in one transaction, together with the
// tombstone in the chain; only then are its files unlinked, and when that is durable the garbage goes. So a file never loses
// its row before it is gone, and what an interruption leaves is found here.

import { type Db, inTransaction } from '../base/sqlite.ts';
import type { ChainMedia } from '../domain/chain.ts';
import type { Span } from '../domain/footage/coverage.ts';
import { overlapsAny } from '../domain/footage/span-set.ts';
import type { MediaClass } from '../domain/retention-plan.ts';
import type { ChainAppends } from './chain.ts';
import type { EventPlacing } from './events.ts';
import type { HeldFootage } from './held-footage.ts';
import { heldClip } from './holds.ts';

/** A clip or a segment that somebody wants gone, as he saw it. Instants are epoch milliseconds. */
export type Unwanted = Readonly<{
  id: string;
  mediaClass: MediaClass;
  camera: string;
  bytes: number;
  keptFrom: number;
  /** Which rule asks for it: lower-case letters and hyphens; it stands in the tombstone. */
  reason: string;
}>;

/** What is still to be unlinked. Paths are relative to the data directory. */
export type GarbageFile = Readonly<{
  id: string;
  camera: string;
  type: ChainMedia;
  path: string;
  thumbnail: string | null;
  bytes: number;
  reason: string;
  at: number;
}>;

export type Garbage = Readonly<{
  /**
   * Makes garbage of media in one transaction, some dozens at a time, since nobody else writes meanwhile. What is on hold by
   * then, is gone, or is not any more what was seen (footage near which there is an event by now) stays as it is. Answers what became garbage. Throws when the catalogue
   * was opened without a key for the chain.
   */
  makeGarbage(unwanted: readonly Unwanted[], at: number): readonly GarbageFile[];
  /** By id above `after`, `limit` at the most. */
  garbageFiles(after: string, limit: number): readonly GarbageFile[];
  garbageFile(id: string): GarbageFile | undefined;
  /** For what is unlinked, durably. */
  forgetGarbage(ids: readonly string[]): void;
}>;

/**
 * The notes of a clip go with it: they say what a client did to it, and nobody could ask for them any more. Receipts and the
 * place in the chain's waiting list go by their references, and what it superseded is superseded by nothing then.
 */
export function garbageQueries(
  db: Db,
  {
    chain,
    placing,
    held,
  }: {
    chain: Pick<ChainAppends, 'appendGone'>;
    placing: Pick<EventPlacing, 'removeClip'>;
    held: Pick<HeldFootage, 'heldSpans'>;
  },
): Garbage {
  const columns = 'id, camera, type, path, thumbnail, bytes, reason, at';
  // A clip may not become garbage twice at once, and what has that id as garbage is gone first.
  const stillUnwanted = db.prepare<
    [Unwanted],
    Pick<GarbageFile, 'path' | 'thumbnail'> & Readonly<{ sha256: string }>
  >(`
    SELECT path, thumbnail, sha256 FROM clip
    WHERE id = @id AND camera = @camera AND bytes = @bytes AND kept_from = @keptFrom
      AND NOT ${heldClip} AND NOT EXISTS (SELECT 1 FROM garbage WHERE garbage.id = clip.id)`);
  const removeNotes = db.prepare<[Unwanted]>(
    'DELETE FROM note WHERE camera = @camera AND upload IN (SELECT upload FROM receipt WHERE clip = @id)',
  );
  const removeClip = db.prepare<[string]>('DELETE FROM clip WHERE id = ?');
  const segments = segmentGarbage(db, held);
  const insert = db.prepare<[GarbageFile]>(
    `INSERT INTO garbage (${columns}) VALUES (@id, @camera, @type, @path, @thumbnail, @bytes, @reason, @at)`,
  );
  const page = db.prepare<[string, number], GarbageFile>(
    `SELECT ${columns} FROM garbage WHERE id > ? ORDER BY id LIMIT ?`,
  );
  const byId = db.prepare<[string], GarbageFile>(`SELECT ${columns} FROM garbage WHERE id = ?`);
  const remove = db.prepare<[string]>('DELETE FROM garbage WHERE id = ?');

  const becomeGarbage = (unwanted: Unwanted, at: number, isHeld: SegmentHolds): GarbageFile[] => {
    const type = unwanted.mediaClass === 'clip' ? 'clip' : 'segment';
    const found = type === 'clip' ? stillUnwanted.get(unwanted) : segments.stillUnwanted(unwanted, isHeld);
    if (found === undefined) return [];
    const { sha256, path, thumbnail } = found;
    const { id, camera, bytes, reason } = unwanted;
    chain.appendGone({ media: type, id, camera, bytes, sha256, reason, at });
    if (type === 'segment') segments.remove(id);
    else {
      placing.removeClip(id);
      removeNotes.run(unwanted);
      removeClip.run(id);
    }
    const file = { id, camera, type, path, thumbnail, bytes, reason, at } as const;
    insert.run(file);
    return [file];
  };
  return {
    makeGarbage: (unwanted, at) =>
      inTransaction(db, () => {
        const isHeld = segments.holds();
        return unwanted.flatMap(each => becomeGarbage(each, at, isHeld));
      }),
    garbageFiles: (after, limit) => page.all(after, limit),
    garbageFile: id => byId.get(id),
    forgetGarbage: ids =>
      inTransaction(db, () => {
        for (const id of ids) remove.run(id);
      }),
  };
}

/** Whether a span of a camera has something on hold, as of the transaction that asks. */
type SegmentHolds = (camera: string, span: Span) => boolean;
type FoundSegment = Span & Readonly<{ path: string; thumbnail: null; sha256: string }>;

function segmentGarbage(db: Db, held: Pick<HeldFootage, 'heldSpans'>) {
  const same = db.prepare<[Unwanted & { near: 0 | 1 }], FoundSegment>(`
    SELECT path, NULL AS thumbnail, sha256, start_at AS startAt, end_at AS endAt FROM segment
    WHERE id = @id AND camera = @camera AND bytes = @bytes AND kept_from = @keptFrom AND near_event = @near
      AND NOT EXISTS (SELECT 1 FROM garbage WHERE garbage.id = segment.id)`);
  const remove = db.prepare<[string]>('DELETE FROM segment WHERE id = ?');
  return {
    stillUnwanted(unwanted: Unwanted, isHeld: SegmentHolds): FoundSegment | undefined {
      const found = same.get({ ...unwanted, near: unwanted.mediaClass === 'event-footage' ? 1 : 0 });
      return found === undefined || isHeld(unwanted.camera, found) ? undefined : found;
    },
    holds(): SegmentHolds {
      const spans = new Map<string, readonly Span[]>();
      return (camera, span) => {
        const known = spans.get(camera) ?? held.heldSpans(camera);
        spans.set(camera, known);
        return overlapsAny(known, span);
      };
    },
    remove: (id: string) => void remove.run(id),
  };
}
