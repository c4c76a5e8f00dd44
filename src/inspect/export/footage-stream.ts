// The footage of a span as one stream, read file by file: each is compared with its hash before a byte of it goes out.

import { type NoFootage, openFootage } from '../../archive/read-footage.ts';
import { createJoiner, type Joiner } from '../../domain/footage/join-fragments.ts';
import { cutFragments } from './cut.ts';
import type { MissingReason, Piece } from './export-facts.ts';
import type { FootageSource } from './footage-sources.ts';
import type { OneForm } from './one-form.ts';
import type { ExportParts } from './parts.ts';

/** Filled while the stream is read. */
export type Found = {
  /** Of its first picture; before the first byte is read. */
  startAt: number | undefined;
  pieces: Array<{ -readonly [Key in keyof Piece]: Piece[Key] }>;
  /** Files that should be in it and are not. */
  lost: Array<Readonly<{ id: string; startAt: number; endAt: number; reason: MissingReason }>>;
};

type Parts = Pick<ExportParts, 'catalogue' | 'dataDir'>;

export function nothingFound(): Found {
  return { startAt: undefined, pieces: [], lost: [] };
}

/** Rejects with the signal's reason. */
export async function* streamFootage(
  parts: Parts,
  { sources, form }: Readonly<{ sources: readonly FootageSource[]; form: OneForm | undefined }>,
  span: Readonly<{ from: number; to: number }>,
  found: Found,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let joiner: Joiner | undefined;
  let before: Readonly<{ run: string; endAt: number }> | undefined;
  for (const source of sources) {
    const { id, path, run, startAt } = source;
    const lose = (reason: MissingReason) => found.lost.push({ id, startAt, endAt: source.endAt, reason });
    const opened = await openFootage(parts.dataDir, { path, isOpen: source.row === null });
    if ('state' in opened) {
      lose(reasonOf(parts, source, opened));
      continue;
    }
    await using file = opened;
    const { init, fragments, bytes, sha256 } = await file.survey(signal);
    // What was open a moment ago may have been filed by now.
    const row = source.row ?? (file.isOpen ? undefined : parts.catalogue.segment(id));
    if (row && row.sha256 !== sha256) {
      lose('file-changed');
      continue;
    }
    const cut = cutFragments(fragments, { startAt, endAt: row?.endAt ?? null }, span);
    if (init === undefined || cut === undefined) continue;
    if (joiner === undefined) {
      const described = form?.init ?? init;
      joiner = createJoiner(described);
      found.startAt = cut.startAt;
      yield described.bytes;
    }
    const hasSound = init.tracks.some(({ kind }) => kind === 'audio');
    const silence = hasSound ? undefined : form?.silence;
    const continues = before?.run === run && before.endAt === cut.startAt;
    let piece: Found['pieces'][number] | undefined;
    for await (const fragment of file.fragments(init, cut.fragments, signal)) {
      const joined = joiner.add(fragment, { begins: piece === undefined, continues, silence });
      if (piece === undefined) {
        piece = {
          ...{ media: 'segment', id, path, bytes, sha256, isOpen: file.isOpen },
          isSilenced: silence !== undefined,
          ...{ startAt: cut.startAt, endAt: cut.endAt, positionMs: joined.positionMs, durationMs: 0 },
        };
        found.pieces.push(piece);
      }
      piece.durationMs = joined.positionMs + joined.durationMs - piece.positionMs;
      yield joined.bytes;
    }
    before = { run, endAt: cut.endAt };
  }
}

function reasonOf({ catalogue }: Parts, source: FootageSource, { state }: NoFootage): MissingReason {
  if (state !== 'missing') return 'file-unreadable';
  // Retention takes the row before the file, and of the open one nothing.
  return catalogue.segment(source.id) === undefined ? 'deleted' : 'file-missing';
}
