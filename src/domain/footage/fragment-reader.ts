// Fragmented MP4 (ISO/IEC 14496-12) as ffmpeg writes it to a pipe: taken apart at its boxes while it comes, into what every
// segment begins with (ftyp, moov) and fragments (moof and mdat). Only boxes are read, never what is in the media.

import { type Box, boxesIn, findBox, readBoxHeader } from './mp4-boxes.ts';

export type TrackKind = 'video' | 'audio' | 'other';

export type FootageTrack = Readonly<{
  id: number;
  kind: TrackKind;
  /** Units of media time in a second. */
  timescale: number;
  /** The four characters of its sample description: `avc1`, `hvc1`, `mp4a`. */
  format: string;
  width: number | null;
  height: number | null;
}>;

export type FootageInit = Readonly<{ bytes: Buffer; tracks: readonly FootageTrack[] }>;

export type TrackTimes = Readonly<{
  trackId: number;
  /** In units of the track's timescale. */
  baseTime: bigint;
  duration: bigint;
  /** Where the base time stands in the fragment's bytes, and in how many bytes (4 or 8). */
  baseTimeAt: number;
  baseTimeBytes: 4 | 8;
}>;

export type Fragment = Readonly<{
  bytes: Buffer;
  tracks: readonly TrackTimes[];
  /** The video begins with a picture that needs none before it. */
  startsWithKeyFrame: boolean;
  /** Of the video track, milliseconds; from the audio where there is no video in it. */
  startMs: number;
  durationMs: number;
}>;

type Part = Readonly<{ init: FootageInit } | { fragment: Fragment }>;

export type FragmentReader = Readonly<{
  /**
   * What is complete now; nothing of `bytes` is kept. Throws FragmentFormatError, but first answers what was complete before
   * that.
   */
  push(bytes: Buffer): readonly Part[];
  /** Bytes that were read into whole parts: a file that was cut short is whole up to here. */
  wholeBytes(): number;
}>;

export class FragmentFormatError extends Error {
  override readonly name = 'FragmentFormatError';
}

/** A second of a camera at 100 Mbit/s, and the key frames of an 8K one. */
export const maxPartBytes = 64 * 1024 * 1024;
/** What is read box by box, and not only kept: some kilobytes as ffmpeg writes it. Its boxes may have eight bytes each. */
export const maxReadBytes = 1024 * 1024;
const maxTracks = 8;

/** Room for what comes before the bulk of a part: as a rule, a whole moof. */
const firstRoomBytes = 4096;
const longestHeaderBytes = 16;

export function createFragmentReader(): FragmentReader {
  let init: FootageInit | undefined;
  let whole = 0;
  let broken: FragmentFormatError | undefined;
  // The part that is being gathered, moof before its mdat: copied once, to where it stays.
  let room = Buffer.allocUnsafeSlow(firstRoomBytes);
  let filled = 0;
  /** Where the box that is being read began. */
  let boxAt = 0;

  const roomFor = (bytes: number) => {
    if (room.length >= bytes) return;
    const larger = Buffer.allocUnsafeSlow(bytes);
    room.copy(larger, 0, 0, filled);
    room = larger;
  };
  /** Copies what is there of what is wanted; answers where it went on. */
  const fill = (bytes: Buffer, at: number, until: number): number => {
    const taken = Math.min(bytes.length - at, until - filled);
    if (taken <= 0) return at;
    bytes.copy(room, filled, at, at + taken);
    filled += taken;
    return at + taken;
  };
  const readHeader = () => {
    const header = readBoxHeader(room, boxAt, filled);
    if (header !== undefined && (header.size < header.headerBytes || header.size > maxPartBytes))
      throw new FragmentFormatError('a box has a size that none can have');
    const isRead = header?.type === 'moov' || header?.type === 'moof';
    if (header !== undefined && boxAt + header.size > (isRead ? maxReadBytes : maxPartBytes))
      throw new FragmentFormatError('a fragment is larger than a camera makes');
    return header;
  };
  const take = (type: string): Part | undefined => {
    boxAt = filled;
    if (type !== 'moov' && type !== 'mdat') return undefined;
    const bytes = room.subarray(0, filled);
    if (type === 'moov') init = readInit(bytes);
    if (init === undefined) throw new FragmentFormatError('media came before its description');
    const part = type === 'moov' ? { init } : { fragment: readFragment(bytes, init) };
    whole += bytes.length;
    room = Buffer.allocUnsafeSlow(firstRoomBytes);
    filled = 0;
    boxAt = 0;
    return part;
  };
  const takeAll = (bytes: Buffer, found: Part[]) => {
    for (let at = 0; at < bytes.length; ) {
      let header = readHeader();
      if (header === undefined) {
        roomFor(boxAt + longestHeaderBytes);
        at = fill(bytes, at, boxAt + (filled - boxAt < 8 ? 8 : longestHeaderBytes));
        header = readHeader();
      }
      if (header === undefined) continue;
      roomFor(boxAt + header.size);
      at = fill(bytes, at, boxAt + header.size);
      if (filled < boxAt + header.size) continue;
      const part = take(header.type);
      if (part) found.push(part);
    }
  };

  return {
    push(bytes) {
      if (broken) throw broken;
      const found: Part[] = [];
      try {
        takeAll(bytes, found);
      } catch (error) {
        if (!(error instanceof FragmentFormatError)) throw error;
        broken = error;
        room = Buffer.alloc(0);
        if (found.length === 0) throw error;
      }
      return found;
    },
    wholeBytes: () => whole,
  };
}

