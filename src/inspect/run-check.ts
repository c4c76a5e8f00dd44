// Everything that clipward check works with, opened and closed again: the catalogue read-only, or for repairs.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AccountReader } from '../access/accounts.ts';
import { readSigningKey } from '../access/signing-key.ts';
import { footageTree, listStored, storedTree } from '../archive/list-stored.ts';
import { readArchiveId, requireMarker } from '../archive/marker.ts';
import { isInInbox } from '../archive/strays.ts';
import type { Clock } from '../base/clock.ts';
import { FailedError, messageOf, SettingsError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { holdLock, lockIsHeld } from '../base/sqlite.ts';
import { type Catalogue, catalogueFile, openCatalogue } from '../catalogue/catalogue.ts';
import { openMedia } from '../media/media.ts';
import { type CheckOptions, checkArchive, type Summary, tellAlone } from './check-archive.ts';
import { importLockFile, runningRoles } from './daemon.ts';
import { foreignMarker, lostCatalogue, unopenedCatalogue } from './invariants/catalogue-file.ts';
import { readMarker } from './marker-state.ts';
import { openRepairs } from './repairs/open-repairs.ts';

export type CheckSettings = Readonly<{
  dataDir: string;
  stateDir: string;
  accounts: Pick<AccountReader, 'camera'>;
  clock: Clock;
  log: Log;
  /** Settings, events.gapMs. */
  eventGapMs: number;
  /** The zone of this machine, for cameras that nobody knows any more. */
  timeZone: string;
}>;

/**
 * Checks an installation, and with `repair` mends it. Undefined before the first start. Throws SettingsError for a
 * catalogue of another version, FailedError while somebody else repairs.
 */
export async function runCheck(settings: CheckSettings, options: CheckOptions): Promise<Summary | undefined> {
  const { dataDir, stateDir } = settings;
  const marker = await readMarker(settings);
  if (marker === 'not-yet') return undefined;
  if (marker === 'missing-or-foreign') return tellAlone(foreignMarker(dataDir), options);
  const file = catalogueFile(stateDir);
  if (!existsSync(file)) {
    // The first start was interrupted before it made one; or it is lost.
    const isEmpty =
      (await listStored(dataDir, 'clips', storedTree).next()).done === true &&
      (await listStored(dataDir, 'footage', footageTree).next()).done === true;
    return isEmpty ? undefined : tellAlone(lostCatalogue(file), options);
  }
  await using opened = new AsyncDisposableStack();
  if (options.repair) opened.use(holdRepairLock(stateDir));
  let catalogue: Catalogue;
  try {
    catalogue = opened.use(await openFor(settings, options.repair));
  } catch (error) {
    if (!isDamage(error)) throw error;
    return tellAlone(unopenedCatalogue(messageOf(error)), options);
  }
  const archiveId = await readArchiveId(stateDir);
  const ours = { dataDir, archiveId };
  return await checkArchive(
    {
      ...settings,
      catalogue,
      isPlayed: role => runningRoles(stateDir).has(role),
      isImporting: () => lockIsHeld(importLockFile(stateDir)),
      isWaiting: (camera, id) => isInInbox(dataDir, camera, id),
      requireMarker: () => requireMarker(ours),
      repairs: openRepairs({
        ...ours,
        ...{ catalogue, clock: settings.clock },
        media: () => openMedia(settings),
        timeZoneOf: camera => settings.accounts.camera(camera)?.timeZone ?? settings.timeZone,
      }),
    },
    options,
  );
}

async function openFor({ stateDir, clock, eventGapMs }: CheckSettings, repair: boolean): Promise<Catalogue> {
  const file = catalogueFile(stateDir);
  if (!repair) return openCatalogue({ file, readOnly: true });
  // What is taken in and what goes is in the chain, as when the daemon does it.
  const { sign } = await readSigningKey(stateDir);
  return openCatalogue({
    file,
    chain: { archiveId: await readArchiveId(stateDir), sign, now: clock.now },
    eventGapMs,
  });
}

function isDamage(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB|IOERR)/.test(code);
}

/** Two repairs at once would tell what the other has done as if it were their own. */
function holdRepairLock(stateDir: string): Disposable {
  try {
    return holdLock(
      join(stateDir, 'repair.lock'),
      `Another clipward check --repair is at work on ${stateDir}: wait for its end.`,
    );
  } catch (error) {
    if (error instanceof SettingsError) throw new FailedError(error.message, { cause: error });
    throw error;
  }
}
