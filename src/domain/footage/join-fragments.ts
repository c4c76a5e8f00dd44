// Fragments of several segments as one stream: every segment begins with media time zero, and in the stream each goes on
// where the one before it ends. All tracks of a piece are moved by the same time, so that sound stays where it was beside
// the pictures. Where footage is missing the stream is closed up: who plays it jumps, and the manifest says over what. Where it
// has no sound and the stream has, there is silence.

import { type FootageInit, type Fragment, shiftFragment, type TrackTimes } from './fragment-reader.ts';
import { type SilentSound, silentFragment } from './silent-sound.ts';

export type JoinedFragment = Readonly<{
  bytes: Buffer;
  /** Of its pictures in the stream, milliseconds. */
  positionMs: number;
  durationMs: number;
}>;

export type Joiner = Readonly<{
  /**
   * The next fragment. `begins`: it is the first of a piece, which `continues` when nothing is missing between it and the one
   * before: then its pictures follow those at once, else no track begins before all of them have ended. `silence`: what stands
   * for the sound that its piece does not have.
   */
  add(
    fragment: Fragment,
    place: Readonly<{ begins: boolean; continues: boolean; silence?: SilentSound | undefined }>,
  ): JoinedFragment;
}>;

/**
 * What sound may reach over the end of a segment that goes on, by rounding and by a last duration that was guessed: less than
 * a packet of any codec, so that no time goes backwards.
 */
const maxOverlapS = 0.01;

/** All fragments must be of this description, but may be without its sound. */
export function createJoiner(init: FootageInit): Joiner {
  const timescales = new Map(init.tracks.map(({ id, timescale }) => [id, timescale]));
  const kinds = new Map(init.tracks.map(({ id, kind }) => [id, kind]));
  const secondsOf = ({ trackId }: TrackTimes, units: bigint) =>
    Number(units) / (timescales.get(trackId) ?? 1);
  /** Where each track ends in the stream, seconds. */
  const ends = new Map<number, number>();
  let shiftS = 0;
  let shifts: ReadonlyMap<number, bigint> = new Map();

  const shiftFor = (fragment: Fragment, continues: boolean): number => {
    const starts = fragment.tracks.map(times => ({
      isVideo: kinds.get(times.trackId) === 'video',
      startS: secondsOf(times, times.baseTime),
      endS: ends.get(times.trackId),
    }));
    if (ends.size === 0) return -Math.min(...starts.map(({ startS }) => startS));
    const afterAll = Math.max(...ends.values()) - Math.min(...starts.map(({ startS }) => startS));
    const video = starts.find(({ isVideo }) => isVideo);
    if (!continues || video?.endS === undefined) return afterAll;
    const afterVideo = video.endS - video.startS;
    const fits = starts.every(({ startS, endS = 0 }) => startS + afterVideo >= endS - maxOverlapS);
    return fits ? afterVideo : afterAll;
  };
  /** From where the sound ends to where the pictures do. */
  const fillUp = (silence: SilentSound): Buffer | undefined => {
    const { trackId, timescale } = silence;
    const samples = (seconds: number) => BigInt(Math.floor(seconds * timescale));
    const made = silentFragment(
      silence,
      samples(ends.get(trackId) ?? 0),
      samples(Math.max(...ends.values())),
    );
    if (made !== undefined) ends.set(trackId, Number(made.endAt) / timescale);
    return made?.bytes;
  };
  return {
    add(fragment, { begins, continues, silence }) {
      if (begins) {
        shiftS = shiftFor(fragment, continues);
        // shiftFragment takes off, and the stream is further on.
        shifts = new Map(
          [...timescales].map(([id, timescale]) => [id, BigInt(Math.round(-shiftS * timescale))]),
        );
      }
      for (const times of fragment.tracks)
        ends.set(times.trackId, secondsOf(times, times.baseTime + times.duration) + shiftS);
      const bytes = shiftFragment(fragment, shifts);
      const silent = silence && fillUp(silence);
      return {
        bytes: silent === undefined ? bytes : Buffer.concat([bytes, silent]),
        positionMs: fragment.startMs + shiftS * 1000,
        durationMs: fragment.durationMs,
      };
    },
  };
}
