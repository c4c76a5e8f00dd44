// A disk with a volatile cache, in memory: what it was told to flush is safe, everything written since may be lost when the
// power goes, in any part and in any order.

/** Answers integers from 0 up to, not including, `below`. */
export type Random = (below: number) => number;

/** What a disk writes as one: half of it is never there. */
export const sectorBytes = 4096;

/**
 * What becomes of the writes that were not flushed. `none` and `all` are the two ends: a cache that is lost, and a disk
 * that had written everything already. `some`: each sector is kept or lost by itself. `earliest`: those up to some moment.
 */
export type CutOutcome = 'none' | 'all' | 'some' | 'earliest';
export const cutOutcomes: readonly CutOutcome[] = ['none', 'all', 'some', 'earliest'];

export type VolatileImage = Readonly<{
  bytes: number;
  read(offset: number, length: number): Buffer;
  write(offset: number, data: Uint8Array): void;
  /** Everything written so far survives from now on. */
  flush(): void;
  /** The power goes and comes back: reading answers what survived. */
  cut(outcome: CutOutcome, random: Random): CutReport;
  flushes(): number;
}>;

/** In sectors. */
export type CutReport = Readonly<{ pending: number; kept: number }>;

type Write = Readonly<{ offset: number; data: Buffer }>;

export function makeVolatileImage(bytes: number): VolatileImage {
  const durable = Buffer.alloc(bytes);
  const current = Buffer.alloc(bytes);
  let pending: Write[] = [];
  let flushes = 0;
  return {
    bytes,
    read: (offset, length) => Buffer.from(current.subarray(offset, offset + length)),
    write(offset, data) {
      const copy = Buffer.from(data);
      copy.copy(current, offset);
      pending.push({ offset, data: copy });
    },
    flush() {
      for (const { offset, data } of pending) data.copy(durable, offset);
      pending = [];
      flushes++;
    },
    cut(outcome, random) {
      const sectors = pending.flatMap(inSectors);
      const keeps = survivalOf(outcome, sectors.length, random);
      let kept = 0;
      for (const [index, { offset, data }] of sectors.entries()) {
        if (keeps(index)) {
          data.copy(durable, offset);
          kept++;
        }
      }
      // Only where the two may differ: an image is mostly what nobody has written since.
      for (const { offset, data } of pending) durable.copy(current, offset, offset, offset + data.length);
      pending = [];
      return { pending: sectors.length, kept };
    },
    flushes: () => flushes,
  };
}

function inSectors({ offset, data }: Write): Write[] {
  const pieces: Write[] = [];
  let at = 0;
  while (at < data.length) {
    const length = Math.min(data.length - at, sectorBytes - ((offset + at) % sectorBytes));
    pieces.push({ offset: offset + at, data: data.subarray(at, at + length) });
    at += length;
  }
  return pieces;
}

function survivalOf(outcome: CutOutcome, count: number, random: Random): (index: number) => boolean {
  if (outcome === 'none') return () => false;
  if (outcome === 'all') return () => true;
  if (outcome === 'some') return () => random(2) === 1;
  const kept = random(count + 1);
  return index => index < kept;
}
