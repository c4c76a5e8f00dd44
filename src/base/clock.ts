/** The only way the code may learn what time it is; tests hand in one of their own. */
export type Clock = Readonly<{
  /** Wall clock, milliseconds since the Unix epoch. May jump when the system's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For durations and deadlines. */
  monotonicMs(): number;
}>;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export type Moment = Readonly<{
  /** Epoch milliseconds. */
  at: number;
  monotonicMs: number;
}>;

/** What passes between two questions at most, for both to be about one moment. */
const momentMs = 50;
const maxAttempts = 20;

/**
 * Both clocks at once, to be compared with a later moment: whether somebody has set the wall clock. A machine that stands still
 * between the two questions (it swaps, it is moved) would look like that, so it is asked again.
 */
export function momentOf(clock: Clock): Moment {
  for (let attempt = 1; ; attempt++) {
    const monotonicMs = clock.monotonicMs();
    const at = clock.now();
    if (attempt === maxAttempts || clock.monotonicMs() - monotonicMs <= momentMs) return { at, monotonicMs };
  }
}
