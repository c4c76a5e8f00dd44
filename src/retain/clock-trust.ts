import type { Clock } from '../base/clock.ts';
import { clockJump, dayMs } from '../domain/retention-plan.ts';

/** A clock that was set wrongly is noticed within a day, by whoever looks at a clip, and set right. */
const probationMs = dayMs;
/** What a clock may gain or lose on a day and still have run on by itself. */
const toleranceMs = 60_000;

/**
 * By how much our clock may have been set since the last pass, or null: then it is trusted. It is trusted again when it has
 * run on for a day without being set once more.
 */
export function startClockTrust(clock: Clock): (lastPassAt: number | null) => number | null {
  let since: { at: number; monotonicMs: number } | undefined;
  return lastPassAt => {
    const now = { at: clock.now(), monotonicMs: clock.monotonicMs() };
    const jumpMs = clockJump(now.at, lastPassAt);
    if (jumpMs === null) {
      since = undefined;
      return null;
    }
    since ??= now;
    const ranMs = now.monotonicMs - since.monotonicMs;
    if (Math.abs(now.at - since.at - ranMs) > toleranceMs) since = now;
    else if (ranMs >= probationMs) return null;
    return jumpMs;
  };
}
