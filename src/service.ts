// The hall: what is opened, in which order, and how it ends. Rooms are opened from the end of a clip's journey to its
// beginning and closed in reverse, so the street door opens last and shuts first. Nothing is decided here.
//
// One process plays all roles, or one of them under a user of its own (`only`). The owner of the state directory is who
// archives: he makes everything that roles share, and the receiver finds it there. A role is loaded when it is played, so
// that the receiver's process has no decoder in it and the archive's no server.

import { openCertificates } from './access/certificates.ts';
import { openAccountWriter } from './access/open-accounts.ts';
import { receiverDirectory } from './access/receiver-database.ts';
import { serverNames } from './access/server-names.ts';
import { startCertificateRenewal } from './access/watch-certificates.ts';
import { openMarker, readArchiveId } from './archive/marker.ts';
import { type BackgroundRole, startBackgroundRole } from './background-role.ts';
import type { Clock } from './base/clock.ts';
import { letGroupIn, makeDirectory } from './base/durable.ts';
import type { Log } from './base/log.ts';
import type { PassedSockets } from './base/service-manager.ts';
import { startSparingMemory } from './base/spare-memory.ts';
import { holdLock } from './base/sqlite.ts';
import { type Role, roleLockFile, roleLockGroup, roles } from './inspect/daemon.ts';
import type { ListenerAddress } from './receive/start-receiver.ts';
import type { ReceiveRole } from './receive-role.ts';
import { type RoleThread, startRoleThread } from './role-thread.ts';
import type { SelfTest } from './self-test.ts';
import type { Settings } from './settings/settings.ts';

export type Service = AsyncDisposable &
  Readonly<{
    /** Empty when this process does not receive. */
    addresses: readonly ListenerAddress[];
    /** 0 when this process does not receive. */
    cameraCount(): number;
    /** Rejects when a part ended that should not have. */
    failed: Promise<never>;
    /** Asks every role that is played. Rejects when one cannot work; has no deadline of its own. */
    selfTest(): Promise<SelfTest>;
    /** No new sessions; running uploads may finish within `ftps.limits.shutdownGraceMs`. */
    stop(): Promise<void>;
  }>;

export type ServiceOptions = Readonly<{
  settings: Settings;
  log: Log;
  clock: Clock;
  only?: Role | undefined;
  /** What this process was handed: then the settings' addresses are not used for a listener that is among it. */
  sockets?: PassedSockets | undefined;
  /** What a role on a thread of its own may take to end. */
  stopTimeoutMs: number;
}>;

/**
 * Starts every role in this process, or the one that `only` names. Throws SettingsError for what the operator has to mend,
 * TransientError when the receiver is started before the archive has ever been; leaves nothing behind.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { settings, log, only } = options;
  const { dataDir, stateDir } = settings;
  const plays = (role: Role) => only === undefined || only === role;
  await using opened = new AsyncDisposableStack();
  opened.use(startSparingMemory());
  if (plays('archive')) await makeStateDirectories(stateDir);
  else await readArchiveId(stateDir);
  await letGroupIn(stateDir);
  for (const role of roles.filter(plays)) {
    opened.use(
      holdLock(
        roleLockFile(stateDir, role),
        `Another clipward serve is using ${stateDir}: stop it, or give this one a stateDir and a dataDir of its own.`,
        roleLockGroup(stateDir, role),
      ),
    );
  }
  const archiveId = plays('archive') ? await prepareInstallation(options) : await readArchiveId(stateDir);
  const play = async (role: BackgroundRole) =>
    plays(role) ? opened.use(await startBeside(role, options, archiveId)) : undefined;
  const archive = await play('archive');
  const outbound = await play('outbound');
  if (plays('archive'))
    opened.use(startCertificateRenewal({ renew: () => openOwnCertificates(options), log }));
  const receive = plays('receive') ? opened.use(await receiveWith(options, archiveId)) : undefined;
  const addresses = receive?.receiver.addresses ?? [];
  log.info({ ...(only && { only }), listeners: addresses, dataDir, stateDir }, 'ready');
  const beside = [archive, outbound].filter(role => role !== undefined);
  const rooms = opened.move();
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= rooms.disposeAsync();
    return stopping;
  };
  return {
    addresses,
    cameraCount: () => receive?.cameraCount() ?? 0,
    failed: Promise.race(beside.map(({ failed }) => failed)),
    async selfTest() {
      const playing = [...beside, ...(receive === undefined ? [] : [receive])];
      const tests = await Promise.all(playing.map(each => each.selfTest()));
      return { diskIsThere: tests.every(({ diskIsThere }) => diskIsThere) };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function makeStateDirectories(stateDir: string): Promise<void> {
  await makeDirectory(stateDir);
  await makeDirectory(receiverDirectory(stateDir), 'write');
}

/** What the owner makes once, so that the receiver never needs to: the marker, the accounts, the certificates. */
async function prepareInstallation(options: ServiceOptions): Promise<string> {
  const { settings, clock } = options;
  const { dataDir, stateDir } = settings;
  const archiveId = await openMarker({ dataDir, stateDir });
  // As a writer, which also undoes what a command left that was killed while it committed.
  (await openAccountWriter({ stateDir, clock }))[Symbol.dispose]();
  await openOwnCertificates(options);
  return archiveId;
}

function openOwnCertificates({ settings, log, clock }: ServiceOptions): Promise<unknown> {
  return openCertificates({ certsDir: settings.certsDir, ...serverNames(settings.ftps), clock, log });
}

/** Beside the receiver on a thread of its own; a process that plays no other role has no use for a second thread. */
async function startBeside(
  role: BackgroundRole,
  { settings, log, clock, only, stopTimeoutMs }: ServiceOptions,
  archiveId: string,
): Promise<RoleThread> {
  if (only === undefined) return startRoleThread({ role, settings, archiveId }, stopTimeoutMs);
  const played = await startBackgroundRole(role, { settings, archiveId, log, clock });
  return {
    failed: new Promise<never>(() => {}),
    selfTest: () => played.selfTest(),
    [Symbol.asyncDispose]: () => played[Symbol.asyncDispose](),
  };
}

async function receiveWith(options: ServiceOptions, archiveId: string): Promise<ReceiveRole> {
  const { startReceiveRole } = await import('./receive-role.ts');
  return startReceiveRole({ ...options, archiveId });
}
