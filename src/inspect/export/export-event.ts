// One MP4 of an event: the footage from before it to after it, or its clips where there is none.

import { FailedError } from '../../base/errors.ts';
import type { Clip } from '../../catalogue/clip-row.ts';
import type { Event } from '../../catalogue/event-rows.ts';
import { type LookedAt, lookAtClip, streamClips } from './clip-stream.ts';
import type { ExportFacts } from './export-facts.ts';
import { exportFootage } from './export-footage.ts';
import { type Found, nothingFound } from './footage-stream.ts';
import { findMissing } from './missing.ts';
import type { ExportParts } from './parts.ts';
import { writeExport } from './write-export.ts';

export type EventExport = Readonly<{
  event: Event;
  /** Settings, events.footageBeforeMs and footageAfterMs. */
  beforeMs: number;
  afterMs: number;
  /** Absolute. */
  out: string;
}>;

const maxClips = 200;
const maxCommands = 10;

/** Throws FailedError when there is neither footage nor clips that can be joined; rejects with the signal's reason. */
export async function exportEvent(
  parts: ExportParts,
  { event, beforeMs, afterMs, out }: EventExport,
  signal: AbortSignal,
): Promise<ExportFacts> {
  const { id, camera, startAt, endAt } = event;
  const span = { camera, from: startAt - beforeMs, to: endAt + afterMs };
  const { facts, lost } = await exportFootage(parts, { ...span, out, event: id }, signal);
  return facts ?? (await exportClips(parts, { ...span, out, event: id, lost }, signal));
}

type Request = Parameters<typeof exportFootage>[1];

async function exportClips(
  parts: ExportParts,
  { camera, from, to, out, event, lost }: Request & Readonly<{ lost: Found['lost'] }>,
  signal: AbortSignal,
): Promise<ExportFacts> {
  const clips: Clip[] = [];
  for (const clip of parts.catalogue.clipsOfEvent(event ?? ''))
    if (clips.length <= maxClips && clip.supersededBy === null) clips.push(clip);
  const videos = clips.filter(({ kind }) => kind === 'video');
  const looked: LookedAt[] = [];
  if (clips.length <= maxClips) for (const clip of videos) looked.push(await lookAtClip(parts, clip, signal));
  const usable = looked.filter(each => 'init' in each);
  const [first] = usable;
  if (first === undefined || usable.length < looked.length || usable.some(({ form }) => form !== first.form))
    throw new FailedError(
      `There is no footage of this event, and its clips cannot be joined into one MP4 (${whyNot(clips, looked)}): ${commandsFor(clips)}`,
    );
  const found = { ...nothingFound(), lost };
  const { codec, audioCodec } = first;
  const { width, height } = first.clip;
  const facts = await writeExport(parts, {
    ...{ out, found, signal, codec },
    stream: streamClips(
      parts,
      usable.map(({ clip }) => clip),
      first.init,
      found,
      signal,
    ),
    streamBytes: videos.reduce((sum, { bytes }) => sum + bytes, 0),
    describe: () => ({
      ...{ camera, event, from, to, codec, audioCodec, width, height },
      pieces: found.pieces,
      missing: findMissing(parts, { camera, from, to }, found),
    }),
  });
  if (facts === undefined) throw new FailedError(`There is no video in the clips of event ${event}.`);
  return facts;
}

function whyNot(clips: readonly Clip[], looked: readonly LookedAt[]): string {
  if (clips.length > maxClips) return `there are more than ${maxClips}`;
  if (looked.length === 0) return 'there is no video among them';
  const wrong = looked.find(each => 'why' in each);
  if (wrong !== undefined) return `${wrong.clip.id}: ${wrong.why}`;
  return 'they differ in size, codec or sound';
}

function commandsFor(clips: readonly Clip[]): string {
  const commands = clips
    .slice(0, maxCommands)
    .map(({ id }) => `clipward clip export ${id} --out FILE`)
    .join(' ; ');
  return clips.length > maxCommands ? `${commands} ; and so on (clipward event show lists them)` : commands;
}
