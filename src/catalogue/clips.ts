import type { Db } from '../base/sqlite.ts';
import { type Clip, selectClip } from './clip-row.ts';

export type ClipQuery = Readonly<{
  camera?: string | undefined;
  /** Clips that start at or after this instant. */
  since?: number | undefined;
  /** Clips that start before this instant. */
  until?: number | undefined;
  limit?: number | undefined;
}>;

export type CameraTally = Readonly<{
  camera: string;
  /** Files of all kinds, and their bytes without thumbnails. */
  clips: number;
  bytes: number;
  /** When the last file arrived that is neither a test nor a sentinel; null when none ever did. */
  lastClipAt: number | null;
}>;

export type Clips = Readonly<{
  /** Newest first by start. One consistent view, read row by row: the connection does nothing else until it is read to its end. */
  listClips(query: ClipQuery): IterableIterator<Clip>;
  clip(id: string): Clip | undefined;
  /** The clips whose id begins with these characters, two at the most: enough to tell one from several. */
  clipsByPrefix(prefix: string): readonly Clip[];
  /** The clip that this upload became or is a repeat of. */
  clipOfUpload(upload: string): Clip | undefined;
  /** How many uploads brought this clip. */
  receiptCount(clip: string): number;
  /** One row per camera that ever sent something, by name. */
  tallies(): readonly CameraTally[];
}>;

export function clipQueries(db: Db): Clips {
  const byId = db.prepare<[string], Clip>(`SELECT ${selectClip} FROM clip WHERE id = ?`);
  // U+FFFF sorts behind every character that an id is made of.
  const byPrefix = db.prepare<[string, string], Clip>(
    `SELECT ${selectClip} FROM clip WHERE id >= ? AND id < ? || char(0xffff) ORDER BY id LIMIT 2`,
  );
  const byUpload = db.prepare<[string], Clip>(
    `SELECT ${selectClip} FROM clip WHERE id = (SELECT clip FROM receipt WHERE upload = ?)`,
  );
  const receipts = db.prepare<[string], number>('SELECT count(*) FROM receipt WHERE clip = ?').pluck();
  const tallies = db.prepare<[], CameraTally>(`
    SELECT camera, count(*) AS clips, sum(bytes) AS bytes,
           max(CASE WHEN kind NOT IN ('test', 'sentinel') THEN received_at END) AS lastClipAt
    FROM clip INDEXED BY clip_by_arrival GROUP BY camera ORDER BY camera`);
  return {
    listClips: query => listClips(db, query),
    clip: id => byId.get(id),
    clipsByPrefix: prefix => byPrefix.all(prefix, prefix),
    clipOfUpload: upload => byUpload.get(upload),
    receiptCount: clip => receipts.get(clip) ?? 0,
    tallies: () => tallies.all(),
  };
}

function listClips(db: Db, { camera, since, until, limit }: ClipQuery): IterableIterator<Clip> {
  const conditions = [
    ...(camera === undefined ? [] : ['camera = @camera']),
    ...(since === undefined ? [] : ['start_at >= @since']),
    ...(until === undefined ? [] : ['start_at < @until']),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  // A negative limit is none to SQLite.
  return db
    .prepare<[Record<string, unknown>], Clip>(
      `SELECT ${selectClip} FROM clip ${where} ORDER BY start_at DESC, id DESC LIMIT @limit`,
    )
    .iterate({ camera, since, until, limit: limit ?? -1 });
}
