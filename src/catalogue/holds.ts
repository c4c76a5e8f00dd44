// What a person has put on hold. Retention reads these rows in the transaction that would delete, so that a hold counts from
// the moment it is written.

import { type Db, inTransaction } from '../base/sqlite.ts';
import { maxEndAfterArrivalMs } from '../domain/event.ts';
import type { HeldFootage } from './held-footage.ts';

export type Hold = Readonly<{
  id: string;
  camera: string;
  /** Of one event; else null, and the span is there. */
  event: string | null;
  fromAt: number | null;
  toAt: number | null;
  reason: string | null;
  addedAt: number;
}>;

export type HoldContents = Readonly<{ clips: number; segments: number; bytes: number }>;

export type Holds = Readonly<{
  /**
   * Adds a hold. Answers it as it was added: of an event that became part of another one meanwhile it is of that one. `full`:
   * there are `limit` already. `gone`: there is no such event any more.
   */
  addHold(hold: Hold, limit: number): Hold | 'full' | 'gone';
  /** Oldest first. */
  holds(): readonly Hold[];
  /** The holds whose id begins with these characters, two at the most. */
  holdsByPrefix(prefix: string): readonly Hold[];
  /** An event that was there only because it was held goes with its last hold. */
  removeHold(id: string): void;
  isEventHeld(event: string): boolean;
  /** Bytes of clips and footage that are on hold, each counted once; of one camera or of all. */
  heldBytes(camera?: string): number;
  /** What one hold holds; another one may hold it too. */
  contentsOfHold(hold: Hold): HoldContents;
}>;

/**
 * Longer than any clip. Of a held span more is believed than of an event (domain/event.ts): what a long file may show of it
 * is to be kept, and a forged length keeps no more than a forged time would.
 */
const maxHeldSpanMs = 86_400_000;
/**
 * How long a clip lasts. One that was cut short and does not say, as when somebody smashed the camera, may show everything up
 * to its arrival.
 */
const clipLengthMs = `coalesce(clip.duration_ms,
  CASE WHEN clip.kind IN ('video', 'other') THEN clip.received_at - clip.start_at ELSE 0 END)`;
/** The end of a clip; an expression over the table clip. Nothing was filmed after it arrived. */
const clipEnd = `max(clip.start_at, min(clip.start_at + min(${clipLengthMs}, ${maxHeldSpanMs}),
  clip.received_at + ${maxEndAfterArrivalMs}))`;

/** Whether a row of hold is of a span that a row of clip lies in, if only with an end. */
export const holdsBySpan = `hold.event IS NULL AND hold.camera = clip.camera
  AND hold.from_at <= ${clipEnd} AND hold.to_at > clip.start_at`;

/** Whether a row of the table clip is on hold: an expression that is answered from indexes. */
export const heldClip = `(
  EXISTS (SELECT 1 FROM hold WHERE hold.event = clip.event)
  OR EXISTS (SELECT 1 FROM hold WHERE ${holdsBySpan}))`;

const selectHold =
  'SELECT id, camera, event, from_at AS fromAt, to_at AS toAt, reason, added_at AS addedAt FROM hold';

/**
 * The bytes of the clips on hold, of one camera or of all. From the holds to their clips, of which there are few, not from all
 * clips to the holds: CROSS JOIN keeps the order.
 */
export const heldBytesSql = `
  SELECT sum(bytes) FROM clip WHERE id IN (
    SELECT clip.id FROM hold CROSS JOIN clip ON clip.event = hold.event
    WHERE hold.event IS NOT NULL AND (@camera IS NULL OR hold.camera = @camera)
    UNION
    SELECT clip.id FROM hold CROSS JOIN clip INDEXED BY clip_by_camera_and_start
      ON clip.camera = hold.camera AND clip.start_at < hold.to_at AND clip.start_at >= hold.from_at - ${maxHeldSpanMs}
    WHERE hold.event IS NULL AND hold.from_at <= ${clipEnd} AND (@camera IS NULL OR hold.camera = @camera))`;

