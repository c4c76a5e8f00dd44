import type { ClipKind, Completeness, CompletenessBasis, TimeSource } from '../domain/clip.ts';

/** A clip as the catalogue knows it; migrations/*.sql say what each column means. Instants are epoch milliseconds. */
export type Clip = Readonly<{
  id: string;
  camera: string;
  originalPath: string;
  path: string;
  bytes: number;
  sha256: string;
  kind: ClipKind;
  completeness: Completeness;
  completenessBasis: CompletenessBasis;
  timeZone: string;
  claimedAt: number | null;
  startAt: number;
  timeSource: TimeSource;
  receivedAt: number;
  durationMs: number | null;
  width: number | null;
  height: number | null;
  codec: string | null;
  thumbnail: string | null;
  withdrawnAt: number | null;
  problem: string | null;
  /** The event that it is part of; null for tests, sentinels and unknown files. */
  event: string | null;
  /** What was taken off the claimed time; null when nothing was. */
  clockOffsetMs: number | null;
  /** From when retention counts its age. */
  keptFrom: number;
  /** The whole clip of which this partial is the beginning. */
  supersededBy: string | null;
}>;

/** What filing says about a clip; its event and its successor follow from the rows that are there. */
export type NewClip = Omit<Clip, 'event' | 'supersededBy'>;

/** Column and property are one list, so that a column that is written is also read. */
const columns: Readonly<Record<keyof Clip, string>> = {
  id: 'id',
  camera: 'camera',
  originalPath: 'original_path',
  path: 'path',
  bytes: 'bytes',
  sha256: 'sha256',
  kind: 'kind',
  completeness: 'completeness',
  completenessBasis: 'completeness_basis',
  timeZone: 'time_zone',
  claimedAt: 'claimed_at',
  startAt: 'start_at',
  timeSource: 'time_source',
  receivedAt: 'received_at',
  durationMs: 'duration_ms',
  width: 'width',
  height: 'height',
  codec: 'codec',
  thumbnail: 'thumbnail',
  withdrawnAt: 'withdrawn_at',
  problem: 'problem',
  event: 'event',
  clockOffsetMs: 'clock_offset_ms',
  keptFrom: 'kept_from',
  supersededBy: 'superseded_by',
};

/** `SELECT ${selectClip} FROM clip` gives rows that are a Clip: names are those of the type, values those of STRICT columns. */
export const selectClip = Object.entries(columns)
  .map(([property, column]) => `${column} AS ${property}`)
  .join(', ');

/** Inserts a Clip given as named parameters. */
export const insertClip = `INSERT INTO clip (${Object.values(columns).join(', ')})
  VALUES (${Object.keys(columns)
    .map(property => `@${property}`)
    .join(', ')})`;
