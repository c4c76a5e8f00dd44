// What an MP4 tells a decoder of a track: the sample entry with its boxes, and of AAC the description in esds.

import type { FootageInit } from './fragment-reader.ts';
import { type Box, boxesIn, findBox } from './mp4-boxes.ts';

export type SampleEntry = Readonly<{
  type: string;
  bodyAt: number;
  end: number;
  /** Behind its head; null where we do not know how long that is. */
  boxes: readonly Box[] | null;
}>;

/** Bytes of a sample entry before its boxes (ISO/IEC 14496-12, 12.1.3 and 12.2.3). */
const headBytes: Readonly<Record<string, number>> = { avc1: 78, avc3: 78, hvc1: 78, hev1: 78, mp4a: 28 };

/** The first entry of each track, in the order of `tracks`; undefined where there is none. */
export function sampleEntries({ bytes, tracks }: FootageInit): readonly (SampleEntry | undefined)[] {
  const moov = findBox(bytes, 0, bytes.length, 'moov');
  const traks = moov ? [...boxesIn(bytes, moov.bodyAt, moov.end)].filter(({ type }) => type === 'trak') : [];
  return tracks.map((_, index) => traks[index] && sampleEntry(bytes, traks[index]));
}

function sampleEntry(bytes: Buffer, trak: Box): SampleEntry | undefined {
  let at: Box | undefined = trak;
  for (const type of ['mdia', 'minf', 'stbl', 'stsd']) at = at && findBox(bytes, at.bodyAt, at.end, type);
  const [entry] = at ? boxesIn(bytes, at.bodyAt + 8, at.end) : [];
  if (entry === undefined) return undefined;
  const head = headBytes[entry.type];
  const boxes = head === undefined ? null : [...boxesIn(bytes, entry.bodyAt + head, entry.end)];
  return { ...entry, boxes };
}

export type AacDescription = Readonly<{
  /** Object type and stream type, as two bytes. */
  kind: Buffer;
  /** AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). */
  config: Buffer;
}>;

/** Of an esds box (ISO/IEC 14496-1, 7.2.6), without buffer size and bit rates; undefined when it is none of sound. */
export function readAacDescription(bytes: Buffer, { bodyAt, end }: Box): AacDescription | undefined {
  const body = bytes.subarray(bodyAt + 4, end);
  const es = descriptor(body, 0, 3);
  const decoder = es && descriptor(body, es.at + 3, 4);
  const specific = decoder && descriptor(body, decoder.at + 13, 5);
  if (!decoder || !specific) return undefined;
  return {
    kind: body.subarray(decoder.at, decoder.at + 2),
    config: body.subarray(specific.at, specific.at + specific.length),
  };
}

function descriptor(body: Buffer, at: number, tag: number): { at: number; length: number } | undefined {
  if (body[at] !== tag) return undefined;
  let length = 0;
  for (let index = at + 1; index < Math.min(body.length, at + 5); index++) {
    const byte = body[index] ?? 0;
    length = length * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) return { at: index + 1, length };
  }
  return undefined;
}
