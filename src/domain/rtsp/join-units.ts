// A coded picture comes in pieces as long as networks like them (FU-A of RFC 6184, 5.8; FU of RFC 7798, 4.4.3). They are
// joined again before ffmpeg reads them: it makes six system calls for every packet, and a camera of 4 Mbit/s sends 350 in a
// second.

import { isEqualBetween } from './equal-between.ts';

export type UnitJoiner = Readonly<{
  /**
   * Takes an RTP packet of video with its four bytes of interleaving, and passes on what is complete, in the order in which
   * it came. What is passed is gone when the next is pushed; the numbers of packets are written anew.
   */
  push(packet: Buffer): void;
}>;

/** ffmpeg takes 80 KiB, and interleaving 64. */
export const maxJoinedBytes = 60 * 1024;

/** Interleaving, then RTP: flags, marker and payload type, number (2), time (4), source (4). */
const rtpAt = 4;
const markerAt = rtpAt + 1;
const numberAt = rtpAt + 2;
const timeAt = rtpAt + 4;
const payloadAt = rtpAt + 12;
/** Version 2, without padding, extension and contributing sources. */
const plainRtp = 0x80;
const marker = 0x80;

/** The byte behind the header of a piece: where the unit begins and ends, and its type. */
const isFirst = 0x80;
const isLast = 0x40;
const unitType = 0x3f;

const pieces = {
  h264: {
    headerBytes: 1,
    is: (first: number) => (first & 0x1f) === 28,
    /** The header of the whole unit. */
    unitHeader: (header: Buffer, type: number) => [((header[0] as number) & 0xe0) | (type & 0x1f)],
  },
  hevc: {
    headerBytes: 2,
    is: (first: number) => ((first >> 1) & 0x3f) === 49,
    unitHeader: (header: Buffer, type: number) => [
      ((header[0] as number) & 0x81) | (type << 1),
      header[1] as number,
    ],
  },
} as const;

export function createUnitJoiner(
  { format }: { format: string | null },
  pass: (packet: Buffer) => void,
): UnitJoiner {
  const piece = pieces[format === 'hevc' ? 'hevc' : 'h264'];
  const flagsAt = payloadAt + piece.headerBytes;
  const mediaAt = flagsAt + 1;
  const room = Buffer.allocUnsafeSlow(maxJoinedBytes);
  let filled = 0;
  let joined = 0;
  /** How many fewer packets went out than came. Those that a camera lost stay lost. */
  let fewer = 0;

  const isPiece = (packet: Buffer) =>
    packet.length >= mediaAt &&
    packet.length <= maxJoinedBytes &&
    packet[rtpAt] === plainRtp &&
    piece.is(packet[payloadAt] as number);
  /** The next of the same unit. */
  const continues = (packet: Buffer) =>
    filled > 0 &&
    filled + packet.length - mediaAt <= maxJoinedBytes &&
    packet.readUInt16BE(numberAt) === ((room.readUInt16BE(numberAt) + joined) & 0xffff) &&
    isEqualBetween(packet, room, timeAt, flagsAt) &&
    isSame(packet, markerAt, ~marker) &&
    isSame(packet, flagsAt, unitType) &&
    ((packet[flagsAt] as number) & isFirst) === 0;
  const isSame = (packet: Buffer, at: number, bits: number) =>
    (((packet[at] as number) ^ (room[at] as number)) & bits) === 0;

  const passOn = (packet: Buffer) => {
    packet.writeUInt16BE((packet.readUInt16BE(numberAt) - fewer) & 0xffff, numberAt);
    pass(packet);
  };
  const passJoined = () => {
    if (filled === 0) return;
    const flags = room[flagsAt] as number;
    let start = 0;
    if (flags & isFirst && flags & isLast) {
      // A whole unit is no piece (and HEVC forbids one that is first and last): its header is a byte shorter.
      const header = piece.unitHeader(room.subarray(payloadAt, flagsAt), flags & unitType);
      start = 1;
      room.copyWithin(start, 0, payloadAt);
      room.set(header, payloadAt + start);
    }
    const packet = room.subarray(start, filled);
    packet.writeUInt16BE(packet.length - rtpAt, 2);
    const lost = joined - 1;
    filled = 0;
    joined = 0;
    passOn(packet);
    fewer = (fewer + lost) & 0xffff;
  };
  const begin = (packet: Buffer) => {
    filled = packet.copy(room);
    joined = 1;
  };
  const append = (packet: Buffer) => {
    filled += packet.copy(room, filled, mediaAt);
    joined++;
    room[markerAt] = packet[markerAt] as number;
    room[flagsAt] = (room[flagsAt] as number) | ((packet[flagsAt] as number) & isLast);
  };
  return {
    push(packet) {
      if (!isPiece(packet)) {
        passJoined();
        // Too short to have a number; ffmpeg takes no notice of it either.
        if (packet.length >= payloadAt) passOn(packet);
        return;
      }
      if (continues(packet)) append(packet);
      else {
        passJoined();
        begin(packet);
      }
      if ((packet[flagsAt] as number) & isLast) passJoined();
    },
  };
}
