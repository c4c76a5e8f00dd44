// Where receiver.db is, and how every connection to it is opened.

import { join } from 'node:path';
import { FailedError, messageOf, SettingsError, TransientError } from '../base/errors.ts';
import { type Db, openDatabase, openForeign, readForeign } from '../base/sqlite.ts';

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
export function openReceiverDatabase(stateDir: string): Db {
  return openDatabase(whereAndHow(stateDir));
}

/**
 * What another role asks of it: it is not to believe that the receiver is still itself. Throws FailedError or SettingsError
 * with a sentence when it cannot be read.
 */
export function readReceiverDatabase<T>(stateDir: string, work: (db: Db) => T): T {
  return translated(stateDir, () => readForeign(whereAndHow(stateDir), work));
}

/** The same for who asks again and again. */
export function openReceiverReader(stateDir: string): ReturnType<typeof openForeign> {
  const foreign = translated(stateDir, () => openForeign(whereAndHow(stateDir)));
  return { ...foreign, read: work => translated(stateDir, () => foreign.read(work)) };
}

function translated<T>(stateDir: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SettingsError || error instanceof TransientError) throw error;
    throw new FailedError(
      `The receiver's memory in ${receiverDatabaseFile(stateDir)} cannot be read (${messageOf(error)}): run this as the user that clipward serve runs as.`,
      { cause: error },
    );
  }
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
