import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markerHolds } from '../archive/marker.ts';
import { errnoOf } from '../base/errors.ts';

export type MarkerState = 'ours' | 'missing-or-foreign' | 'not-yet';

/** Compares the marker of the data directory with the archive's id; `not-yet` before the first start. Changes nothing. */
export async function readMarker(
  dirs: Readonly<{ dataDir: string; stateDir: string }>,
): Promise<MarkerState> {
  try {
    // `<id>`, and ` sealed` behind it once the marker was seen (archive/marker.ts).
    const [id = ''] = (await readFile(join(dirs.stateDir, 'archive-id'), 'utf8')).trim().split(' ');
    return (await markerHolds(dirs.dataDir, id)) ? 'ours' : 'missing-or-foreign';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'not-yet';
    throw error;
  }
}
