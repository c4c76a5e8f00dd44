// What decides whether two streams can be one without another decoder: their tracks and what their decoders are told. What
// ffmpeg writes beside that, such as bit rates, differs between streams of one camera.

import { type FootageInit, FragmentFormatError } from './fragment-reader.ts';
import { boxesIn, findBox } from './mp4-boxes.ts';

/** The same text for streams that can be joined. */
export function streamForm({ bytes, tracks }: FootageInit): string {
  const moov = findBox(bytes, 0, bytes.length, 'moov');
  const traks = moov ? [...boxesIn(bytes, moov.bodyAt, moov.end)].filter(({ type }) => type === 'trak') : [];
  return tracks
    .map(({ id, kind, timescale }, index) => {
      const entry = traks[index] && sampleEntry(bytes, traks[index]);
      if (entry === undefined) throw new FragmentFormatError('a track does not say what it holds');
      return [id, kind, timescale, entry].join(' ');
    })
    .join('\n');
}

type Range = Readonly<{ bodyAt: number; end: number }>;

/** Bytes of a sample entry before its boxes (ISO/IEC 14496-12, 12.1.3 and 12.2.3). */
const headBytes: Readonly<Record<string, number>> = { avc1: 78, avc3: 78, hvc1: 78, hev1: 78, mp4a: 28 };

/** The sample entry in hexadecimal, without boxes that no decoder needs. */
function sampleEntry(bytes: Buffer, trak: Range): string | undefined {
  let at: Range | undefined = trak;
  for (const type of ['mdia', 'minf', 'stbl', 'stsd']) at = at && findBox(bytes, at.bodyAt, at.end, type);
  const [entry] = at ? boxesIn(bytes, at.bodyAt + 8, at.end) : [];
  if (entry === undefined) return undefined;
  const head = headBytes[entry.type];
  const hex = (from: number, to: number) => bytes.toString('hex', from, Math.min(to, entry.end));
  if (head === undefined) return `${entry.type} ${hex(entry.bodyAt, entry.end)}`;
  const boxes = [...boxesIn(bytes, entry.bodyAt + head, entry.end)].filter(({ type }) => type !== 'btrt');
  return [
    `${entry.type} ${hex(entry.bodyAt, entry.bodyAt + head)}`,
    ...boxes.map(
      box => `${box.type} ${box.type === 'esds' ? decoderConfig(bytes, box) : hex(box.bodyAt, box.end)}`,
    ),
  ].join(' ');
}

/** Of an esds box, its decoder's description without buffer size and bit rates (ISO/IEC 14496-1, 7.2.6). */
function decoderConfig(bytes: Buffer, { bodyAt, end }: Range): string {
  const body = bytes.subarray(bodyAt + 4, end);
  const es = descriptor(body, 0, 3);
  const config = es && descriptor(body, es.at + 3, 4);
  const specific = config && descriptor(body, config.at + 13, 5);
  if (!config || !specific) return body.toString('hex');
  return `${body.toString('hex', config.at, config.at + 2)} ${body.toString('hex', specific.at, specific.at + specific.length)}`;
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
