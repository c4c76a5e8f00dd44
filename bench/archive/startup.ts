// How long the daemon takes until it is ready, with few clips and with many.

import { startBuilt } from '../lib/built-daemon.ts';
import type { MadeArchive } from '../lib/made-archive.ts';
import { costsOf } from '../lib/process-costs.ts';
import { untilQuiet } from '../lib/quiet.ts';
import { median } from '../lib/spread.ts';

const starts = 3;

export type Startup = Readonly<{
  clips: number;
  readyMs: number;
  /** Until it does nothing any more: what is looked after beside the listeners. */
  cpuMs: number;
}>;

export async function measureStartup(archives: readonly MadeArchive[]): Promise<readonly Startup[]> {
  const found = archives.map(({ clips }) => ({ clips, readyMs: [] as number[], cpuMs: [] as number[] }));
  // The first one makes certificates, and is not counted.
  for (let round = 0; round <= starts; round++)
    for (const [index, { config }] of archives.entries()) {
      await using daemon = await startBuilt(config);
      await untilQuiet('the daemon', [daemon.pid]);
      if (round === 0) continue;
      const { userMs, systemMs } = costsOf([daemon.pid]);
      found[index]?.readyMs.push(daemon.readyMs);
      found[index]?.cpuMs.push(userMs + systemMs);
    }
  return found.map(({ clips, readyMs, cpuMs }) => ({
    ...{ clips, readyMs: Math.round(median(readyMs)), cpuMs: Math.round(median(cpuMs)) },
  }));
}

export function startupInWords(facts: readonly Startup[]): string[] {
  return facts.map(
    ({ clips, readyMs, cpuMs }) =>
      `start with ${clips} clips: ready after ${readyMs} ms; ${cpuMs} ms of CPU until it does nothing any more`,
  );
}
