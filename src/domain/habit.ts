// Whether a camera is silent for longer than is its habit, learnt from the last six weeks. Cameras send when something moves, so
// a silence says something only beside what this camera does at this time of the week; so nights and weekends need no setting,
// whatever they are at this place. Uploads within ten minutes are one sign of life, since they come in bursts.
//
// A silence is odd after an hour at the earliest, and when one of two things holds:
//
// 1. In the same hours of the weeks before, there were so many signs that none at all is no chance. How many that takes grows
//    with how often the camera sends: as if signs came at random, so that such a silence happens once in two years. Of the
//    weeks, the one with the fewest signs is left out, but for another the quietest counts: one holiday, or one time when the
//    camera was broken, is no habit.
// 2. It lasts twice as long as the longest that there was; of many, the longest is left out. That finds cameras that send seldom,
//    or at fixed times.
//
// The six weeks end with the last sign of life and not now: a camera that is dead keeps its habit, and once its silence is odd it
// stays so until it sends again.

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;
const yearMs = 365 * dayMs;

/** A camera that is known for a shorter time, or sent less often, has no habit yet. */
export const leastHistoryMs = 14 * dayMs;
export const leastSigns = 10;
/** How far back is looked. */
export const habitMs = 6 * weekMs;
/** Two signs of life are not closer than this. */
export const signMs = 10 * minuteMs;
export const leastSilenceMs = hourMs;

const weeksToLeaveOneOut = 4;
const leastExpected = 5;
/** As many gaps as it takes that the longest may be left out. */
const gapsToLeaveOneOut = 60;
const timesLongest = 2;

export type Hearing = Readonly<{
  /** When this camera was first heard of. */
  firstAt: number;
  /** Signs of life, oldest first: of the six weeks that end with the last one. */
  signs: readonly number[];
  /** Times in which nobody listened; what lies in them says nothing. */
  deaf: readonly Stretch[];
}>;

/** Null: there is no habit yet. */
export function isOddlySilent({ firstAt, signs, deaf }: Hearing, now: number): boolean | null {
  const lastAt = signs.at(-1);
  if (lastAt === undefined || lastAt - firstAt < leastHistoryMs || signs.length < leastSigns) return null;
  const heard = subtract({ from: lastAt, until: now }, deaf);
  const silentMs = lengthOf(heard);
  if (silentMs < leastSilenceMs) return false;
  if (silentMs > timesLongest * longestGap(signs)) return true;
  const counts = Array.from({ length: Math.floor(habitMs / weekMs) }, (_, index) => (index + 1) * weekMs)
    .filter(back => lastAt - back >= firstAt)
    .map(back =>
      heard.reduce((sum, { from, until }) => sum + countBetween(signs, from - back, until - back), 0),
    )
    .sort((one, other) => one - other);
  const quietest = counts[counts.length >= weeksToLeaveOneOut ? 1 : 0];
  const knownMs = Math.min(habitMs, lastAt - firstAt);
  const perYear = (signs.length / knownMs) * yearMs;
  return quietest !== undefined && quietest >= Math.max(leastExpected, 1 + Math.log(2 * perYear));
}

function longestGap(signs: readonly number[]): number {
  const gaps = signs.slice(1).map((at, index) => at - (signs[index] as number));
  const longestFirst = gaps.sort((one, other) => other - one);
  return longestFirst[gaps.length >= gapsToLeaveOneOut ? 1 : 0] ?? Number.POSITIVE_INFINITY;
}

type Stretch = Readonly<{ from: number; until: number }>;

/** How much of a time somebody listened. */
export function heardMs(whole: Stretch, deaf: readonly Stretch[]): number {
  return lengthOf(subtract(whole, deaf));
}

function lengthOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { from, until }) => sum + until - from, 0);
}

function subtract(whole: Stretch, parts: readonly Stretch[]): Stretch[] {
  return parts.reduce<Stretch[]>(
    (left, part) =>
      left.flatMap(({ from, until }) => [
        ...(from < part.from ? [{ from, until: Math.min(until, part.from) }] : []),
        ...(until > part.until ? [{ from: Math.max(from, part.until), until }] : []),
      ]),
    [whole],
  );
}

/** After `from`, up to `until`. */
function countBetween(signs: readonly number[], from: number, until: number): number {
  return countUpTo(signs, until) - countUpTo(signs, from);
}

function countUpTo(signs: readonly number[], at: number): number {
  let [low, high] = [0, signs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((signs[middle] as number) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
