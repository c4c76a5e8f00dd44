// The archiving role, wired: what lies in the inbox is looked at, filed and catalogued. It needs no network at all. To it the
// inbox is hostile input (archive/inbox.ts), and so is every clip (media/confine.ts).

import { defaultAcceptanceDays } from './access/accounts.ts';
import { openAccountReader } from './access/open-accounts.ts';
import { openClipFiles } from './archive/clip-files.ts';
import { openInbox } from './archive/inbox.ts';
import { layoutOf } from './archive/layout.ts';
import { requireMarker } from './archive/marker.ts';
import { openQuarantine } from './archive/quarantine.ts';
import type { Clock } from './base/clock.ts';
import { makeDirectory } from './base/durable.ts';
import type { Log } from './base/log.ts';
import { catalogueFile, openCatalogue } from './catalogue/catalogue.ts';
import { fileEntry } from './ingest/file-entry.ts';
import { startIngest } from './ingest/ingest.ts';
import type { FilingParts } from './ingest/parts.ts';
import { openMedia } from './media/media.ts';
import type { Settings } from './settings/settings.ts';
import { startWatch, type Watch } from './watch/watch.ts';

export type ArchiveRole = AsyncDisposable;

/** Resolves when the watch is on and what lay in the inbox has been handed to filing. */
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
  const accounts = opened.use(openAccountReader({ stateDir }));
  const catalogue = opened.use(openCatalogue({ file: catalogueFile(stateDir) }));
  const inbox = openInbox(ours);
  const quarantine = openQuarantine(ours);
  const parts: FilingParts = {
    dataDir,
    requireMarker: () => requireMarker(ours),
    inbox,
    media: await openMedia({ log }),
    clipFiles: openClipFiles(ours),
    catalogue,
    cameraTime: camera =>
      accounts.camera(camera) ?? { timeZone: serverTimeZone(), acceptanceDays: defaultAcceptanceDays },
    log,
  };
  // Watch and ingest know nothing of each other: entries go one way, the word that there is room the other.
  let watch: Watch | undefined;
  let hasRoom = false;
  const ingest = opened.use(
    startIngest({
      fileEntry: (entry, signal) => fileEntry(parts, entry, signal),
      async quarantineEntry(entry, reason) {
        const at = clock.now();
        // The row comes first: a crash in between leaves an entry that is put aside again, not one that nobody counts.
        catalogue.addQuarantined({ ...entry, reason, at });
        await quarantine.quarantineEntry(entry, reason, new Date(at));
      },
      onRoom: () => {
        hasRoom = true;
        void watch?.reconcile().catch(() => {});
      },
      log,
    }),
  );
  const { inbox: inboxDir } = layoutOf(dataDir);
  if (await holds(parts.requireMarker)) await makeDirectory(inboxDir);
  watch = opened.use(
    await startWatch({
      inboxDir,
      listEntries: () => inbox.listEntries(),
      onEntry: (camera, id) => ingest.offer(camera, id),
      reconcileIntervalMs: settings.ingest.reconcileIntervalMs,
      log,
    }),
  );
  // Room that came while the watch was still being started was told to nobody.
  if (hasRoom) void watch.reconcile().catch(() => {});
  const rooms = opened.move();
  return { [Symbol.asyncDispose]: () => rooms.disposeAsync() };
}

/** What `camera add` assumes, too. */
function serverTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

async function holds(requirement: () => Promise<void>): Promise<boolean> {
  try {
    await requirement();
    return true;
  } catch {
    return false;
  }
}
