// What retention would do now, and for how long what arrives will be kept.

import type { AccountReader, Camera } from '../access/accounts.ts';
import type { Clock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { type Forecast, forecastRetention, rateDays } from '../domain/retention-forecast.ts';
import { dayMs, type Eviction, type RetentionPlan } from '../domain/retention-plan.ts';
import { daysSentence, unmetSentence } from '../domain/retention-sentence.ts';
import { formatInstant } from '../domain/time-zone.ts';
import type { Settings } from '../settings/settings.ts';
import { spaceOf } from './checks/free-disk.ts';

export type EvictionSummary = Readonly<{
  camera: string;
  mediaClass: string;
  reason: string;
  files: number;
  bytes: number;
  oldestAt: string;
  newestAt: string;
}>;

export type RetentionReport = Readonly<{
  evictions: readonly EvictionSummary[];
  /** False: there is more than one plan holds. */
  isComplete: boolean;
  heldBytes: number;
  forecast: readonly Forecast[];
  /** What cannot be kept, a sentence each; empty when all can. */
  unmet: readonly string[];
}>;

type Disk = Readonly<{ freeBytes: number; totalBytes: number }>;

export function retentionReport(parts: {
  plan: RetentionPlan;
  catalogue: Pick<Catalogue, 'holdings' | 'heldBytes'>;
  cameras: readonly Camera[];
  settings: Pick<Settings, 'retention'>;
  now: number;
  disk: Disk;
  timeZone: string;
}): RetentionReport {
  const { plan, catalogue, timeZone } = parts;
  const forecast = forecastNow(parts);
  return {
    evictions: summarize(plan.evictions, timeZone),
    isComplete: plan.isComplete,
    heldBytes: catalogue.heldBytes(),
    forecast,
    unmet: [...plan.unmet.map(unmetSentence), ...brokenPromises(forecast)],
  };
}

/** What doctor wants to know. */
export async function retentionNow(parts: {
  catalogue: Pick<Catalogue, 'holdings' | 'heldBytes'>;
  accounts: Pick<AccountReader, 'cameras'>;
  settings: Settings;
  clock: Clock;
}): Promise<{ unmet: readonly string[]; heldBytes: number; allBytes: number }> {
  const { catalogue, settings } = parts;
  const now = parts.clock.now();
  const disk = await spaceOf(settings.dataDir);
  const forecast = forecastNow({ catalogue, cameras: parts.accounts.cameras(), settings, now, disk });
  return {
    unmet: brokenPromises(forecast),
    heldBytes: catalogue.heldBytes(),
    allBytes: catalogue.holdings(now).reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** For how long what arrives is kept at the present rate, for each camera that sent something. */
export function forecastNow(parts: {
  catalogue: Pick<Catalogue, 'holdings'>;
  cameras: readonly Camera[];
  settings: Pick<Settings, 'retention'>;
  now: number;
  disk: Disk;
}): readonly Forecast[] {
  const { now, disk } = parts;
  const { retention } = parts.settings;
  const sinceAt = now - rateDays * dayMs;
  const holdings = parts.catalogue.holdings(sinceAt);
  const accounts = new Map(parts.cameras.map(camera => [camera.name, camera]));
  const total = holdings.reduce((sum, { bytes }) => sum + bytes, 0);
  const onDisk = Math.max(0, total + disk.freeBytes - retention.minFreeBytes);
  return forecastRetention(
    holdings.map(({ camera, bytes, recentBytes, oldestKeptFrom }) => ({
      ...{ camera, bytes, recentBytes },
      oldestAt: oldestKeptFrom,
      askedDays: accounts.get(camera)?.keepClipsDays ?? retention.keepClipsDays,
      maxBytes: accounts.get(camera)?.maxBytes ?? null,
    })),
    { now, sinceAt, roomBytes: Math.min(onDisk, retention.maxBytes ?? Number.POSITIVE_INFINITY) },
  );
}

/** Which promises cannot be kept, a sentence each. */
export function brokenPromises(forecast: readonly Forecast[]): string[] {
  return forecast.flatMap(({ camera, askedDays, fitDays, isKept }) =>
    isKept || askedDays === null || fitDays === null
      ? []
      : [
          `${camera}: ${daysSentence(askedDays, fitDays)} at the present rate: give it more room (camera set --max-bytes, a larger disk), let the camera send less, or ask for fewer days.`,
        ],
  );
}

function summarize(evictions: readonly Eviction[], timeZone: string): EvictionSummary[] {
  const groups = Map.groupBy(
    evictions,
    ({ camera, mediaClass, reason }) => `${camera} ${mediaClass} ${reason}`,
  );
  return [...groups.values()].map(group => {
    const { camera, mediaClass, reason } = group[0] as Eviction;
    const ages = group.map(({ keptFrom }) => keptFrom);
    return {
      ...{ camera, mediaClass, reason },
      files: group.length,
      bytes: group.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestAt: formatInstant(
        ages.reduce((a, b) => Math.min(a, b)),
        timeZone,
      ),
      newestAt: formatInstant(
        ages.reduce((a, b) => Math.max(a, b)),
        timeZone,
      ),
    };
  });
}
