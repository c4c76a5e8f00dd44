// What is in a file, as far as that can be told without decoding more than its start. ffprobe reads hostile bytes, so its
// answer is hostile too: every field is checked, and what is absurd is null.

import { z } from 'zod';
import type { Confinement, Outcome } from './confine.ts';
import { inputPath } from './confine.ts';
import { confiningOptions, kindOf, maxPixels } from './decoding.ts';
import type { Container } from './sniff.ts';

export type MediaFacts = Readonly<{
  container: Container;
  /**
   * `video` also for a damaged file that starts like one: half a clip is a clip. `image` likewise. `other`: nothing to see
   * in it.
   */
  kind: 'video' | 'image' | 'other';
  codec: string | null;
  audioCodec: string | null;
  durationMs: number | null;
  width: number | null;
  height: number | null;
  /** ISO 8601, when the container says that it was made; cameras with an unset clock say anything. */
  containerCreatedAt: string | null;
  /** One sentence when it is not what it seems to be, or cannot be read; else null. */
  problem: string | null;
}>;

const deadlineMs = 10_000;
const maxOutputBytes = 256 * 1024;
/** Cameras cut clips after minutes; a day and a half can only be a lie or an accident. */
const maxDurationMs = 36 * 3_600_000;
const maxSidePixels = 32_768;

/**
 * Probes a file that `sniff` took for `container`. Throws TransientError when ffprobe cannot be started, and the signal's
 * reason; never for what is in the file.
 */
export async function probe(
  confinement: Confinement,
  file: string,
  container: Container,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<MediaFacts> {
  if (kindOf(container) === 'other') return { ...nothing, container, kind: 'other', problem: null };
  const outcome = await confinement.run({
    tool: 'ffprobe',
    file,
    args: [
      ...['-hide_banner', '-v', 'error', '-threads', '1', ...confiningOptions(container)],
      ...['-show_entries', entries, '-of', 'json=compact=1', inputPath],
    ],
    deadlineMs,
    maxOutputBytes,
    signal: options.signal,
  });
  return factsOf(container, outcome);
}

const entries =
  'stream=codec_type,codec_name,width,height,duration:stream_disposition=attached_pic:format=duration:format_tags=creation_time';

const nothing = {
  codec: null,
  audioCodec: null,
  durationMs: null,
  width: null,
  height: null,
  containerCreatedAt: null,
};

const text = z.string().max(64).optional().catch(undefined);
const count = z.number().optional().catch(undefined);
const answer = z.object({
  streams: z
    .array(
      z.object({
        codec_type: text,
        codec_name: text,
        width: count,
        height: count,
        duration: text,
        disposition: z.object({ attached_pic: count }).optional().catch(undefined),
      }),
    )
    .max(256)
    .catch([]),
  format: z
    .object({ duration: text, tags: z.object({ creation_time: text }).optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

/** Pure: what a run of ffprobe says about a file. */
export function factsOf(container: Container, { end, output, complaint }: Outcome): MediaFacts {
  const parsed = answer.safeParse(jsonOf(output));
  const streams = parsed.success ? parsed.data.streams : [];
  const format = parsed.success ? parsed.data.format : undefined;
  const video = streams.find(
    stream => stream.codec_type === 'video' && stream.disposition?.attached_pic !== 1,
  );
  const audio = streams.find(stream => stream.codec_type === 'audio');
  // A clean answer without a picture is believed: sound alone. Without an answer the file stays what its start says.
  const kind = end === 'ok' && audio && !video ? 'other' : kindOf(container);
  const width = sideOf(video?.width);
  const height = sideOf(video?.height);
  const hasSize = width !== null && height !== null && width * height <= maxPixels;
  return {
    container,
    kind,
    codec: codecOf(video?.codec_name),
    audioCodec: codecOf(audio?.codec_name),
    durationMs: kind === 'video' ? durationOf(format?.duration ?? video?.duration) : null,
    width: hasSize ? width : null,
    height: hasSize ? height : null,
    containerCreatedAt: instantOf(format?.tags?.creation_time),
    problem: problemOf(end, complaint, video !== undefined, hasSize),
  };
}

function problemOf(
  end: Outcome['end'],
  complaint: string,
  hasVideo: boolean,
  hasSize: boolean,
): string | null {
  if (end === 'deadline') return `The file could not be probed within ${deadlineMs} ms.`;
  if (end === 'too-much') return 'The file describes more streams than any camera makes.';
  if (end === 'failed') return `The file cannot be read as what it starts like: ${shortened(complaint)}`;
  if (!hasVideo) return 'There is no picture in the file.';
  return hasSize ? null : 'The picture has no size, or an impossible one.';
}

/** Without the input's path and the addresses of ffmpeg's own structures, which mean nothing to a reader. */
function shortened(complaint: string): string {
  const plain = complaint.replaceAll(/\[[^\]]*\]|\/proc\/self\/fd\/\d+:?/g, '').replaceAll(/\s+/g, ' ');
  return `${plain.trim().slice(0, 160) || 'no reason given'}.`;
}

function sideOf(value: number | undefined): number | null {
  return value !== undefined && Number.isInteger(value) && value > 0 && value <= maxSidePixels ? value : null;
}

function durationOf(seconds: string | undefined): number | null {
  const durationMs = Math.round(Number.parseFloat(seconds ?? '') * 1000);
  return durationMs >= 0 && durationMs <= maxDurationMs ? durationMs : null;
}

function codecOf(name: string | undefined): string | null {
  return name !== undefined && /^[a-z0-9_]{1,32}$/.test(name) && name !== 'unknown' ? name : null;
}

function instantOf(value: string | undefined): string | null {
  const at = Date.parse(value ?? '');
  return at >= 0 && at < Date.UTC(2200) ? new Date(at).toISOString() : null;
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
