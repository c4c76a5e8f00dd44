// What the plan of retention is made from: sums and, oldest first, what may go. Everything is read from indexes, row by row.

import type { Db } from '../base/sqlite.ts';
import type { Span } from '../domain/footage/coverage.ts';
import { overlapsAny } from '../domain/footage/span-set.ts';
import type { Candidate } from '../domain/retention-plan.ts';
import type { HeldFootage } from './held-footage.ts';
import { heldClip } from './holds.ts';

/** What a camera has: clips and footage; `bytes` is that of both. */
export type CameraHoldings = Readonly<{
  camera: string;
  clips: number;
  segments: number;
  bytes: number;
  footageBytes: number;
}>;

/**
 * What a camera gets, by the time of arrival, that of what was imported included; of footage by when it was recorded. Epoch
 * milliseconds and bytes.
 */
export type CameraArrivals = Readonly<{
  camera: string;
  media: 'clips' | 'footage';
  recentBytes: number;
  firstAt: number;
}>;

/** Around an event, or not. */
export type FootageClass = 'event-footage' | 'footage';

export type RetentionQueries = Readonly<{
  /** One row for each camera that has media, by name. */
  holdings(): readonly CameraHoldings[];
  /** One row for each camera and kind of media that it has, clips first: what arrived since an instant, and when its first did. */
  arrivals(since: number): readonly CameraArrivals[];
  /** Clips that are not on hold, oldest first, in pages: other statements may run between two of them. */
  clipCandidates(camera: string): Iterable<Candidate>;
  /** The same for finished segments of one class. */
  footageCandidates(camera: string, footageClass: FootageClass): Iterable<Candidate>;
  /** When retention made its last pass by a clock that it trusted; null before the first. */
  lastPassAt(): number | null;
  setLastPassAt(at: number): void;
}>;

const pageRows = 256;

/** Names of cameras are found by one step each through an index, not by reading all of it. */
const namesIn = (table: 'clip' | 'segment') => `name (camera) AS (
  SELECT min(camera) FROM ${table}
  UNION ALL
  SELECT (SELECT min(camera) FROM ${table} WHERE ${table}.camera > name.camera) FROM name WHERE name.camera IS NOT NULL
)`;

export function retentionQueries(db: Db, held: Pick<HeldFootage, 'heldSpans'>): RetentionQueries {
  const holdings = db.prepare<[], CameraHoldings>(`
    SELECT camera, sum(clips) AS clips, sum(segments) AS segments, sum(bytes) AS bytes,
      sum(iif(segments > 0, bytes, 0)) AS footageBytes
    FROM (
      SELECT camera, count(*) AS clips, 0 AS segments, sum(bytes) AS bytes
      FROM clip INDEXED BY clip_by_age GROUP BY camera
      UNION ALL
      SELECT camera, 0, count(*), sum(bytes) FROM segment INDEXED BY segment_by_age GROUP BY camera
    ) GROUP BY camera ORDER BY camera`);
  const clipArrivals = db.prepare<[number], CameraArrivals>(`
    WITH RECURSIVE ${namesIn('clip')}
    SELECT camera, 'clips' AS media,
      (SELECT min(received_at) FROM clip WHERE clip.camera = name.camera) AS firstAt,
      (SELECT coalesce(sum(bytes), 0) FROM clip INDEXED BY clip_by_arrival
       WHERE clip.camera = name.camera AND received_at >= ?) AS recentBytes
    FROM name WHERE camera IS NOT NULL`);
  const footageArrivals = db.prepare<[number], CameraArrivals>(`
    WITH RECURSIVE ${namesIn('segment')}
    SELECT camera, 'footage' AS media,
      (SELECT min(firstAt) FROM (
        SELECT (SELECT min(kept_from) FROM segment
                WHERE segment.camera = name.camera AND near_event = near.column1) AS firstAt
        FROM (VALUES (0), (1)) AS near)) AS firstAt,
      (SELECT coalesce(sum(bytes), 0) FROM segment INDEXED BY segment_by_age
       WHERE segment.camera = name.camera AND near_event IN (0, 1) AND kept_from >= ?) AS recentBytes
    FROM name WHERE camera IS NOT NULL`);
  const page = db.prepare<[string, number, string], Candidate>(`
    SELECT id, bytes, kept_from AS keptFrom FROM clip INDEXED BY clip_by_age
    WHERE camera = ? AND (kept_from, id) > (?, ?) AND NOT ${heldClip}
    ORDER BY kept_from, id LIMIT ${pageRows}`);
  const footagePage = db.prepare<[string, number, number, string], Candidate & Span>(`
    SELECT id, bytes, kept_from AS keptFrom, start_at AS startAt, end_at AS endAt
    FROM segment INDEXED BY segment_by_age
    WHERE camera = ? AND near_event = ? AND (kept_from, id) > (?, ?)
    ORDER BY kept_from, id LIMIT ${pageRows}`);
  const lastPass = db.prepare<[], number>('SELECT at FROM retention_pass').pluck();
  const setLastPass = db.prepare<[number]>(
    'INSERT INTO retention_pass (only_row, at) VALUES (1, ?) ON CONFLICT (only_row) DO UPDATE SET at = excluded.at',
  );
  return {
    holdings: () => holdings.all(),
    arrivals: since => [...clipArrivals.all(since), ...footageArrivals.all(since)],
    clipCandidates: camera => inPages(({ keptFrom, id }) => page.all(camera, keptFrom, id)),
    *footageCandidates(camera, footageClass) {
      const near = footageClass === 'event-footage' ? 1 : 0;
      const rows = inPages(({ keptFrom, id }) => {
        const read = footagePage.all(camera, near, keptFrom, id);
        // Once for a page: what is put on hold from now on is spared when it is to go (garbage.ts).
        spans = held.heldSpans(camera);
        return read;
      });
      let spans: readonly Span[] = [];
      for (const { startAt, endAt, ...candidate } of rows)
        if (!overlapsAny(spans, { startAt, endAt })) yield candidate;
    },
    lastPassAt: () => lastPass.get() ?? null,
    setLastPassAt: at => void setLastPass.run(at),
  };
}

type Place = Pick<Candidate, 'keptFrom' | 'id'>;

function* inPages<Row extends Place>(read: (after: Place) => readonly Row[]): Generator<Row> {
  let after: Place | undefined = { keptFrom: Number.MIN_SAFE_INTEGER, id: '' };
  while (after !== undefined) {
    const rows = read(after);
    yield* rows;
    after = rows.length === pageRows ? rows.at(-1) : undefined;
  }
}
