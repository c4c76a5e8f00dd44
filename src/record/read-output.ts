// What ffmpeg writes, taken apart into the description and fragments, and judged: it comes from a decoder-free copy of what a
// camera sent, so its times and its amount are the camera's.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { createFragmentReader, type FootageInit, type Fragment } from '../domain/footage/fragment-reader.ts';
import { StreamError } from './stream-error.ts';

export type OutputSink = Readonly<{
  onInit(init: FootageInit): void;
  onFragment(fragment: Fragment): void;
  /** What is no MP4 of a camera; nothing is taken after it. `isSound`: it would go on without sound. */
  onEnd(why: StreamError, isSound: boolean): void;
}>;

/** Every key frame begins a fragment, and each costs us: cameras that send nothing else have sixty in a second. */
export const maxFragmentsInWindow = 1000;
const windowMs = 5000;
/** Pictures and sound that belong together lie in a fragment of a second, and ffmpeg holds back for another one. */
export const maxSoundApartMs = 5000;

export function readOutput({ clock }: { clock: Clock }, sink: OutputSink): (chunk: Buffer) => void {
  const reader = createFragmentReader();
  let init: FootageInit | undefined;
  let isBroken = false;
  let counted = { sinceMs: Number.NEGATIVE_INFINITY, fragments: 0 };

  const end = (why: StreamError, isSound = false) => {
    isBroken = true;
    sink.onEnd(why, isSound);
  };
  const isFlood = () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - counted.sinceMs >= windowMs) counted = { sinceMs: nowMs, fragments: 0 };
    counted.fragments++;
    return counted.fragments > maxFragmentsInWindow;
  };
  return chunk => {
    if (isBroken) return;
    try {
      for (const part of reader.push(chunk)) {
        if ('init' in part) {
          if (init) return end(new StreamError('changed', 'the camera changed the form of its video'));
          init = part.init;
          sink.onInit(init);
          continue;
        }
        if (isFlood()) return end(new StreamError('flood', 'the camera sends more key frames than one does'));
        if (init && apartMs(part.fragment, init) > maxSoundApartMs)
          return end(new StreamError('jumped', 'the times of sound and pictures part'), true);
        sink.onFragment(part.fragment);
      }
    } catch (error) {
      end(new StreamError('malformed', messageOf(error), { cause: error }));
    }
  };
}

/** How far the tracks of a fragment begin from each other. */
function apartMs({ tracks }: Fragment, init: FootageInit): number {
  if (tracks.length < 2) return 0;
  const starts = tracks.map(({ trackId, baseTime }) => {
    const timescale = init.tracks.find(({ id }) => id === trackId)?.timescale ?? 1;
    return (Number(baseTime) * 1000) / timescale;
  });
  return Math.max(...starts) - Math.min(...starts);
}
