// Whether a name and a password belong together, asked at every log-in. scrypt runs on libuv's thread pool, which file
// writes need too (32 at once delayed small writes by 30 s on two cores), so one runs at a time and few may wait. A camera
// logs in for every clip: a password that was verified is remembered, so that only the first log-in costs a scrypt.

import { TransientError } from '../base/errors.ts';
import type { AccountReader, Camera } from './accounts.ts';
import { hashOfNobody, matchesHash } from './password-hash.ts';
import { rememberPasswords } from './remembered-passwords.ts';

/** About a tenth of a second each: whoever is let into the queue is answered in seconds, well within a camera's patience. */
export const maxWaitingVerifications = 32;

export type PasswordVerifier = Readonly<{
  /**
   * The camera, as its account is now, when it is enabled and this is its password; otherwise undefined, with the same work
   * for a wrong password, an unknown name and a disabled camera. Throws TransientError when too many wait already (the
   * receiver's `421`) or the accounts cannot be read, and the signal's reason when the client left while waiting.
   */
  verify(name: string, password: string, signal?: AbortSignal): Promise<Camera | undefined>;
  /** How many scrypts have run, for tests and metrics. */
  scryptCount(): number;
  /** How many scrypts run just now, and how many log-ins wait for theirs, for tests and metrics. */
  load(): Readonly<{ running: number; waiting: number }>;
}>;

export function openPasswordVerifier(parts: {
  accounts: Pick<AccountReader, 'camera' | 'passwordHash'>;
}): PasswordVerifier {
  const { accounts } = parts;
  const memory = rememberPasswords();
  const oneAtATime = boundedTurns(maxWaitingVerifications);
  let scryptCount = 0;
  let running = 0;

  return {
    scryptCount: () => scryptCount,
    load: () => ({ running, waiting: oneAtATime.waiting() }),
    verify: async (name, password, signal) => {
      const before = accounts.camera(name);
      const hash = before?.enabled === true ? accounts.passwordHash(name) : undefined;
      if (before !== undefined && hash !== undefined && memory.knows(before, hash, password)) return before;
      const matches = await oneAtATime.run(async () => {
        scryptCount += 1;
        running += 1;
        try {
          return await matchesHash(password, hash ?? hashOfNobody);
        } finally {
          running -= 1;
        }
      }, signal);
      // The account may have been changed, disabled or removed while scrypt ran.
      const camera = accounts.camera(name);
      if (!matches || hash === undefined || camera === undefined || camera.version !== before?.version)
        return undefined;
      memory.remember(camera, hash, password);
      return camera;
    },
  };
}

/** Runs one piece of work at a time, in order; `maxWaiting` more may wait, and leave when their signal says so. */
function boundedTurns(maxWaiting: number) {
  type Waiting = { start: () => void };
  const waiting: Waiting[] = [];
  let isRunning = false;

  const turn = (signal: AbortSignal | undefined) => {
    signal?.throwIfAborted();
    if (!isRunning) {
      isRunning = true;
      return Promise.resolve();
    }
    if (waiting.length >= maxWaiting) {
      throw new TransientError(
        `More than ${maxWaiting} log-ins wait for their password to be checked: try again in a moment.`,
      );
    }
    return new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(signal?.reason);
      };
      const entry: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.push(entry);
    });
  };
  const next = () => {
    const entry = waiting.shift();
    if (entry === undefined) isRunning = false;
    else entry.start();
  };
  return {
    waiting: () => waiting.length,
    run: async <T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
      await turn(signal);
      try {
        return await work();
      } finally {
        next();
      }
    },
  };
}
