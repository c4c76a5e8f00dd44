// What the recorder writes. Every function is one transaction, and leaves every moment up to now in a segment, in the open one,
// or in a gap (007-footage.sql).

import { type Db, inTransaction } from '../base/sqlite.ts';
import type { GapReason } from '../domain/footage/coverage.ts';
import type { ChainAppends } from './chain.ts';
import type { OpenSegment, Segment } from './footage.ts';
import { isNearEvent } from './near-footage.ts';

/** What follows a segment that was finished: at once another one, or nothing for a reason. */
export type AfterSegment = Readonly<{ open: OpenSegment } | { gap: GapReason }>;

export type FootageFiling = Readonly<{
  /** A file is about to be written; the gap that lasted ends where it begins. */
  addOpenSegment(open: OpenSegment): void;
  /** After a sync. */
  renewOpenSegment(renewed: Readonly<{ camera: string; id: string; endAt: number; writtenAt: number }>): void;
  /** The file that was open holds nothing that can be played: its time becomes part of a gap. */
  dropOpenSegment(camera: string, id: string, gap: GapReason): void;
  /** Files a segment with its entry in the chain. Does nothing when it was filed before. */
  fileSegment(segment: Segment, after: AfterSegment): void;
  /**
   * Files a segment that was found, with its entry in the chain, and changes no gap. Answers false where it is filed or being
   * written.
   */
  takeInSegment(segment: Segment): boolean;
  /** Nothing is recorded from here on, or for another reason than until now. */
  beginGap(camera: string, at: number, reason: GapReason): void;
  /**
   * What a recorder that died left of this camera is brought to an end: a gap that lasted ends at its last sign of life, and the
   * time until `now` has the reason `restart`. The open segment must have been filed or dropped.
   */
  resumeCamera(camera: string, now: number): void;
  /** No others than these cameras are to be recorded: gaps of others that last have the reason `off` from now on. */
  switchOffOthers(cameras: readonly string[], now: number): void;
  /** Says that the recorder is alive. */
  beatRecorder(now: number): void;
}>;

const insertSegment = `
  INSERT INTO segment (id, camera, path, start_at, end_at, duration_ms, bytes, sha256, codec, audio_codec, width, height,
    run, init_sha256, end_reason, kept_from)
  VALUES (@id, @camera, @path, @startAt, @endAt, @durationMs, @bytes, @sha256, @codec, @audioCodec, @width, @height,
    @run, @initSha256, @endReason, @keptFrom)
  ON CONFLICT (id) DO NOTHING`;

export function footageFiling(db: Db, chain: ChainAppends): FootageFiling {
  const insert = db.prepare<[Segment]>(insertSegment);
  const setNearness = db.prepare<[string]>(
    `UPDATE segment SET near_event = 1 WHERE id = ? AND ${isNearEvent}`,
  );
  const putOpen = db.prepare<[OpenSegment]>(`
    INSERT OR REPLACE INTO open_segment (camera, id, run, path, start_at, end_at, written_at)
    VALUES (@camera, @id, @run, @path, @startAt, @endAt, @writtenAt)`);
  const renew = db.prepare<[Parameters<FootageFiling['renewOpenSegment']>[0]]>(
    'UPDATE open_segment SET end_at = max(start_at, @endAt), written_at = @writtenAt WHERE camera = @camera AND id = @id',
  );
  const missing = db
    .prepare<[], string>("SELECT camera FROM gap WHERE end_at IS NULL AND reason <> 'off'")
    .pluck();
  const startOfOpen = db
    .prepare<[string, string], number>('SELECT start_at FROM open_segment WHERE camera = ? AND id = ?')
    .pluck();
  const removeOpen = db.prepare<[string, string]>('DELETE FROM open_segment WHERE camera = ? AND id = ?');
  const beat = db.prepare<[number]>(
    'INSERT INTO recorder (one, alive_at) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET alive_at = excluded.alive_at',
  );
  const aliveAt = db.prepare<[], number>('SELECT alive_at FROM recorder').pluck();
  const lastEnd = db
    .prepare<[{ camera: string }], number | null>(`
      SELECT max(at) FROM (
        SELECT end_at AS at FROM (SELECT end_at FROM segment WHERE camera = @camera ORDER BY start_at DESC LIMIT 1)
        UNION ALL SELECT at FROM (SELECT coalesce(end_at, start_at) AS at FROM gap WHERE camera = @camera ORDER BY start_at DESC LIMIT 1))`)
    .pluck();
  const openId = db.prepare<[string], number>('SELECT 1 FROM open_segment WHERE id = ?').pluck();
  const gaps = gapWrites(db);
  /** Answers false when it was filed before. */
  const put = (segment: Segment): boolean => {
    if (insert.run(segment).changes === 0) return false;
    const { id, camera, bytes, sha256, keptFrom } = segment;
    setNearness.run(id);
    chain.appendKept({
      ...{ media: 'segment', id, camera, bytes, sha256 },
      ...{ receivedAt: keptFrom, receipt: null },
    });
    return true;
  };
  return {
    takeInSegment: segment => inTransaction(db, () => openId.get(segment.id) === undefined && put(segment)),
    addOpenSegment: open =>
      inTransaction(db, () => {
        gaps.end(open.camera, open.startAt);
        putOpen.run(open);
      }),
    renewOpenSegment: renewed => void renew.run(renewed),
    dropOpenSegment: (camera, id, reason) =>
      inTransaction(db, () => {
        const startAt = startOfOpen.get(camera, id);
        if (startAt === undefined) return;
        removeOpen.run(camera, id);
        gaps.follow(camera, startAt, reason);
      }),
    fileSegment: (segment, after) =>
      inTransaction(db, () => {
        if (!put(segment)) return;
        const { id, camera } = segment;
        removeOpen.run(camera, id);
        if ('gap' in after) return gaps.follow(camera, segment.endAt, after.gap);
        gaps.end(camera, after.open.startAt);
        putOpen.run(after.open);
      }),
    beginGap: (camera, at, reason) => inTransaction(db, () => gaps.begin(camera, at, reason)),
    resumeCamera: (camera, now) =>
      inTransaction(db, () => {
        const diedAt = aliveAt.get();
        const knownUntil = lastEnd.get({ camera }) ?? undefined;
        if (knownUntil === undefined) return;
        gaps.begin(
          camera,
          Math.min(now, Math.max(knownUntil, gaps.lasts(camera) ? (diedAt ?? 0) : 0)),
          'restart',
        );
      }),
    switchOffOthers: (cameras, now) =>
      inTransaction(db, () => {
        for (const camera of missing.all()) if (!cameras.includes(camera)) gaps.begin(camera, now, 'off');
      }),
    beatRecorder: now => void beat.run(now),
  };
}

