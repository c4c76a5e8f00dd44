// Media made by ffmpeg for tests: the left half pure red, the right half pure blue, so that a test can tell from a
// thumbnail's pixels that it shows this very picture. Made once per process, removed when it ends.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type VideoOptions = Readonly<{
  codec?: 'h264' | 'hevc' | 'mpeg4';
  seconds?: number;
  width?: number;
  height?: number;
  /** `plain`: red and blue. `moving`: ffmpeg's test source. `late`: black for the first second, then red and blue. */
  picture?: 'plain' | 'moving' | 'late';
  audio?: boolean;
  /** ISO 8601; written as the container's creation time. */
  createdAt?: string;
  /** moov first. */
  faststart?: boolean;
  fragmented?: boolean;
}>;

/** Answers the path of an MP4: H.264, 2 s of 640x360 with a key frame each second unless told otherwise. */
export function makeMp4(options: VideoOptions = {}): Promise<string> {
  return makeVideo('mp4', options);
}

export function makeMov(options: VideoOptions = {}): Promise<string> {
  return makeVideo('mov', options);
}

export function makeMkv(options: VideoOptions = {}): Promise<string> {
  return makeVideo('mkv', options);
}

export function makeTs(options: VideoOptions = {}): Promise<string> {
  return makeVideo('ts', options);
}

export function makeAvi(options: VideoOptions = {}): Promise<string> {
  return makeVideo('avi', { codec: 'mpeg4', ...options });
}

/** Annex B, as some cameras upload it. */
export function makeRaw(codec: 'h264' | 'hevc', options: VideoOptions = {}): Promise<string> {
  return makeVideo(codec, { ...options, codec });
}

export function makeJpeg(size: { width?: number; height?: number } = {}): Promise<string> {
  return makePicture('jpg', size);
}

export function makePng(size: { width?: number; height?: number } = {}): Promise<string> {
  return makePicture('png', size);
}

const directory = mkdtempSync(join(tmpdir(), 'clipward-media-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const made = new Map<string, Promise<string>>();

function makeOnce(
  extension: string,
  key: unknown,
  build: (path: string) => Promise<unknown>,
): Promise<string> {
  const name = `${extension} ${JSON.stringify(key)}`;
  const known = made.get(name);
  if (known) return known;
  const path = join(directory, `${made.size}.${extension}`);
  const promise = build(path).then(() => path);
  made.set(name, promise);
  return promise;
}

function makeVideo(extension: string, options: VideoOptions): Promise<string> {
  return makeOnce(extension, options, path => {
    const { codec = 'h264', seconds = 2, width = 640, height = 360, picture = 'plain' } = options;
    const flags = [
      ...(options.faststart ? ['+faststart'] : []),
      ...(options.fragmented ? ['+frag_keyframe', '+empty_moov'] : []),
    ];
    return ffmpeg([
      ...['-f', 'lavfi', '-i', sourceOf(picture, width, height, seconds)],
      ...(options.audio
        ? ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`, '-c:a', 'aac']
        : []),
      ...['-t', String(seconds), '-pix_fmt', 'yuv420p', '-g', '10', ...encoders[codec]],
      ...(codec === 'hevc' && /^(mp4|mov)$/.test(extension) ? ['-tag:v', 'hvc1'] : []),
      ...(options.createdAt ? ['-metadata', `creation_time=${options.createdAt}`] : []),
      ...(flags.length > 0 ? ['-movflags', flags.join('')] : []),
      path,
    ]);
  });
}

function makePicture(extension: string, { width = 640, height = 360 }): Promise<string> {
  return makeOnce(extension, { width, height }, path =>
    ffmpeg(['-f', 'lavfi', '-i', sourceOf('plain', width, height, 1), '-frames:v', '1', '-q:v', '2', path]),
  );
}

const encoders = {
  h264: ['-c:v', 'libx264', '-preset', 'ultrafast'],
  hevc: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none'],
  mpeg4: ['-c:v', 'mpeg4', '-q:v', '3'],
} as const;

function sourceOf(
  picture: 'plain' | 'moving' | 'late',
  width: number,
  height: number,
  seconds: number,
): string {
  const common = `s=${width}x${height}:r=10:d=${seconds}`;
  if (picture === 'moving') return `testsrc=size=${width}x${height}:rate=10:duration=${seconds}`;
  const half = `x=${Math.floor(width / 2)}:w=${Math.ceil(width / 2)}:h=${height}:t=fill`;
  const late = picture === 'late' ? `,drawbox=c=black:t=fill:enable='lt(t,1)'` : '';
  return `color=c=red:${common},format=rgb24,drawbox=c=blue:${half}${late}`;
}

async function ffmpeg(args: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-nostdin', '-hide_banner', '-v', 'error', '-y', ...args]);
}