export function holdQueries(db: Db, held: HeldFootage): Holds {
  const count = db.prepare<[], number>('SELECT count(*) FROM hold').pluck();
  const insert = db.prepare<[Hold]>(`
    INSERT INTO hold (id, camera, event, from_at, to_at, reason, added_at)
    VALUES (@id, @camera, @event, @fromAt, @toAt, @reason, @addedAt)`);
  const all = db.prepare<[], Hold>(`${selectHold} ORDER BY added_at, id`);
  const byPrefix = db.prepare<[{ prefix: string }], Hold>(
    `${selectHold} WHERE id >= @prefix AND id < @prefix || char(0xffff) ORDER BY id LIMIT 2`,
  );
  const currentEvent = db
    .prepare<[{ id: string }], string>(
      'SELECT id FROM event WHERE id = @id OR id = (SELECT into_event FROM merged_event WHERE id = @id)',
    )
    .pluck();
  const remove = db.prepare<[string], string | null>('DELETE FROM hold WHERE id = ? RETURNING event').pluck();
  const removeEmptyEvent = db.prepare<[{ event: string }]>(`
    DELETE FROM event WHERE id = @event AND NOT EXISTS (SELECT 1 FROM clip WHERE clip.event = @event)
      AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.event = @event)`);
  const bytes = db.prepare<[{ camera: string | null }], number | null>(heldBytesSql).pluck();
  const heldCameras = db.prepare<[], string>('SELECT DISTINCT camera FROM hold').pluck();
  const ofEvent = db.prepare<[string], { clips: number; bytes: number }>(
    'SELECT count(*) AS clips, coalesce(sum(bytes), 0) AS bytes FROM clip WHERE event = ?',
  );
  const ofSpan = db.prepare<[Hold], { clips: number; bytes: number }>(`
    SELECT count(*) AS clips, coalesce(sum(bytes), 0) AS bytes FROM clip INDEXED BY clip_by_camera_and_start
    WHERE camera = @camera AND start_at < @toAt AND start_at >= @fromAt - ${maxHeldSpanMs} AND @fromAt <= ${clipEnd}`);
  const isHeld = db
    .prepare<[string], number>(`SELECT 1 FROM event WHERE id = ? AND ${heldEventCondition}`)
    .pluck();
  return {
    addHold: (hold, limit) =>
      inTransaction(db, () => {
        if ((count.get() ?? 0) >= limit) return 'full';
        const event = hold.event === null ? null : currentEvent.get({ id: hold.event });
        if (event === undefined) return 'gone';
        const added = { ...hold, event };
        insert.run(added);
        return added;
      }),
    holds: () => all.all(),
    holdsByPrefix: prefix => byPrefix.all({ prefix }),
    removeHold: id =>
      inTransaction(db, () => {
        for (const event of remove.all(id)) if (event !== null) removeEmptyEvent.run({ event });
      }),
    isEventHeld: event => isHeld.get(event) !== undefined,
    heldBytes(camera) {
      const cameras = camera === undefined ? heldCameras.all() : [camera];
      const footage = cameras.map(each => held.footageIn(each, held.heldSpans(each)).bytes);
      return footage.reduce((sum, each) => sum + each, bytes.get({ camera: camera ?? null }) ?? 0);
    },
    contentsOfHold(hold) {
      const clips = hold.event === null ? ofSpan.get(hold) : ofEvent.get(hold.event);
      const span = held.spanOfHold(hold.id);
      const footage = held.footageIn(hold.camera, span === undefined ? [] : [span]);
      return {
        clips: clips?.clips ?? 0,
        segments: footage.segments,
        bytes: (clips?.bytes ?? 0) + footage.bytes,
      };
    },
  };
}

/** Whether a row of the table event is on hold by itself, or lies in a span that is. */
export const heldEventCondition = `(
  EXISTS (SELECT 1 FROM hold WHERE hold.event = event.id)
  OR EXISTS (SELECT 1 FROM hold WHERE hold.event IS NULL AND hold.camera = event.camera
             AND hold.from_at <= event.end_at AND hold.to_at > event.start_at))`;
