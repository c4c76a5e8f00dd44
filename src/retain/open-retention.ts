// What a pass works with, over the stores: the daemon's passes and the one that a command makes are the same.

import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { requireMarker } from '../archive/marker.ts';
import { removeMedia } from '../archive/removal.ts';
import { measureWaiting } from '../archive/waiting-bytes.ts';
import type { Clock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Settings } from '../settings/settings.ts';
import { askPlan, type PlanSources } from './ask-plan.ts';
import { startClockTrust } from './clock-trust.ts';
import type { RetentionParts } from './run-retention.ts';

/** `catalogue`: opened with the key of the chain. */
export function openRetention(options: {
  settings: Pick<Settings, 'dataDir' | 'stateDir'> & PlanSources['settings'];
  archiveId: string;
  catalogue: Catalogue;
  cameras: PlanSources['cameras'];
  clock: Clock;
  /** Somebody has said that our clock is right. */
  trustsClock?: boolean;
  /** See RetentionParts; without it, there is no room to be made. */
  makeRoomFor?: RetentionParts['makeRoomFor'];
}): RetentionParts {
  const { settings, archiveId, catalogue, clock, trustsClock = false } = options;
  const { dataDir, stateDir } = settings;
  const ours = { dataDir, archiveId };
  const jumpSince = startClockTrust(clock);
  return {
    catalogue,
    removeMedia: files => removeMedia(ours, files),
    requireMarker: () => requireMarker(ours),
    async measureDisk() {
      const { bavail, blocks, bsize } = await statfs(dataDir);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    },
    measureWaiting: () => measureWaiting(dataDir),
    plan: (disk, except) =>
      askPlan(options, {
        now: clock.now(),
        clockJumpMs: trustsClock ? null : jumpSince(catalogue.lastPassAt()),
        disk,
        except,
      }),
    makeRoomFor: options.makeRoomFor ?? (async () => false),
    lockFile: join(stateDir, 'retention.lock'),
    clock,
  };
}
