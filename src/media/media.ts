// The room's front: what a file is, what is in it, a picture of it, one file made of several. Nothing here opens a file to write; running ffmpeg is
// confine.ts, and the only bytes of a stranger that this process itself looks at are the first few of sniff.ts.

import { constants } from 'node:fs';
import { openDescriptor } from '../base/descriptor.ts';
import type { Log } from '../base/log.ts';
import { type Confinement, openConfinement } from './confine.ts';
import { copyOfClip, type Joining, joinIntoMp4 } from './copying.ts';
import { type MediaFacts, probe } from './probe.ts';
import { makeSnapshot, type Snapshot } from './snapshot.ts';
import { type Sniffed, sniff, sniffBytes } from './sniff.ts';
import { makeThumbnail, type Thumbnail } from './thumbnail.ts';

export type Media = Readonly<{
  confinement: Pick<Confinement, 'level' | 'reason'>;
  /** What a file is and holds. `file` is a path, or `/proc/self/fd/N` of an open file. Errors as `probe`. */
  look(file: string, signal?: AbortSignal): Promise<MediaFacts & Sniffed>;
  /** A JPEG of it; see makeThumbnail. */
  thumbnail(file: string, container: Sniffed['container'], signal?: AbortSignal): Promise<Thumbnail>;
  /** Its first key frame in full size; see makeSnapshot. */
  snapshot(file: string, signal?: AbortSignal): Promise<Snapshot>;
  /** One MP4 of a stream of fragments; see joinIntoMp4. */
  join(joining: Joining): Promise<void>;
  /** A clip as such a stream; see copyOfClip. */
  copyOfClip: OmitFirst<typeof copyOfClip>;
}>;

type OmitFirst<F> = F extends (first: never, ...rest: infer R) => infer T ? (...rest: R) => T : never;

/** Throws FailedError when ffmpeg is missing. */
export async function openMedia(options: { log: Log }): Promise<Media> {
  const confinement = await openConfinement(options);
  return {
    confinement,
    async look(file, signal) {
      const sniffed = sniff(await headOf(file));
      return { ...sniffed, ...(await probe(confinement, file, sniffed.container, { signal })) };
    },
    thumbnail: (file, container, signal) => makeThumbnail(confinement, file, container, { signal }),
    snapshot: (file, signal) => makeSnapshot(confinement, file, { signal }),
    join: joining => joinIntoMp4(confinement, joining),
    copyOfClip: (...rest) => copyOfClip(confinement, ...rest),
  };
}

async function headOf(path: string): Promise<Uint8Array> {
  using file = openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(sniffBytes);
  const { bytesRead } = await file.read(buffer, 0, sniffBytes, 0);
  return buffer.subarray(0, bytesRead);
}
