// Footage that tells a test where it is: every picture carries its number as bars, a white stripe flashes with the beginning of
// each second, and where there is sound it beeps then.

import { execFileSync } from 'node:child_process';
import {
  createFragmentReader,
  type FootageInit,
  type Fragment,
} from '../../src/domain/footage/fragment-reader.ts';

export const rate = 10;
const bits = 16;
const barPixels = 10;
const width = bits * barPixels;
const height = 64;
const readRate = 16_000;

export type CodedOptions = Readonly<{
  /** The number of the first picture. */
  first?: number;
  codec?: 'h264' | 'hevc';
  sound?: boolean;
  /** Samples in a second. */
  soundRate?: number;
  /** Pictures between two key frames. */
  keyEvery?: number;
}>;

/** The input of ffmpeg, and what it encodes to. */
export function codedArguments(
  seconds: number,
  { first = 0, codec = 'h264', sound = false, keyEvery = 20, soundRate = readRate }: CodedOptions = {},
): string[] {
  const bar = `mod(floor((N+${first})/pow(2,floor(X/${barPixels}))),2)`;
  const flash = `eq(mod(N+${first},${rate}),0)`;
  const lum = `16+219*if(lt(Y,${height / 2}),${bar},${flash})`;
  const phase = (first % rate) / rate;
  const beep = `if(lt(mod(t+${phase},1),0.1),0.8*sin(2*PI*1000*t),0)`;
  return [
    ...[
      '-f',
      'lavfi',
      '-i',
      `color=black:size=${width}x${height}:rate=${rate},geq=lum='${lum}':cb=128:cr=128`,
    ],
    ...(sound ? ['-f', 'lavfi', '-i', `aevalsrc='${beep}':s=${soundRate}`] : []),
    ...['-t', `${seconds}`, '-pix_fmt', 'yuv420p', '-g', `${keyEvery}`, '-threads', '1', '-bf', '0'],
    ...(codec === 'h264'
      ? ['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', 'scenecut=0']
      : ['-c:v', 'libx265', '-preset', 'ultrafast', '-tag:v', 'hvc1']),
    ...(codec === 'hevc'
      ? ['-x265-params', `log-level=none:scenecut=0:keyint=${keyEvery}:min-keyint=${keyEvery}:open-gop=0`]
      : []),
    ...(sound ? ['-c:a', 'aac', '-b:a', '48k'] : []),
  ];
}

/** As the recorder's ffmpeg writes it. */
export function makeCodedFootage(
  seconds: number,
  options: CodedOptions = {},
): { init: FootageInit; fragments: readonly Fragment[] } {
  const bytes = execFileSync(
    'ffmpeg',
    [
      ...['-nostdin', '-v', 'error', ...codedArguments(seconds, options)],
      ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof', '-frag_duration', '1000000'],
      ...['-f', 'mp4', 'pipe:1'],
    ],
    { maxBuffer: 2 ** 28 },
  );
  const fragments: Fragment[] = [];
  let init: FootageInit | undefined;
  for (const part of createFragmentReader().push(bytes)) {
    if ('init' in part) init = part.init;
    else fragments.push(part.fragment);
  }
  if (init === undefined) throw new Error('ffmpeg made no description');
  return { init, fragments };
}

/** A clip as a camera uploads it. */
export function makeCodedClip(file: string, seconds: number, options: CodedOptions = {}): string {
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...codedArguments(seconds, options), '-f', 'mp4', file]);
  return file;
}

/** For a fake camera, which sends it over and over: Annex B, H.264, a key frame every second. */
export function makeCodedStream(seconds: number): Buffer {
  const args = codedArguments(seconds, { keyEvery: rate });
  return execFileSync(
    'ffmpeg',
    [
      '-nostdin',
      '-v',
      'error',
      ...args,
      '-tune',
      'zerolatency',
      '-x264-params',
      'sliced-threads=0:scenecut=0',
      '-f',
      'h264',
      'pipe:1',
    ],
    { maxBuffer: 2 ** 28 },
  );
}

export type SeenPicture = Readonly<{ number: number; ms: number; isFlash: boolean }>;

/** The pictures of a file, decoded, with the times at which a player shows them. */
export function readPictures(file: string): SeenPicture[] {
  const raw = execFileSync(
    'ffmpeg',
    [
      ...['-nostdin', '-v', 'error', '-i', file, '-map', '0:v:0', '-vsync', 'passthrough'],
      ...['-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1'],
    ],
    { maxBuffer: 2 ** 30 },
  );
  const times = ffprobe(file, 'frame=pts_time', 'v').map(Number);
  const size = width * height;
  return Array.from({ length: raw.length / size }, (_, index) => {
    const at = (x: number, y: number) => raw[index * size + y * width + x] ?? 0;
    let number = 0;
    for (let bit = 0; bit < bits; bit++)
      if (at(bit * barPixels + barPixels / 2, height / 4) > 128) number += 2 ** bit;
    return {
      number,
      ms: (times[index] ?? Number.NaN) * 1000,
      isFlash: at(width / 2, (height * 3) / 4) > 128,
    };
  });
}

/** When the beeps of a file begin, milliseconds, as a player plays them: small holes in the sound stay holes. */
export function readBeeps(file: string): number[] {
  const raw = execFileSync(
    'ffmpeg',
    [
      ...[
        '-nostdin',
        '-v',
        'error',
        '-i',
        file,
        '-map',
        '0:a:0',
        '-af',
        'aresample=async=1:min_hard_comp=0.005:first_pts=0',
      ],
      ...['-ar', `${readRate}`, '-ac', '1', '-f', 's16le', 'pipe:1'],
    ],
    { maxBuffer: 2 ** 30 },
  );
  const begins: number[] = [];
  let lastLoud = Number.NEGATIVE_INFINITY;
  for (let sample = 0; sample * 2 < raw.length; sample++) {
    if (Math.abs(raw.readInt16LE(sample * 2)) < 6000) continue;
    if (sample - lastLoud > readRate / 4) begins.push((sample * 1000) / readRate);
    lastLoud = sample;
  }
  return begins;
}

/** One value for each packet or frame. */
export function ffprobe(file: string, entries: string, stream?: string): string[] {
  const args = ['-v', 'error', ...(stream ? ['-select_streams', stream] : [])];
  const text = execFileSync('ffprobe', [...args, '-show_entries', entries, '-of', 'csv=p=0', file], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return text
    .split('\n')
    .map(line => line.replace(/,$/, ''))
    .filter(line => line !== '');
}
