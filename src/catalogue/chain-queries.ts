// Reading the chain, in pages: between two of them others may write, and a chain of millions of entries costs no memory.

import type { Db } from '../base/sqlite.ts';
import type { ChainHead, ChainMedia } from '../domain/chain.ts';

/** A row of the chain as it is, whether it is as it should be or not. */
export type ChainRow = Readonly<{
  number: number;
  day: string;
  type: string;
  subject: string;
  line: string;
  hash: string;
  /** Of the head that names this number; null when none does. */
  headDay: string | null;
  headHash: string | null;
  signature: string | null;
}>;

export type SignedHead = ChainHead & Readonly<{ signature: string }>;

/** The row of a clip or a segment as far as the chain speaks of it. */
export type ChainedClip = Readonly<{
  media: ChainMedia;
  id: string;
  camera: string;
  path: string;
  bytes: number;
  sha256: string;
  /** Of a segment: when it was finished. */
  receivedAt: number;
  /** Of the upload that brought it first; null when that row is gone, and for segments. */
  receipt: string | null;
}>;

export type ChainQueries = Readonly<{
  /** Entries with a number above `after`, in order, `limit` at the most. */
  chainRows(after: number, limit: number): readonly ChainRow[];
  /** The same of one consistent moment with what the catalogue says of their clips and segments. */
  chainRowsWithClips(
    after: number,
    limit: number,
  ): readonly Readonly<{ row: ChainRow; clip: ChainedClip | undefined; isGone: boolean }>[];
  /** The signed head of the last day; undefined as long as nothing was taken in. */
  chainHead(): SignedHead | undefined;
  /** The signed head of the day that this entry is of. */
  headAfter(number: number): SignedHead | undefined;
  /** Days with a head whose entry is not there. */
  headsWithoutEntry(limit: number): readonly SignedHead[];
  /** The number of the last entry, 0 without any. */
  lastNumber(): number;
  /** The hash of an entry. */
  hashOf(number: number): string | undefined;
  /** The number of the entry by which a clip was taken in. */
  keptNumber(subject: string): number | undefined;
  chainedClip(id: string): ChainedClip | undefined;
  /** A clip or a segment, whichever has this id. */
  chainedMedia(id: string): ChainedClip | undefined;
  /** Clips that have no entry, by id above `after`. `isPending`: the daemon appends them at its start. */
  clipsWithoutEntry(after: string, limit: number): readonly Unchained[];
  segmentsWithoutEntry(after: string, limit: number): readonly Unchained[];
}>;

export type Unchained = Readonly<{
  id: string;
  camera: string;
  path: string;
  receivedAt: number;
  isPending: 0 | 1;
}>;

const rowColumns = `chain_entry.number, chain_entry.day, chain_entry.type, chain_entry.subject, chain_entry.line,
  chain_entry.hash, chain_head.day AS headDay, chain_head.hash AS headHash, chain_head.signature`;
const clipColumns = `'clip' AS media, clip.id, clip.camera, clip.path, clip.bytes, clip.sha256, clip.received_at AS receivedAt,
  (SELECT body FROM receipt WHERE receipt.upload = clip.id AND receipt.clip = clip.id) AS receipt`;
const headColumns = 'chain_head.day, chain_head.number, chain_head.hash, chain_head.signature';

export function chainQueries(db: Db): ChainQueries {
  // Two heads may name one number only where somebody has edited the rows; each then comes with a row of its own.
  const rows = db.prepare<[number, number], ChainRow>(`
    SELECT ${rowColumns} FROM chain_entry LEFT JOIN chain_head ON chain_head.number = chain_entry.number
    WHERE chain_entry.number > ? ORDER BY chain_entry.number, chain_head.day LIMIT ?`);
  const clip = db.prepare<[string], ChainedClip>(`SELECT ${clipColumns} FROM clip WHERE id = ?`);
  const segment = db.prepare<[string], ChainedClip>(`
    SELECT 'segment' AS media, id, camera, path, bytes, sha256, kept_from AS receivedAt, NULL AS receipt
    FROM segment WHERE id = ?`);
  const media = (id: string) => clip.get(id) ?? segment.get(id);
  const gone = db
    .prepare<[string], number>("SELECT 1 FROM chain_entry WHERE subject = ? AND type = 'gone' LIMIT 1")
    .pluck();
  const head = db.prepare<[], SignedHead>(`SELECT ${headColumns} FROM chain_head ORDER BY day DESC LIMIT 1`);
  const headFrom = db.prepare<[number], SignedHead>(
    `SELECT ${headColumns} FROM chain_head WHERE number >= ? ORDER BY number LIMIT 1`,
  );
  const lostHeads = db.prepare<[number], SignedHead>(`
    SELECT ${headColumns} FROM chain_head
    WHERE NOT EXISTS (SELECT 1 FROM chain_entry WHERE chain_entry.number = chain_head.number) ORDER BY day LIMIT ?`);
  const last = db.prepare<[], number | null>('SELECT max(number) FROM chain_entry').pluck();
  const hash = db.prepare<[number], string>('SELECT hash FROM chain_entry WHERE number = ?').pluck();
  const kept = db
    .prepare<[string], number>(
      "SELECT number FROM chain_entry WHERE subject = ? AND type = 'kept' ORDER BY number LIMIT 1",
    )
    .pluck();
  const unchainedSegments = db.prepare<[string, number], Unchained>(`
    SELECT id, camera, path, kept_from AS receivedAt, 0 AS isPending FROM segment
    WHERE id > ? AND NOT EXISTS (SELECT 1 FROM chain_entry WHERE subject = segment.id AND type = 'kept')
    ORDER BY id LIMIT ?`);
  const unchained = db.prepare<[string, number], Unchained>(`
    SELECT id, camera, path, received_at AS receivedAt,
           EXISTS (SELECT 1 FROM chain_pending WHERE chain_pending.clip = clip.id) AS isPending
    FROM clip
    WHERE id > ? AND NOT EXISTS (SELECT 1 FROM chain_entry WHERE subject = clip.id AND type = 'kept')
    ORDER BY id LIMIT ?`);
  const rowsWithClips = db.transaction((after: number, limit: number) =>
    rows.all(after, limit).map(row => ({
      row,
      clip: media(row.subject),
      isGone: row.type === 'kept' && gone.get(row.subject) !== undefined,
    })),
  );
  return {
    chainRows: (after, limit) => rows.all(after, limit),
    chainRowsWithClips: rowsWithClips,
    chainHead: () => head.get(),
    headAfter: number => headFrom.get(number),
    headsWithoutEntry: limit => lostHeads.all(limit),
    lastNumber: () => last.get() ?? 0,
    hashOf: number => hash.get(number),
    keptNumber: subject => kept.get(subject),
    chainedClip: id => clip.get(id),
    chainedMedia: media,
    clipsWithoutEntry: (after, limit) => unchained.all(after, limit),
    segmentsWithoutEntry: (after, limit) => unchainedSegments.all(after, limit),
  };
}
