// Retention beside filing: a pass at the start, on a timer, and soon after the disk has become too full. A pass that fails
// is made again; nothing here ends the daemon.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type FloorRules, floorOf } from '../domain/retention-floor.ts';
import { type Disk, type RetentionParts, type RetentionPass, runRetention } from './run-retention.ts';
import { startTelling } from './tell-pass.ts';

export type Retain = AsyncDisposable &
  Readonly<{
    /** A pass is needed now: something could not be written. */
    hurry(): void;
  }>;

export type RetainOptions = Readonly<{
  parts: RetentionParts;
  settings: FloorRules & Readonly<{ intervalMs: number }>;
  /** Told of the free bytes at every look (archive/ballast.ts). */
  tendBallast(freeBytes: number): Promise<unknown>;
  clock: Pick<Clock, 'monotonicMs'>;
  log: Log;
  /** How often the free disk is looked at between two passes. */
  lookIntervalMs?: number;
}>;

/** One look is one system call. */
const standardLookIntervalMs = 5000;
/**
 * How long after a pass the disk may still show what was deleted as in use (file systems free in the background, and readers
 * keep files open); a pass for its sake would delete twice as much as is needed. In that time the fastest cameras do not
 * fill what lies between the floor of retention and that of the receiver.
 */
const settleMs = 30_000;
/** A disk that does not answer must not keep the program from ending; what is garbage is finished at the next start. */
const breakOffMs = 5000;

export function startRetain(options: RetainOptions): Retain {
  const { parts, settings, log, clock, lookIntervalMs = standardLookIntervalMs } = options;
  const closing = new AbortController();
  const teller = startTelling(log);
  let running: Promise<void> | undefined;
  let isWanted = false;
  let endedAtMs = Number.NEGATIVE_INFINITY;

  const passes = async () => {
    while (isWanted && !closing.signal.aborted) {
      isWanted = false;
      const startedAtMs = clock.monotonicMs();
      try {
        const pass = await runRetention(parts, closing.signal);
        teller.pass(pass, clock.monotonicMs() - startedAtMs);
        if (pass.isMade) endedAtMs = clock.monotonicMs();
        if (goesOn(pass)) isWanted = true;
      } catch (error) {
        teller.failure(error);
      }
    }
  };
  const start = () => {
    isWanted = true;
    running ??= passes().finally(() => {
      running = undefined;
      // Somebody may have asked after the last look at it.
      if (isWanted && !closing.signal.aborted) start();
    });
  };
  const look = async () => {
    try {
      const disk = await parts.measureDisk();
      const isSettled = clock.monotonicMs() - endedAtMs >= settleMs;
      if (isBelowFloor(disk, settings) && isSettled && !closing.signal.aborted) start();
      await options.tendBallast(disk.freeBytes);
    } catch (error) {
      // A disk that cannot be looked at or written to: the passes tell that, and filing does.
      log.debug({ error: messageOf(error) }, 'free disk cannot be looked after');
    }
  };
  const timers = [
    setInterval(start, settings.intervalMs).unref(),
    setInterval(() => void look(), Math.min(lookIntervalMs, settings.intervalMs)).unref(),
  ];
  start();
  void look();
  return {
    hurry: start,
    async [Symbol.asyncDispose]() {
      closing.abort();
      for (const timer of timers) clearInterval(timer);
      const deadline = Promise.withResolvers<void>();
      const giveUp = setTimeout(() => deadline.resolve(), breakOffMs);
      await Promise.race([running, deadline.promise]);
      clearTimeout(giveUp);
    },
  };
}

/** There is more to do, and this pass has shown that it can be done. */
function goesOn({ isMade, isComplete, deleted }: RetentionPass): boolean {
  return isMade && !isComplete && deleted.length > 0;
}

function isBelowFloor({ freeBytes, totalBytes }: Disk, rules: FloorRules): boolean {
  return freeBytes < floorOf(rules, totalBytes);
}
