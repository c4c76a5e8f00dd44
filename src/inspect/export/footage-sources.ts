// Which files hold the footage of a span, in which order, and whether they can be one MP4.

import { createHash } from 'node:crypto';
import { openFootage } from '../../archive/read-footage.ts';
import { FailedError } from '../../base/errors.ts';
import type { CameraSpan, OpenSegment, Segment } from '../../catalogue/footage.ts';
import { streamForm } from '../../domain/footage/stream-form.ts';
import { formatInstant } from '../../domain/time-zone.ts';
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
const maxFormsShown = 4;

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

/**
 * Of neighbours whose descriptions differ, those that differ in nothing that a decoder is told count as one form: bit rates may
 * change from one connection to the next. Reads the beginnings of their files.
 */
export async function compareForms(
  { dataDir }: Pick<ExportParts, 'dataDir'>,
  sources: readonly FootageSource[],
  signal?: AbortSignal,
): Promise<FootageSource[]> {
  const forms = new Map<string, string>();
  for (const { form, path, row } of sources) {
    if (forms.has(form.initSha256)) continue;
    const opened = await openFootage(dataDir, { path, isOpen: row === null });
    if ('state' in opened) continue;
    await using file = opened;
    const init = await file.init(signal);
    if (init !== undefined) forms.set(form.initSha256, streamForm(init));
  }
  const sameAs = new Map<string, string>();
  for (const [initSha256, text] of forms) if (!sameAs.has(text)) sameAs.set(text, initSha256);
  return sources.map(source => {
    const text = forms.get(source.form.initSha256);
    const initSha256 = sameAs.get(text ?? '') ?? source.form.initSha256;
    return { ...source, form: { ...source.form, initSha256 } };
  });
}

/**
 * Pictures of two sizes or codecs, or with and without sound, cannot be one file that plays everywhere, unless they are encoded
 * anew. Throws FailedError that names the moments, and what to type for each part.
 */
export function requireOneForm(
  sources: readonly FootageSource[],
  { camera, from, to }: CameraSpan,
  timeZone: string,
): void {
  const firsts = sources.filter(
    ({ form }, index) => index === 0 || form.initSha256 !== sources[index - 1]?.form.initSha256,
  );
  if (firsts.length < 2) return;
  const shown = (at: number) => formatInstant(at, timeZone);
  const parts = firsts.slice(0, maxFormsShown).map(({ startAt, form }, index) => {
    const endAt = firsts[index + 1]?.startAt ?? to;
    const range = `--from ${shown(index === 0 ? from : startAt)} --to ${shown(endAt)}`;
    return {
      name: formName(form),
      command: `clipward footage export --camera ${camera} ${range} --out FILE`,
    };
  });
  const changes = firsts
    .slice(1, maxFormsShown)
    .map(({ startAt }, index) => `at ${shown(startAt)} (${parts[index]?.name} to ${parts[index + 1]?.name})`);
  const more = firsts.length > maxFormsShown ? `, and ${firsts.length - maxFormsShown} times more` : '';
  throw new FailedError(
    `The form of ${camera}'s video changed ${changes.join(', ')}${more}, and one MP4 cannot hold both: export one after the other, ${parts.map(({ command }) => command).join(' ; ')}`,
  );
}

function formName({ codec, audioCodec, width, height }: FootageSource['form']): string {
  return `${width ?? '?'}x${height ?? '?'} ${codec}${audioCodec === null ? ' without sound' : ''}`;
}
