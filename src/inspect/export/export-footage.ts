// One MP4 of the footage of a span: cut at key frames, joined across segments, nothing encoded anew.

import { FailedError } from '../../base/errors.ts';
import type { ExportFacts } from './export-facts.ts';
import { findSources } from './footage-sources.ts';
import { type Found, nothingFound, streamFootage } from './footage-stream.ts';
import { findMissing } from './missing.ts';
import { findOneForm } from './one-form.ts';
import type { ExportParts } from './parts.ts';
import { writeExport } from './write-export.ts';

export type ExportRequest = Readonly<{
  camera: string;
  /** Epoch milliseconds. */
  from: number;
  to: number;
  /** Absolute. */
  out: string;
  /** Of the event whose footage it is, or null. */
  event: string | null;
}>;

/** What its tables take in memory grows with its length. */
export const maxExportMs = 24 * 3_600_000;

/** `facts` is undefined, and nothing is written, when there is no footage; `lost`: files that should hold some. */
export type FootageExport = Readonly<{ facts: ExportFacts | undefined; lost: Found['lost'] }>;

/** Throws FailedError as writeExport and findOneForm do; rejects with the signal's reason. */
export async function exportFootage(
  parts: ExportParts,
  { camera, from, to, out, event }: ExportRequest,
  signal: AbortSignal,
): Promise<FootageExport> {
  const span = { camera, from, to };
  if (to - from > maxExportMs)
    throw new FailedError('More than 24 hours cannot be one file: export them one after the other.');
  const sources = await findSources(parts, span, signal);
  const form = await findOneForm(parts, sources, span, signal);
  const [first] = sources;
  const found = nothingFound();
  if (first === undefined) return { facts: undefined, lost: [] };
  const { codec, width, height } = first.form;
  const audioCodec = sources.find(source => source.form.audioCodec !== null)?.form.audioCodec ?? null;
  const facts = await writeExport(parts, {
    ...{ out, found, signal, codec },
    stream: streamFootage(parts, { sources, form }, span, found, signal),
    // The open one grows while it is read.
    streamBytes: sources.reduce((sum, { bytes }) => sum + bytes, 0),
    describe: () => ({
      ...{ camera, event, from, to, codec, audioCodec, width, height },
      pieces: found.pieces,
      missing: findMissing(parts, span, found),
    }),
  });
  return { facts, lost: found.lost };
}
