// Which partial is the beginning of which whole clip. Here are the few that may be, found by name and length, and the mark;
// whether the bytes are the beginning is found by reading them (ingest/supersede.ts), which no transaction waits for.

import type { Db } from '../base/sqlite.ts';

/** Enough of a stored clip to compare its bytes with another's. */
export type StoredBytes = Readonly<{ id: string; path: string; bytes: number; sha256: string }>;

/** How a clip that is being filed stands to others of its name; both sides were compared byte for byte. */
export type Succession = Readonly<{
  /** Partials that are its beginning. */
  supersedes: readonly string[];
  /** The whole clip that it is the beginning of. */
  supersededBy: string | null;
}>;

export const noSuccession: Succession = { supersedes: [], supersededBy: null };

/** A camera that fails sends a clip a few times, not hundreds of times; older ones stay as they are. */
export const maxOpenPartials = 16;
/** Whole clips that a late partial is compared with. */
export const maxWholes = 4;
/** Cameras that never date their names use one for ever, so rows of a name are not all looked at. */
const maxRowsOfName = 64;
/** A camera that was told 426 sends the clip again soon: it is among the next so many that arrived. */
const maxNextArrivals = 64;

export type Superseding = Readonly<{
  /** Partials of this camera and name that are shorter than `bytes` and not superseded, newest first, `maxOpenPartials` at the most. */
  openPartials(camera: string, originalPath: string, bytes: number): readonly StoredBytes[];
  /** Whole clips of this camera and name that are longer than `bytes`, newest first, `maxWholes` at the most. `receivedAt`: of the partial. */
  longerWholes(
    camera: string,
    originalPath: string,
    partial: Readonly<{ bytes: number; receivedAt: number }>,
  ): readonly StoredBytes[];
}>;

export function supersedingQueries(db: Db): Superseding {
  const partials = db.prepare<[Record<string, unknown>], StoredBytes>(`
    SELECT id, path, bytes, sha256 FROM clip INDEXED BY clip_open_partial
    WHERE camera = @camera AND original_path = @originalPath AND completeness = 'partial' AND superseded_by IS NULL
      AND bytes < @bytes
    ORDER BY received_at DESC LIMIT ${maxOpenPartials}`);
  const wholes = db.prepare<[Record<string, unknown>], StoredBytes>(`
    SELECT id, path, bytes, sha256 FROM clip
    WHERE completeness = 'whole' AND bytes > @bytes AND id IN (
      SELECT id FROM (
        SELECT id FROM clip INDEXED BY clip_by_name_and_bytes
        WHERE camera = @camera AND original_path = @originalPath LIMIT ${maxRowsOfName})
      UNION
      SELECT id FROM (
        SELECT id, original_path FROM clip INDEXED BY clip_by_arrival
        WHERE camera = @camera AND received_at >= @receivedAt ORDER BY received_at LIMIT ${maxNextArrivals})
      WHERE original_path = @originalPath)
    ORDER BY received_at DESC, id LIMIT ${maxWholes}`);
  return {
    openPartials: (camera, originalPath, bytes) => partials.all({ camera, originalPath, bytes }),
    longerWholes: (camera, originalPath, partial) => wholes.all({ camera, originalPath, ...partial }),
  };
}

/**
 * The mark, for use inside the transaction that files `clip`: an interruption then leaves neither or both. A clip that
 * became more than partial meanwhile, or is gone, is left alone.
 */
export function successionMark(db: Db): (clip: string, succession: Succession) => void {
  const mark = db.prepare<[{ partial: string; whole: string }]>(`
    UPDATE clip SET superseded_by = @whole
    WHERE id = @partial AND id <> @whole AND completeness = 'partial' AND superseded_by IS NULL
      AND EXISTS (SELECT 1 FROM clip AS successor WHERE successor.id = @whole AND successor.completeness = 'whole')`);
  return (clip, { supersedes, supersededBy }) => {
    for (const partial of supersedes) mark.run({ partial, whole: clip });
    if (supersededBy !== null) mark.run({ partial: clip, whole: supersededBy });
  };
}
