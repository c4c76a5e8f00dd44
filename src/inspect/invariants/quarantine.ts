// What was put aside is both there and listed. A row is written before its entry is moved, so an entry that still waits in
// the inbox explains a row without a case.

import { isStored, type QuarantineCase, quarantineCases, quarantinePathOf } from '../../archive/strays.ts';
import { errnoOf } from '../../base/errors.ts';
import { type Finding, violation } from './finding.ts';
import type { CheckParts } from './parts.ts';
import { unreadable } from './strays.ts';

/** Cases whose directory does not tell their entry: names that no honest receiver makes. */
const maxOddCases = 100_000;

export async function* checkQuarantine(parts: CheckParts): AsyncGenerator<Finding> {
  const odd = new Set<string>();
  try {
    for await (const found of quarantineCases(parts.dataDir)) {
      if (quarantinePathOf(found.camera, found.id) !== found.path && odd.size < maxOddCases)
        odd.add(`${found.camera}/${found.id}`);
      if (!parts.catalogue.isQuarantined(found.camera, found.id)) yield caseWithoutRow(parts, found);
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    // What cannot be listed is not missing.
    yield unreadable({
      state: 'unreadable',
      path: 'quarantine',
      isDirectory: true,
      error: errnoOf(error) ?? '',
    });
    return;
  }
  for (const { camera, id } of parts.catalogue.quarantinedRows()) {
    const path = quarantinePathOf(camera, id);
    if (path === undefined ? odd.has(`${camera}/${id}`) : await isStored(parts.dataDir, path)) continue;
    if (path === undefined && odd.size === maxOddCases) continue;
    // The entry first: it is moved after the row was written.
    if (await parts.isWaiting(camera, id)) continue;
    if (path !== undefined && (await isStored(parts.dataDir, path))) continue;
    await parts.requireMarker();
    if (parts.catalogue.isQuarantined(camera, id))
      yield rowWithoutCase(parts, { camera, id, path: path ?? null });
  }
}

function caseWithoutRow(parts: CheckParts, found: QuarantineCase): Finding {
  const { camera, id, path } = found;
  return violation(
    'quarantine-without-row',
    'This was put aside, and the list of the quarantine does not name it.',
    'clipward check --repair writes it down.',
    { camera, id, path, mend: () => parts.repairs.listQuarantined(found) },
  );
}

function rowWithoutCase(
  parts: CheckParts,
  { camera, id, path }: { camera: string; id: string; path: string | null },
): Finding {
  return violation(
    'quarantine-row-without-entry',
    'The list of the quarantine names this entry, and it is not there.',
    'If you have looked at it and moved it away, clipward check --repair takes it off the list.',
    { camera, id, path, mend: () => parts.repairs.unlistQuarantined(camera, id) },
  );
}
