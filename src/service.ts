// The hall: what is opened, in which order, and how it ends. Rooms are opened from the end of a clip's journey to its
// beginning and closed in reverse, so the street door opens last and shuts first. Nothing is decided here.

import { join } from 'node:path';
import { openAccountWriter } from './access/open-accounts.ts';
import { openMarker } from './archive/marker.ts';
import { type ArchiveThread, startArchiveThread } from './archive-thread.ts';
import type { Clock } from './base/clock.ts';
import { makeDirectory } from './base/durable.ts';
import type { Log } from './base/log.ts';
import { holdLock } from './base/sqlite.ts';
import type { ListenerAddress } from './receive/start-receiver.ts';
import { startReceiveRole } from './receive-role.ts';
import type { Settings } from './settings/settings.ts';

export type Service = AsyncDisposable &
  Readonly<{
    addresses: readonly ListenerAddress[];
    cameraCount(): number;
    /** Rejects when a part ended that should not have. */
    failed: Promise<never>;
    /** No new sessions; running uploads may finish within `ftps.limits.shutdownGraceMs`. */
    stop(): Promise<void>;
  }>;

/** Starts every role in this process. Throws SettingsError for what the operator has to mend, and leaves nothing behind. */
export async function startService(options: {
  settings: Settings;
  log: Log;
  clock: Clock;
}): Promise<Service> {
  const { settings, log, clock } = options;
  const { dataDir, stateDir } = settings;
  await using opened = new AsyncDisposableStack();
  await makeDirectory(stateDir);
  for (const role of ['receive', 'archive']) {
    opened.use(
      holdLock(
        join(stateDir, `${role}.lock`),
        `Another clipward serve is using ${stateDir}: stop it, or give this one a stateDir and a dataDir of its own.`,
      ),
    );
  }
  const archiveId = await openMarker({ dataDir, stateDir });
  // Made here once, so that the receiver never needs to write it.
  (await openAccountWriter({ stateDir, clock }))[Symbol.dispose]();
  const archive: ArchiveThread = opened.use(await startArchiveThread({ settings, archiveId }));
  const receive = opened.use(await startReceiveRole({ settings, archiveId, log, clock }));
  log.info({ listeners: receive.receiver.addresses, dataDir, stateDir }, 'ready');
  const rooms = opened.move();
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= rooms.disposeAsync();
    return stopping;
  };
  return {
    addresses: receive.receiver.addresses,
    cameraCount: receive.cameraCount,
    failed: archive.failed,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
