import { type ClockPeriod, isWrong, quarterHoursOff } from '../domain/clock-offset.ts';
import { counted } from '../domain/counted.ts';

/** `1 h 0 min 3 s ahead (within 4 s; a whole hour: daylight saving or time zone?)`, or `right (within 4 s)`. */
export function clockSentence(clock: Pick<ClockPeriod, 'offsetMs' | 'uncertaintyMs'>): string {
  const within = `within ${Math.ceil(clock.uncertaintyMs / 1000)} s`;
  if (!isWrong(clock)) return `right (${within})`;
  const quarters = quarterHoursOff(clock.offsetMs);
  const hours = Math.abs(quarters) / 4;
  const guess =
    quarters === 0
      ? ''
      : `; ${hours === 1 ? 'a whole hour' : counted(hours, 'hour')}: daylight saving time or a wrong time zone?`;
  return `${durationText(Math.abs(clock.offsetMs))} ${clock.offsetMs > 0 ? 'ahead' : 'behind'} (${within}${guess})`;
}

function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
