// Gives memory back while a thread rests. V8 collects when it needs room, and a daemon that is left alone after a start or after
// many uploads needs none for hours: it would keep what it does not use, and what TLS and buffers hold outside of the heap.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const standardIntervalMs = 10_000;
/** Of the time between two looks. */
const restingShare = 0.01;
/** Of CPU: collecting takes 0.05 to 0.2 s, and is to be a small part of the work. */
const workBetweenMs = 3000;

/** For the thread that calls it. The first time is soon after the start, when what only a start needs can go. */
export function startSparingMemory({ intervalMs = standardIntervalMs } = {}): Disposable {
  const collect = openCollector();
  const isTime = createRestWatch(intervalMs);
  const timer = setInterval(() => {
    if (isTime(cpuMs())) collect();
  }, intervalMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Asked after each interval with the CPU time of the thread so far: whether it rests, and has worked since the last yes. */
export function createRestWatch(intervalMs: number): (cpuMs: number) => boolean {
  let lastMs: number | undefined;
  let yesMs = Number.NEGATIVE_INFINITY;
  return nowMs => {
    const rests = lastMs !== undefined && nowMs - lastMs <= restingShare * intervalMs;
    lastMs = nowMs;
    if (!rests || nowMs - yesMs < workBetweenMs) return false;
    yesMs = nowMs;
    return true;
  };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Node offers it by a flag only, which the function outlives. */
function openCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: object) => void;
  setFlagsFromString('--no-expose-gc');
  // The thorough way, that of a heap which has reached its limit: it also forgets code and shrinks the young generation.
  return () => collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
