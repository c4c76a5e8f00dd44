import type { ClipKind, TimeSource } from '../domain/clip.ts';
import { readClipTime } from '../domain/clip-time.ts';
import { type ClockPeriod, offsetForClaim } from '../domain/clock-offset.ts';
import type { CameraTime } from './parts.ts';

export type TimeAndKind = Readonly<{
  kind: ClipKind;
  timeZone: string;
  claimedAt: number | null;
  startAt: number;
  timeSource: TimeSource;
  /** What was taken off the claimed time; null when nothing was. */
  clockOffsetMs: number | null;
}>;

/** Of each camera: cards are sent in weeks later, and clocks are set twice a year. */
export const maxClockPeriods = 8;
/** A container's clock may be ahead of ours by as much as a name's may. */
const aheadMs = 5 * 60_000;
const dayMs = 86_400_000;
/** What a container says that nobody set: the epochs of QuickTime, of Unix, and of cameras without a battery. */
const unsetYears = new Set([1904, 1970, 2000]);

/**
 * Where a file lies on the time line, and what it is. The name's time if it is believed, else what the container says if
 * that can be true, else the arrival: later than the start by the length of the clip and the delay, which is unknown, so
 * nothing is taken off. What a file holds decides its kind; only what is no media is what its name says.
 */
export function placeInTime(
  file: CameraTime &
    Readonly<{
      path: string;
      receivedAt: number;
      /** What whole clips of the camera with this name and other bytes claim (the repeated hour). */
      earlierClaims: readonly number[];
      /** By content. */
      kind: 'video' | 'image' | 'other';
      /** What is known of the camera's clocks, newest first. */
      clock: readonly ClockPeriod[];
      /** When the container says that it was made, ISO 8601. */
      containerCreatedAt: string | null;
    }>,
): TimeAndKind {
  const { path, receivedAt, timeZone, acceptanceDays } = file;
  const question = {
    path,
    receivedAtMs: receivedAt,
    timeZone,
    acceptanceDays,
    earlierClaimsMs: file.earlierClaims,
  };
  const uncorrected = readClipTime(question);
  const claimed = uncorrected.claimedAt?.epochMs;
  const clockOffsetMs = claimed === undefined ? null : offsetForClaim(claimed, file.clock);
  const name = clockOffsetMs === null ? uncorrected : readClipTime({ ...question, clockOffsetMs });
  const kind: ClipKind = file.kind === 'other' ? (name.kindHint ?? 'other') : file.kind;
  const common = { kind, timeZone, claimedAt: name.claimedAt?.epochMs ?? null };
  const createdAt = file.containerCreatedAt === null ? Number.NaN : Date.parse(file.containerCreatedAt);
  if (name.timeSource === 'arrival' && isPlausible(createdAt, receivedAt, acceptanceDays))
    return { ...common, startAt: createdAt, timeSource: 'container', clockOffsetMs: null };
  return {
    ...common,
    startAt: name.startAtMs,
    timeSource: name.timeSource,
    clockOffsetMs: name.timeSource === 'corrected' ? clockOffsetMs : null,
  };
}

function isPlausible(createdAt: number, receivedAt: number, acceptanceDays: number): boolean {
  return (
    !unsetYears.has(new Date(createdAt).getUTCFullYear()) &&
    createdAt <= receivedAt + aheadMs &&
    createdAt >= receivedAt - acceptanceDays * dayMs
  );
}
