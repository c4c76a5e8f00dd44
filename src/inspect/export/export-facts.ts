// What an export says about itself: in its manifest, on standard output and with --json.

import type { GapReason, Span } from '../../domain/footage/coverage.ts';
import { formatInstant } from '../../domain/time-zone.ts';

/**
 * Why a part of what was asked for is not in it. A reason of a gap; `not-yet`: it had not happened, or not been written;
 * `deleted`: retention took it while the export was being made; `no-record`: nothing says that there was anything, it was
 * deleted or never recorded; `file-*`: it should be there and is not as it was recorded.
 */
export type MissingReason =
  | GapReason
  | 'not-yet'
  | 'deleted'
  | 'no-record'
  | 'file-missing'
  | 'file-changed'
  | 'file-unreadable';

/** Those that a person must look at: the exit code is 1. */
export const damages: ReadonlySet<MissingReason> = new Set([
  'file-missing',
  'file-changed',
  'file-unreadable',
]);

export type Missing = Span &
  Readonly<{
    reason: MissingReason;
    /** Of the segment whose file it is about, or null. */
    segment: string | null;
    /** Clips that were filmed then, by start. */
    clips: readonly string[];
  }>;

/** What of one file is in the export, and where. Instants are epoch milliseconds. */
export type Piece = Span &
  Readonly<{
    media: 'segment' | 'clip';
    id: string;
    path: string;
    /** Of the file; of one that is still being written, of the bytes that were whole. */
    bytes: number;
    sha256: string;
    isOpen: boolean;
    /** It has no sound, unlike others of the export: there is silence in its place. */
    isSilenced: boolean;
    /** In the export. */
    positionMs: number;
    durationMs: number;
  }>;

export type Export = Readonly<{
  camera: string;
  /** Of the event, or null. */
  event: string | null;
  from: number;
  to: number;
  /** Absolute. */
  file: string;
  bytes: number;
  sha256: string;
  codec: string | null;
  audioCodec: string | null;
  width: number | null;
  height: number | null;
  pieces: readonly Piece[];
  missing: readonly Missing[];
  exportedAt: number;
}>;

/** The manifest (docs/json.md): times are ISO 8601 in the camera's zone. */
export function exportFacts(made: Export, timeZone: string) {
  const shown = (at: number) => formatInstant(at, timeZone);
  const last = made.pieces.at(-1);
  return {
    form: 'clipward-export-1',
    camera: made.camera,
    eventId: made.event,
    from: shown(made.from),
    to: shown(made.to),
    startAt: shown(made.pieces[0]?.startAt ?? made.from),
    endAt: shown(Math.max(...made.pieces.map(({ endAt }) => endAt))),
    durationMs: Math.round((last?.positionMs ?? 0) + (last?.durationMs ?? 0)),
    file: made.file,
    bytes: made.bytes,
    sha256: made.sha256,
    codec: made.codec,
    audioCodec: made.audioCodec,
    width: made.width,
    height: made.height,
    pieces: made.pieces.map(({ media, id, path, bytes, sha256, isOpen, isSilenced, ...piece }) => ({
      ...{ media, id, path, bytes, sha256, open: isOpen, silenced: isSilenced },
      startAt: shown(piece.startAt),
      endAt: shown(piece.endAt),
      positionMs: Math.round(piece.positionMs),
      durationMs: Math.round(piece.durationMs),
    })),
    missing: made.missing.map(({ startAt, endAt, reason, segment, clips }) => ({
      ...{ startAt: shown(startAt), endAt: shown(endAt), reason, segmentId: segment, clips },
    })),
    exportedAt: shown(made.exportedAt),
  };
}

export type ExportFacts = ReturnType<typeof exportFacts>;
