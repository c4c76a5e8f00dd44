// Every clip and segment that was asked for, read again from its first byte to its last, one after the other in the order in which they
// were taken in: that is about the order in which they lie on the disk.

import { setImmediate } from 'node:timers/promises';
import type { StoredReading } from '../../archive/read-stored.ts';
import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { ChainedClip } from '../../catalogue/chain-queries.ts';
import { type KeptEntry, parseEntry } from '../../domain/chain.ts';
import { finding, type VerifyFinding } from './finding.ts';
import { isSelected, type Selection } from './selection.ts';

export type MediaParts = Readonly<{
  catalogue: Pick<Catalogue, 'chainRows' | 'chainedMedia'>;
  read(clip: Readonly<{ path: string; bytes: number }>, signal: AbortSignal): Promise<StoredReading>;
  /** Throws TransientError when the data directory is not the one it was: then nothing that was missed is missing. */
  requireMarker(): Promise<void>;
}>;

/** How far the reading has come. */
export type MediaPosition = Readonly<{
  /** Everything up to the entry of this number was read. */
  through: number;
  clips: number;
  segments: number;
  bytes: number;
  /** Deleted by retention between being listed and being read. */
  goneMeanwhile: number;
}>;

export const mediaStart: MediaPosition = { through: 0, clips: 0, segments: 0, bytes: 0, goneMeanwhile: 0 };

const pageRows = 256;

/** Yields after every file where it is, with what is wrong about that one. Rejects with the signal's reason. */
export async function* readMedia(
  parts: MediaParts,
  selection: Selection,
  from: MediaPosition,
  signal: AbortSignal,
): AsyncGenerator<Readonly<{ position: MediaPosition; found: VerifyFinding | undefined }>> {
  let position = from;
  for (;;) {
    const page = parts.catalogue.chainRows(position.through, pageRows);
    for (const row of page) {
      const entry = parseEntry(row.line)?.entry;
      const isAsked = entry?.type === 'kept' && isSelected(selection, entry);
      // What the line says counts: the columns beside it may have been changed.
      const clip = isAsked ? parts.catalogue.chainedMedia(entry.id) : undefined;
      if (!isAsked || clip === undefined) {
        position = { ...position, through: row.number };
        continue;
      }
      const found = await readClip(parts, row.number, entry, clip, signal);
      position = {
        through: row.number,
        clips: position.clips + (entry.media === 'clip' ? 1 : 0),
        segments: position.segments + (entry.media === 'segment' ? 1 : 0),
        bytes: position.bytes + entry.bytes,
        goneMeanwhile: position.goneMeanwhile + (found === 'gone' ? 1 : 0),
      };
      yield { position, found: found === 'gone' ? undefined : found };
    }
    // So that a signal is heard, also where nothing of a page was asked for.
    await setImmediate();
    signal.throwIfAborted();
    if (page.length < pageRows) return;
  }
}

async function readClip(
  parts: MediaParts,
  number: number,
  entry: KeptEntry,
  clip: ChainedClip,
  signal: AbortSignal,
): Promise<VerifyFinding | 'gone' | undefined> {
  // What the chain says counts, also where somebody has changed the row.
  const reading = await parts.read({ path: clip.path, bytes: entry.bytes }, signal);
  if (reading.state === 'read' && reading.sha256 === entry.sha256) return undefined;
  await parts.requireMarker();
  // Retention takes the row away before the file.
  if (parts.catalogue.chainedMedia(clip.id) === undefined) return 'gone';
  return told(reading, entry, {
    number,
    id: clip.id,
    camera: entry.camera,
    path: clip.path,
  });
}

const fromBackup = 'Put the file of a backup in its place (mode 0400) and verify again.';

function told(
  reading: StoredReading,
  { bytes, media }: KeptEntry,
  facts: { number: number; id: string; camera: string; path: string },
): VerifyFinding {
  const came = media === 'clip' ? 'received' : 'recorded';
  switch (reading.state) {
    case 'read':
      return finding(
        'media-changed',
        `The bytes of this ${media} are not those that were ${came}.`,
        `The disk or somebody has changed them. ${fromBackup}`,
        facts,
      );
    case 'other-length':
      return finding(
        'media-changed',
        `This ${media} has ${reading.bytes} bytes, and ${bytes} were ${came}.`,
        `It was cut or written to. ${fromBackup}`,
        facts,
      );
    case 'missing':
      return finding(
        'media-missing',
        `The file of this ${media} is gone, and retention did not delete it.`,
        `Somebody has removed or renamed it, or a directory above it. ${fromBackup}`,
        facts,
      );
    case 'not-regular':
      return finding(
        'media-not-regular',
        `In the place of this ${media} is a link, a directory or a device; nothing was read through it.`,
        `Somebody has put it there: move it away. ${fromBackup}`,
        facts,
      );
    case 'bad-path':
      return finding(
        `${media}-row-changed`,
        `The catalogue says that this ${media} lies where no ${media} of this archive can lie.`,
        'Somebody has changed the catalogue: compare the path with a backup of catalogue.db.',
        facts,
      );
    case 'unreadable':
      return finding(
        'media-unreadable',
        `This ${media} cannot be read (${reading.error}).`,
        reading.error === 'EACCES' || reading.error === 'EPERM'
          ? 'Run this as the owner of the data directory, and give the file to that user (chown).'
          : `Look at the disk and its cables (dmesg, smartctl), and copy away what is still readable. ${fromBackup}`,
        facts,
      );
  }
}
