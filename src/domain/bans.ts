// Who misbehaved so much that it is not let in for a while: at the threshold of points (ban-score.ts) a ban, longer each
// time. Nothing here reads a clock: `nowMs` is the wall clock's, since bans outlive the process.

import { createBackOff } from './back-off.ts';
import {
  type BanEvent,
  type BanReasons,
  type BanScore,
  createBanScores,
  maxTrackedPerNetwork,
  networkAround,
} from './ban-score.ts';
import { type Network, networkMatcher, parseNetwork } from './networks.ts';

export type Ban = Readonly<{
  /** As formatNetwork writes it: an address, or an IPv6 /64. */
  subject: string;
  sinceMs: number;
  untilMs: number;
  /** 1 for the first ban, and one more for each that follows within `repetitionMemoryMs` of the end of the last. */
  repetition: number;
  /** How often what happened that led to it. */
  reasons: BanReasons;
}>;

export type BanLimits = Readonly<{
  threshold: number;
  halfLifeMs: number;
  firstBanMs: number;
  maxBanMs: number;
  maxBackOffMs: number;
}>;

/** A person's word that what happened until then is forgiven; null: to everybody. */
export type Pardon = Readonly<{ network: Network | null; atMs: number }>;

/** Where cameras logged in. */
export type KnownAddresses = Readonly<{
  camerasAt(address: string): readonly string[];
  hasCameraIn(network: Network): boolean;
}>;

/** A whole /64 is banned at so many times the threshold: it may be one host, and it may be many that are innocent. */
export const networkFactor = 4;
/** A ban that ended is remembered so long, to make the next one longer. */
export const repetitionMemoryMs = 24 * 3_600_000;
/** Bans kept, those that ended and are remembered included; the one that ends first gives way. */
export const maxBans = 10_000;

export type Bans = Readonly<{
  /** Counts a misdeed of a canonical address; answers the bans that it led to, of the address or of its /64. */
  note(address: string, event: BanEvent, nowMs: number): readonly Ban[];
  /**
   * Counts a log-in that failed. `attempt` stands for the name and the password together. A camera at an exact address
   * from which it logged in before is never banned for its own name: its answers only come later, up to `maxBackOffMs`.
   */
  failedLogin(
    failure: Readonly<{ address: string; name: string; attempt: string; delayMs: number }>,
    nowMs: number,
  ): Readonly<{ delayMs: number; made: readonly Ban[] }>;
  /** A camera logged in: its back-off is over. Points stay: a guesser may have one account. */
  loggedIn(address: string, camera: string): void;
  /** The ban that keeps this address out now. A /64 with a camera in it is not kept out as a whole. */
  covering(address: string, nowMs: number): Ban | undefined;
  /** Lifts what the pardons forgive; applied twice it is as once. Answers the bans lifted, ended ones included. */
  pardon(pardons: readonly Pardon[], nowMs: number): readonly Ban[];
  /** `ended` since it was last asked; `forgotten`: no longer of any consequence, or it gave way to another. */
  expire(nowMs: number): Readonly<{ ended: readonly Ban[]; forgotten: readonly Ban[] }>;
  /** In force or still remembered. */
  all(): readonly Ban[];
  /** Addresses and /64s with points. */
  tracked(): number;
}>;

/** `restored` are the bans of an earlier process. */
export function createBans(limits: BanLimits, known: KnownAddresses, restored: readonly Ban[] = []): Bans {
  const scores = createBanScores(limits.halfLifeMs);
  const backOff = createBackOff({ maxDelayMs: limits.maxBackOffMs, forgetMs: limits.halfLifeMs });
  const list = createBanList(limits, restored);
  const holdsCamera = (subject: string) => {
    const network = parseNetwork(subject);
    return network !== undefined && known.hasCameraIn(network);
  };

  function covering(address: string, nowMs: number): Ban | undefined {
    const own = list.inForce(address, nowMs);
    if (own !== undefined) return own;
    const network = networkAround(address);
    const whole = network === undefined ? undefined : list.inForce(network, nowMs);
    return whole !== undefined && holdsCamera(whole.subject) ? undefined : whole;
  }

  function note(address: string, event: BanEvent, nowMs: number): Ban[] {
    if (covering(address, nowMs) !== undefined) return [];
    return scores.add(address, event, nowMs).flatMap(score => {
      const isWhole = score.subject !== address;
      if (score.points < limits.threshold * (isWhole ? networkFactor : 1)) return [];
      if (isWhole && holdsCamera(score.subject)) return [];
      scores.forget(score.subject);
      return [list.add(score, nowMs)];
    });
  }

  return {
    note,
    failedLogin: ({ address, name, attempt, delayMs }, nowMs) => {
      if (known.camerasAt(address).includes(name))
        return { delayMs: backOff.failed(address, name, delayMs, nowMs), made: [] };
      if (covering(address, nowMs) !== undefined) return { delayMs, made: [] };
      const event = scores.isRepeated(address, attempt, nowMs) ? 'repeated-login' : 'bad-login';
      return { delayMs, made: note(address, event, nowMs) };
    },
    loggedIn: backOff.succeeded,
    covering,
    pardon: (pardons, nowMs) => {
      scores.forgive(({ subject, sinceMs }) =>
        isPardoned({ subject, sinceMs: Math.min(sinceMs, nowMs) }, pardons),
      );
      return list.lift(ban => isPardoned(ban, pardons), nowMs);
    },
    expire: list.expire,
    all: list.all,
    tracked: scores.tracked,
  };
}

