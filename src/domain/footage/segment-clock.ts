// When did a fragment of footage happen? The camera's media time runs evenly and knows no date; our wall clock knows the
// date and jitters with the network. A run begins at the wall clock, goes on by media time, and is drawn towards the wall
// clock so slowly that nothing on the time line jumps (ARCHIVE.md of the design, Recording).
//
// What a camera says about its own clock (RTCP sender reports) is not used for the date: that clock is what clips are wrong by,
// and whoever sits in the camera's place can set it. ffmpeg sees the reports, and keeps sound in step with them.

/** How fast the time line may be drawn towards the wall clock: crystals of cameras are off by up to some 100 ppm. */
const maxCorrection = 500e-6;
/** A new run begins where media time and wall clock disagree by more than this. */
export const maxDisagreementMs = 2000;
/**
 * What arrives late may have waited in a network, or in an ffmpeg that writes its last fragment only when its input ends; only
 * when everything that came for so long was late is media time wrong.
 */
export const lateForMs = 10_000;
/** Between two looks, our wall clock and the monotonic one may part by this much before somebody has set our clock. */
export const clockSetMs = 500;

export type Arrival = Readonly<{
  /** Media time of the fragment's start and its length, milliseconds since the beginning of the run. */
  mediaMs: number;
  durationMs: number;
  /** Our wall clock when its last byte arrived, epoch milliseconds. */
  arrivedAt: number;
  /** A clock that nobody can set, milliseconds. */
  monotonicMs: number;
}>;

export type Placed = Readonly<
  | { startAt: number }
  /** This fragment begins a new run: start another clock with it. */
  | { newRun: 'early' | 'late' | 'clock-set' }
>;

export type RunClock = Readonly<{
  /** Where the fragment lies on the time line. Called for every fragment of the run, in their order. */
  place(arrival: Arrival): Placed;
}>;

/** Starts with the first fragment of a run, which happened just before it arrived, and not before `notBefore` (epoch ms). */
export function startRunClock(first: Arrival, notBefore = -Infinity): RunClock {
  let correctionMs = 0;
  const beganAt = Math.max(first.arrivedAt - first.durationMs, notBefore) - first.mediaMs;
  let last = first;
  let lateSinceMs: number | undefined;
  return {
    place(arrival) {
      const wallMs = arrival.arrivedAt - last.arrivedAt;
      const monotonicMs = arrival.monotonicMs - last.monotonicMs;
      if (Math.abs(wallMs - monotonicMs) > clockSetMs) return { newRun: 'clock-set' };
      const passedMs = Math.max(0, arrival.mediaMs - last.mediaMs);
      const lateMs = arrival.arrivedAt - arrival.durationMs - (beganAt + arrival.mediaMs + correctionMs);
      lateSinceMs = lateMs <= maxDisagreementMs ? undefined : (lateSinceMs ?? arrival.monotonicMs);
      // Nothing can arrive before it happened, so too early is wrong at once.
      const lateForSoFarMs = arrival.monotonicMs - (lateSinceMs ?? arrival.monotonicMs);
      if (lateMs < -maxDisagreementMs) return { newRun: 'early' };
      if (lateForSoFarMs > lateForMs) return { newRun: 'late' };
      const step = Math.min(Math.abs(lateMs), passedMs * maxCorrection);
      correctionMs += Math.sign(lateMs) * step;
      last = arrival;
      return { startAt: Math.round(beganAt + arrival.mediaMs + correctionMs) };
    },
  };
}
