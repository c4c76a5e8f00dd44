// Gaps around one span after another, as lists ask for them: a camera's newest first. So they are read by the hundred and
// remembered, instead of a question to the database for each row of a list.

import type { Catalogue } from '../catalogue/catalogue.ts';
import type { ListedGap } from '../catalogue/footage.ts';

/** The gaps of a camera that lie in a span, if only with an end; newest first. */
export type GapsIn = (span: Readonly<{ camera: string; from: number; to: number }>) => readonly ListedGap[];

const windowSize = 500;

export function openGapWindow(catalogue: Pick<Catalogue, 'listGaps'>, now: number): GapsIn {
  /** Of each camera: all gaps of which a part lies between `from` and `to`, newest first. */
  const windows = new Map<string, Readonly<{ from: number; to: number; gaps: readonly ListedGap[] }>>();
  return ({ camera, from, to }) => {
    const known = windows.get(camera);
    if (known && from >= known.from && to <= known.to) return within(known.gaps, from, to);
    const gaps = [...catalogue.listGaps({ camera, to, now, limit: windowSize })];
    const oldest = gaps.length < windowSize ? undefined : gaps.at(-1);
    const window = { from: oldest?.startAt ?? Number.NEGATIVE_INFINITY, to, gaps };
    windows.set(camera, window);
    if (from >= window.from) return within(gaps, from, to);
    // A span with more gaps in it than are remembered.
    return [...catalogue.listGaps({ camera, from, to, now })];
  };
}

function within(gaps: readonly ListedGap[], from: number, to: number): ListedGap[] {
  const found: ListedGap[] = [];
  // They do not overlap: where one begins later than another, it also ends later.
  for (let at = firstBefore(gaps, to); at < gaps.length; at++) {
    const gap = gaps[at] as ListedGap;
    if (gap.endAt <= from) break;
    found.push(gap);
  }
  return found;
}

/** The place of the first that begins before `to`. */
function firstBefore(gaps: readonly ListedGap[], to: number): number {
  let [low, high] = [0, gaps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((gaps[middle] as ListedGap).startAt < to) high = middle;
    else low = middle + 1;
  }
  return low;
}
