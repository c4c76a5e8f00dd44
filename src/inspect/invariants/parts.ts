// What the invariants are checked with, and what their repairs are done with.

import type { Clock } from '../../base/clock.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { Repairs } from '../repairs/repairs.ts';

export type CheckParts = Readonly<{
  dataDir: string;
  catalogue: Catalogue;
  clock: Clock;
  /** Whether some process plays the role now, and so may be in the middle of what looks unfinished. */
  isPlayed(role: 'receive' | 'archive' | 'outbound'): boolean;
  /** Whether clips are being taken over from elsewhere (clipward import) now. */
  isImporting(): boolean;
  /** Whether the inbox holds this entry: whatever is half done about it will be done again. */
  isWaiting(camera: string, id: string): Promise<boolean>;
  /** Throws TransientError when the data directory is not the one it was: then nothing that was missed is missing. */
  requireMarker(): Promise<void>;
  /** Used by the `mend` of findings only. */
  repairs: Repairs;
  /** Told how many rows could not be compared, since their directory cannot be read. */
  onUnknown(rows: number): void;
}>;

/** Differences that are looked at again together. */
export const suspectsAtOnce = 256;

/** Gathers what comes into groups of this size at the most. */
export async function* inGroups<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let group: T[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
