// The archiving role, wired: what lies in the inbox is looked at, filed and catalogued. It needs no network at all. To it the
// inbox is hostile input (archive/inbox.ts), and so is every clip (media/confine.ts).

import { type AccountReader, defaultAcceptanceDays } from './access/accounts.ts';
import { openAccountReader, repairAccounts } from './access/open-accounts.ts';
import { openSigningKey } from './access/signing-key.ts';
import { isDiskFull, openBallast } from './archive/ballast.ts';
import { openClipFiles } from './archive/clip-files.ts';
import { makeDropDirectories } from './archive/drop-directories.ts';
import { openInbox } from './archive/inbox.ts';
import { layoutOf } from './archive/layout.ts';
import { openMarkerLook } from './archive/marker.ts';
import { onceMounted } from './archive/once-mounted.ts';
import { openQuarantine } from './archive/quarantine.ts';
import type { Clock } from './base/clock.ts';
import { FailedError, messageOf, TransientError } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { catalogueFile, openCatalogue } from './catalogue/catalogue.ts';
import { appendPending } from './ingest/append-pending.ts';
import { fileEntry } from './ingest/file-entry.ts';
import { startIngest } from './ingest/ingest.ts';
import type { FilingParts } from './ingest/parts.ts';
import { placeFootage, placePending } from './ingest/place-pending.ts';
import { isHeadSound, startHeadAnnouncements } from './inspect/announce-head.ts';
import { startPromiseWarnings } from './inspect/announce-promises.ts';
import { createFilingTimes } from './inspect/health/filing-times.ts';
import { openMedia } from './media/media.ts';
import { openRetention } from './retain/open-retention.ts';
import { startRetain } from './retain/start-retain.ts';
import { type SelfTest, testRole } from './self-test.ts';
import type { Settings } from './settings/settings.ts';
import { startWatch, type Watch } from './watch/watch.ts';
import { startLookout } from './watch-over.ts';

/**
 * Entries that can neither be filed nor moved away stay where they are, and are not looked at again before the next start:
 * offered again and again, they would keep those behind them from their turn. No honest receiver leaves one.
 */
const maxUnmovable = 100_000;

/** Only a database that cannot be read is of interest: it is repaired so much later at the most. */
const accountsPollMs = 1000;

export type ArchiveRole = AsyncDisposable & Readonly<{ selfTest(): Promise<SelfTest> }>;

