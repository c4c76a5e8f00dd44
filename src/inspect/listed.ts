import { counted } from '../domain/counted.ts';

const shown = 8;

/** `front-door, yard and 3 more`: an installation may have hundreds. */
export function listed(names: readonly string[]): string {
  const more = names.length > shown ? ` and ${names.length - shown} more` : '';
  return `${names.slice(0, shown).join(', ')}${more}`;
}

/** `3 minutes`: how long, in the largest unit of which there are two. */
export function roughly(ms: number): string {
  const [unit, word] = units.find(([each]) => ms >= 2 * each) ?? [1000, 'second'];
  const count = Math.max(0, Math.floor(ms / unit));
  return counted(count, word);
}

const units = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
] as const;
