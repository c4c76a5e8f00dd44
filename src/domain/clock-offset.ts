// By how much is a camera's clock wrong? A clip named for its start arrives after its end:
//
//   claimed = true start + offset        received = true start + length + delay, delay >= 0
//   lateness = received - claimed - length = delay - offset
//
// So the least lateness of uploads that came at once gives the offset, to within the least delay among them. A delay only
// ever makes a claim look older, so the two directions are told apart:
//
// - Earlier than thought possible is evidence by itself, and needs five uploads that agree, since one may be forged.
// - Later than thought is an outage, a card that is sent in, or a slow network before it is a clock. A backlog is sent faster
//   than it was filmed, and agrees with itself for moments only. So the last five and more must agree in a row; and either
//   they say that the clock is right now, or that it is off by quarter hours when no outage can be the reason, or they
//   kept pace with the time they claim for at least ten minutes, and for as long as the outage that may be the reason.

/** One upload. Instants are epoch milliseconds. */
export type ClockSample = Readonly<{ claimedAt: number; receivedAt: number; durationMs: number }>;

/** A time in which a clock ran on without being set. */
export type ClockPeriod = Readonly<{
  /** receivedAt of the first upload of it. */
  since: number;
  /** Positive: the camera is ahead. Too small by the least delay, never too large by more than `agreementMs`. */
  offsetMs: number;
  /** The offset lies between offsetMs and offsetMs + uncertaintyMs. */
  uncertaintyMs: number;
  uploads: number;
  /** receivedAt of the last upload that the estimate was confirmed by. */
  estimatedAt: number;
}>;

/** Uploads that it takes to believe a clock, or that it was set. */
export const enoughUploads = 5;
/** Of so many of the last uploads, `enoughUploads` must agree: a few forged or delayed ones in between change nothing. */
export const recentUploads = 9;
/** How many uploads an estimate is refined from. */
export const refiningUploads = 24;
/** Latenesses further apart are not those of one clock and one network: usual delays, and seconds that names leave out. */
const agreementMs = 5000;
/** Clocks drift by some seconds a day, well below this share of the time; what differs by more was set. */
const drift = 200e-6;
/** Later than the estimate by less is a slow network rather than a clock, unless it stays so. */
const slowMs = 30_000;
/** A clip may begin before the first upload of its clock's time has arrived, as clips take a while. */
const separateMs = 30_000;
/** How long uploads must keep pace with the time that they claim before lateness alone speaks of a clock. */
const paceMs = 10 * 60_000;
const dayMs = 86_400_000;
/** So many late uploads in a row, over `paceMs`, are no backlog whatever the pace. */
const manyUploads = 40;
/** Of a camera that nothing is known of yet, five late uploads in a row are believed up to here. */
const firstLateMs = 3_600_000;
/** Lengths that differ by more do not differ by the delays of uploads. */
const unlikeMs = 12_000;
/** Zones differ by hours, halves and quarters. */
const quarterHourMs = 15 * 60_000;
/** What CAMERAS.md of the design measured of honest delays: 0.5 to 4 s. */
const usualDelayMs = 4000;
/** A clock that is wrong by no more is not corrected, and nobody is warned. */
export const tolerableMs = 2000;

/**
 * The clock as the latest uploads show it, given what was known before: `known` itself when they say nothing new. A new
 * `since` means that the clock was set, or is known for the first time. Samples in the order of their arrival.
 */
export function estimateClock(
  uploads: readonly ClockSample[],
  known: ClockPeriod | null,
): ClockPeriod | null {
  const samples = claimEnds(uploads) ? uploads.map(each => ({ ...each, durationMs: 0 })) : uploads;
  const agreeing = largestAgreement(samples.slice(-recentUploads));
  const early = agreeing.length >= enoughUploads ? agreeing : [];
  const row = latestInARow(samples);
  const inARow = row.length >= enoughUploads ? row : [];
  if (known === null) {
    if (early.length > 0 && leastLateness(early) <= agreementMs) return periodOf(early);
    return inARow.length > 0 && isFirstBelieved(inARow) ? periodOf(inARow) : null;
  }
  // Nothing arrives before it happened.
  if (early.length > 0 && leastLateness(early) + known.offsetMs < -agreementMs) return periodOf(early);
  if (inARow.length > 0 && isSetBack(inARow, samples, known)) return periodOf(inARow);
  return refined(samples, known);
}

