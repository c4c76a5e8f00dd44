// How long a camera with a wrong password waits for its answer: twice as long each time, up to a cap.

import { putLast } from './ban-score.ts';

/** Cameras with a wrong password at the same time. */
export const maxBackOffs = 1024;

export type BackOff = Readonly<{
  /** Another failure; answers its delay, never less than `delayMs`. */
  failed(address: string, camera: string, delayMs: number, nowMs: number): number;
  succeeded(address: string, camera: string): void;
}>;

/** A camera that was quiet for `forgetMs` begins anew. */
export function createBackOff({ maxDelayMs, forgetMs }: { maxDelayMs: number; forgetMs: number }): BackOff {
  const failures = new Map<string, { count: number; atMs: number }>();
  return {
    failed(address, camera, delayMs, nowMs) {
      const key = `${address} ${camera}`;
      const last = failures.get(key);
      const count = last === undefined || nowMs - last.atMs > forgetMs ? 1 : last.count + 1;
      putLast(failures, key, { count, atMs: nowMs }, maxBackOffs);
      // 2 ** 100 is still a number, and the cap is far below it.
      return Math.max(delayMs, Math.min(maxDelayMs, delayMs * 2 ** Math.min(count - 1, 100)));
    },
    succeeded: (address, camera) => void failures.delete(`${address} ${camera}`),
  };
}
