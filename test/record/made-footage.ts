// Footage as a camera's connection brings it, made by ffmpeg once for each test file.

import { execFileSync } from 'node:child_process';
import {
  createFragmentReader,
  type FootageInit,
  type Fragment,
} from '../../src/domain/footage/fragment-reader.ts';

export type MadeFootage = Readonly<{ init: FootageInit; fragments: readonly Fragment[] }>;

/** Fragments of a second, each with a key frame, H.264; with AAC where there is sound, whose first packet shifts the video. */
export function makeFootage(
  seconds: number,
  { size = '160x120', sound = false }: { size?: string; sound?: boolean } = {},
): MadeFootage {
  const tone = sound ? ['-f', 'lavfi', '-i', 'sine=sample_rate=48000'] : [];
  const input = ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=10`, ...tone];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', '-pix_fmt', 'yuv420p'];
  const output = [
    ...['-c:a', 'aac', '-t', `${seconds}`, '-movflags', '+frag_keyframe+empty_moov+default_base_moof'],
    ...['-f', 'mp4', 'pipe:1'],
  ];
  const bytes = execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...video, ...output], {
    maxBuffer: 2 ** 28,
  });
  const fragments: Fragment[] = [];
  let init: FootageInit | undefined;
  for (const part of createFragmentReader().push(bytes)) {
    if ('init' in part) init = part.init;
    else fragments.push(part.fragment);
  }
  if (init === undefined) throw new Error('ffmpeg made no description');
  return { init, fragments };
}

/** A clock that a test moves. */
export function handClock(startAt: number) {
  let at = startAt;
  let monotonicMs = 0;
  return {
    now: () => Math.round(at),
    monotonicMs: () => monotonicMs,
    pass(ms: number) {
      at += ms;
      monotonicMs += ms;
    },
    set(to: number) {
      at = to;
    },
  };
}
