// The clips of an event as one stream, for a time without footage: each is copied out of its container by the confined ffmpeg,
// one after the other.

import { openSameClip } from '../../archive/open-clip.ts';
import { FailedError } from '../../base/errors.ts';
import type { Clip } from '../../catalogue/clip-row.ts';
import {
  createFragmentReader,
  type FootageInit,
  type Fragment,
  FragmentFormatError,
} from '../../domain/footage/fragment-reader.ts';
import { createJoiner, type Joiner } from '../../domain/footage/join-fragments.ts';
import { streamForm } from '../../domain/footage/stream-form.ts';
import type { Found } from './footage-stream.ts';
import type { ExportParts } from './parts.ts';

/** What is wrong with a clip, or what its tracks are. */
export type LookedAt = Readonly<
  | { clip: Clip; init: FootageInit; form: string; codec: string | null; audioCodec: string | null }
  | { clip: Clip; why: string }
>;

type Parts = Pick<ExportParts, 'dataDir' | 'media'>;

/** Reads no further than to what its tracks are. */
export async function lookAtClip(parts: Parts, clip: Clip, signal: AbortSignal): Promise<LookedAt> {
  const file = await openSameClip(parts.dataDir, clip, signal);
  if (file === undefined) return { clip, why: 'its file is not what was received' };
  await using opened = file;
  const { container, kind, codec, audioCodec } = await parts.media.look(`/proc/self/fd/${opened.fd}`, signal);
  if (kind !== 'video') return { clip, why: 'it is no video' };
  try {
    for await (const part of partsOf(parts.media.copyOfClip(opened, container, { problem: null }, signal)))
      if ('init' in part)
        return { clip, init: part.init, form: formText(part.init), ...{ codec, audioCodec } };
  } catch (error) {
    if (!(error instanceof FragmentFormatError)) throw error;
  }
  return { clip, why: 'its video cannot be put into an MP4 as it is' };
}

/** All must have the same form. */
export async function* streamClips(
  parts: Parts,
  clips: readonly Clip[],
  init: FootageInit,
  found: Found,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const joiner = createJoiner(init);
  found.startAt = clips[0]?.startAt;
  yield init.bytes;
  for (const clip of clips) yield* streamClip(parts, clip, joiner, found, signal);
}

async function* streamClip(
  { dataDir, media }: Parts,
  clip: Clip,
  joiner: Joiner,
  found: Found,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { id, path, bytes, sha256, startAt } = clip;
  const file = await openSameClip(dataDir, clip, signal);
  if (file === undefined) throw new FailedError(`Clip ${id} was changed while it was read: try again.`);
  await using opened = file;
  const { container } = await media.look(`/proc/self/fd/${opened.fd}`, signal);
  let piece: Found['pieces'][number] | undefined;
  const outcome: { problem: string | null } = { problem: null };
  for await (const part of partsOf(media.copyOfClip(opened, container, outcome, signal))) {
    if ('init' in part) continue;
    const joined = joiner.add(part.fragment, { begins: piece === undefined, continues: false });
    if (piece === undefined) {
      piece = {
        ...{ media: 'clip', id, path, bytes, sha256, isOpen: false, isSilenced: false },
        ...{ startAt, endAt: startAt, positionMs: joined.positionMs, durationMs: 0 },
      };
      found.pieces.push(piece);
    }
    piece.durationMs = joined.positionMs + joined.durationMs - piece.positionMs;
    piece.endAt = Math.round(startAt + piece.durationMs);
    yield joined.bytes;
  }
}

function formText(init: FootageInit): string {
  const { video, sound } = streamForm(init);
  return `${video}\n${sound}`;
}

async function* partsOf(
  stream: AsyncIterable<Buffer>,
): AsyncGenerator<Readonly<{ init: FootageInit } | { fragment: Fragment }>> {
  const reader = createFragmentReader();
  for await (const chunk of stream) yield* reader.push(chunk);
}
