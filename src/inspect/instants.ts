// Instants as people type them.

import { UsageError } from '../base/errors.ts';

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

export const whenRule =
  'a date or time like 2026-09-27, 2026-09-27T14:03 (in the time zone of this machine) or 2026-09-27T14:03:00+02:00, or how long ago, like 90m, 2h or 3d, or now';

/**
 * The instant that a person typed: `now`, how long ago (`2h`, `3d`), or ISO 8601. Without an offset it is a time of this
 * machine's zone, a date alone its first moment there. Throws UsageError naming the option.
 */
export function parseWhen(text: string, option: string, now: number): number {
  if (text === 'now') return now;
  const ago = /^(\d{1,6})([smhdw])$/.exec(text);
  if (ago) return now - Number(ago[1]) * (unitsMs[ago[2] ?? ''] ?? Number.NaN);
  const iso =
    /^(\d{4}-\d{2}-(\d{2}))(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(text);
  if (iso) {
    // Date takes the 31st of February for the 3rd of March, and a date alone for UTC: neither is what was meant.
    const at = Date.parse(`${iso[1]}T${iso[3] ?? '00:00'}${iso[4] ?? ''}`);
    const exists = new Date(`${iso[1]}T00:00Z`).getUTCDate() === Number(iso[2]);
    if (exists && !Number.isNaN(at)) return at;
  }
  throw new UsageError(`${option} ${JSON.stringify(text)} is no time: expected ${whenRule}.`);
}
