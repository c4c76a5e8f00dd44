// Quarantine holds what could not be filed, until a person has looked at it. Each case is
// `quarantine/<camera>/<id>/` with reason.json and, beside it, `entry`: the inbox entry as it was, whatever it was.

import { lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, replaceFile, syncDirectory } from '../base/durable.ts';
import { errnoOf, FailedError } from '../base/errors.ts';
import { isCameraName } from '../domain/camera-name.ts';
import { isPlainName } from './entry-name.ts';
import { layoutOf, strayCamera, unknownCamera } from './layout.ts';
import { requireMarker } from './marker.ts';
import { pinDirectory } from './pinned-directory.ts';
import { isUploadId, newUploadId } from './upload-id.ts';

export type Quarantine = Readonly<{
  /**
   * Moves `inbox/<camera>/<id>` into quarantine by one rename: nothing is opened, read or followed, so any type and any
   * size costs the same. Names that are not ours are replaced and told in reason.json. Answers the directory, relative to
   * the data directory, or null when the entry is gone. May be repeated after an interruption. Throws TransientError
   * without the marker, FailedError when there is no free place for it, or when it may not be moved: a directory of another
   * user who keeps it to himself.
   */
  quarantineEntry(
    entry: Readonly<{ camera: string; id: string }>,
    reason: string,
    at: Date,
  ): Promise<string | null>;
}>;

/** The same id again and again can only be a receiver that was taken over. */
const maxEntriesPerId = 16;

export function openQuarantine(options: { dataDir: string; archiveId: string }): Quarantine {
  const { dataDir, inbox, quarantine } = layoutOf(options.dataDir);
  return {
    async quarantineEntry({ camera, id }, reason, at) {
      await requireMarker(options);
      const safeCamera = isCameraName(camera) ? camera : unknownCamera;
      const safeId = isUploadId(id) ? id : newUploadId();
      const place = join(quarantine, safeCamera, safeId);
      if (camera !== strayCamera && !isPlainName(camera))
        throw new Error('an entry of the inbox was expected');
      try {
        // Pinned: where inbox/<camera> is a link, what it points to is not the inbox's to give.
        await using directory = await pinDirectory(join(inbox, camera));
        const from = directory.atText(id);
        await lstat(from);
        await makeDirectory(place);
        const told = { version: 1, reason, camera, id, at: at.toISOString() };
        await replaceFile(join(place, 'reason.json'), JSON.stringify(told, null, 2));
        await rename(from, await freePlace(place));
        await syncDirectory(place);
        await directory.sync();
      } catch (error) {
        const errno = errnoOf(error) ?? '';
        if (['ENOENT', 'ELOOP', 'ENOTDIR'].includes(errno)) return null;
        if (errno === 'EACCES' || errno === 'EPERM')
          throw new FailedError(
            `The entry ${id} of ${camera} may not be moved out of ${inbox} (${errno}): remove it by hand.`,
            { cause: error },
          );
        throw error;
      }
      return place.slice(dataDir.length + 1);
    },
  };
}

async function freePlace(place: string): Promise<string> {
  for (let number = 1; number <= maxEntriesPerId; number++) {
    const path = join(place, number === 1 ? 'entry' : `entry-${number}`);
    try {
      await lstat(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return path;
      throw error;
    }
  }
  throw new FailedError(
    `${place} holds ${maxEntriesPerId} entries already: look at them and move them away.`,
  );
}
