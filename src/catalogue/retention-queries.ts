// What the plan of retention is made from: sums and, oldest first, what may go. Everything is read from indexes, row by row.

import type { Db } from '../base/sqlite.ts';
import type { Candidate } from '../domain/retention-plan.ts';
import { heldClip } from './holds.ts';

/** What a camera has. */
export type CameraHoldings = Readonly<{ camera: string; clips: number; bytes: number }>;

/** What a camera gets, by the time of arrival, that of what was imported included; epoch milliseconds and bytes. */
export type CameraArrivals = Readonly<{ camera: string; recentBytes: number; firstAt: number }>;

export type RetentionQueries = Readonly<{
  /** One row for each camera that has media, by name. */
  holdings(): readonly CameraHoldings[];
  /** One row for each camera that has media: what arrived since an instant, and when its first did. */
  arrivals(since: number): readonly CameraArrivals[];
  /** Clips that are not on hold, oldest first, in pages: other statements may run between two of them. */
  clipCandidates(camera: string): Iterable<Candidate>;
  /** When retention made its last pass by a clock that it trusted; null before the first. */
  lastPassAt(): number | null;
  setLastPassAt(at: number): void;
}>;

const pageRows = 256;

export function retentionQueries(db: Db): RetentionQueries {
  const holdings = db.prepare<[], CameraHoldings>(`
    SELECT camera, count(*) AS clips, sum(bytes) AS bytes
    FROM clip INDEXED BY clip_by_age GROUP BY camera ORDER BY camera`);
  // Names are found by one step each through the index, not by reading all of it.
  const arrivals = db.prepare<[number], CameraArrivals>(`
    WITH RECURSIVE name (camera) AS (
      SELECT min(camera) FROM clip
      UNION ALL
      SELECT (SELECT min(camera) FROM clip WHERE clip.camera > name.camera) FROM name WHERE name.camera IS NOT NULL
    )
    SELECT camera,
      (SELECT min(received_at) FROM clip WHERE clip.camera = name.camera) AS firstAt,
      (SELECT coalesce(sum(bytes), 0) FROM clip INDEXED BY clip_by_arrival
       WHERE clip.camera = name.camera AND received_at >= ?) AS recentBytes
    FROM name WHERE camera IS NOT NULL`);
  const page = db.prepare<[string, number, string], Candidate>(`
    SELECT id, bytes, kept_from AS keptFrom FROM clip INDEXED BY clip_by_age
    WHERE camera = ? AND (kept_from, id) > (?, ?) AND NOT ${heldClip}
    ORDER BY kept_from, id LIMIT ${pageRows}`);
  const lastPass = db.prepare<[], number>('SELECT at FROM retention_pass').pluck();
  const setLastPass = db.prepare<[number]>(
    'INSERT INTO retention_pass (only_row, at) VALUES (1, ?) ON CONFLICT (only_row) DO UPDATE SET at = excluded.at',
  );
  return {
    holdings: () => holdings.all(),
    arrivals: since => arrivals.all(since),
    *clipCandidates(camera) {
      let last: Candidate | undefined;
      do {
        const rows = page.all(camera, last?.keptFrom ?? Number.MIN_SAFE_INTEGER, last?.id ?? '');
        yield* rows;
        last = rows.length === pageRows ? rows.at(-1) : undefined;
      } while (last !== undefined);
    },
    lastPassAt: () => lastPass.get() ?? null,
    setLastPassAt: at => void setLastPass.run(at),
  };
}
