// The last key frame that was recorded of a camera, as a JPEG in its full size. The camera is not asked for anything.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFootage } from '../../archive/read-footage.ts';
import { writeNewFile } from '../../base/durable.ts';
import { FailedError } from '../../base/errors.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { Media } from '../../media/media.ts';

export type LastPictureParts = Readonly<{
  dataDir: string;
  catalogue: Pick<Catalogue, 'openSegments' | 'lastSegment'>;
  media: Pick<Media, 'snapshot'>;
}>;

/** A short film that begins with the key frame. */
export type LastKeyFrame = Readonly<{
  /** When it was filmed, epoch milliseconds. */
  takenAt: number;
  mp4: Buffer;
}>;

export type LastPicture = Readonly<{ jpeg: Buffer; width: number; height: number }>;

/** Undefined when nothing was recorded, or its file cannot be read. */
export async function findLastKeyFrame(
  { dataDir, catalogue }: Pick<LastPictureParts, 'dataDir' | 'catalogue'>,
  camera: string,
): Promise<LastKeyFrame | undefined> {
  const open = catalogue.openSegments().find(each => each.camera === camera);
  const last = catalogue.lastSegment(camera);
  // The open one may have nothing in it yet.
  const candidates = [
    ...(open === undefined ? [] : [{ ...open, isOpen: true }]),
    ...(last === undefined ? [] : [{ ...last, isOpen: false }]),
  ];
  for (const segment of candidates) {
    const opened = await openFootage(dataDir, segment);
    if ('state' in opened) continue;
    await using file = opened;
    const { init, fragments } = await file.survey();
    const key = fragments.findLast(({ startsWithKeyFrame }) => startsWithKeyFrame);
    if (init === undefined || key === undefined) continue;
    for await (const fragment of file.fragments(init, [key]))
      return {
        takenAt: Math.round(segment.startAt + key.startMs - (fragments[0]?.startMs ?? 0)),
        mp4: Buffer.concat([init.bytes, fragment.bytes]),
      };
  }
  return undefined;
}

/** Throws FailedError when it cannot be decoded. */
export async function decodePicture(
  { media }: Pick<LastPictureParts, 'media'>,
  { mp4 }: LastKeyFrame,
): Promise<LastPicture> {
  const directory = await mkdtemp(join(tmpdir(), 'clipward-snapshot-'));
  try {
    const file = join(directory, 'key-frame.mp4');
    await writeNewFile(file, mp4);
    const made = await media.snapshot(file);
    if (made.jpeg === null) throw new FailedError(`There is no picture: ${made.problem}.`);
    return made;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