function readInit(bytes: Buffer): FootageInit {
  const moov = findBox(bytes, 0, bytes.length, 'moov');
  if (!moov) throw new FragmentFormatError('a description without tracks');
  const tracks = [...boxesIn(bytes, moov.bodyAt, moov.end)]
    .filter(box => box.type === 'trak')
    .map(trak => readTrack(bytes, trak));
  if (tracks.length === 0 || tracks.length > maxTracks)
    throw new FragmentFormatError('a description without tracks');
  return { bytes, tracks };
}

function readTrack(bytes: Buffer, trak: Box): FootageTrack {
  const tkhd = required(bytes, trak, 'tkhd');
  const mdia = required(bytes, trak, 'mdia');
  const mdhd = required(bytes, mdia, 'mdhd');
  const hdlr = required(bytes, mdia, 'hdlr');
  const stbl = required(bytes, required(bytes, mdia, 'minf'), 'stbl');
  const stsd = required(bytes, stbl, 'stsd');
  const isLong = (box: Box) => bytes[box.bodyAt] === 1;
  const handler = bytes.toString('latin1', hdlr.bodyAt + 8, hdlr.bodyAt + 12);
  const kind = handler === 'vide' ? 'video' : handler === 'soun' ? 'audio' : 'other';
  const timescale = read32(bytes, mdhd.bodyAt + (isLong(mdhd) ? 20 : 12), mdhd.end);
  if (timescale === 0) throw new FragmentFormatError('a track has no time');
  const [entry] = boxesIn(bytes, stsd.bodyAt + 8, stsd.end);
  if (!entry) throw new FragmentFormatError('a track does not say what it holds');
  const isVideo = kind === 'video' && entry.end - entry.bodyAt >= 28;
  return {
    id: read32(bytes, tkhd.bodyAt + (isLong(tkhd) ? 20 : 12), tkhd.end),
    kind,
    timescale,
    format: entry.type,
    width: isVideo ? bytes.readUInt16BE(entry.bodyAt + 24) : null,
    height: isVideo ? bytes.readUInt16BE(entry.bodyAt + 26) : null,
  };
}

function readFragment(bytes: Buffer, init: FootageInit): Fragment {
  const moof = findBox(bytes, 0, bytes.length, 'moof');
  if (!moof) throw new FragmentFormatError('media without times');
  const tracks: TrackTimes[] = [];
  let startsWithKeyFrame = false;
  for (const traf of boxesIn(bytes, moof.bodyAt, moof.end)) {
    if (traf.type !== 'traf') continue;
    const { times, isFirstSync } = readTrackFragment(bytes, traf);
    const track = init.tracks.find(({ id }) => id === times.trackId);
    if (!track) throw new FragmentFormatError('media of a track that was not described');
    if (tracks.length === maxTracks) throw new FragmentFormatError('media of too many tracks');
    if (track.kind === 'video' && isFirstSync) startsWithKeyFrame = true;
    tracks.push(times);
  }
  const leading = leadingTrack(tracks, init);
  if (!leading) throw new FragmentFormatError('media without times');
  const { times, timescale } = leading;
  return {
    bytes,
    tracks,
    startsWithKeyFrame,
    startMs: (Number(times.baseTime) * 1000) / timescale,
    durationMs: (Number(times.duration) * 1000) / timescale,
  };
}

function leadingTrack(tracks: readonly TrackTimes[], init: FootageInit) {
  const known = tracks.map(times => ({ times, ...init.tracks.find(({ id }) => id === times.trackId) }));
  const leading = known.find(({ kind }) => kind === 'video') ?? known[0];
  return leading?.timescale === undefined
    ? undefined
    : { times: leading.times, timescale: leading.timescale };
}

// Flags of tfhd and trun (ISO/IEC 14496-12, 8.8.7 and 8.8.8).
const tfhd = { baseDataOffset: 0x1, description: 0x2, duration: 0x8, size: 0x10, flags: 0x20 } as const;
const trun = {
  dataOffset: 0x1,
  firstFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  composition: 0x800,
} as const;
const isNotSync = 0x10000;