/** Resolves when the watch is on and what lay in the inbox has been handed to filing, unless the disk is not there: then that follows. */
export async function startArchiveRole(options: {
  settings: Settings;
  archiveId: string;
  log: Log;
  clock: Clock;
}): Promise<ArchiveRole> {
  const { settings, archiveId, clock } = options;
  const { dataDir, stateDir } = settings;
  const log = options.log.child({ role: 'archive' });
  const ours = { dataDir, archiveId };
  await using opened = new AsyncDisposableStack();
  const ballast = openBallast({
    ...ours,
    stateDir,
    refusedBelowBytes: settings.ftps.limits.minFreeBytes,
    log,
  });
  // First of all: on a disk that is full to the last block, the catalogue cannot be opened.
  await ballast.giveUpIfScarce();
  const accounts = opened.use(openAccountReader({ stateDir, pollMs: accountsPollMs }));
  opened.use(accounts.onChange(() => repairWhenUnreadable(accounts, stateDir, log)));
  const { publicKey, sign } = await openSigningKey({ stateDir, log });
  const chain = { archiveId, sign, now: () => clock.now() };
  const catalogue = opened.use(
    openCatalogue({ file: catalogueFile(stateDir), chain, eventGapMs: settings.events.gapMs }),
  );
  opened.use(startHeadAnnouncements({ archiveId, catalogue, publicKey, clock, log }));
  const inbox = openInbox({ ...ours, maxMediaBytes: settings.ftps.limits.maxUploadBytes });
  const quarantine = openQuarantine(ours);
  const marker = openMarkerLook(ours);
  const parts: FilingParts = {
    dataDir,
    // Handed over: a disk that hangs must not hold the thread that tells of it.
    requireMarker: marker.require,
    inbox,
    media: await openMedia({ log }),
    clipFiles: openClipFiles(ours),
    catalogue,
    cameraTime: camera =>
      accounts.camera(camera) ?? { timeZone: ourTimeZone, acceptanceDays: defaultAcceptanceDays },
    log,
  };
  const makeRoomFor = async (error: unknown) => isDiskFull(error) && (await ballast.giveUp());
  const retain = opened.use(
    startRetain({
      parts: openRetention({
        ...{ settings, archiveId, catalogue, clock, makeRoomFor },
        cameras: () => accounts.cameras(),
      }),
      settings: { ...settings.retention, refusedBelowBytes: settings.ftps.limits.minFreeBytes },
      tendBallast: ballast.tend,
      clock,
      log,
    }),
  );
  opened.use(startPromiseWarnings({ catalogue, accounts, settings, clock, log }));
  const isChainSound = () => isHeadSound({ archiveId, catalogue, publicKey });
  const filingTimes = createFilingTimes();
  const takeCounts = filingTimes.take;
  opened.use(startLookout({ catalogue, accounts, inbox, settings, isChainSound, takeCounts, clock, log }));
  const unmovable = new Set<string>();
  // Watch and ingest know nothing of each other: entries go one way, the word that there is room the other.
  let watch: Watch | undefined;
  let hasRoom = false;
  const ingest = opened.use(
    startIngest({
      fileEntry: (entry, signal) =>
        filingTimes
          .timed(clock, () => fileEntry(parts, entry, signal))
          .catch(async error => {
            if (isDiskFull(error)) retain.hurry();
            await makeRoomFor(error);
            throw error;
          }),
      async quarantineEntry(entry, reason) {
        const at = clock.now();
        // The row comes first: a crash in between leaves an entry that is put aside again, not one that nobody counts.
        catalogue.addQuarantined({ ...entry, reason, at });
        try {
          await quarantine.quarantineEntry(entry, reason, new Date(at));
        } catch (error) {
          if (error instanceof FailedError && unmovable.size < maxUnmovable) unmovable.add(keyOf(entry));
          throw error;
        }
      },
      onRoom: () => {
        hasRoom = true;
        void watch?.reconcile().catch(() => {});
      },
      log,
    }),
  );
  opened.defer(async () => watch?.[Symbol.asyncDispose]());
  // What is watched is the directory of the disk, not of the place where the disk should be.
  const openDoor = async () => {
    await makeDropDirectories(ours);
    watch = await startWatch({
      inboxDir: layoutOf(dataDir).inbox,
      listEntries: () => inbox.listEntries(),
      onEntry: (camera, id) => (unmovable.has(keyOf({ camera, id })) ? 'taken' : ingest.offer(camera, id)),
      reconcileIntervalMs: settings.ingest.reconcileIntervalMs,
      log,
    });
    // Room that came while the watch was still being started was told to nobody.
    if (hasRoom) void watch.reconcile().catch(() => {});
  };
  opened.use(await onceMounted({ work: openDoor, log }));
  const closing = new AbortController();
  const { footageBeforeMs: beforeMs, footageAfterMs: afterMs } = settings.events;
  const caughtUp = appendPending({ catalogue, log }, closing.signal)
    .then(() => placePending({ catalogue, log }, closing.signal))
    .then(() => placeFootage({ catalogue, log }, { beforeMs, afterMs }, closing.signal));
  opened.defer(async () => {
    closing.abort();
    await caughtUp;
  });
  const rooms = opened.move();
  return {
    selfTest: () => testRole({ dataDir, archiveId, database: catalogue }),
    [Symbol.asyncDispose]: () => rooms.disposeAsync(),
  };
}

/** What `camera add` assumes, too. */
const ourTimeZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** One role in the same installation may be killed while it commits; readers cannot undo what that leaves. */
function repairWhenUnreadable(accounts: AccountReader, stateDir: string, log: Log): void {
  try {
    accounts.cameras();
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    try {
      repairAccounts({ stateDir });
      accounts.cameras();
      log.warn({ error: messageOf(error) }, 'accounts repaired');
    } catch (cause) {
      log.error({ error: messageOf(cause) }, 'accounts cannot be read');
    }
  }
}

function keyOf(entry: Readonly<{ camera: string; id: string }>): string {
  return `${entry.camera}/${entry.id}`;
}
