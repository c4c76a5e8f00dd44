import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { errnoOf, messageOf } from '../../base/errors.ts';
import { type Space, spaceOf } from '../checks/free-disk.ts';
import { type MarkerState, readMarker } from '../marker-state.ts';

export type DiskState =
  | (Space & Readonly<{ state: MarkerState }>)
  /** It answers with an error, with nothing, or lets nobody write. */
  | Readonly<{ state: 'failed'; error: string }>;

const answerTimeoutMs = 10_000;

/**
 * A look at the disk of the media that always comes to an end: a disk that hangs (a network share, a dying drive) blocks a
 * thread for each question that is asked, so that no second one is asked before the first was answered.
 */
export function diskProbe(
  dirs: Readonly<{ dataDir: string; stateDir: string }>,
  timeoutMs = answerTimeoutMs,
  look: (dirs: Readonly<{ dataDir: string; stateDir: string }>) => Promise<DiskState> = lookAt,
): () => Promise<DiskState> {
  let asked: Promise<DiskState> | undefined;
  return async () => {
    asked ??= look(dirs)
      .catch((error): DiskState => ({ state: 'failed', error: errnoOf(error) ?? messageOf(error) }))
      .finally(() => {
        asked = undefined;
      });
    const { promise, resolve } = Promise.withResolvers<DiskState>();
    const deadline = setTimeout(() => resolve({ state: 'failed', error: 'no answer' }), timeoutMs);
    const state = await Promise.race([asked, promise]);
    clearTimeout(deadline);
    return state;
  };
}

async function lookAt(dirs: Readonly<{ dataDir: string; stateDir: string }>): Promise<DiskState> {
  const state = await readMarker(dirs);
  const space = await spaceOf(dirs.dataDir);
  // A file system that had an error is often mounted again for reading only.
  if (state === 'ours') await access(dirs.dataDir, constants.W_OK);
  return { state, ...space };
}
