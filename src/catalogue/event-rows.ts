import type { Db } from '../base/sqlite.ts';
import type { Span } from '../domain/event.ts';
import type { Clip } from './clip-row.ts';
import { holdsBySpan } from './holds.ts';

export type Event = Readonly<{ id: string; camera: string; startAt: number; endAt: number }>;
/** The lower the number, the earlier it was opened. */
export type NumberedEvent = Event & Readonly<{ number: number }>;
/** What decides where a clip belongs. */
export type PlacedClip = Pick<
  Clip,
  'id' | 'camera' | 'kind' | 'startAt' | 'durationMs' | 'receivedAt' | 'event'
>;

export type EventRows = ReturnType<typeof eventRows>;
type Merge = { from: string; to: string };

const selectPlaced =
  'SELECT id, camera, kind, start_at AS startAt, duration_ms AS durationMs, received_at AS receivedAt, event FROM clip';
const selectEvent = 'SELECT number, id, camera, start_at AS startAt, end_at AS endAt FROM event';

/** What keeping events takes of SQL; all of it reads from indexes, a few rows. */
export function eventRows(db: Db) {
  return {
    clip: db.prepare<[string], PlacedClip>(`${selectPlaced} WHERE id = ?`),
    first: db.prepare<[string], PlacedClip>(`${selectPlaced} WHERE event = ? ORDER BY start_at, id LIMIT 1`),
    other: db
      .prepare<[string, string], number>('SELECT 1 FROM clip WHERE event = ? AND id <> ? LIMIT 1')
      .pluck(),
    after: db.prepare<[string, number], PlacedClip>(
      `${selectPlaced} WHERE event = ? AND start_at > ? ORDER BY start_at, id`,
    ),
    latestFirst: db.prepare<[string, number], PlacedClip>(
      `${selectPlaced} WHERE event = ? AND start_at <= ? ORDER BY start_at DESC, id DESC`,
    ),
    remaining: db
      .prepare<[number], string>(
        `SELECT id FROM clip INDEXED BY clip_without_event
         WHERE event IS NULL AND kind IN ('video', 'image') ORDER BY camera, start_at LIMIT ?`,
      )
      .pluck(),
    setEvent: db.prepare<[string | null, string]>('UPDATE clip SET event = ? WHERE id = ?'),
    setEventOf: db.prepare<[Merge & { startAt: number; before: number }]>(
      'UPDATE clip SET event = @to WHERE event = @from AND start_at >= @startAt AND start_at < @before',
    ),
    event: db.prepare<[string], NumberedEvent>(`${selectEvent} WHERE id = ?`),
    earlier: db.prepare<[string, number], NumberedEvent>(
      `${selectEvent} WHERE camera = ? AND start_at <= ? ORDER BY start_at DESC`,
    ),
    insert: db.prepare<[Event]>(
      'INSERT INTO event (id, camera, start_at, end_at) VALUES (@id, @camera, @startAt, @endAt)',
    ),
    setBounds: db.prepare<[Span & { id: string }]>(
      'UPDATE event SET start_at = @startAt, end_at = @endAt WHERE id = @id',
    ),
    remove: db.prepare<[string]>('DELETE FROM event WHERE id = ?'),
    merge: mergeSteps(db),
    isHeld: db.prepare<[string], number>('SELECT 1 FROM hold WHERE event = ? LIMIT 1').pluck(),
    holdsOf: db.prepare<[string], string>('SELECT id FROM hold WHERE event = ?').pluck(),
    spanHoldsOf: db
      .prepare<[string], string>(`SELECT hold.id FROM clip JOIN hold ON ${holdsBySpan} WHERE clip.id = ?`)
      .pluck(),
    copyHold: db.prepare<[{ hold: string; id: string; to: string }]>(
      `INSERT INTO hold (id, camera, event, reason, added_at)
       SELECT @id, camera, @to, reason, added_at FROM hold WHERE id = @hold AND NOT ${isCopied}`,
    ),
  };
}

/** Whether a row of hold has its like with the event `@to`: parts of an event that was held find together again. */
const isCopied = `EXISTS (SELECT 1 FROM hold AS there
  WHERE there.event = @to AND there.added_at = hold.added_at AND there.reason IS hold.reason)`;

/** In the order in which references allow it: everything of `from` becomes `to`'s, and `from` stays findable. */
function mergeSteps(db: Db) {
  return [
    'UPDATE clip SET event = @to WHERE event = @from',
    `DELETE FROM hold WHERE event = @from AND ${isCopied}`,
    'UPDATE hold SET event = @to WHERE event = @from',
    'UPDATE merged_event SET into_event = @to WHERE into_event = @from',
    'INSERT INTO merged_event (id, into_event) VALUES (@from, @to)',
    'DELETE FROM event WHERE id = @from',
  ].map(sql => db.prepare<[Merge]>(sql));
}
