// The ring of what happened lately in sessions of followed cameras (receiver.db, session_event), for those who follow.

import type { Db } from '../base/sqlite.ts';
import { parseSessionEvent, type SessionEvent } from '../domain/session-event.ts';
import { isBelievable } from './believable-row.ts';
import { openReceiverReader } from './receiver-database.ts';

/** Older rows give way to newer ones. */
export const maxSessionEvents = 2000;
/** Nobody follows so far behind. */
export const sessionEventLifetimeMs = 10 * 60_000;
/** What a reader takes at once. */
const maxBatch = 500;

export type NewSessionEvent = Readonly<{
  /** The camera that is followed. */
  camera: string;
  atMs: number;
  session: string;
  address: string;
  listener: string;
  event: SessionEvent;
}>;

export type StoredSessionEvent = NewSessionEvent & Readonly<{ id: number }>;

/** The writing end. `append` belongs into the caller's transaction; it keeps the bounds. */
export function prepareSessionEvents(db: Db) {
  const insert = db.prepare(
    'INSERT INTO session_event (camera, at, session, address, listener, event) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const trim = db.prepare(
    `DELETE FROM session_event WHERE at < ? OR id <= (SELECT max(id) FROM session_event) - ${maxSessionEvents}`,
  );
  const empty = db.prepare('DELETE FROM session_event');
  return {
    append(events: readonly NewSessionEvent[], nowMs: number): void {
      for (const { camera, atMs, session, address, listener, event } of events.slice(-maxSessionEvents))
        insert.run(camera, atMs, session, address, listener, JSON.stringify(event));
      trim.run(nowMs - sessionEventLifetimeMs);
    },
    /** Leaves no trace in the files: what was typed may have been a password. */
    clear(): void {
      if (empty.run().changes > 0) db.pragma('wal_checkpoint(truncate)');
    },
  };
}

export type SessionEventReader = Disposable & {
  /** The newest id there is, whatever camera; 0 when nothing happened yet. */
  newestId(): number;
  /** Events of a camera that are newer than an id, the oldest first, at most a batch. */
  after(camera: string, id: number): readonly StoredSessionEvent[];
};

type Row = Omit<StoredSessionEvent, 'event'> & { event: string };

/** The reading end, for a command. Throws SettingsError when the receiver never ran, or has made something else of its database. */
export function openSessionEventReader(stateDir: string): SessionEventReader {
  const receiver = openReceiverReader(stateDir);
  return {
    newestId: () =>
      receiver.read(
        db => db.prepare<[], { id: number | null }>('SELECT max(id) AS id FROM session_event').get()?.id ?? 0,
      ),
    after: (camera, id) =>
      receiver.read(db =>
        db
          .prepare<[string, number], Row>(`
            SELECT id, camera, at AS atMs, session, address, listener, event FROM session_event
            WHERE camera = ? AND id > ? ORDER BY id LIMIT ${maxBatch}`)
          .all(camera, id)
          .flatMap(row => {
            const event = isBelievable(row, ['atMs']) ? parseSessionEvent(row.event) : undefined;
            return event === undefined ? [] : [{ ...row, event }];
          }),
      ),
    [Symbol.dispose]: () => receiver[Symbol.dispose](),
  };
}
