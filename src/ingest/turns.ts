// The queue of filing: entries of one camera in the order in which they were seen, cameras taking turns, so that a flood
// from one camera delays the others by one clip each and no more. It has limits; what does not fit stays in the inbox.

export type Entry = Readonly<{ camera: string; id: string }>;

export type TurnLimits = Readonly<{
  /** Entries of one camera that wait. */
  perCamera: number;
  /** Entries that wait in all: the inbox may hold directories of cameras that nobody set up. */
  total: number;
}>;

export type Turns = Readonly<{
  /** `known`: it waits already or is being worked on. */
  offer(entry: Entry): 'taken' | 'known' | 'full';
  /** The next entry of the camera whose turn it is, skipping cameras with an entry in work. It is in work until `done`. */
  next(): Entry | undefined;
  /** Ends the work on an entry. True when there is room again for something that was refused before. */
  done(entry: Entry): boolean;
  waiting(): number;
  inWork(): number;
}>;

export function createTurns(limits: TurnLimits): Turns {
  // A Map keeps the order of insertion: the first camera is the one whose turn it is, and goes to the end after it.
  const lanes = new Map<string, string[]>();
  const known = new Set<string>();
  const busy = new Set<string>();
  let waiting = 0;
  // Who was refused something, by its own limit or by the common one; asked again when there is enough room.
  const refusedLanes = new Set<string>();
  let refusedByTotal = false;

  return {
    offer(entry) {
      const key = keyOf(entry);
      if (known.has(key)) return 'known';
      const lane = lanes.get(entry.camera);
      if ((lane?.length ?? 0) >= limits.perCamera) {
        refusedLanes.add(entry.camera);
        return 'full';
      }
      if (waiting >= limits.total) {
        refusedByTotal = true;
        return 'full';
      }
      if (lane) lane.push(entry.id);
      else lanes.set(entry.camera, [entry.id]);
      known.add(key);
      waiting++;
      return 'taken';
    },
    next() {
      for (const [camera, lane] of lanes) {
        if (busy.has(camera)) continue;
        const id = lane.shift();
        lanes.delete(camera);
        if (id === undefined) continue;
        if (lane.length > 0) lanes.set(camera, lane);
        busy.add(camera);
        waiting--;
        return { camera, id };
      }
      return undefined;
    },
    done(entry) {
      busy.delete(entry.camera);
      known.delete(keyOf(entry));
      // Not at the first free place: each listing of a large inbox should bring more than one entry.
      const laneRoom =
        refusedLanes.has(entry.camera) && (lanes.get(entry.camera)?.length ?? 0) <= limits.perCamera / 2;
      const totalRoom = refusedByTotal && waiting <= limits.total / 2;
      if (laneRoom) refusedLanes.delete(entry.camera);
      if (totalRoom) refusedByTotal = false;
      return laneRoom || totalRoom;
    },
    waiting: () => waiting,
    inWork: () => busy.size,
  };
}

function keyOf({ camera, id }: Entry): string {
  return `${camera}/${id}`;
}