/**
 * Whether names seem to carry the end of clips: clips of quite different lengths claim just when they arrived. Of a camera
 * whose clock is ahead, only those of one length do.
 */
function claimEnds(samples: readonly ClockSample[]): boolean {
  const lengths = samples
    .filter(({ claimedAt, receivedAt, durationMs }) => {
      const laterMs = receivedAt - claimedAt;
      return durationMs > unlikeMs && laterMs >= -tolerableMs && laterMs <= agreementMs;
    })
    .map(({ durationMs }) => durationMs);
  return lengths.length >= enoughUploads && Math.max(...lengths) - Math.min(...lengths) > unlikeMs;
}

/** The largest set of samples whose latenesses lie within `agreementMs`; of equal ones the later. In the order of arrival. */
function largestAgreement(samples: readonly ClockSample[]): readonly ClockSample[] {
  let best: readonly ClockSample[] = [];
  for (const first of samples) {
    const from = lateness(first);
    const members = samples.filter(each => {
      const laterMs = lateness(each) - from;
      return laterMs >= 0 && laterMs <= agreementOver(each.receivedAt - first.receivedAt);
    });
    const isLater = (members.at(-1)?.receivedAt ?? 0) > (best.at(-1)?.receivedAt ?? 0);
    if (members.length > best.length || (members.length === best.length && isLater)) best = members;
  }
  return best;
}

/** The last uploads, as far back as they agree without one in between that does not. */
function latestInARow(samples: readonly ClockSample[]): readonly ClockSample[] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const other = samples.findLastIndex(sample => {
    least = Math.min(least, lateness(sample));
    most = Math.max(most, lateness(sample));
    return most - least > agreementOver((samples.at(-1)?.receivedAt ?? 0) - sample.receivedAt);
  });
  return samples.slice(other + 1);
}

function agreementOver(ms: number): number {
  return agreementMs + drift * Math.abs(ms);
}

function isFirstBelieved(samples: readonly ClockSample[]): boolean {
  const least = leastLateness(samples);
  return least <= firstLateMs || isQuarterHours(least) || paceOf(samples) >= paceMs;
}

/** Whether uploads that come later than the known clock lets expect show that it was set back. */
function isSetBack(
  inARow: readonly ClockSample[],
  samples: readonly ClockSample[],
  known: ClockPeriod,
): boolean {
  const least = leastLateness(inARow);
  const laterMs = least + known.offsetMs;
  // No outage lasts just as long as a clock was ahead.
  if (laterMs > 2 * agreementMs && least >= -tolerableMs && least <= agreementMs) return true;
  const isMany = inARow.length >= manyUploads && paceOf(inARow) >= paceMs;
  if (laterMs <= slowMs) return laterMs > 2 * agreementMs && isMany;
  // What waited since the last upload came at once may be late by as much, and by no more.
  const lastPrompt = samples.findLast(each => isUsable(each, known))?.receivedAt ?? known.estimatedAt;
  const isOutage = (inARow[0]?.receivedAt ?? 0) - lastPrompt >= laterMs - agreementMs;
  if (isQuarterHours(laterMs) && !isOutage) return true;
  return isMany || paceOf(inARow) >= Math.max(paceMs, isOutage ? laterMs : 0);
}

function isQuarterHours(ms: number): boolean {
  const quarters = Math.round(ms / quarterHourMs);
  return quarters > 0 && Math.abs(ms - quarters * quarterHourMs) <= 2 * agreementMs;
}

