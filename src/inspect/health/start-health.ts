// Looks at the installation again and again, for as long as the archive runs. What is seen is written into the catalogue, where
// the role that answers to monitoring finds it; what is wrong is handed on.

import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Count } from '../../catalogue/lookout.ts';
import type { AlertKind, Condition } from '../../domain/alerts.ts';
import { type HealthSources, healthLook } from './gather.ts';
import { lookIntervalMs } from './health-facts.ts';

export type HealthParts = HealthSources &
  Readonly<{
    clock: Pick<Clock, 'now'>;
    log: Log;
    /** Told of everything that is wrong, and of which alerts nothing is known. */
    onLook(conditions: readonly Condition[], covers: (kind: AlertKind, subject: string) => boolean): void;
    /** What was counted since the last look. */
    takeCounts(): readonly Count[];
    intervalMs?: number;
  }>;

export function startHealth(parts: HealthParts): AsyncDisposable {
  const { catalogue, clock, log, onLook, intervalMs = lookIntervalMs } = parts;
  const look = healthLook(parts);
  let looking: Promise<void> | undefined;
  let isClosed = false;
  let lastTold = '';

  const lookOnce = async () => {
    const now = clock.now();
    const { facts, conditions, unknown } = await look(now);
    if (isClosed) return;
    catalogue.addCounts(parts.takeCounts());
    catalogue.noteLook(now, facts.running.includes('receive'), JSON.stringify(facts));
    // Whether the archive runs is for another role to say.
    onLook(
      conditions,
      (kind, subject) => !unknown.has(kind) && !(kind === 'role-stopped' && subject === 'archive'),
    );
    lastTold = '';
  };
  const start = () => {
    looking ??= lookOnce()
      .catch(error => {
        const text = messageOf(error);
        if (!isClosed && text !== lastTold) log.error({ error: text }, 'health cannot be looked at');
        lastTold = text;
      })
      .finally(() => {
        looking = undefined;
      });
  };
  start();
  const timer = setInterval(start, intervalMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      isClosed = true;
      clearInterval(timer);
      await looking;
    },
  };
}
