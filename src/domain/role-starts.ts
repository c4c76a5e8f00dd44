// Starts and ends of a role, and what they say about crashes. A start without an end that another start follows was a crash:
// nothing else ends a process that does not say so.

export type RoleStart = Readonly<{ at: number; endedAt: number | null }>;

/** So many starts of a role are remembered. */
export const keptStarts = 20;

const loopMs = 15 * 60_000;
const loopCrashes = 3;

/** How many crashes there were lately when they are a loop; 0 when they are none. `starts`: newest first. */
export function crashLoop(starts: readonly RoleStart[], now: number): number {
  // A crash is noticed by the start after it.
  const crashes = starts.filter((start, index) => {
    const before = starts[index + 1];
    return before !== undefined && before.endedAt === null && start.at > now - loopMs && start.at <= now;
  }).length;
  return crashes >= loopCrashes ? crashes : 0;
}
