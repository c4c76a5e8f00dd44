// What is to be deleted, and why: a pure function of the rules, of what is there, and of the disk. Nothing here deletes.
//
// Age is a promise to the people who are filmed and counts for every file. Room is only taken from what is older than
// `minAgeMs`, always from the camera that is furthest above its share, so that a camera that floods loses its own media, and
// one within its share loses nothing to it. What cannot be freed by these rules stays missing: uploads are then refused, which
// is loud, while deleted evidence is silent.

import { type FloorRules, floorOf } from './retention-floor.ts';
import { divideRoom } from './retention-shares.ts';

/** Media in the order in which it is given up: footage without an event first, clips last. */
export const mediaClasses = ['footage', 'event-footage', 'clip'] as const;
export type MediaClass = (typeof mediaClasses)[number];

/** `age`: older than its days. `camera-bytes`, `bytes`: more than its camera, or all together, may take. `free-disk`: to keep the floor. */
export type EvictionReason = 'age' | 'camera-bytes' | 'bytes' | 'free-disk';

/** One file that may go. What is on hold is never among the candidates. Instants are epoch milliseconds. */
export type Candidate = Readonly<{
  /** Of the clip or of the segment. */
  id: string;
  bytes: number;
  /** From when its age counts: its arrival, never a time that a camera claimed. */
  keptFrom: number;
}>;

export type Eviction = Candidate &
  Readonly<{ camera: string; mediaClass: MediaClass; reason: EvictionReason }>;

export type RetentionRules = Readonly<{
  /** All media together; null: what the disk has room for. */
  maxBytes: number | null;
  minAgeMs: number;
}> &
  FloorRules;

export type CameraMedia = Readonly<{
  camera: string;
  /** Null: kept as long as there is room. */
  keepDays: Readonly<Record<MediaClass, number | null>>;
  /** What it may take; null: an equal part. */
  maxBytes: number | null;
  /** All of it, also what is on hold. */
  bytes: number;
  /**
   * What it has sent that is no media yet: uploads in progress and what waits to be filed. It takes of the disk too, so it
   * counts where the disk is short; otherwise a flood would, until it is filed, look like foreign files that make the
   * shares of all cameras smaller.
   */
  waitingBytes: number;
  /** Oldest first by `keptFrom`; read only as far as it is needed. */
  candidates(mediaClass: MediaClass): Iterable<Candidate>;
}>;

export type RetentionQuestion = Readonly<{
  now: number;
  /**
   * Not null: our own clock may have been set, by about so much, since the last pass (see clockJump). A year that has passed in
   * a second must not empty the archive, so that nothing goes for its age, and for want of room only what was old enough by
   * the clock of before.
   */
  clockJumpMs: number | null;
  rules: RetentionRules;
  cameras: readonly CameraMedia[];
  disk: Readonly<{ freeBytes: number; totalBytes: number }>;
  /** No more than so many in one plan. */
  maxEvictions: number;
}>;

/** What the rules ask for and cannot have. */
export type Unmet = Readonly<
  /** So many bytes more should be free, and nothing that may go is left. */
  | { promise: 'free-disk'; shortfallBytes: number }
  | { promise: 'bytes'; shortfallBytes: number }
  | { promise: 'camera-bytes'; camera: string; shortfallBytes: number }
  /** The floor is more than half of the disk; `floorBytes` are kept free instead. */
  | { promise: 'floor-too-high'; minFreeBytes: number; totalBytes: number; floorBytes: number }
  /** Our clock may have been set: nothing goes for its age until that is certain. */
  | { promise: 'clock'; jumpMs: number }
>;

export type RetentionPlan = Readonly<{
  /** In the order in which they are to go. */
  evictions: readonly Eviction[];
  /** False: the limit was reached, and another plan is to follow. */
  isComplete: boolean;
  /** What is short after all that may go is known only of a plan that is complete. */
  unmet: readonly Unmet[];
}>;

