// What is to be deleted, and why: a pure function of the rules, of what is there, and of the disk. Nothing here deletes.

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
