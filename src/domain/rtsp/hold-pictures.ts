// A picture comes in several packets: a delimiter, parameter sets, slices. ffmpeg writes what it has of one when its input
// ends, and strict players complain about a segment whose last picture is a delimiter. So it is given whole pictures only.

import { isEqualBetween } from './equal-between.ts';

export type PictureHolder = Readonly<{
  /**
   * Takes an RTP packet of video (at least its header) with its four bytes of interleaving, and passes on all of a picture,
   * in the order in which it came, when its last packet comes. What is passed is gone when the next is pushed.
   */
  push(packet: Buffer): void;
}>;

/** A key frame of 4K has up to two. What is larger is passed on as it comes. */
export const maxPictureBytes = 4 * 1024 * 1024;

/** Interleaving, then RTP: flags, marker and payload type, number (2), time (4), source (4). */
const markerAt = 5;
const timeAt = 8;
const payloadAt = 16;
const marker = 0x80;
/** Most pictures between key frames need no more. */
const firstRoomBytes = 64 * 1024;

/**
 * Of a unit or what carries units, by its first byte: it may hold a part of the picture itself. Types of RFC 6184, 5.2 and
 * RFC 7798, 1.1.4 and 4.4: cameras are known to mark the delimiter and parameter sets as the last packet of a picture.
 */
const mayBePicture = {
  h264: (first: number) => ![6, 7, 8, 9].includes(first & 0x1f),
  hevc: (first: number) => ![32, 33, 34, 35, 39].includes((first >> 1) & 0x3f),
} as const;

export function createPictureHolder(
  { format }: { format: string | null },
  pass: (packet: Buffer) => void,
): PictureHolder {
  const isPicture = mayBePicture[format === 'hevc' ? 'hevc' : 'h264'];
  let room = Buffer.allocUnsafeSlow(firstRoomBytes);
  let filled = 0;
  /** Where the packets in `room` end. */
  const ends: number[] = [];
  let holdsPicture = false;

  const release = () => {
    let start = 0;
    for (const end of ends) {
      pass(room.subarray(start, end));
      start = end;
    }
    filled = 0;
    ends.length = 0;
    holdsPicture = false;
  };
  const hold = (packet: Buffer) => {
    if (filled + packet.length > room.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(Math.max(2 * room.length, filled + packet.length), maxPictureBytes),
      );
      room.copy(larger, 0, 0, filled);
      room = larger;
    }
    filled += packet.copy(room, filled);
    ends.push(filled);
  };
  return {
    push(packet) {
      // A camera that marks nothing: the time of the next picture tells that this one is whole.
      if (filled > 0 && !isEqualBetween(packet, room, timeAt, timeAt + 4)) release();
      holdsPicture ||= isPicture(packet[payloadAt] ?? 0);
      const isLast = ((packet[markerAt] as number) & marker) !== 0 && holdsPicture;
      if (!isLast && filled + packet.length <= maxPictureBytes) return hold(packet);
      release();
      pass(packet);
    },
  };
}
