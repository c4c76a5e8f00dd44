// Bans in receiver.db: written by the receiver as they are made, read by it at its start and by commands (read-bans.ts).

import { type Db, inTransaction } from '../base/sqlite.ts';
import type { Ban } from '../domain/bans.ts';

export type BanMemory = {
  /** The oldest first, those that ended and are still remembered included. */
  bans(): readonly Ban[];
  saveBan(ban: Ban): void;
  forgetBans(subjects: readonly string[]): void;
};

export function prepareBans(db: Db): BanMemory {
  const all = db.prepare<[], Omit<Ban, 'reasons'> & { reasons: string }>(
    `SELECT subject, since AS sinceMs, until AS untilMs, repetition, reasons FROM ban ORDER BY since, subject`,
  );
  const put = db.prepare(
    'INSERT OR REPLACE INTO ban (subject, since, until, repetition, reasons) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = db.prepare('DELETE FROM ban WHERE subject = ?');
  return {
    bans: () => all.all().map(row => ({ ...row, reasons: JSON.parse(row.reasons) as Ban['reasons'] })),
    saveBan: ({ subject, sinceMs, untilMs, repetition, reasons }) => {
      put.run(subject, sinceMs, untilMs, repetition, JSON.stringify(reasons));
    },
    forgetBans: subjects =>
      inTransaction(db, () => {
        for (const subject of subjects) remove.run(subject);
      }),
  };
}
