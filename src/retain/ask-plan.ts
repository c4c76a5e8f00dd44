// From what the catalogue, the accounts and the settings say to the question that the plan answers.

import type { Camera } from '../access/accounts.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { type CameraMedia, planRetention, type RetentionPlan } from '../domain/retention-plan.ts';
import type { Settings } from '../settings/settings.ts';
import type { Disk } from './run-retention.ts';

const hourMs = 3_600_000;
/** A plan is made again after so many: it holds them in memory. */
const standardMaxEvictions = 4096;

export type PlanSources = Readonly<{
  catalogue: Pick<Catalogue, 'holdings' | 'clipCandidates' | 'footageCandidates'>;
  cameras(): readonly Camera[];
  settings: Pick<Settings, 'retention'> &
    Readonly<{ ftps: Readonly<{ limits: Pick<Settings['ftps']['limits'], 'minFreeBytes'> }> }>;
}>;

/** The plan at this moment; nothing of the cameras in `except` is in it. `clockJumpMs`: see domain/retention-plan.ts. */
export function askPlan(
  { catalogue, cameras, settings }: PlanSources,
  now: Readonly<{
    now: number;
    clockJumpMs: number | null;
    disk: Disk & Readonly<{ waitingBytes: ReadonlyMap<string, number> }>;
    except?: ReadonlySet<string>;
    maxEvictions?: number;
  }>,
): RetentionPlan {
  const { retention } = settings;
  const accounts = new Map(cameras().map(camera => [camera.name, camera]));
  const holdings = new Map(catalogue.holdings().map(({ camera, bytes }) => [camera, bytes]));
  // Of whom nothing is filed yet, what waits is theirs all the same; names without an account may be anybody's.
  for (const camera of accounts.keys())
    if (now.disk.waitingBytes.has(camera) && !holdings.has(camera)) holdings.set(camera, 0);
  const media = [...holdings].map(([camera, bytes]): CameraMedia => {
    const account = accounts.get(camera);
    return {
      camera,
      bytes,
      waitingBytes: now.disk.waitingBytes.get(camera) ?? 0,
      maxBytes: account?.maxBytes ?? null,
      keepDays: {
        clip: account?.keepClipsDays ?? retention.keepClipsDays,
        footage: account?.keepFootageDays ?? retention.keepFootageDays,
        // Without days of its own it goes by no age while its event is there; after that it is footage like any other.
        'event-footage': retention.keepEventFootageDays,
      },
      candidates(mediaClass) {
        if (now.except?.has(camera)) return [];
        return mediaClass === 'clip'
          ? catalogue.clipCandidates(camera)
          : catalogue.footageCandidates(camera, mediaClass);
      },
    };
  });
  return planRetention({
    now: now.now,
    clockJumpMs: now.clockJumpMs,
    rules: {
      maxBytes: retention.maxBytes,
      minFreeBytes: retention.minFreeBytes,
      refusedBelowBytes: settings.ftps.limits.minFreeBytes,
      minAgeMs: retention.minAgeHours * hourMs,
    },
    cameras: media,
    disk: now.disk,
    maxEvictions: now.maxEvictions ?? standardMaxEvictions,
  });
}
