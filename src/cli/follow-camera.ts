// clipward camera show NAME --follow: tells what happens while somebody presses the camera's Test button.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AccountWriter } from '../access/accounts.ts';
import { openSessionEventReader, type StoredSessionEvent } from '../access/session-events.ts';
import type { Clock } from '../base/clock.ts';
import { FailedError } from '../base/errors.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { runningRoles } from '../inspect/daemon.ts';
import { machineTimeZone } from './camera-arguments.ts';
import { explainEvent } from './explain-event.ts';
import { escapeForTerminal } from './table.ts';

/** The receiver stops recording this long after a follower that was killed. */
const leaseMs = 30_000;
const renewMs = 10_000;
const lookMs = 200;
const lookForReceiverMs = 1000;
/** The receiver looks four times a second. */
const acknowledgeMs = 5000;

type Parts = Readonly<{
  camera: string;
  stateDir: string;
  accounts: Pick<AccountWriter, 'follow' | 'unfollow' | 'camera'>;
  clock: Clock;
  wantsJson: boolean;
  print(text: string): void;
  remark(text: string): void;
  /** Ends the following. */
  signal: AbortSignal;
}>;

/** Prints until the signal. FailedError when the receiver does not run, or the camera is removed meanwhile. */
export async function followCamera(parts: Parts): Promise<void> {
  const { camera, stateDir, accounts, clock, signal } = parts;
  const isRunning = () => runningRoles(stateDir).has('receive');
  if (!isRunning())
    throw new FailedError(
      `The receiver does not run, so nothing can happen: start clipward serve, then follow ${camera}.`,
    );
  const follower = randomUUID();
  using events = openSessionEventReader(stateDir);
  let seenId = events.newestId();
  let wasRunning = true;
  let isWatched = false;
  const startedAtMs = clock.monotonicMs();
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  let lookedAtMs = startedAtMs;
  let warned = false;
  try {
    while (!signal.aborted) {
      const now = clock.monotonicMs();
      if (now - renewedAtMs >= renewMs) {
        accounts.follow({ follower, camera, untilMs: clock.now() + leaseMs });
        renewedAtMs = now;
      }
      if (now - lookedAtMs >= lookForReceiverMs) {
        lookedAtMs = now;
        const runs = isRunning();
        if (wasRunning !== runs)
          parts.remark(runs ? 'The receiver runs again.' : 'The receiver has stopped: waiting for it.');
        wasRunning = runs;
      }
      for (const event of events.after(camera, seenId)) {
        seenId = event.id;
        if (event.event.kind !== 'watching') parts.print(formatEvent(event, parts));
        else if (event.event.follower === follower && !isWatched) {
          isWatched = true;
          parts.remark(`Following ${camera}: press the Test button of the camera now. Ctrl-C ends this.`);
        }
      }
      if (!isWatched && !warned && now - startedAtMs > acknowledgeMs) {
        warned = true;
        parts.remark('The receiver has not answered yet: does its log say that accounts cannot be read?');
      }
      await delay(lookMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    accounts.unfollow(follower);
  }
}

function formatEvent(stored: StoredSessionEvent, { camera, wantsJson }: Parts): string {
  const { atMs, session, address, listener, event } = stored;
  const text = explainEvent(event, { camera, address, listener });
  const at = formatInstant(atMs, machineTimeZone());
  const where = { at, session, address, listener };
  // Twice: in this order, and whatever else the receiver calls a fact of the event.
  if (wantsJson) return JSON.stringify({ ...where, ...event, ...where, text });
  const who = session === '' ? address : `${address} #${session}`;
  return escapeForTerminal(`${at.slice(11, 19)}  ${who}  ${text}`);
}
