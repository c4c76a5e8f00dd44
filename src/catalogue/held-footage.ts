// Which footage is on hold: that of a held span of time, and that around a held event by the margins of footage_margin.

import type { Db } from '../base/sqlite.ts';
import type { Span } from '../domain/footage/coverage.ts';
import { spanSet } from '../domain/footage/span-set.ts';
import { maxSegmentMs } from './footage.ts';

export type HeldFootage = Readonly<{
  /** All that is held of a camera: spans in the order of time that do not touch. There are no more than there are holds. */
  heldSpans(camera: string): readonly Span[];
  /** What lies in spans like those, if only with an end, each file counted once. */
  footageIn(camera: string, spans: readonly Span[]): Readonly<{ segments: number; bytes: number }>;
  /** What one hold holds. */
  spanOfHold(hold: string): Span | undefined;
}>;

const spansOf = `
  SELECT hold.id, hold.camera, event.start_at - before_ms AS startAt, max(event.end_at + after_ms, event.start_at - before_ms + 1) AS endAt
  FROM hold JOIN event ON event.id = hold.event, footage_margin
  UNION ALL
  SELECT id, camera, from_at, to_at FROM hold WHERE event IS NULL`;

export function heldFootage(db: Db): HeldFootage {
  const ofCamera = db.prepare<[string], Span>(
    `SELECT startAt, endAt FROM (${spansOf}) WHERE camera = ? ORDER BY startAt`,
  );
  const ofHold = db.prepare<[string], Span>(`SELECT startAt, endAt FROM (${spansOf}) WHERE id = ?`);
  const sums = db.prepare<
    [{ camera: string; from: number; startAt: number; endAt: number }],
    { segments: number; bytes: number }
  >(`
    SELECT count(*) AS segments, coalesce(sum(bytes), 0) AS bytes FROM segment INDEXED BY segment_by_camera_and_start
    WHERE camera = @camera AND start_at >= @from AND start_at < @endAt AND end_at > @startAt`);
  return {
    heldSpans: camera => spanSet(ofCamera.all(camera)),
    spanOfHold: hold => ofHold.get(hold),
    footageIn(camera, spans) {
      const all = { segments: 0, bytes: 0 };
      let countedTo = Number.NEGATIVE_INFINITY;
      for (const { startAt, endAt } of spans) {
        // What begins before the end of the span before was counted with that one.
        const from = Math.max(startAt - maxSegmentMs, countedTo);
        const found = sums.get({ camera, from, startAt, endAt });
        all.segments += found?.segments ?? 0;
        all.bytes += found?.bytes ?? 0;
        countedTo = endAt;
      }
      return all;
    },
  };
}
