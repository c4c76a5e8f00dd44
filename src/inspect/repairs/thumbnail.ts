import { join } from 'node:path';
import { thumbnailRelativePath } from '../../archive/clip-path.ts';
import type { Media } from '../../media/media.ts';
import type { RepairGround } from './open-repairs.ts';

type Look = Awaited<ReturnType<Media['look']>>;

/** A JPEG of a stored clip; null when there is none to be had. Never throws for what is in the file. */
export async function pictureOf(
  media: Media,
  file: string,
  kind: Look['kind'],
  container: Look['container'],
): Promise<Uint8Array | null> {
  return kind === 'other' ? null : (await media.thumbnail(file, container)).jpeg;
}

/** Makes the thumbnail of a clip again; where that cannot be done any more, its row says that there is none. */
export async function makeThumbnail(ground: RepairGround, clipId: string): Promise<string> {
  const { catalogue } = ground;
  const clip = catalogue.clip(clipId);
  if (clip === undefined) return 'The clip was deleted meanwhile.';
  const media = await ground.media();
  const file = join(ground.dataDir, clip.path);
  // Opened here first: what is no regular file of ours is not given to a decoder.
  await ground.strays.requireClip(clip.path);
  const { kind, container } = await media.look(file);
  const picture = await pictureOf(media, file, kind, container);
  if (picture === null) {
    await ground.requireMarker();
    catalogue.setThumbnail(clipId, null);
    return 'None can be made of the clip, and its row says so now.';
  }
  const path = thumbnailRelativePath(clip.path);
  await ground.clipFiles.writeThumbnail(path, picture);
  catalogue.setThumbnail(clipId, path);
  return 'It was made again.';
}