/** For use inside a transaction. */
function gapWrites(db: Db) {
  const lasting = db.prepare<[string], { startAt: number; reason: GapReason }>(
    'SELECT start_at AS startAt, reason FROM gap WHERE camera = ? AND end_at IS NULL',
  );
  const close = db.prepare<[number, string]>('UPDATE gap SET end_at = ? WHERE camera = ? AND end_at IS NULL');
  const remove = db.prepare<[string]>('DELETE FROM gap WHERE camera = ? AND end_at IS NULL');
  const lastEnd = db
    .prepare<[string], number>('SELECT end_at FROM gap WHERE camera = ? ORDER BY start_at DESC LIMIT 1')
    .pluck();
  const insert = db.prepare<[string, number, GapReason]>(
    'INSERT INTO gap (camera, start_at, end_at, reason) VALUES (?, ?, NULL, ?)',
  );
  const nextStart = db
    .prepare<[string, number], number>(
      'SELECT start_at FROM gap WHERE camera = ? AND start_at >= ? ORDER BY start_at LIMIT 1',
    )
    .pluck();
  const startEarlier = db.prepare<[number, string, number]>(
    'UPDATE gap SET start_at = ? WHERE camera = ? AND start_at = ?',
  );
  const endBefore = db
    .prepare<[string, number], number | null>(
      'SELECT end_at FROM gap WHERE camera = ? AND start_at < ? ORDER BY start_at DESC LIMIT 1',
    )
    .pluck();
  const writes = {
    lasts: (camera: string) => lasting.get(camera) !== undefined,
    /** A gap that lasted no time, or that a clock that was set back ends before it began, was none. */
    end(camera: string, at: number) {
      const gap = lasting.get(camera);
      if (gap !== undefined && at <= gap.startAt) remove.run(camera);
      else close.run(at, camera);
    },
    begin(camera: string, at: number, reason: GapReason) {
      const gap = lasting.get(camera);
      if (gap?.reason === reason) return;
      const startAt = Math.max(at, gap?.startAt ?? 0, (gap ? undefined : lastEnd.get(camera)) ?? 0);
      writes.end(camera, startAt);
      insert.run(camera, startAt, reason);
    },
    /**
     * What comes after a segment. Where a gap lasts already, the segment was finished late, by a disk that came back: only
     * what is missing before them is added to the first.
     */
    follow(camera: string, at: number, reason: GapReason) {
      if (lasting.get(camera) === undefined) return writes.begin(camera, at, reason);
      const next = nextStart.get(camera, at);
      const since = Math.max(at, endBefore.get(camera, at) ?? 0);
      if (next !== undefined && since < next) startEarlier.run(since, camera, next);
    },
  };
  return writes;
}
