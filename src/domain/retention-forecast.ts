// How long what arrives will be kept at the present rate, against what was asked for.

import { dayMs } from './retention-plan.ts';
import { settleRoom } from './retention-shares.ts';

/** One kind of media of a camera. */
export type ForecastCamera = Readonly<{
  camera: string;
  media: 'clips' | 'footage';
  /** Null: as long as there is room. */
  askedDays: number | null;
  /** What the camera may take of the room with all its media; null: an equal part. */
  maxBytes: number | null;
  /** Of all its media on hold: it stays, and leaves that much less for what arrives. */
  heldBytes: number;
  /** What there is of this kind now. */
  bytes: number;
  /** Arrived since `sinceAt`. */
  recentBytes: number;
  /** When its first media that is still there arrived; null when it has none. */
  firstAt: number | null;
}>;

export type Forecast = Readonly<{
  camera: string;
  media: 'clips' | 'footage';
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
 * The forecast for each kind of media of each camera, when all of them go on as they did since `sinceAt`. `roomBytes`: what
 * all media together may take; it is divided between cameras as the plan will divide it (retention-shares.ts), and within a
 * camera footage is given up first, as far as it is older than `minAgeDays`.
 */
export function forecastRetention(
  media: readonly ForecastCamera[],
  options: Readonly<{ now: number; sinceAt: number; roomBytes: number; minAgeDays: number }>,
): readonly Forecast[] {
  const rated = media.map(each => ({ ...each, ...rateOf(each, options) }));
  const cameras = [...Map.groupBy(rated, ({ camera }) => camera).values()].map(kinds => {
    const [{ heldBytes, maxBytes }] = kinds as [Rated];
    const wanted = kinds.reduce((sum, kind) => sum + askedBytes(kind), heldBytes);
    return {
      kinds,
      heldBytes,
      maxBytes,
      neededBytes: Math.min(wanted, maxBytes ?? Number.POSITIVE_INFINITY),
    };
  });
  const parts = settleRoom(cameras, options.roomBytes);
  const fit = new Map(
    cameras.flatMap(({ kinds, heldBytes }, index) => {
      const partBytes = Math.max(0, (parts[index] ?? 0) - heldBytes);
      return kinds.map(kind => [kind, daysThatFit(kind, kinds, partBytes, options.minAgeDays)] as const);
    }),
  );
  return rated.map(kind => {
    const { camera, media, askedDays, bytesPerDay, measuredDays } = kind;
    const fitDays = fit.get(kind) ?? null;
    // A promise is counted in days: a part of one is no broken promise.
    const isKept = askedDays === null || fitDays === null || Math.ceil(fitDays) >= askedDays;
    return { camera, media, bytesPerDay: Math.round(bytesPerDay), measuredDays, askedDays, fitDays, isKept };
  });
}

type Rated = ForecastCamera & Readonly<{ bytesPerDay: number; measuredDays: number }>;

function rateOf(
  { firstAt, recentBytes }: ForecastCamera,
  { now, sinceAt }: Readonly<{ now: number; sinceAt: number }>,
): Pick<Rated, 'bytesPerDay' | 'measuredDays'> {
  const from = Math.max(sinceAt, Math.min(firstAt ?? now, now - leastRateMs));
  const measuredDays = (now - from) / dayMs;
  return { measuredDays, bytesPerDay: recentBytes / measuredDays };
}

function askedBytes({ askedDays, bytesPerDay }: Rated): number {
  return askedDays === null ? Number.POSITIVE_INFINITY : askedDays * bytesPerDay;
}

/** `partBytes`: what its camera has for all kinds, without what is on hold. */
function daysThatFit(
  kind: Rated,
  kinds: readonly Rated[],
  partBytes: number,
  minAgeDays: number,
): number | null {
  if (kind.bytesPerDay === 0) return null;
  const others = kinds
    .filter(other => other !== kind)
    .reduce((sum, other) => sum + takesBefore(other, minAgeDays), 0);
  return Math.max(0, partBytes - others) / kind.bytesPerDay;
}

/** What a kind of media has before the other one of its camera: clips all that they want, footage what is too young to go. */
function takesBefore(kind: Rated, minAgeDays: number): number {
  if (kind.media === 'footage') return Math.min(kind.askedDays ?? minAgeDays, minAgeDays) * kind.bytesPerDay;
  // Kept for ever, they take what they have by now; more of it in a year.
  return kind.askedDays === null ? kind.bytes : askedBytes(kind);
}
