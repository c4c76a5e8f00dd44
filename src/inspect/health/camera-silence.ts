// Whether a camera is silent: for longer than it was told to be, or than is its habit.

import type { Camera } from '../../access/accounts.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { DeafTime } from '../../catalogue/lookout.ts';
import { formatDuration } from '../../domain/duration.ts';
import { heardMs, isOddlySilent, leastSilenceMs } from '../../domain/habit.ts';
import { formatInstant } from '../../domain/time-zone.ts';

export type SilentCamera = Pick<Camera, 'name' | 'enabled' | 'timeZone' | 'addedAt' | 'expectEveryMs'>;

export type Silence = Readonly<{
  lastSignAt: number | null;
  /** Null: nothing is expected, or there is no habit yet. */
  isSilent: boolean | null;
  /** For a camera that is silent. */
  sentence: string | null;
}>;

export type SilenceSources = Readonly<{
  catalogue: Pick<Catalogue, 'lastSign' | 'signsOfLife'>;
  deaf: readonly DeafTime[];
  now: number;
}>;

export function silenceOf(camera: SilentCamera, { catalogue, deaf, now }: SilenceSources): Silence {
  const lastSignAt = catalogue.lastSign(camera.name) ?? null;
  const { enabled, expectEveryMs } = camera;
  if (!enabled || expectEveryMs === 0) return { lastSignAt, isSilent: null, sentence: null };
  const isSilent =
    expectEveryMs === null ? habitually(camera.name, lastSignAt) : heardSince(sinceOf()) > expectEveryMs;
  return { lastSignAt, isSilent, sentence: isSilent ? sentence() : null };

  function sinceOf(): number {
    // What a camera of the same name sent before says nothing about this one.
    return Math.max(lastSignAt ?? 0, Date.parse(camera.addedAt));
  }

  function heardSince(since: number): number {
    // A clock that was set back has heard nothing yet.
    return since > now ? 0 : heardMs({ from: since, until: now }, deaf);
  }

  function habitually(name: string, lastAt: number | null): boolean | null {
    if (lastAt === null || lastAt < Date.parse(camera.addedAt)) return null;
    // Most cameras, most of the time: their habit need not be read.
    if (heardSince(lastAt) < leastSilenceMs) return false;
    const heard = catalogue.signsOfLife(name);
    return heard === undefined ? null : isOddlySilent({ ...heard, deaf }, now);
  }

  function sentence(): string {
    const since = formatInstant(sinceOf(), camera.timeZone);
    const last = sinceOf() === lastSignAt ? `since ${since}` : `since it was added, ${since}`;
    const rule =
      expectEveryMs === null
        ? 'which is longer than is its habit'
        : `and something is expected every ${formatDuration(expectEveryMs)}`;
    return `Camera ${camera.name} has sent nothing ${last}, ${rule}: look whether it is switched on and connected, and whether it still uploads.`;
  }
}
