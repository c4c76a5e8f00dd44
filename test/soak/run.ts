// npm run soak -- [--minutes N] [--seed S] [--pause FROM-TO] [--csv FILE] [--log FILE]: cameras are recorded while things go wrong.

import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hasGrown, median, memoryGrowth } from './memory-growth.ts';
import { type SoakReport, soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    pause: { type: 'string', default: '30-60' },
    csv: { type: 'string' },
    log: { type: 'string' },
  },
});
const minutes = wholeNumber('minutes', values.minutes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : wholeNumber('seed', values.seed);
const [from = '', to = ''] = values.pause.split('-');
const csvFile = values.csv ?? join(tmpdir(), `clipward-soak-${seed}.csv`);
const logFile = values.log ?? join(tmpdir(), `clipward-soak-${seed}.log`);
console.log(`seed ${seed}, ${minutes} minutes, memory goes to ${csvFile}, the daemon's log to ${logFile}`);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
const report = await soak({
  ...{ seed, csvFile, logFile, forMs: minutes * 60_000, checkEveryMs: Math.min(10, minutes / 2) * 60_000 },
  pauseMs: [wholeNumber('pause', from) * 1000, wholeNumber('pause', to) * 1000],
  tell: line => console.log(`${new Date().toISOString()} ${line}`),
});
const violations = [...report.violations, ...summarize(report)];
for (const each of violations) console.log(`FAILED ${each}`);
console.log(
  `${minutes} minutes, seed ${seed}: ${report.faults.length} faults, ${violations.length} violations`,
);
process.exit(violations.length === 0 ? 0 : 1);

/** Answers what is wrong with memory. */
function summarize({ verdict, faults, samples }: SoakReport): string[] {
  for (const { camera, wholeMs, recordedMs, gapMs, unaccountedMs, byReason } of verdict.cameras) {
    const share = ((100 * recordedMs) / wholeMs).toFixed(2);
    console.log(
      `${camera}: ${wholeMs} ms, ${recordedMs} in segments (${share} %), ${gapMs} in gaps, ${unaccountedMs} in neither; ${JSON.stringify(byReason)}`,
    );
  }
  for (const [name, all] of Map.groupBy(faults, fault => fault.name)) {
    const took = all.flatMap(fault => [...fault.recoveredAt.values()].map(at => at - fault.endAt));
    console.log(
      `${name}: ${all.length} times, recorded again after ${seconds(median(took))} (median), ${seconds(Math.max(0, ...took))} (longest)`,
    );
  }
  const grown: string[] = [];
  for (const what of ['rss', 'anonymous', 'ffmpegAnonymous'] as const) {
    const growth = memoryGrowth(samples, what);
    if (growth === undefined) continue;
    const told = `${what} of the daemon that lived longest, ${growth.minutes} minutes: ${growth.earlyKb} kB in the second quarter of its life, ${growth.lateKb} kB in the last`;
    console.log(told);
    if (hasGrown(growth)) grown.push(told);
  }
  return grown;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new Error(`--${name} takes a whole number`);
  return Number(text);
}
