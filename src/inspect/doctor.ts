// What doctor looks at, in the order in which a newcomer meets it. A check of its own file each; here is only the list.

import type { AccountReader } from '../access/accounts.ts';
import type { Clock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Settings } from '../settings/settings.ts';
import type { Check } from './check.ts';
import { cameraAccounts } from './checks/accounts.ts';
import { archiveMarker } from './checks/archive-marker.ts';
import { cameraClocks } from './checks/camera-clocks.ts';
import { certificate } from './checks/certificate.ts';
import { confinement } from './checks/confinement.ts';
import { freeDisk, spaceOf } from './checks/free-disk.ts';
import { legacyTls } from './checks/legacy-tls.ts';
import { mediaTool } from './checks/media-tools.ts';
import { nodeVersion } from './checks/node-version.ts';
import { port } from './checks/port.ts';
import { privateDirectory } from './checks/private-directory.ts';
import { recording } from './checks/recording.ts';
import { recordingTools } from './checks/recording-tools.ts';
import { retentionPromise } from './checks/retention-promise.ts';
import { signingKey } from './checks/signing-key.ts';
import { timeZone } from './checks/time-zone.ts';
import { watcherLimit } from './checks/watcher-limit.ts';
import { runningRoles } from './daemon.ts';
import type { RecordingSources } from './recording.ts';
import { readOutlook } from './retention-report.ts';

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
  accounts: Pick<AccountReader, 'cameras'>;
  clock: Clock;
  /** Undefined before the first start. */
  catalogue:
    | (Pick<Catalogue, 'clockPeriods' | 'holdings' | 'arrivals' | 'heldBytes'> &
        RecordingSources['catalogue'])
    | undefined;
}): readonly Check[] {
  const { settings, accounts, clock, catalogue } = parts;
  const { dataDir, stateDir, certsDir, ftps, retention } = settings;
  const receives = () => runningRoles(stateDir).has('receive');
  return [
    privateDirectory('data-directory', dataDir),
    privateDirectory('state-directory', stateDir),
    privateDirectory('certificate-directory', certsDir),
    archiveMarker({ dataDir, stateDir }),
    signingKey(stateDir),
    freeDisk(dataDir, { minFreeBytes: retention.minFreeBytes, refusedBelowBytes: ftps.limits.minFreeBytes }),
    retentionPromise(async () => {
      if (catalogue === undefined) return undefined;
      const disk = await spaceOf(dataDir);
      return readOutlook({ catalogue, cameras: accounts.cameras(), settings, now: clock.now(), disk });
    }),
    certificate(certsDir, 'server-rsa', clock),
    certificate(certsDir, 'server-ecdsa', clock),
    port({ name: 'explicit', ...ftps.explicit }, receives),
    port({ name: 'implicit', ...ftps.implicit }, receives),
    legacyTls([
      { name: 'explicit', ...ftps.explicit },
      { name: 'implicit', ...ftps.implicit },
    ]),
    cameraAccounts(accounts),
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
