// Which parts of what was asked for an export does not hold, and why.

import type { Clip } from '../../catalogue/clip-row.ts';
import { eventSpan } from '../../domain/event.ts';
import { mergeSpans, type Span, spansBetween } from '../../domain/footage/coverage.ts';
import type { Missing, MissingReason } from './export-facts.ts';
import type { Found } from './footage-stream.ts';
import type { ExportParts } from './parts.ts';

/** Instants are rounded on both sides of a border. */
const roundingMs = 2;
/** As the catalogue lists clips: by their start. No clip counts for longer. */
const maxClipMs = 3_600_000;
const maxClips = 1000;

/** What of the span is in no piece, oldest first, why, and which clips were filmed then. */
export function findMissing(
  { catalogue, clock }: Pick<ExportParts, 'catalogue' | 'clock'>,
  { camera, from, to }: Readonly<{ camera: string; from: number; to: number }>,
  { pieces, lost }: Found,
): Missing[] {
  const now = clock.now();
  const span = { camera, from, to };
  const whole = { startAt: from, endAt: to };
  // The first that is said of a moment counts.
  const said: Array<Span & { reason: MissingReason; segment: string | null }> = [];
  const say = (reason: MissingReason, segment: string | null, about: readonly Span[]) => {
    const known = [...pieces, ...said];
    // What is being written and what has not happened yet lie over each other, and are missing once.
    for (const hole of mergeSpans(about, whole).flatMap(each => spansBetween(known, each)))
      if (hole.endAt - hole.startAt > roundingMs) said.push({ ...hole, reason, segment });
  };
  for (const { id, reason, ...about } of lost) say(reason, id, [about]);
  for (const { reason, ...about } of catalogue.gaps({ ...span, now })) say(reason, null, [about]);
  const recordedUntil = Math.max(from, ...pieces.map(({ endAt }) => endAt));
  say('not-yet', null, writtenSince(catalogue, { camera, from: recordedUntil, to, now }));
  say('no-record', null, [whole]);
  const clips = said.length === 0 ? [] : clipsBetween(catalogue, span);
  return said
    .sort((one, other) => one.startAt - other.startAt)
    .map(each => ({ ...each, clips: clips.filter(clip => overlaps(clip, each)).map(({ id }) => id) }));
}

/** What has been recorded after the last piece since that was read, and what had not happened. */
function writtenSince(
  { openSegments, segmentsBetween, isRecording }: ExportParts['catalogue'],
  { camera, from, to, now }: Readonly<{ camera: string; from: number; to: number; now: number }>,
): Span[] {
  if (from >= to) return [];
  const open = openSegments().find(each => each.camera === camera);
  const isOpen = open !== undefined && open.startAt < to && isRecording(camera, now);
  return [
    ...segmentsBetween({ camera, from, to }),
    ...(isOpen ? [{ startAt: open.startAt, endAt: to }] : []),
    ...(to > now ? [{ startAt: now, endAt: to }] : []),
  ];
}

function clipsBetween(
  catalogue: Pick<ExportParts['catalogue'], 'listClips'>,
  { camera, from, to }: Readonly<{ camera: string; from: number; to: number }>,
): Clip[] {
  return [...catalogue.listClips({ camera, since: from - maxClipMs, until: to, limit: maxClips })]
    .filter(clip => clip.supersededBy === null)
    .reverse();
}

function overlaps(clip: Clip, hole: Span): boolean {
  const span = eventSpan(clip);
  return span !== null && span.startAt < hole.endAt && span.endAt >= hole.startAt;
}
