import { makeDirectory } from '../base/durable.ts';
import { layoutOf } from './layout.ts';
import { requireMarker } from './marker.ts';

/**
 * Makes `incoming/` and `inbox/`, where the receiver leaves what it got. They belong to the archive like the data directory
 * itself, and its group may write in them where an installer has set it up so; the receiver could not make them there.
 * Throws TransientError without the marker.
 */
export async function makeDropDirectories(options: { dataDir: string; archiveId: string }): Promise<void> {
  await requireMarker(options);
  const { incoming, inbox } = layoutOf(options.dataDir);
  await makeDirectory(incoming, 'write');
  await makeDirectory(inbox, 'write');
}
