// Bans for a command to show, while the receiver runs or not.

import { existsSync } from 'node:fs';
import { FailedError, messageOf, SettingsError } from '../base/errors.ts';
import type { Ban } from '../domain/bans.ts';
import { prepareBans } from './ban-memory.ts';
import { readReceiverDatabase, receiverDatabaseFile } from './receiver-database.ts';

/**
 * What the receiver has written down, for a command; empty before it first ran. Throws FailedError when it cannot be read:
 * no answer is not the answer that nobody is banned.
 */
export function readBans(stateDir: string): readonly Ban[] {
  const file = receiverDatabaseFile(stateDir);
  if (!existsSync(file)) return [];
  try {
    return readReceiverDatabase(stateDir, db => prepareBans(db).bans());
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    throw new FailedError(
      `The receiver's memory in ${file} cannot be read (${messageOf(error)}): run this as the user that clipward serve runs as.`,
      { cause: error },
    );
  }
}
