/** From the last byte to the publication nothing is written any more, so an honest receipt is this near to the ctime. */
export const toleranceMs = 60_000;

/**
 * When an upload arrived: what the receipt says if the ctime of its bytes bears it out, else the ctime, which only the
 * kernel sets. So a receiver that was taken over cannot forge a clip of last week. All in epoch milliseconds. Every try
 * of the same entry finds the same.
 */
export function arrivalOf(finishedAt: number, changedAt: number): number {
  return Math.floor(Math.abs(finishedAt - changedAt) <= toleranceMs ? finishedAt : changedAt);
}
