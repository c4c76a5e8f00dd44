// Which files hold the footage of a span, and in which order.

import { createHash } from 'node:crypto';
import { openFootage } from '../../archive/read-footage.ts';
import { FailedError } from '../../base/errors.ts';
import type { CameraSpan, OpenSegment, Segment } from '../../catalogue/footage.ts';
import type { ExportParts } from './parts.ts';

export type FootageSource = Readonly<{
  id: string;
  camera: string;
  path: string;
  run: string;
  startAt: number;
  /** Of the open segment, only what is known to be there. */
  endAt: number;
  bytes: number;
  /** Null: it is being written. */
  row: Segment | null;
  form: Readonly<{
    initSha256: string;
    codec: string | null;
    audioCodec: string | null;
    width: number | null;
    height: number | null;
  }>;
}>;

const maxSources = 10_000;

/** Oldest first. Throws FailedError when the span holds more files than anybody can have meant. */
export async function findSources(
  parts: Pick<ExportParts, 'catalogue' | 'dataDir'>,
  span: CameraSpan,
  signal?: AbortSignal,
): Promise<FootageSource[]> {
  const { catalogue } = parts;
  // Asked for first: what is finished in between is among the segments then.
  const open = catalogue.openSegments().find(({ camera }) => camera === span.camera);
  const segments = catalogue.segmentsBetween(span, maxSources);
  if (segments.length === maxSources)
    throw new FailedError(
      `There are more than ${maxSources} segments between --from and --to: ask for a shorter time.`,
    );
  const sources = segments.map(sourceOf);
  if (open === undefined || open.startAt >= span.to || segments.some(({ id }) => id === open.id))
    return sources;
  const source = await openSource(parts, open, signal);
  return source === undefined || source.endAt <= span.from ? sources : [...sources, source];
}

function sourceOf(row: Segment): FootageSource {
  const { id, camera, path, run, startAt, endAt, bytes } = row;
  const { initSha256, codec, audioCodec, width, height } = row;
  const form = { initSha256, codec, audioCodec, width, height };
  return { ...{ id, camera, path, run, startAt, endAt, bytes }, row, form };
}

/** Undefined when there is nothing in it yet. */
async function openSource(
  { dataDir, catalogue }: Pick<ExportParts, 'catalogue' | 'dataDir'>,
  { id, camera, path, run, startAt }: OpenSegment,
  signal: AbortSignal | undefined,
): Promise<FootageSource | undefined> {
  const opened = await openFootage(dataDir, { path, isOpen: true });
  if ('state' in opened) return undefined;
  await using file = opened;
  const { init, fragments, bytes } = await file.survey(signal);
  const [first, last] = [fragments[0], fragments.at(-1)];
  if (init === undefined || first === undefined || last === undefined) return undefined;
  const video = init.tracks.find(({ kind }) => kind === 'video');
  const hasAudio = init.tracks.some(({ kind }) => kind === 'audio');
  const finished = catalogue.segment(id);
  if (finished !== undefined) return sourceOf(finished);
  return {
    ...{ id, camera, path, run, startAt, bytes, row: null },
    endAt: Math.round(startAt + last.startMs + last.durationMs - first.startMs),
    form: {
      initSha256: createHash('sha256').update(init.bytes).digest('hex'),
      codec: codecOf(video?.format),
      audioCodec: hasAudio ? 'aac' : null,
      width: video?.width ?? null,
      height: video?.height ?? null,
    },
  };
}

/** As record/segment-facts.ts names them. */
function codecOf(format: string | undefined): string {
  if (format === 'avc1' || format === 'avc3') return 'h264';
  return format === 'hvc1' || format === 'hev1' ? 'hevc' : 'other';
}
