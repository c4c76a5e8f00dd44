// What was filed: clips with their receipts, notes, and what lies in quarantine. One SQLite file that only the archive
// writes, and that the receiver never opens. Here live rows and transactions; no rule about time or kind, and no file of
// the archive. Every function is synchronous, so that nothing can be awaited inside a transaction.

import { dirname, join } from 'node:path';
import { openDatabase, probe } from '../base/sqlite.ts';
import { type BackupQueries, backupQueries } from './backup-queries.ts';
import { catalogueDirectory, catalogueGroup } from './catalogue-directory.ts';
import { type ChainBackfill, type ChainKey, chainAppends } from './chain.ts';
import { type ChainQueries, chainQueries } from './chain-queries.ts';
import { type CheckQueries, checkQueries } from './check-queries.ts';
import { type Clips, clipQueries } from './clips.ts';
import { type Clocks, clockQueries } from './clocks.ts';
import { type DropMissing, dropMissingQuery } from './drop-missing.ts';
import { type EventQueries, eventQueries } from './event-queries.ts';
import { type EventUpkeep, eventPlacing } from './events.ts';
import { type Filing, filingQueries } from './filing.ts';
import { type FootageQueries, footageQueries } from './footage.ts';
import { type FootageFiling, footageFiling } from './footage-filing.ts';
import { type Garbage, garbageQueries } from './garbage.ts';
import { type HeldFootage, heldFootage } from './held-footage.ts';
import { type Holds, holdQueries } from './holds.ts';
import { type Lookout, lookoutQueries } from './lookout.ts';
import { type NearFootage, nearFootage } from './near-footage.ts';
import { type Notes, noteQueries } from './notes.ts';
import { type Outbox, outboxQueries } from './outbox.ts';
import { type QuarantineList, quarantineQueries } from './quarantined.ts';
import { type RetentionQueries, retentionQueries } from './retention-queries.ts';
import { type Superseding, supersedingQueries } from './superseding.ts';

export type Catalogue = BackupQueries &
  ChainBackfill &
  ChainQueries &
  Clips &
  CheckQueries &
  DropMissing &
  Clocks &
  EventQueries &
  EventUpkeep &
  Filing &
  FootageFiling &
  FootageQueries &
  Garbage &
  HeldFootage &
  Holds &
  Lookout &
  NearFootage &
  Notes &
  Outbox &
  QuarantineList &
  RetentionQueries &
  Superseding &
  Disposable &
  Readonly<{
    /** Asks the database something; throws when it does not answer. */
    probe(): void;
  }>;

/** Where the catalogue of an installation is. */
export function catalogueFile(stateDir: string): string {
  return join(catalogueDirectory(stateDir), 'catalogue.db');
}

/**
 * Opens the catalogue; without `readOnly` it is made, or brought up to date, first. A commit that returned survives a
 * power cut. Readers see the state as of each call and never wait for the writer. Throws SettingsError when the file is
 * of another version, or is missing and was to be only read.
 *
 * `chain`: what every writer of the archive needs, so that what it files and deletes is in the chain (docs/integrity.md).
 */
export function openCatalogue(options: {
  file: string;
  readOnly?: boolean;
  chain?: ChainKey;
  /** Settings, events.gapMs: every writer needs the same. */
  eventGapMs?: number;
}): Catalogue {
  const db = openDatabase({
    file: options.file,
    migrations: new URL('./migrations/', import.meta.url),
    readOnly: options.readOnly ?? false,
    journal: 'wal',
    synchronous: 'full',
    group: catalogueGroup(dirname(options.file)),
  });
  const chain = chainAppends(db, options.chain);
  const placing = eventPlacing(db, options.eventGapMs);
  const held = heldFootage(db);
  return {
    probe: () => probe(db),
    appendPending: chain.appendPending,
    placeRemaining: placing.placeRemaining,
    settleEvent: placing.settleEvent,
    ...backupQueries(db),
    ...chainQueries(db),
    ...clipQueries(db),
    ...checkQueries(db),
    ...dropMissingQuery(db, { chain, placing, held }),
    ...clockQueries(db, placing),
    ...eventQueries(db),
    ...filingQueries(db, { chain, placing }),
    ...footageFiling(db, chain),
    ...footageQueries(db),
    ...garbageQueries(db, { chain, placing, held }),
    ...held,
    ...holdQueries(db, held),
    ...lookoutQueries(db),
    ...nearFootage(db),
    ...noteQueries(db, placing),
    ...outboxQueries(db),
    ...quarantineQueries(db),
    ...retentionQueries(db, held),
    ...supersedingQueries(db),
    [Symbol.dispose]: () => db.close(),
  };
}
