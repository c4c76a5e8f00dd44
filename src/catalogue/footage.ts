// Continuous footage as others read it: segments, the one that is open, gaps, and how much of a span is there. A moment that no
// row accounts for, after the last one that does, is a gap of reason `unknown` as soon as the recorder is not alive.

import type { Db } from '../base/sqlite.ts';
import {
  type Coverage,
  coverageOf,
  type Gap,
  type GapReason,
  type Span,
} from '../domain/footage/coverage.ts';

export const segmentEnds = [
  'rotated',
  'stopped',
  'stalled',
  'disconnected',
  'changed',
  'crash',
  'disk',
] as const;
export type SegmentEnd = (typeof segmentEnds)[number];

/** Instants are epoch milliseconds. */
export type Segment = Readonly<{
  id: string;
  camera: string;
  /** Relative to the data directory. */
  path: string;
  startAt: number;
  endAt: number;
  /** By media time. */
  durationMs: number;
  bytes: number;
  sha256: string;
  codec: string;
  audioCodec: string | null;
  width: number | null;
  height: number | null;
  /** The same for segments whose media time is continuous. */
  run: string;
  /** The same for segments that can be joined as they are. */
  initSha256: string;
  endReason: SegmentEnd;
  keptFrom: number;
}>;

export type OpenSegment = Readonly<{
  camera: string;
  id: string;
  run: string;
  /** Without `.open`. */
  path: string;
  startAt: number;
  /** Where the last fragment that was synced ends. */
  endAt: number;
  /** Our clock at the last sync. */
  writtenAt: number;
}>;

export type CameraSpan = Readonly<{ camera: string; from: number; to: number }>;

export type FootageListQuery = Readonly<{
  camera: string;
  from?: number | undefined;
  to?: number | undefined;
  limit?: number | undefined;
}>;

/** As it is, not cut to any span; `lasts`: it has no end yet, and `endAt` is now. */
export type ListedGap = Gap & Readonly<{ lasts: boolean }>;

export type FootageQueries = Readonly<{
  /**
   * Segments that lie in the span, if only with an end; oldest first, or newest first. Read row by row: the connection does
   * nothing else meanwhile.
   */
  listSegments(query: FootageListQuery & Readonly<{ newestFirst?: boolean }>): IterableIterator<Segment>;
  /** Gaps that lie in the span, if only with an end; newest first, read like a list. */
  listGaps(query: FootageListQuery & Readonly<{ now: number }>): Iterable<ListedGap>;
  /** The same at once, `limit` (10 000) at the most: a week of minutes. */
  segmentsBetween(span: CameraSpan, limit?: number): readonly Segment[];
  segment(id: string): Segment | undefined;
  /** The one that starts last. */
  lastSegment(camera: string): Segment | undefined;
  /**
   * Oldest first, cut to the span, `limit` (10 000) at the most. The one that lasts ends at `now`; and what comes after the recorder's last sign of life is
   * `unknown`.
   */
  gaps(span: CameraSpan & Readonly<{ now: number }>, limit?: number): readonly Gap[];
  /** By camera; also those that a recorder left that is not alive any more. */
  openSegments(): readonly OpenSegment[];
  /** Counted from the first moment that anything is known of this camera; never beyond `now`. */
  coverage(span: CameraSpan & Readonly<{ now: number }>): Coverage;
  /** Whether a recorder that is alive writes a segment of this camera. */
  isRecording(camera: string, now: number): boolean;
  /** The first moment that anything is known of this camera's recording; undefined: nothing is. */
  recordedFrom(camera: string): number | undefined;
  /** When a recorder was last alive; null: never. */
  recorderAliveAt(): number | null;
}>;

/** The recorder says so every `recorderBeatMs`. */
export const recorderBeatMs = 5000;
const recorderDeadMs = 3 * recorderBeatMs;
/** Longer than the longest loss window (record.lossWindowMs) and a camera's longest silence before it counts as stalled. */
const maxQuietMs = 90_000;
/** As the table demands. */
export const maxSegmentMs = 3_600_000;
const maxRows = 10_000;

