// What comes before comparing anything: that this is our disk, and that the catalogue is there and sound. A catalogue that
// is damaged proves nothing about files, and nothing is repaired by it.

import type { CheckQueries } from '../../catalogue/check-queries.ts';
import { counted } from '../../domain/counted.ts';
import { type Finding, violation } from './finding.ts';

const nothingElse = 'Nothing else was looked at, and nothing was repaired.';

export function foreignMarker(dataDir: string): Finding {
  return violation(
    'marker',
    `${dataDir} does not hold the marker of this archive, so it is another directory, or its disk is not there.`,
    `Mount the disk with the archive, or correct dataDir in the settings. ${nothingElse}`,
  );
}

export function lostCatalogue(file: string): Finding {
  return violation(
    'catalogue-missing',
    `${file} does not exist, and the archive holds clips or footage.`,
    `Restore the state directory from a backup before you start the daemon. ${nothingElse}`,
  );
}

export function unopenedCatalogue(why: string): Finding {
  return violation(
    'catalogue-damaged',
    `The catalogue cannot be opened: ${why}.`,
    `Stop the daemon, keep a copy of the state directory, and restore the catalogue from a backup. ${nothingElse}`,
  );
}

export function* checkSoundness(catalogue: Pick<CheckQueries, 'damage'>): Generator<Finding> {
  for (const text of catalogue.damage())
    yield violation(
      'catalogue-damaged',
      `SQLite finds the catalogue damaged: ${text}.`,
      `Stop the daemon, keep a copy of the state directory, and restore the catalogue from a backup. ${nothingElse}`,
    );
}

export function* checkReferences(catalogue: Pick<CheckQueries, 'brokenReferences'>): Generator<Finding> {
  for (const { table, parent, rows } of catalogue.brokenReferences())
    yield violation(
      'catalogue-reference',
      `${counted(rows, 'reference')} of ${table} to a row of ${parent} that is not there.`,
      'Somebody has edited the catalogue: restore it from a backup.',
    );
}