function readTrackFragment(bytes: Buffer, traf: Box): { times: TrackTimes; isFirstSync: boolean } {
  const header = required(bytes, traf, 'tfhd');
  const flags = read32(bytes, header.bodyAt, header.end) & 0xffffff;
  let at = header.bodyAt + 8 + (flags & tfhd.baseDataOffset ? 8 : 0) + (flags & tfhd.description ? 4 : 0);
  const next = () => {
    const value = read32(bytes, at, header.end);
    at += 4;
    return value;
  };
  const defaultDuration = flags & tfhd.duration ? next() : 0;
  if (flags & tfhd.size) next();
  const defaultFlags = flags & tfhd.flags ? next() : 0;
  const tfdt = required(bytes, traf, 'tfdt');
  const isLong = bytes[tfdt.bodyAt] === 1;
  const baseTimeAt = tfdt.bodyAt + 4;
  if (baseTimeAt + (isLong ? 8 : 4) > tfdt.end) throw new FragmentFormatError('a box is cut short');
  let duration = 0n;
  let isFirstSync: boolean | undefined;
  for (const run of boxesIn(bytes, traf.bodyAt, traf.end)) {
    if (run.type !== 'trun') continue;
    const read = readRun(bytes, run, { defaultDuration, defaultFlags });
    duration += read.duration;
    if (read.firstFlags !== undefined) isFirstSync ??= (read.firstFlags & isNotSync) === 0;
  }
  return {
    times: {
      trackId: read32(bytes, header.bodyAt + 4, header.end),
      baseTime: isLong ? bytes.readBigUInt64BE(baseTimeAt) : BigInt(bytes.readUInt32BE(baseTimeAt)),
      duration,
      baseTimeAt,
      baseTimeBytes: isLong ? 8 : 4,
    },
    isFirstSync: isFirstSync ?? false,
  };
}

function readRun(
  bytes: Buffer,
  run: Box,
  { defaultDuration, defaultFlags }: { defaultDuration: number; defaultFlags: number },
): { duration: bigint; firstFlags: number | undefined } {
  const flags = read32(bytes, run.bodyAt, run.end) & 0xffffff;
  const count = read32(bytes, run.bodyAt + 4, run.end);
  let at = run.bodyAt + 8 + (flags & trun.dataOffset ? 4 : 0);
  let firstFlags: number | undefined;
  if (flags & trun.firstFlags) {
    firstFlags = read32(bytes, at, run.end);
    at += 4;
  }
  const fields = [trun.duration, trun.size, trun.flags, trun.composition].filter(flag => flags & flag);
  const sampleBytes = fields.length * 4;
  if (at + count * sampleBytes > run.end) throw new FragmentFormatError('a box is cut short');
  if (count > 0 && firstFlags === undefined)
    firstFlags = flags & trun.flags ? bytes.readUInt32BE(at + fields.indexOf(trun.flags) * 4) : defaultFlags;
  if (!(flags & trun.duration)) return { duration: BigInt(count) * BigInt(defaultDuration), firstFlags };
  let duration = 0;
  for (let sample = 0; sample < count; sample++) duration += bytes.readUInt32BE(at + sample * sampleBytes);
  return { duration: BigInt(duration), firstFlags };
}

/**
 * The fragment with the base times of its tracks less `byTrack` (units of each track), in pieces of which the last is a view:
 * segments and exports begin at zero. A time that would be negative becomes zero.
 */
export function shiftedPieces(
  fragment: Fragment,
  byTrack: ReadonlyMap<number, bigint>,
): readonly [Buffer, Buffer] {
  const changedBytes = Math.max(
    0,
    ...fragment.tracks.map(({ baseTimeAt, baseTimeBytes }) => baseTimeAt + baseTimeBytes),
  );
  const bytes = Buffer.from(fragment.bytes.subarray(0, changedBytes));
  for (const { trackId, baseTime, baseTimeAt, baseTimeBytes } of fragment.tracks) {
    const shifted = baseTime - (byTrack.get(trackId) ?? 0n);
    const time = shifted < 0n ? 0n : shifted;
    if (baseTimeBytes === 8) bytes.writeBigUInt64BE(time, baseTimeAt);
    else bytes.writeUInt32BE(Number(BigInt.asUintN(32, time)), baseTimeAt);
  }
  return [bytes, fragment.bytes.subarray(changedBytes)];
}

/** The same as one copy. */
export function shiftFragment(fragment: Fragment, byTrack: ReadonlyMap<number, bigint>): Buffer {
  return Buffer.concat(shiftedPieces(fragment, byTrack));
}

function required(bytes: Buffer, parent: Box, type: string): Box {
  const box = findBox(bytes, parent.bodyAt, parent.end, type);
  if (!box) throw new FragmentFormatError(`a box ${type} is missing`);
  return box;
}

function read32(bytes: Buffer, at: number, end: number): number {
  if (at + 4 > end) throw new FragmentFormatError('a box is cut short');
  return bytes.readUInt32BE(at);
}
