// What doctor looks at, in the order in which a newcomer meets it. A check of its own file each; here is only the list.

import type { AccountReader } from '../access/accounts.ts';
import { openCheckPass } from '../access/check-pass.ts';
import { isBannedNow } from '../access/read-bans.ts';
import { readLastLogins } from '../access/receiver-memory.ts';
import { serverNames } from '../access/server-names.ts';
import { readStreamPassword } from '../access/stream-passwords.ts';
import type { Clock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { networkMatcher } from '../domain/networks.ts';
import { projectRoot } from '../settings/load-settings.ts';
import type { Settings } from '../settings/settings.ts';
import type { Check } from './check.ts';
import { cameraAccounts } from './checks/accounts.ts';
import { archiveMarker } from './checks/archive-marker.ts';
import { cameraClocks } from './checks/camera-clocks.ts';
import { cameraUploads } from './checks/camera-uploads.ts';
import { certificate } from './checks/certificate.ts';
import { machineClock } from './checks/clock.ts';
import { confinement } from './checks/confinement.ts';
import { daemon } from './checks/daemon.ts';
import { freeDisk } from './checks/free-disk.ts';
import { legacyTls } from './checks/legacy-tls.ts';
import { mediaTool } from './checks/media-tools.ts';
import { nodeVersion } from './checks/node-version.ts';
import { passiveAddress } from './checks/passive-address.ts';
import { passivePorts } from './checks/passive-ports.ts';
import { passwords } from './checks/passwords.ts';
import { permissions } from './checks/permissions.ts';
import { port } from './checks/port.ts';
import { privateDirectory } from './checks/private-directory.ts';
import { recording } from './checks/recording.ts';
import { recordingTools } from './checks/recording-tools.ts';
import { retentionPromise } from './checks/retention-promise.ts';
import { signingKey } from './checks/signing-key.ts';
import { storage } from './checks/storage.ts';
import { streamPasswords } from './checks/stream-passwords.ts';
import { timeZone } from './checks/time-zone.ts';
import { uploads } from './checks/upload.ts';
import { watcherLimit } from './checks/watcher-limit.ts';
import { runningRoles } from './daemon.ts';
import type { RecordingSources } from './recording.ts';
import type { Outlook } from './retention-report.ts';
import { readSeenCameras, type SeenCamera } from './seen-cameras.ts';
import { tryUpload } from './upload-trial.ts';

/** For each listener. It takes some hundredths of a second where nothing is wrong. */
const uploadTrialMs = 3000;

/** What can be asked without settings. */
export function machineChecks(): readonly Check[] {
  return [
    nodeVersion(),
    mediaTool('ffmpeg'),
    mediaTool('ffprobe'),
    recordingTools(),
    confinement(),
    timeZone(),
    watcherLimit(),
  ];
}

export function installationChecks(parts: {
  settings: Settings;
  accounts: Pick<AccountReader, 'cameras' | 'globalNetworks'>;
  clock: Clock;
  /** What retention would say now. */
  readPromises(): Promise<Pick<Outlook, 'unmet' | 'warnings'>>;
  /** Undefined before the first start. */
  catalogue: (Pick<Catalogue, 'tallies' | 'clockPeriods'> & RecordingSources['catalogue']) | undefined;
}): readonly Check[] {
  const { settings, accounts, clock, catalogue } = parts;
  const { dataDir, stateDir, certsDir, ftps, retention } = settings;
  const listeners = (['explicit', 'implicit'] as const).map(name => ({ name, ...ftps[name] }));
  const receives = () => runningRoles(stateDir).has('receive');
  let seenOnce: readonly SeenCamera[] | undefined;
  const seen = () => {
    seenOnce ??= readSeenCameras({ stateDir, cameras: accounts.cameras(), catalogue });
    return seenOnce;
  };
  return [
    machineClock({ now: () => clock.now(), uploadTimes: () => seen().map(camera => camera.lastUploadAt) }),
    daemon(() => runningRoles(stateDir)),
    privateDirectory('data-directory', dataDir),
    privateDirectory('state-directory', stateDir),
    privateDirectory('certificate-directory', certsDir),
    storage({ dataDir, stateDir, certsDir }),
    permissions({ dataDir, stateDir, certsDir, settingsFile: settings.file, programDir: projectRoot }),
    archiveMarker({ dataDir, stateDir }),
    signingKey(stateDir),
    freeDisk(dataDir, { minFreeBytes: retention.minFreeBytes, refusedBelowBytes: ftps.limits.minFreeBytes }),
    retentionPromise(async () => (catalogue === undefined ? undefined : parts.readPromises())),
    ...(['server-rsa', 'server-ecdsa', 'outside'] as const).map(name =>
      certificate(name, {
        places: { certsDir, outsideDir: ftps.tls.certificateDir },
        machine: () => serverNames(ftps),
        clock,
      }),
    ),
    ...listeners.map(listener => port(listener, receives)),
    passiveAddress({
      address: ftps.passive.address,
      cameraAddresses: () => (readLastLogins(stateDir) ?? []).map(({ address }) => address),
    }),
    passivePorts(ftps.passive),
    ...uploads({
      listeners,
      stateDir,
      receives,
      isAllowed: address => networkMatcher(accounts.globalNetworks(ftps.allowedNetworks))(address),
      isBanned: address => isBannedNow(stateDir, address, clock.now()),
      openPass: () => openCheckPass({ stateDir, clock }),
      tryUpload: (listener, password) => tryUpload(listener, password, uploadTrialMs),
    }),
    legacyTls(listeners, seen),
    cameraAccounts(accounts),
    cameraUploads(seen, () => clock.now()),
    passwords(seen),
    streamPasswords(
      () => accounts.cameras(),
      camera => readStreamPassword(stateDir, camera),
    ),
    recording(
      () => accounts.cameras(),
      () => ({
        ...{ catalogue, isEnabled: settings.record.enabled, now: clock.now() },
        isRecorderRunning: runningRoles(stateDir).has('outbound'),
      }),
    ),
    cameraClocks(() => accounts.cameras().map(({ name }) => name), catalogue),
  ];
}
