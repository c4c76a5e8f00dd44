// How the room for media is divided between cameras.

/** `maxBytes`: what a camera was given; null: an equal part. */
type Sharer = Readonly<{ maxBytes: number | null }>;

/**
 * The share of each camera of `roomBytes`, in the order of `cameras`: what it was given, or an equal part of what is left.
 * Where more was given than there is, nobody's part is more than all, a camera without bytes of its own counts as if it had
 * been given an equal part, and everybody's part shrinks alike: what others were allowed must not take everything from it.
 */
export function divideRoom(cameras: readonly Sharer[], roomBytes: number): readonly number[] {
  const given = cameras.reduce((sum, { maxBytes }) => sum + (maxBytes ?? 0), 0);
  const others = cameras.filter(({ maxBytes }) => maxBytes === null).length;
  if (given <= roomBytes) return cameras.map(({ maxBytes }) => maxBytes ?? (roomBytes - given) / others);
  const wanted = cameras.map(({ maxBytes }) => Math.min(maxBytes ?? roomBytes / cameras.length, roomBytes));
  const all = wanted.reduce((sum, each) => sum + each, 0);
  return wanted.map(each => (all === 0 ? 0 : (each * roomBytes) / all));
}

/**
 * What each camera comes to take in the long run: no more than it needs, and of what others leave over the same amount above
 * its share as every other that needs it, since room is always made by the one that is furthest above its share.
 */
export function settleRoom(
  cameras: ReadonlyArray<Sharer & Readonly<{ neededBytes: number }>>,
  roomBytes: number,
): readonly number[] {
  const shares = divideRoom(cameras, roomBytes);
  const taken = cameras.map(({ neededBytes }, index) => Math.min(neededBytes, shares[index] ?? 0));
  const wanting = cameras
    .map(({ neededBytes }, index) => ({ index, missingBytes: neededBytes - (taken[index] ?? 0) }))
    .filter(({ missingBytes }) => missingBytes > 0)
    .sort((a, b) => a.missingBytes - b.missingBytes);
  let leftBytes = Math.max(0, roomBytes - taken.reduce((sum, each) => sum + each, 0));
  for (const [position, { index, missingBytes }] of wanting.entries()) {
    const more = Math.min(missingBytes, leftBytes / (wanting.length - position));
    taken[index] = (taken[index] ?? 0) + more;
    leftBytes -= more;
  }
  return taken;
}
