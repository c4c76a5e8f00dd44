// What the cameras of the torture send: bytes that are told by a few numbers, each different from every other, so that the
// oracle can make them again and nothing is kept in memory.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { makeJpeg, makeMp4 } from '../support/media.ts';

/** `number` makes it unlike every other; `bytes`: how many there are of noise. */
export type Contents = Readonly<{ kind: 'noise' | 'picture' | 'video'; number: number; bytes: number }>;

export type Studio = Readonly<{ bytesOf(contents: Contents): Buffer }>;

export async function openStudio(): Promise<Studio> {
  const size = { width: 160, height: 90 };
  const picture = readFileSync(await makeJpeg(size));
  const video = readFileSync(await makeMp4({ ...size, seconds: 1 }));
  return {
    bytesOf({ kind, number, bytes }) {
      if (kind === 'picture') return commented(picture, number);
      return kind === 'video' ? Buffer.concat([video, freeBox(number)]) : noise(number, bytes);
    },
  };
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function noise(number: number, bytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let length = 0; length < bytes; length += 64)
    pieces.push(createHash('sha512').update(`${number} ${length}`).digest());
  return Buffer.concat(pieces).subarray(0, bytes);
}

/** A comment segment behind the start of the image. */
function commented(jpeg: Buffer, number: number): Buffer {
  const text = Buffer.from(`torture ${number}`);
  const segment = Buffer.from([0xff, 0xfe, 0, text.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), segment, text, jpeg.subarray(2)]);
}

/** A box at the end that every reader of MP4 skips. */
function freeBox(number: number): Buffer {
  const box = Buffer.alloc(32);
  box.writeUInt32BE(box.length, 0);
  box.write('free', 4, 'latin1');
  box.write(String(number), 8, 'latin1');
  return box;
}