/** The time over which they arrived; as they agree, they claim to have happened over the same. */
function paceOf(samples: readonly ClockSample[]): number {
  return (samples.at(-1)?.receivedAt ?? 0) - (samples[0]?.receivedAt ?? 0);
}

function periodOf(samples: readonly ClockSample[]): ClockPeriod {
  const latenesses = samples.map(lateness).sort((a, b) => a - b);
  const least = latenesses[0] ?? 0;
  const median = latenesses[Math.floor(latenesses.length / 2)] ?? 0;
  return {
    since: samples[0]?.receivedAt ?? 0,
    // Never -0, which JSON and people would not know what to do with.
    offsetMs: 0 - least,
    uncertaintyMs: Math.max(usualDelayMs, median - least),
    uploads: samples.length,
    estimatedAt: samples.at(-1)?.receivedAt ?? 0,
  };
}

/** Follows the drift of a clock by its latest uploads, leaving out those that came late and those before their time. */
function refined(samples: readonly ClockSample[], known: ClockPeriod): ClockPeriod {
  const last = samples.at(-1);
  const usable = samples
    .filter(each => each.receivedAt >= known.since && isUsable(each, known, last?.receivedAt))
    .slice(-refiningUploads)
    // Days ago the clock showed something else; but what is known rests on five.
    .filter((each, index, all) => index >= all.length - enoughUploads || isOfToday(each, last));
  // Only what says something may change something: while a backlog comes in, what is known stays as it is.
  if (last === undefined || usable.length < enoughUploads || !isUsable(last, known)) return known;
  const found = periodOf(usable);
  // A slow hour must not look like a clock that loses seconds.
  const driftMs = Math.floor(drift * Math.max(0, last.receivedAt - known.estimatedAt));
  return {
    ...found,
    since: known.since,
    offsetMs: Math.max(found.offsetMs, known.offsetMs - driftMs),
    estimatedAt: Math.max(last.receivedAt, known.estimatedAt),
  };
}

function isOfToday({ receivedAt }: ClockSample, last: ClockSample | undefined): boolean {
  return last !== undefined && last.receivedAt - receivedAt <= dayMs;
}

/** Whether it came as the known clock lets expect, which has drifted until `at`. */
function isUsable(sample: ClockSample, known: ClockPeriod, at = sample.receivedAt): boolean {
  const laterMs = lateness(sample) + known.offsetMs;
  const allowedMs = agreementOver(Math.max(0, at - known.estimatedAt));
  return laterMs >= -allowedMs && laterMs <= allowedMs;
}

function leastLateness(samples: readonly ClockSample[]): number {
  return Math.min(...samples.map(lateness));
}

function lateness({ claimedAt, receivedAt, durationMs }: ClockSample): number {
  return receivedAt - claimedAt - durationMs;
}

/** Whether a clock is wrong by more than is tolerable wherever in its uncertainty the truth lies. */
export function isWrong({
  offsetMs,
  uncertaintyMs,
}: Pick<ClockPeriod, 'offsetMs' | 'uncertaintyMs'>): boolean {
  return offsetMs > tolerableMs || offsetMs + uncertaintyMs < -tolerableMs;
}

/**
 * What is to be taken off a claim: the offset of the clock that made it, or null where none is known to be wrong. Periods
 * newest first. A claim belongs to the newest clock that, corrected, had begun by then: a card may be sent in after the
 * clock was set.
 */
export function offsetForClaim(claimedAt: number, periods: readonly ClockPeriod[]): number | null {
  const period =
    periods.find(({ since, offsetMs }) => claimedAt - offsetMs >= since - separateMs) ?? periods.at(-1);
  return period !== undefined && isWrong(period) ? period.offsetMs : null;
}

/** The number of whole quarter hours that a clock is off by, when it is that and little else; 0 otherwise. */
export function quarterHoursOff(offsetMs: number): number {
  const quarters = Math.round(offsetMs / quarterHourMs);
  return quarters !== 0 && Math.abs(offsetMs - quarters * quarterHourMs) <= 60_000 ? quarters : 0;
}
