import type { Db } from '../base/sqlite.ts';
import { type Clip, selectClip } from './clip-row.ts';
import type { ClipQuery } from './clips.ts';
import type { Event } from './event-rows.ts';
import { heldEventCondition } from './holds.ts';

export type ListedEvent = Event &
  Readonly<{
    /** Ids by start, as a JSON array: there may be ten thousand. */
    clips: string;
    held: 0 | 1;
  }>;

export type EventQueries = Readonly<{
  /** By its id, or by that of an event that was merged into it. */
  event(id: string): Event | undefined;
  /** The events whose id, or merged id, begins with these characters, two at the most. */
  eventsByPrefix(prefix: string): readonly Event[];
  /**
   * Newest first by start; `since` and `until` ask for what was going on then. Read row by row: the connection does nothing
   * else until it is read to its end.
   */
  listEvents(query: ClipQuery): IterableIterator<ListedEvent>;
  /** By start, and read like a list. */
  clipsOfEvent(id: string): IterableIterator<Clip>;
}>;

const columns = 'id, camera, start_at AS startAt, end_at AS endAt';

export function eventQueries(db: Db): EventQueries {
  const byId = db.prepare<[{ id: string }], Event>(
    `SELECT ${columns} FROM event
     WHERE id = @id OR id = (SELECT into_event FROM merged_event WHERE id = @id)`,
  );
  // U+FFFF sorts behind every character that an id is made of.
  const byPrefix = db.prepare<[{ prefix: string }], Event>(
    `SELECT ${columns} FROM event
     WHERE id IN (
       SELECT id FROM event WHERE id >= @prefix AND id < @prefix || char(0xffff)
       UNION SELECT into_event FROM merged_event WHERE id >= @prefix AND id < @prefix || char(0xffff))
     ORDER BY id LIMIT 2`,
  );
  const clips = db.prepare<[string], Clip>(
    `SELECT ${selectClip} FROM clip WHERE event = ? ORDER BY start_at, id`,
  );
  return {
    event: id => byId.get({ id }),
    eventsByPrefix: prefix => byPrefix.all({ prefix }),
    listEvents: query => listEvents(db, query),
    clipsOfEvent: id => clips.iterate(id),
  };
}

/**
 * Where the earliest event of these cameras begins that was still going on at `@since`, of each camera its last before then
 * at the most; else `@since`. So that a short list reads a few rows and not all of them.
 */
const earliestStart = `
  WITH RECURSIVE camera (name) AS (
    SELECT min(camera) FROM event
    UNION ALL SELECT (SELECT min(event.camera) FROM event WHERE event.camera > name) FROM camera WHERE name IS NOT NULL)
  SELECT coalesce(min(start), @since) FROM (
    SELECT (SELECT start_at FROM event WHERE event.camera = name AND start_at < @since
            ORDER BY start_at DESC LIMIT 1) AS start
    FROM camera WHERE name IS NOT NULL AND (@camera IS NULL OR name = @camera))`;

function listEvents(db: Db, { camera, since, until, limit }: ClipQuery): IterableIterator<ListedEvent> {
  const from =
    since === undefined
      ? undefined
      : db
          .prepare<[{ since: number; camera: string | null }], number>(earliestStart)
          .pluck()
          .get({ since, camera: camera ?? null });
  const conditions = [
    ...(camera === undefined ? [] : ['camera = @camera']),
    // An event is there from its first moment to its last.
    ...(since === undefined ? [] : ['start_at >= @from AND end_at >= @since']),
    ...(until === undefined ? [] : ['start_at < @until']),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  // A negative limit is none to SQLite.
  return db
    .prepare<[Record<string, unknown>], ListedEvent>(`
      SELECT ${columns}, ${heldEventCondition} AS held,
             (SELECT json_group_array(id) FROM (SELECT id FROM clip WHERE clip.event = event.id ORDER BY start_at, id)) AS clips
      FROM event ${where} ORDER BY start_at DESC, id DESC LIMIT @limit`)
    .iterate({ camera, since, from, until, limit: limit ?? -1 });
}
