// What is to be deleted, and why: a pure function of the rules, of what is there, and of the disk. Nothing here deletes.
//
// Age is a promise to the people who are filmed and counts for every file. Room is only taken from what is older than
// `minAgeMs`, always from the camera that is furthest above its share, so that a camera that floods loses its own media, and
// one within its share loses nothing to it. What cannot be freed by these rules stays missing: uploads are then refused, which
// is loud, while deleted evidence is silent.

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
  /** Free space that is to be kept. */
  minFreeBytes: number;
  minAgeMs: number;
}>;

export type CameraMedia = Readonly<{
  camera: string;
  /** Null: kept as long as there is room. */
  keepDays: Readonly<Record<MediaClass, number | null>>;
  /** What it may take; null: an equal part. */
  maxBytes: number | null;
  /** All of it, also what is on hold. */
  bytes: number;
  /** Oldest first by `keptFrom`; read only as far as it is needed. */
  candidates(mediaClass: MediaClass): Iterable<Candidate>;
}>;

export type RetentionQuestion = Readonly<{
  now: number;
  /**
   * Not null: our own clock may have been set, by about so much, since the last pass (see clockJump). A year that has passed in
   * a second must not empty the archive, so that nothing goes for its age.
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
  /** The floor is more than half of the disk; a quarter of the disk is kept free instead. */
  | { promise: 'floor-too-high'; minFreeBytes: number; totalBytes: number }
  /** Our clock may have been set: nothing goes for its age until that is certain. */
  | { promise: 'clock'; jumpMs: number }
>;

export type RetentionPlan = Readonly<{
  /** In the order in which they are to go. */
  evictions: readonly Eviction[];
  /** False: the limit was reached, and another plan is to follow. */
  isComplete: boolean;
  unmet: readonly Unmet[];
}>;

export const dayMs = 86_400_000;
/** The daemon passes every minute; when it was off for longer, or says so, somebody should look at the clock first. */
export const maxJumpMs = 3 * dayMs;

/** How far our clock is ahead of the last pass when that is more than it should be, else null; `lastPassAt` null: the first pass. */
export function clockJump(now: number, lastPassAt: number | null): number | null {
  return lastPassAt !== null && now - lastPassAt > maxJumpMs ? now - lastPassAt : null;
}

/** What is kept free of a disk: what was asked for, and of one that has not twice as much, a quarter. */
export function floorOf(minFreeBytes: number, totalBytes: number): number {
  return minFreeBytes * 2 > totalBytes ? Math.floor(totalBytes / 4) : minFreeBytes;
}

export function planRetention(question: RetentionQuestion): RetentionPlan {
  const plan = startPlan(question);
  if (question.clockJumpMs === null) evictByAge(plan, question);
  else plan.unmet.push({ promise: 'clock', jumpMs: question.clockJumpMs });
  evictByCamera(plan, question);
  evictTogether(plan, question);
  return { evictions: plan.evictions, isComplete: !plan.isFull(), unmet: plan.isFull() ? [] : plan.unmet };
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
  readonly unmet: Unmet[];
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
    unmet: [],
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

function evictByCamera(plan: Plan, { now, rules }: RetentionQuestion): void {
  for (const camera of plan.cameras) {
    const { maxBytes } = camera.media;
    if (maxBytes === null) continue;
    for (const mediaClass of mediaClasses) {
      while (
        !plan.isFull() &&
        camera.bytes > maxBytes &&
        isOlder(camera.next[mediaClass].peek(), now - rules.minAgeMs)
      )
        plan.evict(camera, mediaClass, 'camera-bytes');
    }
    if (camera.bytes > maxBytes)
      plan.unmet.push({
        promise: 'camera-bytes',
        camera: camera.media.camera,
        shortfallBytes: camera.bytes - maxBytes,
      });
  }
}

/** Strictly: what is exactly as old as it may become is kept. */
function isOlder(candidate: Candidate | undefined, than: number): candidate is Candidate {
  return candidate !== undefined && candidate.keptFrom < than;
}

function evictTogether(plan: Plan, question: RetentionQuestion): void {
  const { rules, disk } = question;
  const total = () => plan.cameras.reduce((sum, { bytes }) => sum + bytes, 0);
  const { maxBytes, minFreeBytes } = rules;
  if (maxBytes !== null) {
    const shortfallBytes = makeRoom(plan, question, 'bytes', () => total() - maxBytes, maxBytes);
    if (shortfallBytes > 0) plan.unmet.push({ promise: 'bytes', shortfallBytes });
  }
  const floorBytes = floorOf(minFreeBytes, disk.totalBytes);
  if (floorBytes < minFreeBytes)
    plan.unmet.push({ promise: 'floor-too-high', minFreeBytes, totalBytes: disk.totalBytes });
  // What our media could take if nothing else took any of it: the floor, and what others have filled, are nobody's share.
  const room = Math.max(0, total() + plan.freedBytes + disk.freeBytes - floorBytes);
  const needed = () => floorBytes - (disk.freeBytes + plan.freedBytes);
  const shortfallBytes = makeRoom(plan, question, 'free-disk', needed, room);
  if (shortfallBytes > 0) plan.unmet.push({ promise: 'free-disk', shortfallBytes });
}

/**
 * Evicts until nothing is needed any more; answers how much is still needed. Class by class, each time from the camera that
 * is furthest above its share of `roomBytes`, and from none that is within it.
 */
function makeRoom(
  plan: Plan,
  { now, rules }: RetentionQuestion,
  reason: EvictionReason,
  needed: () => number,
  roomBytes: number,
): number {
  const shareOf = shares(plan.cameras, roomBytes);
  for (const mediaClass of mediaClasses) {
    while (!plan.isFull() && needed() > 0) {
      const furthest = plan.cameras
        .filter(camera => camera.bytes > shareOf(camera))
        .filter(camera => isOlder(camera.next[mediaClass].peek(), now - rules.minAgeMs))
        .reduce<Remaining | undefined>(
          (best, camera) =>
            best === undefined || camera.bytes - shareOf(camera) > best.bytes - shareOf(best) ? camera : best,
          undefined,
        );
      if (furthest === undefined) break;
      plan.evict(furthest, mediaClass, reason);
    }
  }
  return Math.max(0, needed());
}

/** What a camera was given, or an equal part of what is left of the room. */
function shares(cameras: readonly Remaining[], roomBytes: number): (camera: Remaining) => number {
  const given = cameras.reduce((sum, { media }) => sum + (media.maxBytes ?? 0), 0);
  const others = cameras.filter(({ media }) => media.maxBytes === null).length;
  // More was promised than there is: everybody's part shrinks alike.
  const scale = given > roomBytes ? roomBytes / given : 1;
  const equal = others === 0 ? 0 : Math.max(0, roomBytes - given * scale) / others;
  return ({ media }) => (media.maxBytes === null ? equal : media.maxBytes * scale);
}
