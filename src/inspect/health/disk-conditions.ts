import type { Condition } from '../../domain/alerts.ts';
import { floorOf } from '../../domain/retention-floor.ts';
import type { Settings } from '../../settings/settings.ts';
import type { Space } from '../checks/free-disk.ts';
import { minStateBytes } from '../checks/storage.ts';
import type { DiskState } from './probe-disk.ts';

type DiskSettings = Readonly<{
  dataDir: string;
  retention: Pick<Settings['retention'], 'minFreeBytes'>;
  ftps: Readonly<{ limits: Pick<Settings['ftps']['limits'], 'minFreeBytes'> }>;
}>;

/** What is wrong with the disk of the media: one thing at a time, the worst. */
export function diskConditions(disk: DiskState, settings: DiskSettings): Condition[] {
  const { dataDir } = settings;
  const about = (kind: Condition['kind'], sentence: string): Condition[] => [{ kind, subject: '', sentence }];
  if (disk.state === 'failed')
    return about(
      'disk-failed',
      `The disk of ${dataDir} cannot be used (${disk.error}), so nothing is kept: look at the kernel's log, and at the disk.`,
    );
  if (disk.state === 'missing-or-foreign')
    return about(
      'disk-missing',
      `${dataDir} is not the archive of this installation, so nothing is written there: mount the disk with the archive.`,
    );
  const refusedBelowBytes = settings.ftps.limits.minFreeBytes;
  const floorBytes = floorOf(
    { minFreeBytes: settings.retention.minFreeBytes, refusedBelowBytes },
    disk.totalBytes,
  );
  if (disk.freeBytes >= (refusedBelowBytes + floorBytes) / 2) return [];
  const what =
    disk.freeBytes < refusedBelowBytes
      ? 'so uploads are refused and nothing is recorded'
      : 'and uploads are refused when it gets less';
  return about(
    'disk-nearly-full',
    `The disk of ${dataDir} is nearly full, ${what}: clipward retention plan says why nothing more is deleted.`,
  );
}

/** Told while there is still room to write the alert down. */
export function stateDiskConditions(space: Space | undefined, stateDir: string): Condition[] {
  if (space === undefined || space.freeBytes >= minStateBytes) return [];
  const sentence = `The disk of ${stateDir} is nearly full, and without room there nothing is filed and no alert is sent: make room.`;
  return [{ kind: 'disk-nearly-full', subject: 'state', sentence }];
}
