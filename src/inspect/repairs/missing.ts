import { lookAtStored } from '../../archive/list-stored.ts';
import { removeMedia } from '../../archive/removal.ts';
import { FailedError } from '../../base/errors.ts';
import type { GarbageRow } from '../../catalogue/check-queries.ts';
import type { RepairGround } from './open-repairs.ts';

/** Takes the row of a clip out whose file is missing. What counts how many may go (I9) is in check-archive.ts. */
export async function dropMissing(ground: RepairGround, clipId: string): Promise<string> {
  const { catalogue, dataDir } = ground;
  const clip = catalogue.clip(clipId);
  if (clip === undefined) return 'It was deleted meanwhile.';
  const found = await lookAtStored(dataDir, clip.path);
  await ground.requireMarker();
  if (found !== undefined) throw new FailedError('Something is at its place again: check again.');
  switch (catalogue.dropMissing(clipId, ground.clock.now())) {
    case 'gone':
      return 'It was deleted meanwhile.';
    case 'held':
      throw new FailedError(heldSentence);
    case 'dropped':
      // An interruption in between leaves a thumbnail of a clip that was deleted, which the next repair removes.
      if (clip.thumbnail !== null) await ground.strays.removeThumbnail(clip.thumbnail);
      return `The row was taken out; the chain keeps that clip ${clipId} (${JSON.stringify(clip.originalPath)}, ${clip.bytes} bytes, SHA-256 ${clip.sha256}) is missing.`;
  }
}

/** The same for a segment. */
export async function dropMissingSegment(ground: RepairGround, id: string): Promise<string> {
  const { catalogue, dataDir } = ground;
  const segment = catalogue.segment(id);
  if (segment === undefined) return 'It was deleted meanwhile.';
  const found = await lookAtStored(dataDir, segment.path);
  await ground.requireMarker();
  if (found !== undefined) throw new FailedError('Something is at its place again: check again.');
  switch (catalogue.dropMissingSegment(id, ground.clock.now())) {
    case 'gone':
      return 'It was deleted meanwhile.';
    case 'held':
      throw new FailedError(heldSentence);
    case 'dropped':
      return `The row was taken out; the chain keeps that segment ${id} (${segment.bytes} bytes, SHA-256 ${segment.sha256}) is missing.`;
  }
}

const heldSentence =
  'It is on hold, and nothing on hold is ever dropped: put the file back, or remove the hold first.';

/** Finishes what retention has begun: the files first, then the row (I5). */
export async function finishGarbage(ground: RepairGround, garbage: GarbageRow): Promise<string> {
  if (!ground.catalogue.isGarbage(garbage.path)) return 'The daemon has finished it meanwhile.';
  const why = (await removeMedia(ground, [garbage])).get(garbage.id);
  if (why !== undefined) throw new FailedError(`It cannot be removed (${why}): look at it by hand.`);
  ground.catalogue.forgetGarbage([garbage.id]);
  return 'It is deleted now.';
}
