import { type Clock, type Moment, momentOf } from '../base/clock.ts';
import { clockJump, dayMs, maxJumpMs } from '../domain/retention-plan.ts';

/** A clock that was set wrongly is noticed within a day, by whoever looks at a clip, and set right. */
const probationMs = dayMs;
/** What a clock may gain or lose on a day and still have run on by itself. */
const toleranceMs = 60_000;

/**
 * By how much our clock may have been set since the last pass, or null: then it is trusted. It is trusted again when it has
 * run on for a day without being set once more. Several small steps are counted together: none of them would be too far
 * ahead of the last pass.
 */
export function startClockTrust(clock: Clock): (lastPassAt: number | null) => number | null {
  let since: Moment | undefined;
  let base = momentOf(clock);
  return lastPassAt => {
    const now = momentOf(clock);
    const setMs = now.at - base.at - (now.monotonicMs - base.monotonicMs);
    // Set back, it is at most as far ahead as before.
    if (setMs < 0) base = now;
    const jumpMs = clockJump(now.at, lastPassAt) ?? (setMs > maxJumpMs ? setMs : null);
    if (jumpMs === null) {
      since = undefined;
      return null;
    }
    since ??= now;
    const ranMs = now.monotonicMs - since.monotonicMs;
    if (Math.abs(now.at - since.at - ranMs) > toleranceMs) since = now;
    else if (ranMs >= probationMs) {
      base = now;
      return null;
    }
    return jumpMs;
  };
}
