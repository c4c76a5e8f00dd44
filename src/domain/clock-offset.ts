// By how much is a camera's clock wrong? A clip named for its start arrives after its end:
//
//   claimed = true start + offset        received = true start + length + delay, delay >= 0
//   lateness = received - claimed - length = delay - offset
//
// So the least lateness of uploads that came at once gives the offset, to within the least delay among them. A delay only
// ever makes a claim look older. An outage, a card that is sent in later, or a forged name are told from a clock by this:
// five of the last uploads must agree with each other, and must have arrived spaced as they claim to have happened; a backlog
// is sent faster than it was filmed. Later by a time that is no number of quarter hours, they must also claim to lie
// some time apart: several pictures of one moment that waited together prove nothing.

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
}>;

/** Uploads that it takes to believe a clock, or that it was set. */
export const enoughUploads = 5;
/** Of so many of the last uploads, `enoughUploads` must agree: a few forged or delayed ones in between change nothing. */
export const recentUploads = 9;
/** How many uploads an estimate is refined from. */
export const refiningUploads = 24;
/** Latenesses further apart are not those of one clock and one network. */
const agreementMs = 15_000;
/** A clock drifts a little; what differs by more was set. */
const driftMs = 5000;
/** Later than the estimate by less is a slow network; it is followed when nothing earlier comes any more. */
const slowMs = 30_000;
/** How far apart the claims of late uploads must lie before they speak of a clock. */
const separateMs = 30_000;
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
  samples: readonly ClockSample[],
  known: ClockPeriod | null,
): ClockPeriod | null {
  const recent = samples.slice(-recentUploads);
  const agreeing = largestAgreement(recent);
  if (agreeing.length >= enoughUploads && isLive(agreeing)) {
    const least = leastLateness(agreeing);
    if (known === null || isSet(agreeing, least + known.offsetMs)) return periodOf(agreeing);
  }
  return known === null ? null : refined(samples, known);
}

/** The largest set of samples whose latenesses lie within `agreementMs`; of equal ones the later. In the order of arrival. */
function largestAgreement(samples: readonly ClockSample[]): readonly ClockSample[] {
  let best: readonly ClockSample[] = [];
  for (const first of samples) {
    const from = lateness(first);
    const members = samples.filter(each => lateness(each) >= from && lateness(each) <= from + agreementMs);
    const isLater = (members.at(-1)?.receivedAt ?? 0) > (best.at(-1)?.receivedAt ?? 0);
    if (members.length > best.length || (members.length === best.length && isLater)) best = members;
  }
  return best;
}

/** Whether they arrived spaced as they claim, rather than one after the other out of a store. */
function isLive(samples: readonly ClockSample[]): boolean {
  const claims = samples.map(({ claimedAt }) => claimedAt);
  const claimed = Math.max(...claims) - Math.min(...claims);
  const received = (samples.at(-1)?.receivedAt ?? 0) - (samples[0]?.receivedAt ?? 0);
  return received >= claimed / 2 || claimed - received <= usualDelayMs;
}

/** `differenceMs`: how much later than the known clock lets expect the earliest of them came. */
function isSet(samples: readonly ClockSample[], differenceMs: number): boolean {
  // Nothing arrives before it happened.
  if (differenceMs < -driftMs) return true;
  if (differenceMs <= slowMs) return false;
  const claims = samples.map(({ claimedAt }) => claimedAt);
  if (Math.max(...claims) - Math.min(...claims) >= separateMs) return true;
  const quarters = Math.round(differenceMs / quarterHourMs);
  return quarters > 0 && Math.abs(differenceMs - quarters * quarterHourMs) <= driftMs;
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
  };
}

/** Follows the drift of a clock by its latest uploads, leaving out those that came late and those before their time. */
function refined(samples: readonly ClockSample[], known: ClockPeriod): ClockPeriod {
  const isUsable = (each: ClockSample | undefined): each is ClockSample => {
    const differenceMs = each === undefined ? Number.NaN : lateness(each) + known.offsetMs;
    return (
      each !== undefined &&
      each.receivedAt >= known.since &&
      differenceMs >= -driftMs &&
      differenceMs <= slowMs
    );
  };
  const usable = samples.filter(isUsable).slice(-refiningUploads);
  // Only what says something may change something: while a backlog comes in, what is known stays as it is.
  if (usable.length < enoughUploads || !isUsable(samples.at(-1))) return known;
  return { ...periodOf(usable), since: known.since };
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
