// Who looks after the installation, wired: the archive looks and raises alerts, since it sees everything and reaches nobody; the
// outbound role carries them out of the house, answers to monitoring, and says when the archive does not look any more.

import { hostname } from 'node:os';
import type { Clock } from './base/clock.ts';
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { openChannels } from './deliver/open-channels.ts';
import { alertSettler } from './deliver/settle-alerts.ts';
import { startDeliver } from './deliver/start-deliver.ts';
import { startHttp } from './http.ts';
import { lookIntervalMs, staleMs } from './inspect/health/health-facts.ts';
import { type HealthParts, startHealth } from './inspect/health/start-health.ts';
import type { Settings } from './settings/settings.ts';

type Parts = Readonly<{ catalogue: Catalogue; settings: Settings; clock: Clock; log: Log }>;

/** For the archive. */
export function startLookout(
  parts: Parts & Pick<HealthParts, 'accounts' | 'inbox' | 'isChainSound' | 'takeCounts'>,
): AsyncDisposable {
  const settle = settlerOf(parts);
  const opened = new AsyncDisposableStack();
  opened.use(noteRole('archive', parts));
  opened.use(startHealth({ ...parts, timeZone: machineTimeZone(), onLook: settle }));
  return opened;
}

/** For the role that goes out. Resolves when it answers to monitoring, or that cannot be had. */
export async function startMessenger(
  parts: Parts & Readonly<{ intervalMs?: number }>,
): Promise<AsyncDisposable> {
  const { catalogue, settings, clock, log, intervalMs = lookIntervalMs } = parts;
  await using opened = new AsyncDisposableStack();
  opened.use(noteRole('outbound', parts));
  opened.use(
    startDeliver({ catalogue, clock, log, channels: openChannels(settings.alerts), random: Math.random }),
  );
  const settle = settlerOf(parts);
  const startedMs = clock.monotonicMs();
  const lookAfterArchive = () => {
    try {
      const now = clock.now();
      const { lookedAt } = catalogue.lookout(now);
      // It may be starting, after hours in which nothing ran.
      const mayBeStarting = clock.monotonicMs() - startedMs < staleMs;
      const isStale = lookedAt !== null && Math.abs(now - lookedAt) > staleMs && !mayBeStarting;
      settle(
        isStale ? [archiveGone] : [],
        (kind, subject) => kind === archiveGone.kind && subject === 'archive',
      );
    } catch (error) {
      log.error({ error: messageOf(error) }, 'health cannot be looked at');
    }
  };
  const timer = setInterval(lookAfterArchive, intervalMs).unref();
  opened.defer(() => clearInterval(timer));
  if (settings.http.port !== null)
    opened.use(await startHttp({ ...settings.http, port: settings.http.port, catalogue, clock, log }));
  return opened.move();
}

const archiveGone = {
  kind: 'role-stopped',
  subject: 'archive',
  sentence:
    'The role archive does not run or hangs, so nothing is filed, deleted or looked after: look at its log, and at the disks.',
} as const;

function settlerOf({ catalogue, settings, clock, log }: Parts) {
  const timeZone = machineTimeZone();
  return alertSettler({ catalogue, settings: settings.alerts, from: hostname(), timeZone, clock, log });
}

/** A start that has no end is of a process that runs, or of one that crashed. */
function noteRole(role: 'archive' | 'outbound', { catalogue, clock, log }: Parts): Disposable {
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      log.debug({ error: messageOf(error) }, 'start not noted');
      return undefined;
    }
  };
  const id = attempt(() => catalogue.noteStart(role, clock.now()));
  return {
    [Symbol.dispose]: () => {
      if (id !== undefined) attempt(() => catalogue.noteEnd(id, clock.now()));
    },
  };
}

function machineTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
