// When was a clip taken? The name says what the camera's clock said, the arrival is what ours says; both are kept, and
// this decides which of them is believed.

import type { TimeSource } from './clip.ts';
import { type ClipNameRow, clipNameTable } from './clip-name-table.ts';
import { formatInstant, readWallTime, type WallTime, wallAsUtc } from './time-zone.ts';

/** A claim may be this far in the future: clocks are a little wrong, and an upload may begin before its clip ends. */
export const maxFutureMs = 5 * 60_000;
const dayMs = 86_400_000;
/** An end further away belongs to something else. */
const maxClipMs = dayMs;

/** Why the name's time is believed, or is not. */
export type ClipTimeReason =
  | 'believed'
  /** No row of the table fits, the row that fits is a guess that lies too far away, or it has no whole time. */
  | 'no-time-in-name'
  /** A month 13, a second 60. */
  | 'impossible-time'
  /** 1970 or 2000, where clocks start that nobody has set. */
  | 'clock-not-set'
  | 'in-the-future'
  | 'before-acceptance-window';

export type ClaimedInstant = Readonly<{
  epochMs: number;
  /** ISO 8601 with the camera's offset. */
  iso: string;
}>;

export type ClipTime = Readonly<{
  /** What the name says, before any correction, believed or not; null when nothing can be read from it. */
  claimedAt: ClaimedInstant | null;
  claimedEndAt: ClaimedInstant | null;
  /** The row of the name table, also of a name without a usable time. */
  row: number | null;
  reason: ClipTimeReason;
  kindHint: 'test' | 'sentinel' | null;
  startAtMs: number;
  timeSource: Extract<TimeSource, 'name' | 'corrected' | 'arrival'>;
  /**
   * How often the camera's clock shows the claimed time: `twice` in the hour that is repeated when daylight saving
   * time ends, `never` in the one that is left out (a camera that was not told; read as if it had not begun yet).
   */
  localTime: 'once' | 'twice' | 'never' | null;
}>;

export type ClipTimeQuestion = Readonly<{
  /** The virtual path, from the camera's root. */
  path: string;
  receivedAtMs: number;
  /** The camera's IANA zone. */
  timeZone: string;
  acceptanceDays: number;
  /** Positive: the camera's clock is ahead. Null or absent: not known, and nothing is corrected. */
  clockOffsetMs?: number | null;
  /**
   * What earlier whole clips of this camera with this very name and other bytes claim: in the repeated hour this one is
   * then the other pass.
   */
  earlierClaimsMs?: readonly number[];
}>;

/** The first row that matches decides: a name that looks like a camera's and makes no sense is not given to the guesses. */
export function readClipTime(question: ClipTimeQuestion): ClipTime {
  for (const row of clipNameTable) {
    const match = row.pattern.exec(question.path);
    if (!match) continue;
    const time = judge(question, row, readGroups(match.groups ?? {}, question.timeZone));
    if (!row.isGuess || time.reason === 'believed') return time;
  }
  return arrival(question, null, 'no-time-in-name');
}

function judge(question: ClipTimeQuestion, row: ClipNameRow, reading: Reading | Unreadable): ClipTime {
  if (typeof reading === 'string') return arrival(question, row, reading);
  const { timeZone, receivedAtMs } = question;
  const correctionMs = question.clockOffsetMs ?? 0;
  const startMs = choosePass(reading.instants, question);
  const claimed: Pick<ClipTime, 'claimedAt' | 'claimedEndAt' | 'localTime'> = {
    claimedAt: { epochMs: startMs, iso: formatInstant(startMs, timeZone) },
    claimedEndAt: endAfter(startMs, reading.ends, timeZone),
    localTime: reading.localTime,
  };
  const correctedMs = startMs - correctionMs;
  if (correctedMs > receivedAtMs + maxFutureMs)
    return { ...arrival(question, row, 'in-the-future'), ...claimed };
  if (correctedMs < receivedAtMs - question.acceptanceDays * dayMs)
    return { ...arrival(question, row, 'before-acceptance-window'), ...claimed };
  return {
    ...arrival(question, row, 'believed'),
    ...claimed,
    startAtMs: correctedMs,
    timeSource: correctionMs === 0 ? 'name' : 'corrected',
  };
}

function arrival(question: ClipTimeQuestion, row: ClipNameRow | null, reason: ClipTimeReason): ClipTime {
  return {
    claimedAt: null,
    claimedEndAt: null,
    row: row?.row ?? null,
    reason,
    kindHint: row?.kindHint ?? null,
    startAtMs: question.receivedAtMs,
    timeSource: 'arrival',
    localTime: null,
  };
}

