// Durations as people type them: 90m, 36h, 2d, 1w.

const units: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

export const durationRule = 'a number and a unit such as 90m, 36h, 2d or 1w';

/** Milliseconds; undefined for what is none. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  if (number === undefined || unit === undefined) return undefined;
  return Number(number) * (units[unit] as number);
}

/** Whole minutes in the largest unit that fits: 36h, not 1.5d. */
export function formatDuration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes > 0 && minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes > 0 && minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}
