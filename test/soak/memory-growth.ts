// Did the daemon grow? Judged by the one that lived longest: after a restart it begins anew.

import type { Sample } from './soak.ts';

export type MemoryGrowth = Readonly<{ pid: number; minutes: number; earlyKb: number; lateKb: number }>;

/** Fewer than this many samples of one daemon say nothing. */
const leastSamples = 20;
/** V8 keeps what it once had, and takes its time to find out how much it needs. */
const allowedShare = 1.1;
const allowedKb = 10 * 1024;

/** Medians of the second quarter of its life and of the last one. Undefined: none lived long enough. */
export function memoryGrowth(
  samples: readonly Sample[],
  what: 'rss' | 'anonymous' | 'ffmpegAnonymous',
): MemoryGrowth | undefined {
  const lives = Map.groupBy(samples, ({ pid }) => pid);
  const longest = [...lives.values()].toSorted((one, other) => other.length - one.length)[0] ?? [];
  if (longest.length < leastSamples) return undefined;
  const quarter = Math.floor(longest.length / 4);
  const values = (part: readonly Sample[]) => median(part.map(each => each[what]));
  return {
    ...{ pid: longest[0]?.pid ?? 0, minutes: longest.length },
    earlyKb: values(longest.slice(quarter, 2 * quarter)),
    lateKb: values(longest.slice(-quarter)),
  };
}

export function hasGrown({ earlyKb, lateKb }: MemoryGrowth): boolean {
  return lateKb > earlyKb * allowedShare + allowedKb;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
