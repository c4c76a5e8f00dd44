// Appending to the chain. Every function here is for use inside the transaction that makes or takes away what the entry
// speaks of: an interruption then leaves both or neither, and the head that a reader sees is always signed.

import { createHash } from 'node:crypto';
import { type Db, inTransaction } from '../base/sqlite.ts';
import {
  type ChainEntry,
  type ChainMedia,
  chainDay,
  formatEntry,
  genesisText,
  headText,
  linkText,
} from '../domain/chain.ts';

/** What it takes to append. */
export type ChainKey = Readonly<{
  archiveId: string;
  /** Ed25519 over the text in UTF-8, base64. Synchronous: it is used inside transactions. */
  sign(text: string): string;
  /** Epoch milliseconds; when an entry for something taken in is written. */
  now(): number;
}>;

export type Kept = Readonly<{
  media: ChainMedia;
  id: string;
  camera: string;
  bytes: number;
  sha256: string;
  receivedAt: number;
  /** The receipt, byte for byte; null where there is none (segments). */
  receipt: string | null;
}>;

export type Gone = Readonly<{
  media: ChainMedia;
  id: string;
  camera: string;
  bytes: number;
  sha256: string;
  /** Which rule asked for it (domain/retention-plan.ts): lower-case letters and hyphens. */
  reason: string;
  at: number;
}>;

export type ChainAppends = Readonly<{
  /** After the row was inserted. Without a key a clip is only noted, and appended at the next start of the daemon. */
  appendKept(kept: Kept): void;
  /**
   * A tombstone; before the row of a clip is deleted. Throws when the catalogue was opened without a key: nobody could say
   * later what was there.
   */
  appendGone(gone: Gone): void;
}>;

export type ChainBackfill = Readonly<{
  /** Appends entries for clips that have none, oldest arrival first, `limit` at the most, in one transaction. Answers how many there were. */
  appendPending(limit: number): number;
}>;

export function sha256OfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function chainAppends(db: Db, key: ChainKey | undefined): ChainAppends & ChainBackfill {
  const last = db.prepare<[], { number: number; day: string; hash: string }>(
    'SELECT number, day, hash FROM chain_entry ORDER BY number DESC LIMIT 1',
  );
  const insert = db.prepare<[Record<string, unknown>]>(
    `INSERT INTO chain_entry (number, day, type, subject, line, hash)
     VALUES (@number, @day, @type, @subject, @line, @hash)`,
  );
  const setHead = db.prepare<[Record<string, unknown>]>(`
    INSERT INTO chain_head (day, number, hash, signature) VALUES (@day, @number, @hash, @signature)
    ON CONFLICT (day) DO UPDATE SET number = excluded.number, hash = excluded.hash, signature = excluded.signature`);
  const addPending = db.prepare<[number, string]>(
    'INSERT INTO chain_pending (received_at, clip) VALUES (?, ?)',
  );
  const pending = db.prepare<[number], Kept>(`
    SELECT 'clip' AS media, clip.id, clip.camera, clip.bytes, clip.sha256, clip.received_at AS receivedAt,
           (SELECT body FROM receipt WHERE receipt.upload = clip.id) AS receipt
    FROM chain_pending JOIN clip ON clip.id = chain_pending.clip
    ORDER BY chain_pending.received_at, chain_pending.clip LIMIT ?`);
  const pendingClip = db.prepare<[string], Kept>(`
    SELECT 'clip' AS media, clip.id, clip.camera, clip.bytes, clip.sha256, clip.received_at AS receivedAt,
           (SELECT body FROM receipt WHERE receipt.upload = clip.id) AS receipt
    FROM chain_pending JOIN clip ON clip.id = chain_pending.clip WHERE chain_pending.clip = ?`);
  const removePending = db.prepare<[string]>('DELETE FROM chain_pending WHERE clip = ?');

  const append = ({ archiveId, sign }: ChainKey, entry: ChainEntry, at: number) => {
    const before = last.get();
    const number = (before?.number ?? 0) + 1;
    const day = chainDay(at, before?.day);
    const line = formatEntry({ number, at, entry });
    const hash = sha256OfText(linkText(before?.hash ?? sha256OfText(genesisText(archiveId)), line));
    insert.run({ number, day, type: entry.type, subject: entry.id, line, hash });
    setHead.run({ day, number, hash, signature: sign(headText(archiveId, { day, number, hash })) });
  };
  const appendKept = (to: ChainKey, { receipt, ...kept }: Kept) => {
    const receiptSha256 = receipt === null ? null : sha256OfText(receipt);
    append(to, { type: 'kept', ...kept, receiptSha256 }, to.now());
    removePending.run(kept.id);
  };
  return {
    appendKept(kept) {
      if (key) appendKept(key, kept);
      else if (kept.media === 'clip') addPending.run(kept.receivedAt, kept.id);
    },
    appendGone({ at, ...gone }) {
      if (key === undefined) throw new Error('a catalogue that was opened with a key was expected');
      const unsaid = pendingClip.get(gone.id);
      if (unsaid) appendKept(key, unsaid);
      append(key, { type: 'gone', ...gone }, at);
    },
    appendPending(limit) {
      if (key === undefined) throw new Error('a catalogue that was opened with a key was expected');
      return inTransaction(db, () => {
        const clips = pending.all(limit);
        for (const clip of clips) appendKept(key, clip);
        return clips.length;
      });
    },
  };
}
