// Whether the next upload would be taken and filed.

import { type HealthFacts, staleMs } from './health-facts.ts';

/** `problems`: why not, a few words each. */
export type Readiness = Readonly<{ ready: boolean; problems: readonly string[] }>;

export function readinessOf(facts: HealthFacts | undefined, now: number): Readiness {
  if (facts === undefined) return { ready: false, problems: ['the archive has not looked yet'] };
  const { disk, running } = facts;
  const problems = [
    ...(Math.abs(now - facts.at) > staleMs ? ['the archive does not look any more'] : []),
    ...(running.includes('receive') ? [] : ['nobody receives']),
    ...(disk.state === 'ours' ? [] : ['the disk of the media is not there']),
    ...(disk.state !== 'failed' && disk.freeBytes < facts.refusedBelowBytes ? ['the disk is full'] : []),
  ];
  return { ready: problems.length === 0, problems };
}
