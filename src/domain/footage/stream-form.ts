// What decides whether two streams can be one without another decoder: their tracks and what their decoders are told. What
// ffmpeg writes beside that, such as bit rates, differs between streams of one camera.

import { type FootageInit, FragmentFormatError } from './fragment-reader.ts';
import { readAacDescription, type SampleEntry, sampleEntries } from './sample-entry.ts';

export type StreamForm = Readonly<{
  /** The same text for pictures that can be joined. */
  video: string;
  /** The same for sound; null when there is none. */
  sound: string | null;
}>;

/** Throws FragmentFormatError. */
export function streamForm(init: FootageInit): StreamForm {
  const entries = sampleEntries(init);
  const texts = init.tracks.map(({ id, kind, timescale }, index) => {
    const entry = entries[index];
    if (entry === undefined) throw new FragmentFormatError('a track does not say what it holds');
    return { kind, text: [id, kind, timescale, entryText(init.bytes, entry)].join(' ') };
  });
  const textOf = (isSound: boolean) =>
    texts
      .filter(({ kind }) => (kind === 'audio') === isSound)
      .map(({ text }) => text)
      .join('\n');
  return { video: textOf(false), sound: textOf(true) || null };
}

/** In hexadecimal, without boxes that no decoder needs. */
function entryText(bytes: Buffer, { type, bodyAt, end, boxes }: SampleEntry): string {
  const hex = (from: number, to: number) => bytes.toString('hex', from, Math.min(to, end));
  if (boxes === null) return `${type} ${hex(bodyAt, end)}`;
  const needed = boxes.filter(box => box.type !== 'btrt');
  return [
    `${type} ${hex(bodyAt, boxes[0] ? boxes[0].bodyAt - boxHeaderBytes : end)}`,
    ...needed.map(box => {
      const aac = box.type === 'esds' ? readAacDescription(bytes, box) : undefined;
      const text = aac && `${aac.kind.toString('hex')} ${aac.config.toString('hex')}`;
      return `${box.type} ${text ?? hex(box.bodyAt, box.end)}`;
    }),
  ].join(' ');
}

/** As ffmpeg writes them. */
const boxHeaderBytes = 8;
