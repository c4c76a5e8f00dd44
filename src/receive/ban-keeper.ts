// The ban list at work: told by the sessions what happened, asked at the door, written down for the next process. What
// counts how much is domain/ban-score.ts.

import { createHmac, randomBytes } from 'node:crypto';
import type { ReceiverMemory } from '../access/receiver-memory.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { BanEvent } from '../domain/ban-score.ts';
import { type Ban, createBans, type Pardon } from '../domain/bans.ts';
import { networkMatcher } from '../domain/networks.ts';
import type { ReceiverSettings } from './receiver-settings.ts';

/** How late a ban that ended may be noticed in the log; the door itself knows it at once. */
const sweepIntervalMs = 10_000;
/** The list may be long, and connections many. */
const minSweepIntervalMs = 1000;

export type BanKeeper = Disposable &
  Readonly<{
    /** Whether the address is kept out now. */
    keepsOut(address: string): boolean;
    /** Something that no camera does on purpose happened before log-in. */
    note(address: string, event: BanEvent): void;
    /** A log-in failed, whatever for; answers how long the answer shall take from when the password came. */
    failedLogin(address: string, name: string, password: string): number;
    loggedIn(address: string, camera: string): void;
    apply(pardons: readonly Pardon[]): void;
    /** Bans in force, for status and tests. */
    count(): number;
    /** Addresses with points, for tests of the bound. */
    tracked(): number;
  }>;

/** `onBan` runs after a ban was made, to end what the address has open. */
export function startBanKeeper(parts: {
  settings: Pick<ReceiverSettings, 'bans' | 'limits'>;
  memory: Pick<ReceiverMemory, 'bans' | 'saveBan' | 'forgetBans' | 'lastLogins'>;
  clock: Clock;
  log: Log;
  onBan(): void;
}): BanKeeper {
  const { memory, clock, log } = parts;
  const settings = parts.settings.bans;
  const { failedLoginDelayMs } = parts.settings.limits;
  // Passwords are known here as keyed hashes alone, and to this process alone.
  const key = randomBytes(32);
  const lastLogins = () => inMemory(() => memory.lastLogins()) ?? [];
  const bans = createBans(
    settings,
    {
      camerasAt: address =>
        lastLogins()
          .filter(login => login.address === address)
          .map(({ camera }) => camera),
      hasCameraIn: network => {
        const lies = networkMatcher([network]);
        return lastLogins().some(({ address }) => lies(address));
      },
    },
    inMemory(() => memory.bans()) ?? [],
  );
  if (settings.enabled) forget(bans.expire(clock.now()).forgotten);
  else forget(bans.pardon([{ network: null, atMs: clock.now() }], clock.now()));
  let sweptAtMs = clock.now();
  const sweep = setInterval(expire, sweepIntervalMs).unref();

  function inMemory<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      // The disk may be full. Bans then hold as long as this process.
      log.error({ error: messageOf(error) }, 'receiver memory cannot be used');
      return undefined;
    }
  }

  function forget(forgotten: readonly Ban[]): void {
    if (forgotten.length > 0) inMemory(() => memory.forgetBans(forgotten.map(({ subject }) => subject)));
  }

  function expire(): void {
    const nowMs = clock.now();
    if (Math.abs(nowMs - sweptAtMs) < minSweepIntervalMs) return;
    sweptAtMs = nowMs;
    const { ended, forgotten } = bans.expire(nowMs);
    for (const { subject } of ended) log.info({ address: subject }, 'ban ended');
    forget(forgotten);
  }

  function made(added: readonly Ban[]): void {
    for (const ban of added) {
      log.warn(
        {
          address: ban.subject,
          reasons: ban.reasons,
          repetition: ban.repetition,
          until: new Date(ban.untilMs).toISOString(),
        },
        'address banned',
      );
      inMemory(() => memory.saveBan(ban));
    }
    if (added.length > 0) parts.onBan();
  }

  return {
    keepsOut: address => {
      expire();
      return bans.covering(address, clock.now()) !== undefined;
    },
    note: (address, event) => {
      if (settings.enabled) made(bans.note(address, event, clock.now()));
    },
    failedLogin: (address, name, password) => {
      const attempt = createHmac('sha256', key).update(`${name}\0${password}`).digest('base64');
      const failure = { address, name, attempt, delayMs: failedLoginDelayMs };
      if (!settings.enabled) return failedLoginDelayMs;
      const { delayMs, made: added } = bans.failedLogin(failure, clock.now());
      made(added);
      return delayMs;
    },
    loggedIn: bans.loggedIn,
    apply: pardons => {
      const nowMs = clock.now();
      const lifted = bans.pardon(pardons, nowMs);
      for (const { subject, untilMs } of lifted) {
        if (untilMs > nowMs) log.info({ address: subject }, 'ban lifted by command');
      }
      forget(lifted);
    },
    count: () => bans.all().filter(({ untilMs }) => untilMs > clock.now()).length,
    tracked: bans.tracked,
    [Symbol.dispose]: () => clearInterval(sweep),
  };
}
