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
