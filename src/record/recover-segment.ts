import type { FootageFiles, RecoverOptions } from '../archive/footage-files.ts';
import { errnoOf } from '../base/errors.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { OpenSegment, SegmentEnd } from '../catalogue/footage.ts';
import { segmentFrom } from '../catalogue/segment-facts.ts';
import type { GapReason } from '../domain/footage/coverage.ts';
import type { RecorderParts } from './recorder-parts.ts';

type Ending = Readonly<{ endReason: SegmentEnd; gap: GapReason }>;

/** Files what was left open by a crash, or by a disk that was full. Nothing follows it for the reason `gap`. */
export async function recoverSegment(
  parts: Readonly<{
    files: FootageFiles;
    catalogue: Pick<Catalogue, 'fileSegment' | 'dropOpenSegment'>;
    now: () => number;
  }>,
  open: OpenSegment,
  as: Ending,
  options: RecoverOptions = {},
): Promise<void> {
  const found = await parts.files.recover(open.path, options);
  if (found === undefined) return parts.catalogue.dropOpenSegment(open.camera, open.id, as.gap);
  const { init, durationMs, bytes, sha256 } = found;
  const segment = segmentFrom({
    ...{ open, init, durationMs, file: { bytes, sha256 } },
    endAt: open.startAt + durationMs,
    endReason: as.endReason,
    keptFrom: parts.now(),
  });
  parts.catalogue.fileSegment(segment, { gap: as.gap });
}

/** Recovers what is left open of a camera, if anything is. */
export type RecoverLeft = (as: Ending) => Promise<void>;

/** Twice at each turn of the recorder: for half a minute. A disk may come back, and with it what it could not read. */
export const maxDamagedTries = 12;

/**
 * A file that the disk cannot read must not keep its camera from being recorded for ever: after so many tries it is kept up to
 * the damage. It remembers the tries, so there is one for each camera.
 */
export function createRecoverLeft(
  camera: string,
  { catalogue, files, clock, log }: Pick<RecorderParts, 'catalogue' | 'files' | 'clock' | 'log'>,
): RecoverLeft {
  let damaged = { id: '', tries: 0 };
  return async as => {
    const left = catalogue.openSegments().find(open => open.camera === camera);
    if (left === undefined) return;
    const upToDamage = damaged.id === left.id && damaged.tries >= maxDamagedTries;
    try {
      await recoverSegment({ catalogue, files, now: () => clock.now() }, left, as, { upToDamage });
    } catch (error) {
      const tries = damaged.id === left.id ? damaged.tries : 0;
      if (errnoOf(error) === 'EIO') damaged = { id: left.id, tries: tries + 1 };
      throw error;
    }
    if (upToDamage)
      log.error({ camera, path: left.path }, 'footage was given up from where the disk is damaged');
  };
}
