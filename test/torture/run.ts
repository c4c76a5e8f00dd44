// npm run torture -- [--cycles N] [--seed S] [--power-cuts [--file-system ext4|btrfs]]: the loop for as long as asked.

import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openPowerDisk } from './power-disk.ts';
import { type CycleReport, torture } from './torture.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '20' },
    seed: { type: 'string' },
    'power-cuts': { type: 'boolean', default: false },
    'file-system': { type: 'string', default: 'ext4' },
  },
});
const cycles = wholeNumber('cycles', values.cycles);
const seed = values.seed === undefined ? randomInt(2 ** 31) : wholeNumber('seed', values.seed);
console.log(`seed ${seed}`);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
process.exit(await (values['power-cuts'] ? withPowerCuts() : withoutPowerCuts()));

async function withPowerCuts(): Promise<number> {
  const fileSystem = values['file-system'];
  if (fileSystem !== 'ext4' && fileSystem !== 'btrfs') throw new Error('--file-system takes ext4 or btrfs');
  const disk = await openPowerDisk(fileSystem);
  if (typeof disk === 'string') throw new Error(`--power-cuts: ${disk}`);
  await using powered = disk;
  return await run({ root: powered.root, disk: powered });
}

async function withoutPowerCuts(): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'clipward-torture-'));
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  return await run({ root });
}

async function run(place: Pick<Parameters<typeof torture>[0], 'root' | 'disk'>): Promise<number> {
  const complaints = new Map<string, number>();
  const reports = await torture({
    ...place,
    cycles,
    seed,
    onCycle: report => {
      console.log(lineOf(report));
      for (const violation of report.violations) console.log(`    FAILED ${violation}`);
      for (const each of report.complaints) complaints.set(each, (complaints.get(each) ?? 0) + 1);
    },
  });
  const sum = (of: (report: CycleReport) => number) => reports.reduce((total, each) => total + of(each), 0);
  const violations = sum(each => each.violations.length);
  for (const [text, count] of complaints) console.log(`logged after ${count} restarts: ${text}`);
  console.log(
    `${reports.length} cycles, seed ${seed}: ${sum(each => each.acknowledged)} uploads acknowledged, ${sum(each => each.unanswered)} not, ${violations} violations`,
  );
  return violations === 0 && reports.length === cycles ? 0 : 1;
}

function lineOf({
  cycle,
  fault,
  acknowledged,
  unanswered,
  clips,
  partials,
  elapsedMs,
  violations,
}: CycleReport) {
  const outcome = violations.length === 0 ? 'ok' : `${violations.length} VIOLATIONS`;
  const counts = `${acknowledged} acknowledged, ${unanswered} not; ${clips} clips, ${partials} partial`;
  return `${cycle}  ${fault}: ${counts}; ${outcome} (${(elapsedMs / 1000).toFixed(1)} s)`;
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new Error(`--${name} takes a whole number`);
  return Number(text);
}
