// The repairs, over the stores. What needs more than a line has a file of its own.

import { type ClipFiles, openClipFiles } from '../../archive/clip-files.ts';
import { requireMarker } from '../../archive/marker.ts';
import { openStrays, type Strays } from '../../archive/strays.ts';
import type { Clock } from '../../base/clock.ts';
import { FailedError } from '../../base/errors.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { Media } from '../../media/media.ts';
import { adopt } from './adopt.ts';
import { adoptFootage } from './adopt-footage.ts';
import { dropMissing, dropMissingSegment, finishGarbage } from './missing.ts';
import type { Repairs } from './repairs.ts';
import { makeThumbnail } from './thumbnail.ts';

export type RepairParts = Readonly<{
  dataDir: string;
  archiveId: string;
  catalogue: Catalogue;
  clock: Clock;
  /** Opened when the first repair needs it. Throws FailedError without ffmpeg. */
  media(): Promise<Media>;
  /** The zone that times of a camera are shown in. */
  timeZoneOf(camera: string): string;
}>;

export type RepairGround = RepairParts &
  Readonly<{ strays: Strays; clipFiles: Pick<ClipFiles, 'writeThumbnail'>; requireMarker(): Promise<void> }>;

export function openRepairs(parts: RepairParts): Repairs {
  const { catalogue } = parts;
  const strays = openStrays(parts);
  const ground: RepairGround = {
    ...parts,
    strays,
    clipFiles: openClipFiles(parts),
    requireMarker: () => requireMarker(parts),
  };
  return {
    async sealFile(path) {
      await strays.sealFile(path);
      return 'It is read-only again.';
    },
    adopt: path => adopt(ground, path),
    async removeDuplicate(path, clipId) {
      const clip = catalogue.clip(clipId);
      if (clip === undefined) throw new FailedError('The other clip was deleted meanwhile: check again.');
      await strays.removeDuplicate(path, clip);
      return `It was removed; the same bytes are clip ${clipId}.`;
    },
    async removePart(path) {
      await strays.removePart(path);
      return 'It was removed.';
    },
    adoptFootage: path => adoptFootage(ground, path),
    dropMissing: clip => dropMissing(ground, clip),
    dropMissingSegment: segment => dropMissingSegment(ground, segment),
    joinEvent: clip => joinEvent(catalogue, clip),
    settleEvent(event) {
      catalogue.settleEvent(event);
      return 'Its times are those of its clips.';
    },
    finishGarbage: garbage => finishGarbage(ground, garbage),
    makeThumbnail: clip => makeThumbnail(ground, clip),
    async removeThumbnailOfDeleted(path) {
      await strays.removeThumbnail(path);
      return 'It was removed.';
    },
    listQuarantined({ camera, id, reason, at }) {
      const unknown = 'Not known: the reason beside it cannot be read.';
      catalogue.addQuarantined({ camera, id, reason: reason ?? unknown, at: Math.floor(at) });
      return 'It is on the list.';
    },
    unlistQuarantined(camera, id) {
      catalogue.removeQuarantined(camera, id);
      return 'It was taken off the list.';
    },
  };
}

const eventsAtOnce = 256;

function joinEvent(catalogue: Catalogue, clip: string): string {
  // Those before it are brought into theirs on the way; so is it, perhaps, with one that was told before.
  while (catalogue.clip(clip)?.event === null && catalogue.placeRemaining(eventsAtOnce) > 0);
  return 'It is in its event.';
}
