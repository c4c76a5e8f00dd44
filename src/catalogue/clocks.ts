import { type Db, inTransaction } from '../base/sqlite.ts';
import type { TimeSource } from '../domain/clip.ts';
import type { ClockPeriod, ClockSample } from '../domain/clock-offset.ts';
import { type Clip, selectClip } from './clip-row.ts';
import type { EventPlacing } from './events.ts';

/** Where a clip lies after its camera's clock became known. */
export type Replacement = Readonly<{
  clip: string;
  startAt: number;
  timeSource: TimeSource;
  clockOffsetMs: number | null;
}>;

export type Clocks = Readonly<{
  /** The latest uploads of a camera that claim a time, `limit` at the most, in the order of their arrival. */
  clockSamples(camera: string, limit: number): readonly ClockSample[];
  /** Newest first, `limit` at the most. */
  clockPeriods(camera: string, limit: number): readonly ClockPeriod[];
  /** Clips of a camera with a claim that arrived at or after an instant, newest first. */
  claimingClips(camera: string, since: number, limit: number): readonly Clip[];
  /** Writes what is known of a clock, and places clips anew, in one transaction. `at`: its estimatedAt. */
  fileClock(
    camera: string,
    period: Omit<ClockPeriod, 'estimatedAt'>,
    at: number,
    replaced: readonly Replacement[],
  ): void;
}>;

/** Longer ago a clock is of no interest, and nothing that is still to come was filmed then. */
const maxPeriods = 64;

export function clockQueries(db: Db, placing: EventPlacing): Clocks {
  // What was cut short has no length, and what was put together later (an import) has no delay.
  const samples = db.prepare<[string, number], ClockSample>(`
    SELECT claimed_at AS claimedAt, received_at AS receivedAt, coalesce(duration_ms, 0) AS durationMs
    FROM clip INDEXED BY clip_by_claim
    WHERE camera = ? AND claimed_at IS NOT NULL AND completeness <> 'partial' AND kept_from = received_at
      AND (kind = 'image' OR (kind = 'video' AND duration_ms IS NOT NULL))
    ORDER BY received_at DESC LIMIT ?`);
  const periods = db.prepare<[string, number], ClockPeriod>(`
    SELECT since, offset_ms AS offsetMs, uncertainty_ms AS uncertaintyMs, uploads,
           estimated_at AS estimatedAt
    FROM camera_clock WHERE camera = ? ORDER BY since DESC LIMIT ?`);
  const claiming = db.prepare<[string, number, number], Clip>(`
    SELECT ${selectClip} FROM clip INDEXED BY clip_by_claim
    WHERE camera = ? AND received_at >= ? AND claimed_at IS NOT NULL ORDER BY received_at DESC LIMIT ?`);
  const write = db.prepare<[Omit<ClockPeriod, 'estimatedAt'> & { camera: string; at: number }]>(`
    INSERT INTO camera_clock (camera, since, offset_ms, uncertainty_ms, uploads, estimated_at)
    VALUES (@camera, @since, @offsetMs, @uncertaintyMs, @uploads, @at)
    ON CONFLICT (camera, since) DO UPDATE SET offset_ms = excluded.offset_ms, uncertainty_ms = excluded.uncertainty_ms,
      uploads = excluded.uploads, estimated_at = excluded.estimated_at`);
  const forget = db.prepare<[{ camera: string }]>(`
    DELETE FROM camera_clock WHERE camera = @camera AND since NOT IN
      (SELECT since FROM camera_clock WHERE camera = @camera ORDER BY since DESC LIMIT ${maxPeriods})`);
  const place = db.prepare<[Replacement]>(`
    UPDATE clip SET start_at = @startAt, time_source = @timeSource, clock_offset_ms = @clockOffsetMs WHERE id = @clip`);
  return {
    clockSamples: (camera, limit) => samples.all(camera, limit).reverse(),
    clockPeriods: (camera, limit) => periods.all(camera, limit),
    claimingClips: (camera, since, limit) => claiming.all(camera, since, limit),
    fileClock: (camera, period, at, replaced) =>
      inTransaction(db, () => {
        write.run({ ...period, camera, at });
        forget.run({ camera });
        for (const each of replaced)
          placing.moveClip(each.clip, () => place.run(each), { holdsFollow: true });
      }),
  };
}
