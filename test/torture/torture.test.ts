// Some cycles of the loop that `npm run torture` runs for as long as asked (docs/torture.md).

import { randomInt } from 'node:crypto';
import t, { type Test } from 'tap';
import type { PowerDisk } from './power-disk.ts';
import { type CycleReport, torture } from './torture.ts';
import { withPowerDisk } from './with-power-disk.ts';

const cycles = 4;
/** On a machine that has other things to do there are fewer. */
const maxMs = 12_000;

async function runCycles(t: Test, place: { root: string; disk?: PowerDisk }): Promise<void> {
  const seed = randomInt(2 ** 31);
  const tell = ({ cycle, fault, acknowledged, clips }: CycleReport) =>
    t.comment(`${cycle} ${fault}: ${acknowledged} acknowledged, ${clips} clips`);
  const reports = await torture({ ...place, cycles, maxMs, seed, onCycle: tell });
  for (const { fault, violations } of reports) t.same(violations, [], `${fault} (seed ${seed})`);
  t.ok(reports.length > 0);
}

t.test('whatever was acknowledged is there once after the daemon was killed at any moment', t =>
  runCycles(t, { root: t.testdir({}) }),
);

t.test('whatever was acknowledged is there once after the power went at any moment', t =>
  withPowerDisk(t, disk => runCycles(t, { root: disk.root, disk })),
);