export const selectSegment = `id, camera, path, start_at AS startAt, end_at AS endAt, duration_ms AS durationMs, bytes, sha256,
  codec, audio_codec AS audioCodec, width, height, run, init_sha256 AS initSha256, end_reason AS endReason, kept_from AS keptFrom`;
export const selectOpenSegment =
  'camera, id, run, path, start_at AS startAt, end_at AS endAt, written_at AS writtenAt';

const inSpan = `camera = @camera AND start_at > @from - ${maxSegmentMs} AND start_at < @to AND end_at > @from`;

type GapRow = Readonly<{ startAt: number; endAt: number | null; reason: GapReason }>;

export function footageQueries(db: Db): FootageQueries {
  const list = db.prepare<[CameraSpan & { limit: number }], Segment>(
    `SELECT ${selectSegment} FROM segment WHERE ${inSpan} ORDER BY start_at LIMIT @limit`,
  );
  const listNewest = db.prepare<[CameraSpan & { limit: number }], Segment>(
    `SELECT ${selectSegment} FROM segment WHERE ${inSpan} ORDER BY start_at DESC LIMIT @limit`,
  );
  const spans = db.prepare<[CameraSpan], Span>(
    `SELECT start_at AS startAt, end_at AS endAt FROM segment WHERE ${inSpan} ORDER BY start_at`,
  );
  const byId = db.prepare<[string], Segment>(`SELECT ${selectSegment} FROM segment WHERE id = ?`);
  const last = db.prepare<[string], Segment>(
    `SELECT ${selectSegment} FROM segment WHERE camera = ? ORDER BY start_at DESC LIMIT 1`,
  );
  // Gaps do not overlap, so that only the last of those that begin before the span can reach into it.
  const gapsIn = db.prepare<[CameraSpan & { limit: number }], GapRow>(`
    SELECT start_at AS startAt, end_at AS endAt, reason FROM gap
    WHERE camera = @camera AND start_at < @to
      AND start_at >= coalesce((SELECT max(start_at) FROM gap WHERE camera = @camera AND start_at <= @from), @from)
    ORDER BY start_at LIMIT @limit`);
  const gapsBefore = db.prepare<[{ camera: string; to: number }], GapRow>(`
    SELECT start_at AS startAt, end_at AS endAt, reason FROM gap
    WHERE camera = @camera AND start_at < @to ORDER BY start_at DESC`);
  const open = db.prepare<[], OpenSegment>(`SELECT ${selectOpenSegment} FROM open_segment ORDER BY camera`);
  const openOf = db.prepare<[string], OpenSegment>(
    `SELECT ${selectOpenSegment} FROM open_segment WHERE camera = ?`,
  );
  const aliveAt = db.prepare<[], number>('SELECT alive_at FROM recorder').pluck();
  const known = knownQueries(db);
  const isAlive = (now: number) => Math.abs(now - (aliveAt.get() ?? -Infinity)) <= recorderDeadMs;
  const lastingGap = db.prepare<[string]>('SELECT 1 FROM gap WHERE camera = ? AND end_at IS NULL');
  /** A disk that hangs or went away leaves a row that nobody renews; a gap that lasts says that it was noticed. */
  const isWritten = (open: OpenSegment, now: number) =>
    isAlive(now) && Math.abs(now - open.writtenAt) <= maxQuietMs && lastingGap.get(open.camera) === undefined;

  const gaps: FootageQueries['gaps'] = ({ camera, from, to, now }, limit = maxRows) => {
    const rows = gapsIn.all({ camera, from, to, limit });
    const died = isAlive(now) ? undefined : aliveAt.get();
    const found: Gap[] = rows.map(({ startAt, endAt, reason }) => ({
      startAt,
      endAt: endAt ?? Math.max(startAt, died ?? now),
      reason,
    }));
    const lastAt = died === undefined ? undefined : known.last(camera, died);
    if (lastAt !== undefined && lastAt < now) found.push({ startAt: lastAt, endAt: now, reason: 'unknown' });
    return found
      .map(gap => ({ ...gap, startAt: Math.max(gap.startAt, from), endAt: Math.min(gap.endAt, to) }))
      .filter(({ startAt, endAt }) => startAt < endAt);
  };
  function* listGaps(query: Parameters<FootageQueries['listGaps']>[0]): Generator<ListedGap> {
    const { camera, from = 0, to = Number.MAX_SAFE_INTEGER, now, limit = Number.POSITIVE_INFINITY } = query;
    let count = 0;
    for (const gap of newestGaps(camera, to, now)) {
      // They do not overlap: what comes now ends earlier still.
      if (gap.endAt <= from || count === limit) return;
      if (gap.startAt >= gap.endAt || gap.startAt >= to) continue;
      count++;
      yield gap;
    }
  }
  function* newestGaps(camera: string, to: number, now: number): Generator<ListedGap> {
    const died = isAlive(now) ? undefined : aliveAt.get();
    const lastAt = died === undefined ? undefined : known.last(camera, died);
    if (lastAt !== undefined) yield { startAt: lastAt, endAt: now, reason: 'unknown', lasts: true };
    for (const { startAt, endAt, reason } of gapsBefore.iterate({ camera, to })) {
      const lasts = endAt === null && died === undefined;
      yield { startAt, endAt: endAt ?? Math.max(startAt, died ?? now), reason, lasts };
    }
  }
  return {
    listSegments: ({ camera, from = 0, to = Number.MAX_SAFE_INTEGER, limit = -1, newestFirst = false }) =>
      (newestFirst ? listNewest : list).iterate({ camera, from, to, limit }),
    listGaps,
    segmentsBetween: (span, limit = maxRows) => list.all({ ...span, limit }),
    segment: id => byId.get(id),
    lastSegment: camera => last.get(camera),
    gaps,
    openSegments: () => open.all(),
    coverage({ camera, from, to, now }) {
      const firstAt = known.first(camera) ?? now;
      const within = { startAt: Math.max(from, firstAt), endAt: Math.min(to, now) };
      const current = openOf.get(camera);
      // A live recorder syncs every few seconds, and what it has since then is coming.
      const openSpan = current && { ...current, endAt: isWritten(current, now) ? now : current.endAt };
      const recorded = [...spans.all({ camera, from, to }), ...(openSpan ? [openSpan] : [])];
      return coverageOf(within, { recorded, gaps: gaps({ camera, from, to, now }, -1) });
    },
    isRecording(camera, now) {
      const current = openOf.get(camera);
      return current !== undefined && isWritten(current, now);
    },
    recordedFrom: known.first,
    recorderAliveAt: () => aliveAt.get() ?? null,
  };
}

/** Of a camera: the first moment that a row accounts for, and where the last one ends. */
function knownQueries(db: Db) {
  const first = db
    .prepare<[{ camera: string }], number | null>(`
      SELECT min(at) FROM (
        SELECT min(start_at) AS at FROM segment WHERE camera = @camera
        UNION ALL SELECT min(start_at) FROM gap WHERE camera = @camera
        UNION ALL SELECT start_at FROM open_segment WHERE camera = @camera)`)
    .pluck();
  const last = db
    .prepare<[{ camera: string; died: number }], number | null>(`
      SELECT max(at) FROM (
        SELECT end_at AS at FROM (SELECT end_at FROM segment WHERE camera = @camera ORDER BY start_at DESC LIMIT 1)
        UNION ALL SELECT at FROM (
          SELECT coalesce(end_at, max(start_at, @died)) AS at FROM gap WHERE camera = @camera ORDER BY start_at DESC LIMIT 1)
        UNION ALL SELECT end_at FROM open_segment WHERE camera = @camera)`)
    .pluck();
  return {
    first: (camera: string) => first.get({ camera }) ?? undefined,
    last: (camera: string, died: number) => last.get({ camera, died }) ?? undefined,
  };
}
