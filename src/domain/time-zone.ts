// Camera-local wall time and instants, through the zone rules that Node carries (Intl). Instants are milliseconds since
// the Unix epoch.

/** What a clock on the wall shows; `month` and `day` count from 1. Valid as a date, not necessarily in every zone. */
export type WallTime = Readonly<{
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  millisecond: number;
}>;

const dayMs = 86_400_000;

/** Zone names are chosen by the operator, so there are few; the limit is for the day when that changes. */
const maxFormatters = 64;
const formatters = new Map<string, Intl.DateTimeFormat>();

/** An IANA zone name (`Europe/Berlin`, `UTC`). Plain offsets like `+02:00` are none: they know no daylight saving time. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    offsetAt(0, name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** How far the zone's clocks are ahead of UTC at an instant, in milliseconds. Throws RangeError for what is no zone. */
export function offsetAt(epochMs: number, timeZone: string): number {
  const parts = formatterFor(timeZone).formatToParts(epochMs);
  const text = parts.find(part => part.type === 'timeZoneName')?.value ?? '';
  const match = /^GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (!match) throw new Error(`expected an offset like GMT+01:00 for ${timeZone}, got ${text}`);
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match;
  const offsetMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -offsetMs : offsetMs;
}

export type WallReading = Readonly<{
  /** Earliest first; two when the clock shows this time twice. Never empty. */
  instants: readonly number[];
  /** The clock leaps over this time: then the instant is what it would be, had the clock not been changed yet. */
  isSkipped: boolean;
}>;

/** The instants at which clocks of the zone show this time. */
export function readWallTime(wall: WallTime, timeZone: string): WallReading {
  const asUtc = wallAsUtc(wall);
  // No clock is changed twice within two days, so these are the offsets before and after any change near by.
  const before = offsetAt(asUtc - dayMs, timeZone);
  const after = offsetAt(asUtc + dayMs, timeZone);
  // Clocks that show a time twice were set back, so `before` is the larger offset and gives the earlier instant.
  const instants = [...new Set([asUtc - before, asUtc - after])].filter(
    epochMs => offsetAt(epochMs, timeZone) === asUtc - epochMs,
  );
  return instants.length > 0
    ? { instants, isSkipped: false }
    : { instants: [asUtc - before], isSkipped: true };
}

/** What clocks of the zone show at an instant. */
export function wallTimeAt(epochMs: number, timeZone: string): WallTime {
  const shown = new Date(epochMs + offsetAt(epochMs, timeZone));
  return {
    year: shown.getUTCFullYear(),
    month: shown.getUTCMonth() + 1,
    day: shown.getUTCDate(),
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
    second: shown.getUTCSeconds(),
    millisecond: shown.getUTCMilliseconds(),
  };
}

/** `2026-09-27T14:03:01.000+02:00`: always with milliseconds and a numeric offset, so that texts of one zone are alike. */
export function formatInstant(epochMs: number, timeZone: string): string {
  // ISO 8601 has no seconds in an offset, as some zones had until 1972; the instant stays exact.
  const minutes = Math.round(offsetAt(epochMs, timeZone) / 60_000);
  const shown = new Date(epochMs + minutes * 60_000).toISOString().slice(0, -1);
  const twoDigits = (value: number) => String(value).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${shown}${minutes < 0 ? '-' : '+'}${twoDigits(Math.floor(size / 60))}:${twoDigits(size % 60)}`;
}

/** A wall time as if the zone were UTC: for comparing and for adding days to, not an instant. Years from 100 on. */
export function wallAsUtc(wall: WallTime): number {
  const { year, month, day, hour, minute, second, millisecond } = wall;
  return Date.UTC(year, month - 1, day, hour, minute, second, millisecond);
}

function formatterFor(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const formatter = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  if (formatters.size >= maxFormatters) formatters.clear();
  formatters.set(timeZone, formatter);
  return formatter;
}
