// What is known of a camera's sound from one connection to the next. Sound that cannot be taken costs a connection when it is
// tried, and video is worth more: so it is not tried each time, and told once.

import type { Clock } from '../base/clock.ts';

export type SoundMemory = Readonly<{
  /** Why its sound is not to be asked for at present; null: it is. */
  fault(): string | null;
  /** It ended a connection. */
  foundFault(reason: string): void;
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
  return {
    fault: () => (found && clock.monotonicMs() - found.atMs < soundRetryMs ? found.reason : null),
    foundFault(reason) {
      found = { reason, atMs: clock.monotonicMs() };
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
