// Writes an export: the MP4 and its manifest, both or none.

import { type FileHandle, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { digestOf } from '../../archive/digest.ts';
import { errnoOf, FailedError } from '../../base/errors.ts';
import { type Export, type ExportFacts, exportFacts } from './export-facts.ts';
import type { Found } from './footage-stream.ts';
import { openOutFile, requireAbsent, requireOutsideArchive } from './out-file.ts';
import type { ExportParts } from './parts.ts';

export type ToWrite = Readonly<{
  /** Absolute. */
  out: string;
  /** Fills `found` as it is read. */
  stream: AsyncGenerator<Uint8Array>;
  found: Found;
  /** At the most, for the progress and as a limit. */
  streamBytes: number;
  codec: string | null;
  /** Once the stream was read to its end. */
  describe(): Omit<Export, 'file' | 'bytes' | 'sha256' | 'exportedAt'>;
  signal: AbortSignal;
}>;

/** Beside the MP4. */
export function manifestPath(out: string): string {
  return `${out}.json`;
}

/** The end of a file is rounded to its last picture, and its sound may be a little longer. */
const maxLengthErrorMs = 1500;

/**
 * Undefined, and nothing written, when there is nothing in the stream. Throws FailedError when `out` exists or lies in the
 * archive, when there is no room, or when what was written is not as long as what was read; rejects with the signal's reason.
 * Then nothing is left.
 */
export async function writeExport(parts: ExportParts, work: ToWrite): Promise<ExportFacts | undefined> {
  const { out, stream, streamBytes, signal } = work;
  await requireOutsideArchive(parts.dataDir, out);
  await requireAbsent(manifestPath(out));
  await using media = await openOutFile(out);
  try {
    const first = await stream.next();
    if (first.done) return undefined;
    await requireRoom(out, streamBytes);
    await join(parts, work, { media: media.file, first: first.value });
    parts.onProgress?.({ bytes: streamBytes, ofBytes: streamBytes, phase: 'finishing' });
    await requireLength(parts, media.file, work.found);
    const { size } = await media.file.stat();
    const { sha256 } = await digestOf(media.file, size, signal);
    const made = { ...work.describe(), file: out, bytes: size, sha256, exportedAt: parts.clock.now() };
    const facts = exportFacts(made, parts.timeZone);
    await using manifest = await openOutFile(manifestPath(out));
    await manifest.file.writeFile(`${JSON.stringify(facts, null, 2)}\n`);
    signal.throwIfAborted();
    // The MP4 comes last: where it is, its manifest is.
    await manifest.publish();
    await media.publish().catch(async error => {
      await manifest.withdraw();
      throw error;
    });
    return facts;
  } catch (error) {
    throw errnoOf(error) === 'ENOSPC' ? noRoom(out, error) : error;
  } finally {
    await stream.return(undefined);
  }
}

async function join(
  parts: ExportParts,
  { stream, streamBytes, found, codec, signal }: ToWrite,
  { media, first }: { media: FileHandle; first: Uint8Array },
): Promise<void> {
  await parts.media.join({
    stream: counted(parts, { stream, first, streamBytes }),
    output: media,
    video: codec === 'h264' || codec === 'hevc' ? codec : 'other',
    filmedAt: found.startAt ?? parts.clock.now(),
    ...{ streamBytes, signal },
  });
}

async function* counted(
  { onProgress }: ExportParts,
  { stream, first, streamBytes }: Pick<ToWrite, 'stream' | 'streamBytes'> & { first: Uint8Array },
): AsyncGenerator<Uint8Array> {
  let bytes = first.length;
  yield first;
  for await (const chunk of stream) {
    bytes += chunk.length;
    onProgress?.({ bytes, ofBytes: Math.max(bytes, streamBytes), phase: 'copying' });
    yield chunk;
  }
}

/** Better known before hours were copied than after; what others write meanwhile nobody knows. */
async function requireRoom(out: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(out));
  if (bavail * bsize < bytes) throw noRoom(out, undefined);
}

function noRoom(out: string, cause: unknown): FailedError {
  return new FailedError(
    `There is not enough room for ${out}: name a file on another disk, or ask for less.`,
    { cause },
  );
}

async function requireLength({ media }: ExportParts, file: FileHandle, { pieces }: Found): Promise<void> {
  const last = pieces.at(-1);
  const expectedMs = (last?.positionMs ?? 0) + (last?.durationMs ?? 0);
  const { durationMs, problem } = await media.look(`/proc/self/fd/${file.fd}`);
  if (durationMs !== null && Math.abs(durationMs - expectedMs) <= maxLengthErrorMs) return;
  throw new FailedError(
    `What was put together is ${durationMs ?? 0} ms long instead of ${Math.round(expectedMs)}, so it is not kept: ${problem ?? 'its times do not fit together'}`,
  );
}
