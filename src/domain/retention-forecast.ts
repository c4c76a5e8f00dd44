// How long what arrives will be kept at the present rate, against what was asked for.

import { dayMs } from './retention-plan.ts';
import { settleRoom } from './retention-shares.ts';

export type ForecastCamera = Readonly<{
  camera: string;
  /** Null: as long as there is room. */
  askedDays: number | null;
  /** What it may take of the room; null: an equal part. */
  maxBytes: number | null;
  /** On hold: it stays, and leaves that much less for what arrives. */
  heldBytes: number;
  /** Arrived since `sinceAt`. */
  recentBytes: number;
  /** When its first media that is still there arrived; null when it has none. */
  firstAt: number | null;
}>;

export type Forecast = Readonly<{
  camera: string;
  bytesPerDay: number;
  /** Over how many days that was measured. */
  measuredDays: number;
  askedDays: number | null;
  /** So many days of it fit at this rate; null when nothing arrives, so that no end is in sight. */
  fitDays: number | null;
  /** False: fewer days fit than were asked for. */
  isKept: boolean;
}>;

/** How far back the present rate is measured, when the archive is as old. */
export const rateDays = 7;
/** A rate from less time says nothing. */
const leastRateMs = 3_600_000;

/**
 * The forecast for each camera, when all of them go on as they did since `sinceAt`. `roomBytes`: what all media together may
 * take; it is divided as the plan will divide it (retention-shares.ts).
 */
export function forecastRetention(
  cameras: readonly ForecastCamera[],
  { now, sinceAt, roomBytes }: Readonly<{ now: number; sinceAt: number; roomBytes: number }>,
): readonly Forecast[] {
  const rated = cameras.map(each => {
    const from = Math.max(sinceAt, Math.min(each.firstAt ?? now, now - leastRateMs));
    const measuredDays = (now - from) / dayMs;
    const bytesPerDay = each.recentBytes / measuredDays;
    const asked = each.askedDays === null ? Number.POSITIVE_INFINITY : each.askedDays * bytesPerDay;
    const neededBytes = Math.min(asked + each.heldBytes, each.maxBytes ?? Number.POSITIVE_INFINITY);
    return { ...each, measuredDays, bytesPerDay, neededBytes };
  });
  const parts = settleRoom(rated, roomBytes);
  return rated.map(({ camera, askedDays, bytesPerDay, measuredDays, heldBytes }, index) => {
    const partBytes = Math.max(0, (parts[index] ?? 0) - heldBytes);
    const fitDays = bytesPerDay === 0 ? null : partBytes / bytesPerDay;
    // A promise is counted in days: a part of one is no broken promise.
    const isKept = askedDays === null || fitDays === null || Math.ceil(fitDays) >= askedDays;
    return { camera, bytesPerDay: Math.round(bytesPerDay), measuredDays, askedDays, fitDays, isKept };
  });
}
