// What counts towards a ban, and who has how many points. Points fade; names and passwords that were tried are known by a
// word of the caller's only.

import { isIPv4 } from 'node:net';
import { addressBytes, formatNetwork, parseNetwork } from './networks.ts';

/**
 * What each misdeed counts, beside a threshold of 100 and a half-life of ten minutes by default.
 *
 * What costs one point is what a camera with a wrong setting does all day (plain FTP, the wrong port, an old TLS, a wrong
 * password tried again): once in ten seconds it comes to 87 points and stays below. Ten passwords or names that were not
 * tried before are what a person at a keyboard hardly reaches and a guesser reaches at once. Foreign protocols and
 * commands smuggled behind AUTH TLS are no camera's doing. docs/security.md shows this table.
 */
export const banPoints = {
  'handshake-failure': 1,
  'tls-on-explicit-port': 1,
  'plaintext-login': 1,
  'repeated-login': 1,
  'unknown-verb': 3,
  'bad-login': 10,
  'line-too-long': 25,
  'too-many-commands': 25,
  'foreign-protocol': 50,
  'starttls-injection': 50,
} as const;

export type BanEvent = keyof typeof banPoints;
export type BanReasons = Readonly<Partial<Record<BanEvent, number>>>;

/** IPv4 addresses and IPv6 /64s with points; what did nothing for longest is forgotten. */
export const maxTracked = 4096;
/** Addresses with points, and addresses with bans, in one /64: its owner has more than anybody can count. */
export const maxTrackedPerNetwork = 16;
/** Name and password pairs remembered for each address, to tell a camera that repeats itself from a guesser. */
export const maxAttempts = 16;

/** Fewer points than this are none. */
const negligiblePoints = 0.5;

/** Of an address, or of its /64 as a whole. */
export type BanScore = Readonly<{ subject: string; points: number; reasons: BanReasons }>;

export type BanScores = Readonly<{
  /** Counts a misdeed; answers the score of the address, and for IPv6 that of its /64 behind it. */
  add(address: string, event: BanEvent, nowMs: number): readonly BanScore[];
  /** Remembers what was tried; whether this address tried it before. */
  isRepeated(address: string, attempt: string, nowMs: number): boolean;
  /** The points of an address, or of a /64 with all addresses in it. */
  forget(subject: string): void;
  /** Forgets the points of which `isForgiven` says so; `sinceMs` is when the last of them was added. */
  forgive(isForgiven: (score: Readonly<{ subject: string; sinceMs: number }>) => boolean): void;
  tracked(): number;
}>;

type Score = { points: number; atMs: number; reasons: Map<BanEvent, number>; attempts: string[] };
/** An IPv4 address, or a /64 with its addresses. */
type Tracked = { whole: Score; members: Map<string, Score> };

export function createBanScores(halfLifeMs: number): BanScores {
  // In the order of the last change, so that the first is the oldest; so are the members of each.
  const tracked = new Map<string, Tracked>();

  function scoresOf(address: string, nowMs: number): { subject: string; score: Score }[] {
    const network = networkAround(address);
    const group = network ?? address;
    const entry = tracked.get(group) ?? { whole: newScore(nowMs), members: new Map<string, Score>() };
    putLast(tracked, group, entry, maxTracked);
    if (network === undefined) return [{ subject: address, score: entry.whole }];
    const own = entry.members.get(address) ?? newScore(nowMs);
    putLast(entry.members, address, own, maxTrackedPerNetwork);
    return [
      { subject: address, score: own },
      { subject: network, score: entry.whole },
    ];
  }

  return {
    add: (address, event, nowMs) =>
      scoresOf(address, nowMs).map(({ subject, score }) => {
        const kept = faded(score, nowMs, halfLifeMs);
        if (kept < negligiblePoints) score.reasons.clear();
        score.points = kept + banPoints[event];
        score.atMs = nowMs;
        score.reasons.set(event, (score.reasons.get(event) ?? 0) + 1);
        return { subject, points: score.points, reasons: Object.fromEntries(score.reasons) };
      }),
    isRepeated(address, attempt, nowMs) {
      const attempts = scoresOf(address, nowMs)[0]?.score.attempts ?? [];
      if (attempts.includes(attempt)) return true;
      if (attempts.push(attempt) > maxAttempts) attempts.shift();
      return false;
    },
    forget(subject) {
      const network = networkAround(subject);
      if (network === undefined) tracked.delete(subject);
      else tracked.get(network)?.members.delete(subject);
    },
    forgive(isForgiven) {
      for (const [group, { whole, members }] of tracked) {
        if (isForgiven({ subject: group, sinceMs: whole.atMs })) Object.assign(whole, newScore(whole.atMs));
        for (const [address, { atMs }] of members)
          if (isForgiven({ subject: address, sinceMs: atMs })) members.delete(address);
      }
    },
    tracked: () => [...tracked.values()].reduce((sum, { members }) => sum + 1 + members.size, 0),
  };
}

/** The /64 of an IPv6 address as formatNetwork writes it; undefined for IPv4 and for what is a /64 already. */
export function networkAround(subject: string): string | undefined {
  if (isIPv4(subject) || subject.includes('/')) return undefined;
  const bytes = addressBytes(subject);
  const groups = [0, 2, 4, 6].map(at => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  const network = parseNetwork(`${groups.join(':')}::/64`);
  return network === undefined ? undefined : formatNetwork(network);
}

/** Sets a key as the newest; the oldest gives way when there would be more than `limit`. */
export function putLast<T>(map: Map<string, T>, key: string, value: T, limit: number): void {
  map.delete(key);
  if (map.size >= limit) map.delete(map.keys().next().value as string);
  map.set(key, value);
}

function newScore(nowMs: number): Score {
  return { points: 0, atMs: nowMs, reasons: new Map(), attempts: [] };
}

/** A clock that was set back forgets nothing. */
function faded({ points, atMs }: Score, nowMs: number, halfLifeMs: number): number {
  return points * 2 ** (-Math.max(0, nowMs - atMs) / halfLifeMs);
}
