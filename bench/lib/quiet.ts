import { setTimeout as sleep } from 'node:timers/promises';
import { costsOf } from './process-costs.ts';

/** What a server does for a clip after its answer belongs to it: it is waited for until it does nothing any more. */
const quietMs = 1000;
const quietLimitMs = 120_000;
const quietLoad = 0.02;

/** Resolves when these processes, and all that they started, have taken next to nothing for a second. */
export async function untilQuiet(name: string, pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + quietLimitMs;
  const spentMs = () => {
    const { userMs, systemMs } = costsOf(pids);
    return userMs + systemMs;
  };
  for (let before = spentMs(); performance.now() < deadline; ) {
    await sleep(quietMs);
    const now = spentMs();
    if (now - before <= quietLoad * quietMs) return;
    before = now;
  }
  throw new Error(`${name} is still busy after ${quietLimitMs / 1000} s`);
}
