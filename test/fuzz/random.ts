// Choices of a seeded generator, in the shapes that a fuzzer needs.

import { seededRandom } from '../domain/seeded-random.ts';

export type Random = {
  below(limit: number): number;
  /** True once in `times`. */
  oneIn(times: number): boolean;
  pick<T>(choices: readonly T[]): T;
  bytes(length: number): Buffer;
  /** Cuts bytes at random places; in one piece mostly. */
  segments(bytes: Buffer): Buffer[];
};

/** One connection's choices depend on the run's seed and its own number alone, so that one connection can be repeated. */
export function openRandom(seed: number, index: number): Random {
  const below = seededRandom((Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0);
  const random: Random = {
    below,
    oneIn: times => below(times) === 0,
    pick: choices => choices[below(choices.length)] as (typeof choices)[0],
    bytes: length => Buffer.from(Array.from({ length }, () => below(256))),
    segments(bytes) {
      if (bytes.length < 2 || !random.oneIn(4)) return [bytes];
      const cuts = Array.from({ length: 1 + below(6) }, () => 1 + below(bytes.length - 1));
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      return places
        .slice(1)
        .map((end, piece) => bytes.subarray(places[piece], end))
        .filter(piece => piece.length > 0);
    },
  };
  return random;
}
