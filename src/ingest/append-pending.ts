import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';

/** Some milliseconds of work: whatever arrives meanwhile is filed between two batches. */
const batchClips = 100;

/**
 * Adds to the chain what is in the catalogue and not in the chain: the clips of an older version, once. It runs beside
 * filing and never fails; what is left over is left for the next start. Resolves when nothing is left, or on the signal.
 */
export async function appendPending(
  parts: Readonly<{ catalogue: Pick<Catalogue, 'appendPending'>; log: Log }>,
  signal: AbortSignal,
): Promise<void> {
  let clips = 0;
  try {
    while (!signal.aborted) {
      const added = parts.catalogue.appendPending(batchClips);
      clips += added;
      if (added < batchClips) break;
      await setImmediate();
    }
  } catch (error) {
    parts.log.error({ clips, error: messageOf(error) }, 'clips cannot be added to the chain');
  }
  if (clips > 0) parts.log.info({ clips }, 'clips of an earlier version are in the chain');
}
