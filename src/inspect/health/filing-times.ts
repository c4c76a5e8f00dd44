// How long filing took, as the buckets of a histogram that is kept in the catalogue and only grows.

import type { Clock } from '../../base/clock.ts';
import type { Count } from '../../catalogue/lookout.ts';

/** In seconds: from a small picture to a large clip on a busy disk. */
export const filingBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

export type FilingTimes = Readonly<{
  /** Does the work and counts it: filed, or failed, which is tried again. */
  timed<T>(clock: Pick<Clock, 'monotonicMs'>, work: () => Promise<T>): Promise<T>;
  /** What came since the last time. */
  take(): Count[];
}>;

export function createFilingTimes(): FilingTimes {
  let counts = new Map<string, Count>();
  const add = (name: string, label: string, value: number) => {
    const key = `${name} ${label}`;
    counts.set(key, { name, label, value: (counts.get(key)?.value ?? 0) + value });
  };
  return {
    async timed(clock, work) {
      const begunMs = clock.monotonicMs();
      const done = await work().catch(error => {
        add('filings', 'failed', 1);
        throw error;
      });
      add('filings', 'filed', 1);
      const seconds = (clock.monotonicMs() - begunMs) / 1000;
      const bucket = filingBuckets.find(limit => seconds <= limit);
      add('filing-seconds', bucket === undefined ? '+Inf' : String(bucket), 1);
      add('filing-seconds-sum', '', seconds);
      return done;
    },
    take() {
      const taken = [...counts.values()];
      counts = new Map();
      return taken;
    },
  };
}
