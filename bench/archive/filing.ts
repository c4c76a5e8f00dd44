// How many clips a second are filed while many wait, and what each costs: the role archive alone, and entries of the inbox as
// the receiver leaves them.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeInstallation } from '../../test/support/daemon.ts';
import { openBacklog } from '../lib/backlog.ts';
import { startBuilt } from '../lib/built-daemon.ts';
import { makeVideo } from '../lib/make-video.ts';
import { costsOf } from '../lib/process-costs.ts';
import { untilQuiet } from '../lib/quiet.ts';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const small = { what: '256 KiB that are no video', count: 600 };
const large = { what: '8 MiB that are no video', count: 48 };
const videos = { what: '1080p, H.264, 10 s, with a thumbnail', count: 30 };

export type Filing = Readonly<{
  what: string;
  count: number;
  perSecond: number;
  /** Of all threads. Of the programs that look into a clip only those count that end by themselves: a decoder is killed when a picture is there. */
  cpuMsEach: number;
  cpuSPerGib: number;
}>;

export async function measureFiling(): Promise<readonly Filing[]> {
  const place = await makeInstallation({
    // Whoever waits has come through the receiver, which is not measured here.
    settings: ['  limits: { minFreeBytes: 0, maxFilesPerDay: 1000000 }'],
  });
  try {
    await using daemon = await startBuilt(place.config, ['--only', 'archive']);
    using backlog = openBacklog(place);
    const measure = async ({ what, count }: typeof small, media: () => Uint8Array): Promise<Filing> => {
      await untilQuiet('the daemon', [daemon.pid]);
      const before = costsOf([daemon.pid]);
      const { seconds, bytes } = await backlog.file(count, media);
      await untilQuiet('the daemon', [daemon.pid]);
      const after = costsOf([daemon.pid]);
      const cpuMs = after.userMs + after.systemMs - before.userMs - before.systemMs;
      const cpuSPerGib = cpuMs / 1000 / (bytes / (1024 * mebibyte));
      return { what, count, perSecond: count / seconds, cpuMsEach: cpuMs / count, cpuSPerGib };
    };
    // Compiled by then, and the directories of the day are there.
    await backlog.file(200, () => randomBytes(kibibyte));
    const file = join(place.root, 'clip.mp4');
    makeVideo(file);
    const video = readFileSync(file);
    return [
      await measure(small, () => randomBytes(256 * kibibyte)),
      await measure(large, unlike(Buffer.alloc(8 * mebibyte, randomBytes(mebibyte)))),
      // What stands behind its last box is nothing to a player.
      await measure(videos, unlike(Buffer.concat([video, freeBox]))),
    ];
  } finally {
    place.remove();
  }
}

/** A box of MP4 that means nothing, and has room for a number. */
const freeBox = Buffer.from([0, 0, 0, 12, ...Buffer.from('free'), 0, 0, 0, 0]);

/** The same bytes but for the last four: the same bytes under another name would be another clip as well, but never so in life. */
function unlike(bytes: Buffer): () => Uint8Array {
  let number = 0;
  return () => {
    bytes.writeUInt32BE(number++, bytes.length - 4);
    return bytes;
  };
}

export function filingInWords(facts: readonly Filing[]): string[] {
  return facts.map(
    ({ what, count, perSecond, cpuMsEach, cpuSPerGib }) =>
      `${count} clips that wait, ${what}: ${perSecond.toFixed(1)} a second, ${cpuMsEach.toFixed(1)} ms of CPU each, ${cpuSPerGib.toFixed(2)} s a GiB`,
  );
}
