// What retention would do now, for how long what arrives will be kept, and what to look at before it hurts.

import type { Camera } from '../access/accounts.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { floorOf } from '../domain/retention-floor.ts';
import { type Forecast, forecastRetention, rateDays } from '../domain/retention-forecast.ts';
import { dayMs, type Eviction, type RetentionPlan } from '../domain/retention-plan.ts';
import { heldSentence, promiseSentence, unmetSentence } from '../domain/retention-sentence.ts';
import { formatInstant } from '../domain/time-zone.ts';
import type { Settings } from '../settings/settings.ts';
import type { Space } from './checks/free-disk.ts';

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
  diskDaysLeft: number | null;
  forecast: readonly Forecast[];
  /** What cannot be kept, a sentence each; empty when all can. */
  unmet: readonly string[];
  /** What breaks no promise and should be looked at, a sentence each. */
  warnings: readonly string[];
}>;

export type OutlookSources = Readonly<{
  catalogue: Pick<Catalogue, 'holdings' | 'arrivals' | 'heldBytes'>;
  cameras: readonly Camera[];
  settings: Pick<Settings, 'retention'> &
    Readonly<{ ftps: Readonly<{ limits: Pick<Settings['ftps']['limits'], 'minFreeBytes'> }> }>;
  now: number;
  disk: Space;
}>;

/** What is to come when everything goes on as it did in the last week. */
export type Outlook = Readonly<{
  forecast: readonly Forecast[];
  /** Days until the disk is as full as retention lets it be; null: nothing arrives. */
  diskDaysLeft: number | null;
  heldBytes: number;
  mediaBytes: number;
  /** Days that were asked for and do not fit, a sentence each. */
  unmet: readonly string[];
  warnings: readonly string[];
}>;

export function retentionReport(
  parts: OutlookSources & Readonly<{ plan: RetentionPlan; timeZone: string }>,
): RetentionReport {
  const { plan, timeZone } = parts;
  const { unmet, warnings, forecast, heldBytes, diskDaysLeft } = readOutlook(parts);
  return {
    evictions: summarize(plan.evictions, timeZone),
    isComplete: plan.isComplete,
    ...{ heldBytes, diskDaysLeft, forecast },
    unmet: [...plan.unmet.map(unmetSentence), ...unmet],
    warnings,
  };
}

export function readOutlook({ catalogue, cameras, settings, now, disk }: OutlookSources): Outlook {
  const { retention, ftps } = settings;
  const sinceAt = now - rateDays * dayMs;
  const holdings = new Map(catalogue.holdings().map(each => [each.camera, each]));
  const mediaBytes = [...holdings.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const heldBytes = catalogue.heldBytes();
  const rules = { minFreeBytes: retention.minFreeBytes, refusedBelowBytes: ftps.limits.minFreeBytes };
  const spareBytes = disk.freeBytes - floorOf(rules, disk.totalBytes);
  const accounts = new Map(cameras.map(camera => [camera.name, camera]));
  const forecast = forecastRetention(
    catalogue.arrivals(sinceAt).map(arrivals => {
      const { camera, media } = arrivals;
      const account = accounts.get(camera);
      const { bytes = 0, footageBytes = 0 } = holdings.get(camera) ?? {};
      return {
        ...arrivals,
        bytes: media === 'footage' ? footageBytes : bytes - footageBytes,
        heldBytes: catalogue.heldBytes(camera),
        askedDays:
          media === 'footage'
            ? (account?.keepFootageDays ?? retention.keepFootageDays ?? null)
            : (account?.keepClipsDays ?? retention.keepClipsDays),
        maxBytes: account?.maxBytes ?? null,
      };
    }),
    {
      ...{ now, sinceAt, minAgeDays: retention.minAgeHours / 24 },
      roomBytes: roomOf(mediaBytes + spareBytes, retention.maxBytes),
    },
  );
  const bytesPerDay = forecast.reduce((sum, each) => sum + each.bytesPerDay, 0);
  return {
    ...{ forecast, heldBytes, mediaBytes },
    diskDaysLeft: bytesPerDay === 0 ? null : Math.max(0, spareBytes) / bytesPerDay,
    unmet: forecast.flatMap(each => promiseSentence(each) ?? []),
    warnings: heldBytes * 2 > mediaBytes ? [heldSentence(heldBytes, mediaBytes)] : [],
  };
}

function roomOf(onDiskBytes: number, maxBytes: number | null): number {
  return Math.min(Math.max(0, onDiskBytes), maxBytes ?? Number.POSITIVE_INFINITY);
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