export const dayMs = 86_400_000;
/** The daemon passes every minute; when it was off for longer, or says so, somebody should look at the clock first. */
export const maxJumpMs = 3 * dayMs;

/** How far our clock is ahead of the last pass when that is more than it should be, else null; `lastPassAt` null: the first pass. */
export function clockJump(now: number, lastPassAt: number | null): number | null {
  return lastPassAt !== null && now - lastPassAt > maxJumpMs ? now - lastPassAt : null;
}

export function planRetention(question: RetentionQuestion): RetentionPlan {
  const plan = startPlan(question);
  if (question.clockJumpMs === null) evictByAge(plan, question);
  evictByCamera(plan, question);
  evictTogether(plan, question);
  const short = plan.isFull() ? [] : plan.short;
  return {
    evictions: plan.evictions,
    isComplete: !plan.isFull(),
    unmet: [...unmetAnyway(question), ...short],
  };
}

/** What is so whatever the plan comes to. A clock that may have been set must be told by every plan: who is not told trusts it. */
function unmetAnyway({ clockJumpMs, rules, disk }: RetentionQuestion): readonly Unmet[] {
  const { minFreeBytes } = rules;
  const { totalBytes } = disk;
  const floorBytes = floorOf(rules, totalBytes);
  return [
    ...(clockJumpMs === null ? [] : [{ promise: 'clock', jumpMs: clockJumpMs } as const]),
    ...(floorBytes === minFreeBytes
      ? []
      : [{ promise: 'floor-too-high', minFreeBytes, totalBytes, floorBytes } as const]),
  ];
}

/** One camera while a plan is made: what is left of it, and how far each of its classes was read. */
type Remaining = {
  readonly media: CameraMedia;
  bytes: number;
  readonly next: Readonly<Record<MediaClass, Cursor>>;
};
type Cursor = { peek(): Candidate | undefined; take(): void };

type Plan = {
  readonly cameras: readonly Remaining[];
  readonly evictions: Eviction[];
  readonly short: Unmet[];
  freedBytes: number;
  isFull(): boolean;
  evict(camera: Remaining, mediaClass: MediaClass, reason: EvictionReason): void;
};

function startPlan({ cameras, maxEvictions }: RetentionQuestion): Plan {
  const evictions: Eviction[] = [];
  const plan: Plan = {
    cameras: cameras.map(media => ({
      media,
      bytes: media.bytes,
      next: {
        footage: cursor(media.candidates('footage')),
        'event-footage': cursor(media.candidates('event-footage')),
        clip: cursor(media.candidates('clip')),
      },
    })),
    evictions,
    short: [],
    freedBytes: 0,
    isFull: () => evictions.length >= maxEvictions,
    evict(camera, mediaClass, reason) {
      const candidate = camera.next[mediaClass].peek();
      if (candidate === undefined) return;
      camera.next[mediaClass].take();
      camera.bytes -= candidate.bytes;
      plan.freedBytes += candidate.bytes;
      evictions.push({ ...candidate, camera: camera.media.camera, mediaClass, reason });
    },
  };
  return plan;
}

/** Reads one candidate ahead and no more: there may be a million behind it. */
function cursor(candidates: Iterable<Candidate>): Cursor {
  const iterator = candidates[Symbol.iterator]();
  let ahead: Candidate | undefined;
  let isDone = false;
  return {
    peek() {
      if (ahead === undefined && !isDone) {
        const { value, done } = iterator.next();
        if (done) isDone = true;
        else ahead = value;
      }
      return ahead;
    },
    take() {
      ahead = undefined;
    },
  };
}

function evictByAge(plan: Plan, { now }: RetentionQuestion): void {
  for (const camera of plan.cameras) {
    for (const mediaClass of mediaClasses) {
      const days = camera.media.keepDays[mediaClass];
      if (days === null) continue;
      while (!plan.isFull() && isOlder(camera.next[mediaClass].peek(), now - days * dayMs))
        plan.evict(camera, mediaClass, 'age');
    }
  }
}

