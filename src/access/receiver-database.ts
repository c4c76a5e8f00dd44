import { type Db, openDatabase } from '../base/sqlite.ts';
import { receiverDatabaseFile, receiverMigrations } from './receiver-memory.ts';

/** A connection of one's own to receiver.db; the state directory exists. */
export function openReceiverDatabase(stateDir: string, options: { readOnly?: boolean } = {}): Db {
  const file = receiverDatabaseFile(stateDir);
  return openDatabase({
    file,
    migrations: receiverMigrations,
    ...options,
    journal: 'wal',
    synchronous: 'normal',
    group: 'write',
  });
}
