import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import type { Inbox } from '../../archive/inbox.ts';
import { layoutOf } from '../../archive/layout.ts';
import { errnoOf, messageOf } from '../../base/errors.ts';
import { type Space, spaceOf } from '../checks/free-disk.ts';
import { type MarkerState, readMarker } from '../marker-state.ts';

export type DiskState =
  | (Space & Readonly<{ state: MarkerState }>)
  /** It answers with an error, with nothing, or lets nobody write. */
  | Readonly<{ state: 'failed'; error: string }>;

type Dirs = Readonly<{ dataDir: string; stateDir: string }>;

const answerTimeoutMs = 10_000;

/** A look at the disk of the media that always comes to an end. */
export function diskProbe(
  dirs: Dirs,
  timeoutMs = answerTimeoutMs,
  look: (dirs: Dirs) => Promise<DiskState> = lookAt,
): () => Promise<DiskState> {
  return answeredInTime(
    () => look(dirs),
    error => ({ state: 'failed', error: errnoOf(error) ?? messageOf(error) }),
    timeoutMs,
  );
}

/**
 * The room for the databases, where they have a disk of their own: an alert must be written down before it is sent. Undefined
 * where there is one disk for both, or that of the media does not answer just now.
 */
export function stateSpaceProbe(
  { dataDir, stateDir }: Dirs,
  timeoutMs = answerTimeoutMs,
  deviceOf: (path: string) => Promise<number> = async path => (await stat(path)).dev,
): () => Promise<Space | undefined> {
  const measure = async () => {
    const [data, state] = await Promise.all([deviceOf(dataDir).catch(() => undefined), deviceOf(stateDir)]);
    return data === state ? undefined : spaceOf(stateDir);
  };
  return answeredInTime<Space | undefined>(measure, () => undefined, timeoutMs);
}

/** Counts up to `limit`; null: the disk does not tell. */
export function inboxCounter(
  inbox: Pick<Inbox, 'listEntries'>,
  limit: number,
  timeoutMs = answerTimeoutMs,
): () => Promise<number | null> {
  const count = async () => {
    let entries = 0;
    for await (const _entry of inbox.listEntries()) if (++entries >= limit) break;
    return entries;
  };
  return answeredInTime<number | null>(count, () => null, timeoutMs);
}

/**
 * A disk that hangs (a network share, a dying drive) blocks a thread for each question that is asked, so that no second one is
 * asked before the first was answered.
 */
function answeredInTime<T>(
  ask: () => Promise<T>,
  failed: (error: unknown) => T,
  timeoutMs: number,
): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return async () => {
    asked ??= ask()
      .catch(failed)
      .finally(() => {
        asked = undefined;
      });
    const { promise, resolve } = Promise.withResolvers<T>();
    const deadline = setTimeout(() => resolve(failed(new Error('no answer'))), timeoutMs);
    const answer = await Promise.race([asked, promise]);
    clearTimeout(deadline);
    return answer;
  };
}

async function lookAt(dirs: Dirs): Promise<DiskState> {
  const state = await readMarker(dirs);
  if (state === 'missing-or-foreign') await requireReadable(layoutOf(dirs.dataDir).marker);
  const space = await spaceOf(dirs.dataDir);
  // A file system that had an error is often mounted again for reading only.
  if (state === 'ours') await access(dirs.dataDir, constants.W_OK);
  return { state, ...space };
}

/** A marker that is not there is of a disk that is not there; one that cannot be read, of a disk that fails. */
async function requireReadable(marker: string): Promise<void> {
  await readFile(marker).catch(error => {
    if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
  });
}
