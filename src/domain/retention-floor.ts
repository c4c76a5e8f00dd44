export type FloorRules = Readonly<{
  /** Free space that is to be kept. */
  minFreeBytes: number;
  /** Free space below which uploads are refused: less than `minFreeBytes`. */
  refusedBelowBytes: number;
}>;

/**
 * What is kept free of a disk: what was asked for; of one that has not twice as much, half-way from where uploads are refused
 * to half of the disk. A floor that is more than the disk, or nearly, is a mistake, and the archive must not be erased for
 * it; but less than where uploads are refused would be none at all. Where that too is above the half, nothing can help.
 */
export function floorOf({ minFreeBytes, refusedBelowBytes }: FloorRules, totalBytes: number): number {
  const half = totalBytes / 2;
  if (minFreeBytes <= half) return minFreeBytes;
  return Math.floor((half + (refusedBelowBytes < half ? refusedBelowBytes : 0)) / 2);
}
