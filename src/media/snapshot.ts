// One picture of footage in its full size, by way of raw pixels as thumbnails are made.

import type { Confinement } from './confine.ts';
import { inputPath } from './confine.ts';
import { confiningOptions, maxPixels } from './decoding.ts';
import { encodeJpeg } from './encode-jpeg.ts';
import { parsePictures } from './ppm.ts';

const deadlineMs = 15_000;
const jpegQuality = 92;
const maxSidePixels = 16_384;

export type Snapshot = Readonly<
  { jpeg: Buffer; width: number; height: number } | { jpeg: null; problem: string }
>;

/** A JPEG of the first key frame of a fragmented MP4. Throws TransientError when ffmpeg cannot be started. */
export async function makeSnapshot(
  confinement: Confinement,
  file: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Snapshot> {
  const { end, output } = await confinement.run({
    tool: 'ffmpeg',
    file,
    args: [
      ...['-nostdin', '-hide_banner', '-v', 'error', '-threads', '1', '-skip_frame', 'nokey'],
      ...[...confiningOptions('mp4'), '-i', inputPath],
      ...['-map', '0:v:0', '-an', '-sn', '-dn', '-frames:v', '1', '-filter_threads', '1'],
      ...['-pix_fmt', 'rgb24', '-c:v', 'ppm', '-f', 'image2pipe', 'pipe:1'],
    ],
    deadlineMs,
    maxOutputBytes: maxPixels * 3 + 64,
    signal: options.signal,
  });
  const [picture] = parsePictures(output, { maxWidth: maxSidePixels, maxHeight: maxSidePixels }) ?? [];
  if (picture === undefined)
    return {
      jpeg: null,
      problem: end === 'deadline' ? 'decoding it took too long' : 'the picture cannot be decoded',
    };
  const { width, height } = picture;
  return { jpeg: await encodeJpeg(picture, jpegQuality), width, height };
}
