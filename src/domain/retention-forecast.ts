// How long what arrives will be kept at the present rate, against what was asked for.

import { dayMs } from './retention-plan.ts';

export type ForecastCamera = Readonly<{
  camera: string;
  /** Null: as long as there is room. */
  askedDays: number | null;
  /** What it may take of the room; null: an equal part. */
  maxBytes: number | null;
  bytes: number;
  /** Arrived since `sinceAt`. */
  recentBytes: number;
  /** Of its oldest media; null when it has none. */
  oldestAt: number | null;
}>;

export type Forecast = Readonly<{
  camera: string;
  bytesPerDay: number;
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
 * take. Who needs less than an equal part leaves the rest to the others.
 */
export function forecastRetention(
  cameras: readonly ForecastCamera[],
  { now, sinceAt, roomBytes }: Readonly<{ now: number; sinceAt: number; roomBytes: number }>,
): readonly Forecast[] {
  const rated = cameras.map(each => {
    const from = Math.max(sinceAt, Math.min(each.oldestAt ?? now, now - leastRateMs));
    const bytesPerDay = (each.recentBytes / (now - from)) * dayMs;
    const neededBytes = each.askedDays === null ? Number.POSITIVE_INFINITY : each.askedDays * bytesPerDay;
    return {
      ...each,
      bytesPerDay,
      neededBytes: Math.min(neededBytes, each.maxBytes ?? Number.POSITIVE_INFINITY),
    };
  });
  const parts = divide(
    roomBytes,
    rated.map(({ neededBytes }) => neededBytes),
  );
  return rated.map(({ camera, askedDays, bytesPerDay }, index) => {
    const fitDays = bytesPerDay === 0 ? null : (parts[index] ?? 0) / bytesPerDay;
    // A promise is counted in days: a part of one is no broken promise.
    const isKept = askedDays === null || fitDays === null || Math.ceil(fitDays) >= askedDays;
    return { camera, bytesPerDay: Math.round(bytesPerDay), askedDays, fitDays, isKept };
  });
}

/** Equal parts, but to nobody more than he needs; what is left over goes to the others. */
function divide(room: number, needs: readonly number[]): readonly number[] {
  const order = needs.map((need, index) => ({ need, index })).sort((a, b) => a.need - b.need);
  const parts = new Array<number>(needs.length).fill(0);
  let left = room;
  for (const [position, { need, index }] of order.entries()) {
    const part = Math.min(need, left / (order.length - position));
    parts[index] = part;
    left -= part;
  }
  return parts;
}