function evictByCamera(plan: Plan, question: RetentionQuestion): void {
  const olderThan = spareFrom(question);
  for (const camera of plan.cameras) {
    const { maxBytes } = camera.media;
    if (maxBytes === null) continue;
    for (const mediaClass of mediaClasses) {
      while (!plan.isFull() && camera.bytes > maxBytes && isOlder(camera.next[mediaClass].peek(), olderThan))
        plan.evict(camera, mediaClass, 'camera-bytes');
    }
    if (camera.bytes > maxBytes)
      plan.short.push({
        promise: 'camera-bytes',
        camera: camera.media.camera,
        shortfallBytes: camera.bytes - maxBytes,
      });
  }
}

/** From when on nothing goes for want of room. By a clock that may have been set, everything would be old. */
function spareFrom({ now, clockJumpMs, rules }: RetentionQuestion): number {
  return now - (clockJumpMs ?? 0) - rules.minAgeMs;
}

/** Strictly: what is exactly as old as it may become is kept. */
function isOlder(candidate: Candidate | undefined, than: number): candidate is Candidate {
  return candidate !== undefined && candidate.keptFrom < than;
}

function evictTogether(plan: Plan, question: RetentionQuestion): void {
  const { rules, disk } = question;
  const { maxBytes } = rules;
  const mediaBytes = sumOf(plan.cameras, ({ bytes }) => bytes);
  if (maxBytes !== null) {
    const shortfallBytes = makeRoom(plan, question, {
      reason: 'bytes',
      neededBytes: mediaBytes - maxBytes,
      roomBytes: maxBytes,
      takes: ({ bytes }) => bytes,
    });
    if (shortfallBytes > 0) plan.short.push({ promise: 'bytes', shortfallBytes });
  }
  const takes = ({ bytes, media }: Remaining) => bytes + media.waitingBytes;
  const freeBytes = disk.freeBytes + plan.freedBytes;
  const floorBytes = floorOf(rules, disk.totalBytes);
  const shortfallBytes = makeRoom(plan, question, {
    reason: 'free-disk',
    neededBytes: floorBytes - freeBytes,
    // What cameras can take if nothing else takes any of it: the floor, and what others have filled, are nobody's share.
    roomBytes: Math.max(0, sumOf(plan.cameras, takes) + freeBytes - floorBytes),
    takes,
  });
  if (shortfallBytes > 0) plan.short.push({ promise: 'free-disk', shortfallBytes });
}

/**
 * Evicts until so much is freed as is needed; answers how much is still needed. Class by class, each time from the camera
 * that is furthest above its share of the room, and from none that is within it.
 */
function makeRoom(
  plan: Plan,
  question: RetentionQuestion,
  {
    reason,
    neededBytes,
    roomBytes,
    takes,
  }: Readonly<{
    reason: EvictionReason;
    neededBytes: number;
    roomBytes: number;
    /** What a camera takes of the room by now. */
    takes: (camera: Remaining) => number;
  }>,
): number {
  const shares = divideRoom(
    plan.cameras.map(({ media }) => media),
    roomBytes,
  );
  const olderThan = spareFrom(question);
  const freedBefore = plan.freedBytes;
  const missing = () => neededBytes - (plan.freedBytes - freedBefore);
  for (const mediaClass of mediaClasses) {
    while (!plan.isFull() && missing() > 0) {
      let furthest: Remaining | undefined;
      let furthestBytes = 0;
      for (const [index, camera] of plan.cameras.entries()) {
        const aboveBytes = takes(camera) - (shares[index] ?? 0);
        if (aboveBytes <= furthestBytes || !isOlder(camera.next[mediaClass].peek(), olderThan)) continue;
        furthest = camera;
        furthestBytes = aboveBytes;
      }
      if (furthest === undefined) break;
      plan.evict(furthest, mediaClass, reason);
    }
  }
  return Math.max(0, missing());
}

function sumOf(cameras: readonly Remaining[], bytesOf: (camera: Remaining) => number): number {
  return cameras.reduce((sum, camera) => sum + bytesOf(camera), 0);
}
