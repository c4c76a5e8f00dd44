// Media on its way out (I5). Its row, and all that belongs to it, becomes garbage in one transaction, together with the
// tombstone in the chain; only then are its files unlinked, and when that is durable the garbage goes. So a file never loses
// its row before it is gone, and what an interruption leaves is found here.

import { type Db, inTransaction } from '../base/sqlite.ts';
import type { ChainAppends } from './chain.ts';
import type { EventPlacing } from './events.ts';
import { heldClip } from './holds.ts';

/** A clip that somebody wants gone, as he saw it. Instants are epoch milliseconds. */
export type Unwanted = Readonly<{
  id: string;
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
  path: string;
  thumbnail: string | null;
  bytes: number;
  reason: string;
  at: number;
}>;

export type Garbage = Readonly<{
  /**
   * Makes garbage of clips in one transaction, some dozens at a time, since nobody else writes meanwhile. What is on hold by
   * then, is gone, or is not any more what was seen stays as it is. Answers what became garbage. Throws when the catalogue
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
  { chain, placing }: { chain: Pick<ChainAppends, 'appendGone'>; placing: Pick<EventPlacing, 'removeClip'> },
): Garbage {
  const columns = 'id, camera, path, thumbnail, bytes, reason, at';
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
  const insert = db.prepare<[GarbageFile]>(
    `INSERT INTO garbage (type, ${columns}) VALUES ('clip', @id, @camera, @path, @thumbnail, @bytes, @reason, @at)`,
  );
  const page = db.prepare<[string, number], GarbageFile>(
    `SELECT ${columns} FROM garbage WHERE type = 'clip' AND id > ? ORDER BY id LIMIT ?`,
  );
  const byId = db.prepare<[string], GarbageFile>(
    `SELECT ${columns} FROM garbage WHERE type = 'clip' AND id = ?`,
  );
  const remove = db.prepare<[string]>('DELETE FROM garbage WHERE id = ?');

  const becomeGarbage = (unwanted: Unwanted, at: number): GarbageFile[] => {
    const found = stillUnwanted.get(unwanted);
    if (found === undefined) return [];
    const { sha256, ...paths } = found;
    const { id, camera, bytes, reason } = unwanted;
    chain.appendGone({ media: 'clip', id, camera, bytes, sha256, reason, at });
    placing.removeClip(id);
    removeNotes.run(unwanted);
    removeClip.run(id);
    const file = { id, camera, ...paths, bytes, reason, at };
    insert.run(file);
    return [file];
  };
  return {
    makeGarbage: (unwanted, at) => inTransaction(db, () => unwanted.flatMap(each => becomeGarbage(each, at))),
    garbageFiles: (after, limit) => page.all(after, limit),
    garbageFile: id => byId.get(id),
    forgetGarbage: ids =>
      inTransaction(db, () => {
        for (const id of ids) remove.run(id);
      }),
  };
}
