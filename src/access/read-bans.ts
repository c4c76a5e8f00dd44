// Bans for a command to show, while the receiver runs or not.

import { existsSync } from 'node:fs';
import { FailedError, messageOf, SettingsError } from '../base/errors.ts';
import type { Ban } from '../domain/bans.ts';
import { prepareBans } from './ban-memory.ts';
import { openReceiverDatabase, receiverDatabaseFile } from './receiver-database.ts';

/**
 * What the receiver has written down, for a command; empty before it first ran. Throws FailedError when it cannot be read:
 * no answer is not the answer that nobody is banned.
 */
export function readBans(stateDir: string): readonly Ban[] {
  const file = receiverDatabaseFile(stateDir);
  if (!existsSync(file)) return [];
  try {
    const db = openReceiverDatabase(stateDir, { readOnly: true });
    try {
      return prepareBans(db).bans();
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    throw new FailedError(
      `The receiver's memory in ${file} cannot be read (${messageOf(error)}): run this as the user that clipward serve runs as.`,
      { cause: error },
    );
  }
}
