import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { FootageMargin } from '../catalogue/near-footage.ts';

/** Some milliseconds of work: whatever arrives meanwhile is filed between two batches. */
const batchClips = 100;
const batchSegments = 500;

/**
 * Puts into events what is in the catalogue and in none: the clips of an older version, once. It runs beside filing and
 * never fails; what is left over is left for the next start. Resolves when nothing is left, or on the signal.
 */
export async function placePending(
  parts: Readonly<{ catalogue: Pick<Catalogue, 'placeRemaining'>; log: Log }>,
  signal: AbortSignal,
): Promise<void> {
  let clips = 0;
  try {
    while (!signal.aborted) {
      const placed = parts.catalogue.placeRemaining(batchClips);
      clips += placed;
      if (placed < batchClips) break;
      await setImmediate();
    }
  } catch (error) {
    parts.log.error({ clips, error: messageOf(error) }, 'clips cannot be put into events');
  }
  if (clips > 0) parts.log.info({ clips }, 'clips of an earlier version are in events');
}

/** After a change of the settings: says of all footage again whether an event is near. As placePending otherwise. */
export async function placeFootage(
  parts: Readonly<{ catalogue: Pick<Catalogue, 'setFootageMargin' | 'placeFootage'>; log: Log }>,
  margin: FootageMargin,
  signal: AbortSignal,
): Promise<void> {
  try {
    parts.catalogue.setFootageMargin(margin);
    while (!signal.aborted && parts.catalogue.placeFootage(batchSegments) > 0) await setImmediate();
  } catch (error) {
    parts.log.error({ error: messageOf(error) }, 'footage cannot be put to its events');
  }
}
