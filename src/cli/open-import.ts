// What an import works with: the same stores as the daemon's archive, which may run at the same time.

import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { type AccountReader, defaultAcceptanceDays } from '../access/accounts.ts';
import { openAccountReader } from '../access/open-accounts.ts';
import { openSigningKey, readSigningKey, type SigningKey } from '../access/signing-key.ts';
import { openClipFiles } from '../archive/clip-files.ts';
import { openMarker, readArchiveId, requireMarker } from '../archive/marker.ts';
import { openSourceTree, type SourceFile, type SourceTree } from '../archive/source-tree.ts';
import { systemClock } from '../base/clock.ts';
import { FailedError, SettingsError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { holdLock } from '../base/sqlite.ts';
import { type Catalogue, catalogueFile, openCatalogue } from '../catalogue/catalogue.ts';
import { examineFile, type ImportedFile, importFile, type NotImported } from '../ingest/import-file.ts';
import type { CameraTime } from '../ingest/parts.ts';
import { spaceOf } from '../inspect/checks/free-disk.ts';
import { importLockFile, roleLockFile, runningRoles } from '../inspect/daemon.ts';
import { openMedia } from '../media/media.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone } from './camera-arguments.ts';

export type OpenedImport = AsyncDisposable &
  Readonly<{
    tree: SourceTree;
    cameraTime: CameraTime;
    work(file: SourceFile, signal: AbortSignal): Promise<ImportedFile | NotImported>;
  }>;

type ImportOptions = Readonly<{ directory: string; camera: string; dryRun: boolean; version: string }>;

/** Throws FailedError for a camera that nobody knows, a tree that may not be imported, a full disk, a second import. */
export async function openImport(settings: Settings, options: ImportOptions): Promise<OpenedImport> {
  const { dataDir, stateDir, certsDir, ftps, retention } = settings;
  const { camera } = options;
  await using opened = new AsyncDisposableStack();
  const accounts = opened.use(openAccountReader({ stateDir }));
  requireCamera(accounts, stateDir, camera);
  const tree = await openSourceTree({ directory: options.directory, ours: [dataDir, stateDir, certsDir] });
  const cameraTime = accounts.camera(camera) ?? {
    timeZone: machineTimeZone(),
    acceptanceDays: defaultAcceptanceDays,
  };
  const target = { camera, directory: tree.directory };
  const common = {
    cameraTime: () => cameraTime,
    clock: systemClock,
    maxFileBytes: ftps.limits.maxUploadBytes,
  };
  if (options.dryRun) {
    const catalogue = catalogueForReading(stateDir);
    if (catalogue !== undefined) opened.use(catalogue);
    const parts = {
      ...common,
      media: await openMedia({ log: silentLog() }),
      catalogue: catalogue ?? nothingFiled,
    };
    const rooms = opened.move();
    return {
      ...{ tree, cameraTime },
      work: (file, signal) => examineFile(parts, target, file, signal),
      [Symbol.asyncDispose]: () => rooms.disposeAsync(),
    };
  }
  opened.use(holdImportLock(stateDir));
  const { archiveId, key } = await installationOf(dataDir, stateDir);
  const ours = { dataDir, archiveId };
  await requireMarker(ours);
  const freeBytes = async () => (await spaceOf(dataDir)).freeBytes;
  if ((await freeBytes()) < retention.minFreeBytes)
    throw new FailedError(
      `The disk of ${dataDir} has less free than the ${retention.minFreeBytes} bytes that are to stay free (retention.minFreeBytes): make room before you import.`,
    );
  const parts = {
    ...{ ...common, dataDir, freeBytes, log: silentLog() },
    requireMarker: () => requireMarker(ours),
    media: await openMedia({ log: silentLog() }),
    clipFiles: openClipFiles(ours),
    catalogue: opened.use(
      openCatalogue({
        file: catalogueFile(stateDir),
        chain: { archiveId, sign: key.sign, now: () => systemClock.now() },
        eventGapMs: settings.events.gapMs,
      }),
    ),
    minFreeBytes: retention.minFreeBytes,
    host: { name: hostname(), user: process.geteuid?.() ?? null, version: options.version },
  };
  const rooms = opened.move();
  return {
    ...{ tree, cameraTime },
    work: (file, signal) => importFile(parts, target, file, signal),
    [Symbol.asyncDispose]: () => rooms.disposeAsync(),
  };
}

/** A camera that has an account, or one that was removed and left clips. */
function requireCamera(accounts: AccountReader, stateDir: string, camera: string): void {
  if (accounts.camera(camera) !== undefined) return;
  using catalogue = catalogueForReading(stateDir);
  const [clip] = catalogue?.listClips({ camera, limit: 1 }) ?? [];
  if (clip === undefined)
    throw new FailedError(`There is no camera ${camera}: add it first, clipward camera add ${camera}.`);
}

function catalogueForReading(stateDir: string): Catalogue | undefined {
  const file = catalogueFile(stateDir);
  return existsSync(file) ? openCatalogue({ file, readOnly: true }) : undefined;
}

const nothingFiled = {
  clipOfUpload: () => undefined,
  hasTombstone: () => false,
  sameClip: () => undefined,
  claimsUnderName: () => [],
  clockPeriods: () => [],
};

/** Two imports of one tree would write to the same unfinished files. */
function holdImportLock(stateDir: string): Disposable {
  try {
    return holdLock(
      importLockFile(stateDir),
      `Another clipward import writes to the archive of ${stateDir}: wait for its end.`,
    );
  } catch (error) {
    if (error instanceof SettingsError) throw new FailedError(error.message, { cause: error });
    throw error;
  }
}

/** Of an installation that was never started, too: what is missing is made as the first start would make it. */
async function installationOf(
  dataDir: string,
  stateDir: string,
): Promise<{ archiveId: string; key: SigningKey }> {
  if (runningRoles(stateDir).has('archive'))
    return { archiveId: await readArchiveId(stateDir), key: await readSigningKey(stateDir) };
  using _lock = holdLock(
    roleLockFile(stateDir, 'archive'),
    `clipward serve is just starting with ${stateDir}: run the import again.`,
  );
  const archiveId = await openMarker({ dataDir, stateDir });
  return { archiveId, key: await openSigningKey({ stateDir, log: silentLog() }) };
}
