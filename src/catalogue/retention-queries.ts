// What the plan of retention is made from: sums and, oldest first, what may go. Everything is read from indexes, row by row.

import type { Db } from '../base/sqlite.ts';
import type { Candidate } from '../domain/retention-plan.ts';
import { heldClip } from './holds.ts';

/** What a camera has and gets, epoch milliseconds and bytes. */
export type CameraHoldings = Readonly<{
  camera: string;
  clips: number;
  bytes: number;
  oldestKeptFrom: number | null;
  /** Since an instant that was asked for, by arrival. */
  recentBytes: number;
}>;

export type RetentionQueries = Readonly<{
  /** One row for each camera that has media. */
  holdings(since: number): readonly CameraHoldings[];
  /** Clips that are not on hold, oldest first, in pages: other statements may run between two of them. */
  clipCandidates(camera: string): Iterable<Candidate>;
  lastPassAt(): number | null;
  setLastPassAt(at: number): void;
}>;

const pageRows = 256;

export function retentionQueries(db: Db): RetentionQueries {
  const holdings = db.prepare<[number], CameraHoldings>(`
    SELECT camera, count(*) AS clips, sum(bytes) AS bytes, min(kept_from) AS oldestKeptFrom,
           sum(CASE WHEN kept_from >= ? THEN bytes ELSE 0 END) AS recentBytes
    FROM clip INDEXED BY clip_by_age GROUP BY camera ORDER BY camera`);
  const page = db.prepare<[string, number, string], Candidate>(`
    SELECT id, bytes, kept_from AS keptFrom FROM clip INDEXED BY clip_by_age
    WHERE camera = ? AND (kept_from, id) > (?, ?) AND NOT ${heldClip}
    ORDER BY kept_from, id LIMIT ${pageRows}`);
  const lastPass = db.prepare<[], number>('SELECT at FROM retention_pass').pluck();
  const setLastPass = db.prepare<[number]>(
    'INSERT INTO retention_pass (only_row, at) VALUES (1, ?) ON CONFLICT (only_row) DO UPDATE SET at = excluded.at',
  );
  return {
    holdings: since => holdings.all(since),
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
