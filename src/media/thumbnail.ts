// One JPEG that shows what is in a clip. The confined ffmpeg decodes and scales; what comes back is a picture in the
// plainest format there is, parsed strictly; sharp gets its pixels and never a file that a stranger made.

import type { Confinement } from './confine.ts';
import { inputPath } from './confine.ts';
import { confiningOptions, kindOf } from './decoding.ts';
import { encodeJpeg } from './encode-jpeg.ts';
import { type Picture, parsePictures } from './ppm.ts';
import type { Container } from './sniff.ts';

/** Wide at most; a smaller picture is not made larger. */
export const thumbnailWidth = 480;
/** High at most, for cameras that stand on end and for absurd pictures. */
export const thumbnailHeight = 960;
const jpegQuality = 80;

const deadlineMs = 15_000;
/** Key frames looked at: a camera's first is often black or grey. */
const maxKeyFrames = 3;
/** Key frames further into a clip are not searched for. */
const maxSearchSeconds = 30;
/** Standard deviation of a channel (0 to 127.5): below it in all three, a frame is one colour and the noise of a sensor. */
const clearDeviation = 8;

export type Thumbnail = Readonly<
  { jpeg: Buffer; width: number; height: number } | { jpeg: null; problem: string }
>;

/**
 * Makes a thumbnail of a video's first clear key frame, or of a picture. Video is turned as its container says (ffmpeg
 * does that); the EXIF orientation of a JPEG is left alone, since a camera on a wall has none. Throws TransientError when
 * ffmpeg cannot be started, and the signal's reason; never for what is in the file.
 */
export async function makeThumbnail(
  confinement: Confinement,
  file: string,
  container: Container,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Thumbnail> {
  const kind = kindOf(container);
  if (kind === 'other') return { jpeg: null, problem: 'There is no picture in the file.' };
  const frames = kind === 'video' ? maxKeyFrames : 1;
  let best: { picture: Picture; deviation: number } | undefined;
  let seen = 0;
  const { end, output, complaint } = await confinement.run({
    tool: 'ffmpeg',
    file,
    args: decodingArguments(container, frames),
    deadlineMs,
    maxOutputBytes: frames * (thumbnailWidth * thumbnailHeight * 3 + 64),
    signal: options.signal,
    onOutput: soFar => {
      const pictures = parsePictures(soFar, { maxWidth: thumbnailWidth, maxHeight: thumbnailHeight });
      if (pictures === undefined) return 'enough';
      for (const picture of pictures.slice(seen)) {
        const deviation = deviationOf(picture);
        if (best === undefined || deviation > best.deviation) best = { picture, deviation };
      }
      seen = pictures.length;
      return seen === frames || (best?.deviation ?? 0) >= clearDeviation ? 'enough' : 'more';
    },
  });
  if (best === undefined) return { jpeg: null, problem: problemOf(end, output.length > 0, complaint) };
  const { width, height } = best.picture;
  return { jpeg: await encodeJpeg(best.picture, jpegQuality), width, height };
}

function decodingArguments(container: Container, frames: number): string[] {
  const scale = `scale=w='min(${thumbnailWidth},iw)':h='min(${thumbnailHeight},ih)':force_original_aspect_ratio=decrease`;
  const search =
    kindOf(container) === 'video' ? ['-skip_frame', 'nokey', '-t', String(maxSearchSeconds)] : [];
  return [
    ...['-nostdin', '-hide_banner', '-v', 'error', '-threads', '1'],
    ...[...search, ...confiningOptions(container), '-i', inputPath],
    // Video frames only, none repeated to keep a rate, as a stream of binary PPM pictures.
    ...['-map', '0:v:0', '-an', '-sn', '-dn', '-frames:v', String(frames), '-vsync', 'vfr'],
    ...[
      '-filter_threads',
      '1',
      '-vf',
      scale,
      '-pix_fmt',
      'rgb24',
      '-c:v',
      'ppm',
      '-f',
      'image2pipe',
      'pipe:1',
    ],
  ];
}

function problemOf(end: string, hasOutput: boolean, complaint: string): string {
  if (end === 'deadline') return `No picture could be decoded within ${deadlineMs} ms.`;
  if (hasOutput) return 'The decoder wrote something that is no picture.';
  return complaint === '' ? 'There is no key frame in the file.' : 'No picture could be decoded.';
}

/** The largest standard deviation of the three channels, over every eighth pixel: tells a scene from a plain field. */
function deviationOf({ pixels }: Picture): number {
  return Math.max(...[0, 1, 2].map(channel => channelDeviation(pixels, channel)));
}

function channelDeviation(pixels: Buffer, channel: number): number {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let index = channel; index < pixels.length; index += 8 * 3) {
    const value = pixels[index] ?? 0;
    count++;
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
}
