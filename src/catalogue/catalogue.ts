// What was filed: clips with their receipts, notes, and what lies in quarantine. One SQLite file that only the archive
// writes, and that the receiver never opens. Here live rows and transactions; no rule about time or kind, and no file of
// the archive. Every function is synchronous, so that nothing can be awaited inside a transaction.

import { join } from 'node:path';
import { openDatabase } from '../base/sqlite.ts';
import { type Clips, clipQueries } from './clips.ts';
import { type Filing, filingQueries } from './filing.ts';
import { type Notes, noteQueries } from './notes.ts';
import { type QuarantineList, quarantineQueries } from './quarantined.ts';

export type Catalogue = Clips & Filing & Notes & QuarantineList & Disposable;

/** Where the catalogue of an installation is. */
export function catalogueFile(stateDir: string): string {
  return join(stateDir, 'catalogue.db');
}

/**
 * Opens the catalogue; without `readOnly` it is made, or brought up to date, first. A commit that returned survives a
 * power cut. Readers see the state as of each call and never wait for the writer. Throws SettingsError when the file is
 * of another version, or is missing and was to be only read.
 */
export function openCatalogue(options: { file: string; readOnly?: boolean }): Catalogue {
  const db = openDatabase({
    file: options.file,
    migrations: new URL('./migrations/', import.meta.url),
    readOnly: options.readOnly ?? false,
    journal: 'wal',
    synchronous: 'full',
  });
  return {
    ...clipQueries(db),
    ...filingQueries(db),
    ...noteQueries(db),
    ...quarantineQueries(db),
    [Symbol.dispose]: () => db.close(),
  };
}
