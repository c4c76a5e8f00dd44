/**
 * Whether both hold the same bytes from `start` to `end`, which both must reach: for the few bytes of a header, of which there
 * are thousands a second. A call of `compare` costs more.
 */
export function isEqualBetween(one: Buffer, other: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (one[at] !== other[at]) return false;
  return true;
}
