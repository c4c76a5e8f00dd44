// What is known of a camera's sound from one connection to the next. Sound that cannot be taken costs a connection when it is
// tried, and video is worth more: so it is not tried each time, and told once.

import type { Clock } from '../base/clock.ts';

export type SoundMemory = Readonly<{
  /** Why its sound is not to be asked for at present; null: it is. */
  fault(): string | null;
  /**
   * It ended a connection; `hadSound`: after it was recorded for a while. Answers whether it is now to be done without: once
   * in such a time it may have been the network, or this machine that stood still.
   */
  foundFault(reason: string, of: Readonly<{ hadSound: boolean }>): boolean;
  /** Whether the loss for this reason has not been told yet; from then on it has. */
  isNews(reason: string): boolean;
  /** It is there: the next loss is news. */
  works(): void;
}>;

/** A camera that was started with its microphone off may have it on by then. */
export const soundRetryMs = 3_600_000;

export function createSoundMemory(clock: Pick<Clock, 'monotonicMs'>): SoundMemory {
  let found: { reason: string; atMs: number } | undefined;
  let told: string | undefined;
  let forgivenMs = Number.NEGATIVE_INFINITY;
  return {
    fault: () => (found && clock.monotonicMs() - found.atMs < soundRetryMs ? found.reason : null),
    foundFault(reason, { hadSound }) {
      const atMs = clock.monotonicMs();
      if (hadSound && atMs - forgivenMs >= soundRetryMs) {
        forgivenMs = atMs;
        return false;
      }
      found = { reason, atMs };
      return true;
    },
    isNews(reason) {
      const isNews = reason !== told;
      told = reason;
      return isNews;
    },
    works() {
      found = undefined;
      told = undefined;
    },
  };
}
