// Where receiver.db is, and how every connection to it is opened.

import { join } from 'node:path';
import { type Db, openDatabase, readForeign } from '../base/sqlite.ts';

const migrations = new URL('./migrations-receiver/', import.meta.url);

/**
 * What the receiver keeps for itself is in a directory of its own, so that it need not be able to write anything else in
 * the state directory. What lies here is the word of the receiver, to commands of the owner too.
 */
export function receiverDirectory(stateDir: string): string {
  return join(stateDir, 'receiver');
}

export function receiverDatabaseFile(stateDir: string): string {
  return join(receiverDirectory(stateDir), 'receiver.db');
}

/** A connection of one's own to receiver.db; the receiver's directory exists. */
export function openReceiverDatabase(stateDir: string, options: { readOnly?: boolean } = {}): Db {
  return openDatabase({ ...whereAndHow(stateDir), ...options });
}

/** What another role asks of it: it is not to believe that the receiver is still itself. */
export function readReceiverDatabase<T>(stateDir: string, work: (db: Db) => T): T {
  return readForeign(whereAndHow(stateDir), work);
}

function whereAndHow(stateDir: string) {
  return {
    file: receiverDatabaseFile(stateDir),
    migrations,
    journal: 'wal',
    synchronous: 'normal',
    group: 'write',
  } as const;
}
