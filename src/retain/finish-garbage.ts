import type { RemovableMedia } from '../archive/removal.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { GarbageFile } from '../catalogue/garbage.ts';

/** What is out of the catalogue and cannot be unlinked, and why. */
export type Stuck = Readonly<{ id: string; camera: string; path: string; reason: string }>;

export type GarbageParts = Readonly<{
  catalogue: Pick<Catalogue, 'garbageFiles' | 'forgetGarbage'>;
  /** Unlinks durably; answers what could not be, by id, with the reason. Throws TransientError without the marker. */
  removeMedia(files: readonly RemovableMedia[]): Promise<ReadonlyMap<string, string>>;
}>;

/** A crash leaves one batch of a pass at the most; more are only there when files cannot be unlinked. */
const pageFiles = 64;

/** Unlinks what earlier passes have made garbage of, each file once: what cannot be unlinked now is left for the next pass. */
export async function finishGarbage(
  parts: GarbageParts,
  signal: AbortSignal,
): Promise<Readonly<{ finished: number; stuck: readonly Stuck[] }>> {
  const stuck: Stuck[] = [];
  let finished = 0;
  let after = '';
  while (!signal.aborted) {
    const files = parts.catalogue.garbageFiles(after, pageFiles);
    const last = files.at(-1);
    if (last === undefined) break;
    const left = await unlinkGarbage(parts, files);
    stuck.push(...left);
    finished += files.length - left.length;
    after = last.id;
  }
  return { finished, stuck };
}

/** The files first, then the rows (I5). Answers what could not be unlinked; its rows stay. */
export async function unlinkGarbage(
  { catalogue, removeMedia }: GarbageParts,
  files: readonly GarbageFile[],
): Promise<readonly Stuck[]> {
  const failed = await removeMedia(files);
  const ids = files.map(({ id }) => id).filter(id => !failed.has(id));
  if (ids.length > 0) catalogue.forgetGarbage(ids);
  return files.flatMap(({ id, camera, path }) => {
    const reason = failed.get(id);
    return reason === undefined ? [] : [{ id, camera, path, reason }];
  });
}
