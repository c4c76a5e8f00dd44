// Segments of many cameras must not all be finished in the same second: each finish costs the disk two syncs and the
// catalogue a commit.

/**
 * How long the first segment of a run is to last: between a half and one and a half of `segmentMs`, so that the segments of this
 * camera end in a place of the minute of its own. `place` is from 0 to 1 (stagger.ts, placeOf).
 */
export function firstSegmentMs(options: { startAt: number; segmentMs: number; place: number }): number {
  const { startAt, segmentMs, place } = options;
  const border = place * segmentMs;
  const left = (((border - startAt) % segmentMs) + segmentMs) % segmentMs;
  return left < segmentMs / 2 ? left + segmentMs : left;
}

/** The same for a camera at every start, and evenly spread over names (FNV-1a, 32 bits). */
export function placeOf(camera: string): number {
  let hash = 0x811c9dc5;
  for (const character of camera) {
    hash ^= character.codePointAt(0) ?? 0;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  // Its upper bits are hardly touched by the last characters, in which names of cameras differ: they are mixed once more.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
