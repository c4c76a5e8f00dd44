// Which footage lies around an event, and so stays as long as the event does. The rows say it themselves (007-footage.sql);
// here is what changes it for all of them: other margins in the settings.

import { type Db, inTransaction } from '../base/sqlite.ts';

export type FootageMargin = Readonly<{
  /** So much before an event belongs to it; milliseconds. */
  beforeMs: number;
  afterMs: number;
}>;

export type NearFootage = Readonly<{
  /** What counts from now on. What is there is brought up to date by placeFootage. */
  setFootageMargin(margin: FootageMargin): void;
  /** After a change of the margins: looks at some segments again, `limit` at the most. Answers how many. */
  placeFootage(limit: number): number;
}>;

/** Whether an event is near a row of segment: an expression that is answered from indexes. */
export const isNearEvent = '(SELECT is_near FROM segment_nearness WHERE segment_nearness.id = segment.id)';

export function nearFootage(db: Db): NearFootage {
  const change = db.prepare<[FootageMargin]>(`
    UPDATE footage_margin SET before_ms = @beforeMs, after_ms = @afterMs, checked_to = ''
    WHERE before_ms <> @beforeMs OR after_ms <> @afterMs`);
  const checkedTo = db.prepare<[], string | null>('SELECT checked_to FROM footage_margin').pluck();
  const lastOf = db
    .prepare<[string, number], string | null>(
      'SELECT max(id) FROM (SELECT id FROM segment WHERE id > ? ORDER BY id LIMIT ?)',
    )
    .pluck();
  const place = db.prepare<[string, string]>(
    `UPDATE segment SET near_event = ${isNearEvent} WHERE id > ? AND id <= ?`,
  );
  const note = db.prepare<[string | null]>('UPDATE footage_margin SET checked_to = ?');
  return {
    setFootageMargin: margin => void change.run(margin),
    placeFootage: limit =>
      inTransaction(db, () => {
        const after = checkedTo.get();
        if (after === undefined || after === null) return 0;
        const last = lastOf.get(after, limit) ?? null;
        note.run(last);
        return last === null ? 0 : place.run(after, last).changes;
      }),
  };
}
