// What check --repair does about what it found. Each looks afresh, does one thing, and answers in one sentence what it did;
// it throws FailedError when it must not be done, or cannot. All may run beside the daemon: none touches what somebody else
// may be in the middle of.

import type { QuarantineCase } from '../../archive/strays.ts';
import type { GarbageRow } from '../../catalogue/check-queries.ts';

export type Repairs = Readonly<{
  /** Makes a stored clip or segment read-only. */
  sealFile(path: string): Promise<string>;
  /** Takes a file of ours without a row in, with what it says itself, marked as recovered. */
  adopt(path: string): Promise<string>;
  /** Takes the row of a clip out whose file is missing, with a tombstone; never one that is on hold. */
  dropMissing(clip: string): Promise<string>;
  /** Takes a file of footage without a row in, also one that was being written. */
  adoptFootage(path: string): Promise<string>;
  /** As dropMissing, for a segment. */
  dropMissingSegment(segment: string): Promise<string>;
  /** Removes a stored file that is byte for byte another clip. */
  removeDuplicate(path: string, clip: string): Promise<string>;
  removePart(path: string): Promise<string>;
  makeThumbnail(clip: string): Promise<string>;
  removeThumbnailOfDeleted(path: string): Promise<string>;
  /** Brings a clip into its event. */
  joinEvent(clip: string): string;
  /** Sets the times of an event by its clips; one without clips goes. */
  settleEvent(event: string): string;
  finishGarbage(garbage: GarbageRow): Promise<string>;
  listQuarantined(found: QuarantineCase): string;
  unlistQuarantined(camera: string, id: string): string;
}>;