/** Whether a pardon forgives a ban: one of its address, of a network around it, or of one in it, given since it began. */
export function isPardoned(ban: Pick<Ban, 'subject' | 'sinceMs'>, pardons: readonly Pardon[]): boolean {
  return pardons.some(
    ({ network, atMs }) => ban.sinceMs <= atMs && (network === null || overlaps(ban.subject, network)),
  );
}

/** The ban as it holds now: a clock that was set back must not make it longer than it was meant to be. */
export function rebased(ban: Ban, nowMs: number): Ban {
  if (ban.sinceMs <= nowMs) return ban;
  return { ...ban, sinceMs: nowMs, untilMs: nowMs + (ban.untilMs - ban.sinceMs) };
}

function createBanList(
  { firstBanMs, maxBanMs }: Pick<BanLimits, 'firstBanMs' | 'maxBanMs'>,
  restored: readonly Ban[],
) {
  const bans = new Map(restored.slice(-maxBans).map(ban => [ban.subject, ban]));
  const toldEnded = new Set<string>();
  /** Gave way since the last `expire`. */
  const gaveWay = new Map<string, Ban>();

  function inForce(subject: string, nowMs: number): Ban | undefined {
    const found = bans.get(subject);
    if (found === undefined) return undefined;
    const ban = rebased(found, nowMs);
    if (ban !== found) bans.set(subject, ban);
    return ban.untilMs > nowMs ? ban : undefined;
  }

  function drop(subject: string): void {
    bans.delete(subject);
    toldEnded.delete(subject);
  }

  function makeRoom(subject: string): void {
    const network = networkAround(subject);
    const siblings =
      network === undefined ? [] : [...bans.keys()].filter(each => networkAround(each) === network);
    if (siblings.length >= maxTrackedPerNetwork) dropFirstToEnd(siblings);
    else if (bans.size >= maxBans) dropFirstToEnd([...bans.keys()]);
  }

  function dropFirstToEnd(subjects: readonly string[]): void {
    const endOf = (subject: string) => bans.get(subject)?.untilMs ?? 0;
    const first = subjects.reduce((a, b) => (endOf(b) < endOf(a) ? b : a));
    const ban = bans.get(first);
    if (ban !== undefined) gaveWay.set(first, ban);
    drop(first);
  }

  function add({ subject, reasons }: BanScore, nowMs: number): Ban {
    const repetition = (bans.get(subject)?.repetition ?? 0) + 1;
    // 2 ** 100 is still a number, and the cap is far below it.
    const durationMs = Math.min(maxBanMs, firstBanMs * 2 ** Math.min(repetition - 1, 100));
    const ban = { subject, sinceMs: nowMs, untilMs: nowMs + durationMs, repetition, reasons };
    drop(subject);
    makeRoom(subject);
    bans.set(subject, ban);
    gaveWay.delete(subject);
    return ban;
  }

  function lift(isLifted: (ban: Ban) => boolean, nowMs: number): Ban[] {
    const lifted = [...bans.values()].filter(ban => isLifted(rebased(ban, nowMs)));
    for (const { subject } of lifted) drop(subject);
    return lifted;
  }

  function expire(nowMs: number): ReturnType<Bans['expire']> {
    const over = [...bans.values()].filter(({ subject }) => inForce(subject, nowMs) === undefined);
    const ended = over.filter(({ subject }) => !toldEnded.has(subject));
    for (const { subject } of ended) toldEnded.add(subject);
    const forgotten = over.filter(({ untilMs }) => nowMs - untilMs >= repetitionMemoryMs);
    for (const { subject } of forgotten) drop(subject);
    forgotten.push(...gaveWay.values());
    gaveWay.clear();
    return { ended, forgotten };
  }

  return { inForce, add, lift, expire, all: () => [...bans.values()] };
}

function overlaps(subject: string, network: Network): boolean {
  const other = parseNetwork(subject);
  if (other === undefined) return false;
  return networkMatcher([network])(other.address) || networkMatcher([other])(network.address);
}