type Reading = Readonly<{
  /** Earliest first, never empty. */
  instants: readonly number[];
  /** Where the end may lie: the first that is not before the start is meant. */
  ends: readonly number[];
  localTime: 'once' | 'twice' | 'never';
}>;

type Unreadable = Extract<ClipTimeReason, 'no-time-in-name' | 'impossible-time' | 'clock-not-set'>;

function readGroups(
  groups: Readonly<Record<string, string | undefined>>,
  timeZone: string,
): Reading | Unreadable {
  if (groups.unix !== undefined)
    return { instants: [Number(groups.unix) * 1000], ends: [], localTime: 'once' };
  if (groups.date === undefined || groups.time === undefined) return 'no-time-in-name';
  const wall = parseWallTime(groups.date, `${groups.hour ?? ''}${groups.time}`, groups.ms);
  if (wall === undefined) return 'impossible-time';
  if (isUnsetClock(wall)) return 'clock-not-set';
  const zone = groups.utc === undefined ? timeZone : 'UTC';
  const { instants, isSkipped } = readWallTime(wall, zone);
  return {
    instants,
    ends: readEnds(groups, groups.date, zone),
    localTime: isSkipped ? 'never' : instants.length > 1 ? 'twice' : 'once',
  };
}

/** An end without a date is on the day of the start or on the next. One that is impossible is left out; the start may still be right. */
function readEnds(
  groups: Readonly<Record<string, string | undefined>>,
  startDate: string,
  zone: string,
): readonly number[] {
  if (groups.endTime === undefined) return [];
  const wall = parseWallTime(groups.endDate ?? startDate, groups.endTime, undefined);
  if (wall === undefined) return [];
  const sameDay = readWallTime(wall, zone).instants;
  if (groups.endDate !== undefined) return sameDay;
  return [...sameDay, ...readWallTime(dayAfter(wall), zone).instants];
}

function endAfter(startMs: number, ends: readonly number[], timeZone: string): ClaimedInstant | null {
  const endMs = ends.find(epochMs => epochMs >= startMs);
  if (endMs === undefined || endMs - startMs > maxClipMs) return null;
  return { epochMs: endMs, iso: formatInstant(endMs, timeZone) };
}

/**
 * Of the two instants of a repeated hour: an upload that comes at once is of the pass that it came in. For one that
 * comes later the order of arrival is all there is: the first of a name is the first pass, the next the second.
 */
function choosePass(instants: readonly number[], question: ClipTimeQuestion): number {
  const [first, second] = instants as readonly [number, number?];
  if (second === undefined) return first;
  const correctionMs = question.clockOffsetMs ?? 0;
  const delayAfter = (epochMs: number) => question.receivedAtMs - (epochMs - correctionMs);
  if (delayAfter(second) < -maxFutureMs) return first;
  // Half of what lies between the passes (30 minutes almost everywhere), so that an upload is near to one of them only.
  const nearMs = (second - first) / 2;
  if (Math.abs(delayAfter(second)) < nearMs) return second;
  const earlier = question.earlierClaimsMs ?? [];
  return earlier.includes(first) && !earlier.includes(second) ? second : first;
}

/** From digits with anything between them; undefined when there is no such date or time. */
function parseWallTime(dateText: string, timeText: string, msText: string | undefined): WallTime | undefined {
  const digits = `${dateText}${timeText}`.replace(/\D/g, '');
  const at = (from: number, to: number) => Number(digits.slice(from, to));
  const wall: WallTime = {
    year: at(0, 4),
    month: at(4, 6),
    day: at(6, 8),
    hour: at(8, 10),
    minute: at(10, 12),
    second: at(12, 14),
    millisecond: Number(msText ?? 0),
  };
  const isClock = wall.hour < 24 && wall.minute < 60 && wall.second < 60;
  if (!isClock || wall.year < 1969 || wall.year > 2099) return undefined;
  // Date.UTC carries a 31st of June over into July, and a month 13 into January.
  return new Date(wallAsUtc(wall)).getUTCMonth() === wall.month - 1 ? wall : undefined;
}

/** 1969 is the beginning of 1970 west of Greenwich. */
function isUnsetClock({ year }: WallTime): boolean {
  return year === 1969 || year === 1970 || year === 2000;
}

function dayAfter(wall: WallTime): WallTime {
  const next = new Date(wallAsUtc(wall) + dayMs);
  return {
    ...wall,
    year: next.getUTCFullYear(),
    month: next.getUTCMonth() + 1,
    day: next.getUTCDate(),
  };
}
