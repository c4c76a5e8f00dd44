// The loop: cameras upload, somebody uses the command line, and at a random moment the daemon is killed, told to end, or
// loses its power. Then it is started again and asked for everything that it promised. What is done is drawn from a seed;
// the moments are real ones, so the same seed is not the same run to the millisecond.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../domain/seeded-random.ts';
import { type Camera, workShift } from './cameras.ts';
import { type Chore, choreNames, startChore } from './chores.ts';
import { openStudio, type Studio } from './contents.ts';
import { type Host, makeHost, type Running } from './host.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { endLeftovers } from './leftovers.ts';
import { judge } from './oracle.ts';
import type { PowerDisk } from './power-disk.ts';
import { cutOutcomes, type Random } from './volatile-image.ts';

export type TortureOptions = Readonly<{
  cycles: number;
  /** No cycle begins after so long. */
  maxMs?: number;
  seed: number;
  /** Everything lies below it. */
  root: string;
  /** With it, the power is cut too; `root` is on it. */
  disk?: PowerDisk;
  onCycle?(report: CycleReport): void;
}>;

export type CycleReport = Readonly<{
  cycle: number;
  /** What happened, in words. */
  fault: string;
  acknowledged: number;
  unanswered: number;
  clips: number;
  partials: number;
  elapsedMs: number;
  violations: readonly string[];
  /** Warnings and errors of the log after the restart, by message. */
  complaints: readonly string[];
}>;

/** A fresh one now and then: a first start is a moment, too, and nothing grows for ever. */
const cyclesPerInstallation = 20;
const longestWorkMs = 1500;
const startMs = 1500;
/** Every second, and less room than some cycles bring. */
const tightRetention = ['intervalMs: 1000', 'minAgeHours: 0', `maxBytes: ${6 * 1024 * 1024}`];
const orderlyEndMs = 40_000;

type Site = {
  readonly host: Host;
  readonly ledger: Ledger;
  readonly cameras: readonly Camera[];
  readonly seen: Set<string>;
  running: Running | undefined;
  hadPowerCut: boolean;
  readonly retains: boolean;
  /** Commands that were cut short and are to be run again. */
  readonly toRepeat: Array<() => Promise<readonly string[]>>;
};

export async function torture(options: TortureOptions): Promise<readonly CycleReport[]> {
  const { cycles, seed, root, maxMs = Number.POSITIVE_INFINITY, onCycle = () => {} } = options;
  const startedAt = performance.now();
  const studio = await openStudio();
  const reports: CycleReport[] = [];
  for (let first = 1; first <= cycles; first += cyclesPerInstallation) {
    const directory = join(root, `installation-${first}`);
    const site = await openSite(directory, seededRandom(seed + first)(2) === 0);
    try {
      for (let cycle = first; cycle < Math.min(first + cyclesPerInstallation, cycles + 1); cycle++) {
        const report = await runCycle(site, cycle, studio, options);
        reports.push(report);
        onCycle(report);
        const isOver = performance.now() - startedAt > maxMs;
        if (report.violations.length > 0 || isOver) return reports;
      }
    } finally {
      site.running?.kill('SIGKILL');
      await site.running?.ended;
      endLeftovers(directory);
      site.host.remove();
    }
    rmSync(directory, { recursive: true, force: true });
  }
  return reports;
}

async function openSite(directory: string, retains: boolean): Promise<Site> {
  mkdirSync(directory, { recursive: true });
  const host = await makeHost({ root: directory, retention: retains ? tightRetention : [] });
  const clients = { den: 'bare', yard: 'bare', porch: 'library', shed: 'library' } as const;
  const cameras: Camera[] = [];
  for (const [name, client] of Object.entries(clients)) {
    const added = await host.command(['camera', 'add', name, '--allow', '127.0.0.0/8', '--json']).result;
    if (added.code !== 0) throw new Error(`camera add ended with ${added.code}: ${added.stderr}`);
    cameras.push({ name, client, password: (JSON.parse(added.stdout) as { password: string }).password });
  }
  return {
    host,
    cameras,
    ledger: openLedger(),
    seen: new Set(),
    running: undefined,
    hadPowerCut: false,
    retains,
    toRepeat: [],
  };
}

async function runCycle(
  site: Site,
  cycle: number,
  studio: Studio,
  { seed, disk }: TortureOptions,
): Promise<CycleReport> {
  // A stream of its own for everybody: who comes first then changes nothing for the others.
  const randomFor = (purpose: number) => seededRandom(Math.imul(seed, 65_537) + cycle * 64 + purpose);
  const random = randomFor(0);
  const startedAt = performance.now();
  const before = site.ledger.attempts.length;
  const violations: string[] = [];
  const work = await workUntil(site, studio, randomFor);
  const fault = await strike(site, work, random, disk, violations);
  if (disk !== undefined && fault.startsWith('power')) {
    await disk.restore();
    site.hadPowerCut = true;
  }
  const recovered = await recover(site, studio, random);
  const attempts = site.ledger.attempts.slice(before);
  const acknowledged = attempts.filter(attempt => attempt.acknowledged).length;
  return {
    ...{ cycle, fault, acknowledged, unanswered: attempts.length - acknowledged },
    ...{ clips: recovered.clips, partials: recovered.partials, complaints: recovered.complaints },
    violations: [...violations, ...recovered.violations],
    elapsedMs: performance.now() - startedAt,
  };
}

type Work = Readonly<{ running: Running; told: string; end(): Promise<void>; chore: Chore | undefined }>;

/** Lets everybody work until the moment of the fault. */
async function workUntil(site: Site, studio: Studio, randomFor: (purpose: number) => Random): Promise<Work> {
  const random = randomFor(1);
  const { host, ledger, cameras } = site;
  const running = site.running ?? host.serve();
  const wasThere = site.running !== undefined;
  site.running = running;
  if (!wasThere && random(4) === 0) {
    const waitMs = random(startMs);
    await sleep(waitMs);
    return { running, told: `${waitMs} ms after its start`, end: async () => {}, chore: undefined };
  }
  if (!(await running.ready)) throw new Error(endedByItself(running));
  const leaving = new AbortController();
  const { signal } = leaving;
  const shifts = cameras.map((camera, index) =>
    workShift({ camera, port: host.explicitPort, ledger, studio, signal, random: randomFor(3 + index) }),
  );
  const choreName = random(2) === 0 ? undefined : choreNames[random(choreNames.length)];
  const chore = choreName && startChore(choreName, { host, ledger, studio, random: randomFor(2) });
  const workMs = 100 + random(longestWorkMs);
  await sleep(workMs);
  return {
    running,
    chore,
    told: `after ${workMs} ms of work${chore ? ` beside ${chore.name}` : ''}`,
    async end() {
      leaving.abort();
      await Promise.all(shifts);
    },
  };
}

/** Answers what it did. */
async function strike(
  site: Site,
  { running, told, end, chore }: Work,
  random: Random,
  disk: PowerDisk | undefined,
  violations: string[],
): Promise<string> {
  const drawn = random(disk === undefined ? 5 : 10);
  if (running.hasEnded()) violations.push(endedByItself(running));
  let name = 'kill -9';
  if (drawn >= 5 && disk !== undefined) {
    const outcome = cutOutcomes[random(cutOutcomes.length)] ?? 'none';
    name = `power cut (${outcome})`;
    await disk.cut(outcome, random(2 ** 31));
    // It lives on for a moment, without a disk: nothing that it still says may be untrue.
    await sleep(random(200));
    running.kill('SIGKILL');
    chore?.kill('SIGKILL');
  } else if (drawn === 0) {
    name = 'SIGTERM';
    running.kill('SIGTERM');
  } else {
    running.kill('SIGKILL');
    if (random(2) === 0) chore?.kill('SIGKILL');
  }
  const deadline = setTimeout(() => {
    violations.push(`${name}: the daemon had not ended after ${orderlyEndMs} ms`);
    running.kill('SIGKILL');
  }, orderlyEndMs);
  await running.ended;
  clearTimeout(deadline);
  site.running = undefined;
  await end();
  const { violations: more = [], again } = (await chore?.ended) ?? {};
  endLeftovers(site.host.root);
  // On a dead disk it may say what it likes, as long as it is not that all went well.
  if (!name.startsWith('power')) violations.push(...more);
  if (again) site.toRepeat.push(again);
  return `${name} ${told}${site.retains ? ', with retention' : ''}`;
}

async function recover(site: Site, studio: Studio, random: Random) {
  const { host, ledger, seen, hadPowerCut, retains } = site;
  const running = host.serve();
  site.running = running;
  await running.ready;
  await host.drained(running.hasEnded);
  if (running.hasEnded()) return { ...nothing, violations: [endedByItself(running)] };
  const repeated = await Promise.all(site.toRepeat.splice(0).map(again => again()));
  // Half of the time it is asked while it runs, as somebody would who is curious; not while it may delete.
  if (site.retains || random(2) === 0) {
    running.kill('SIGTERM');
    await running.ended;
    site.running = undefined;
  }
  const { violations, clips, partials } = judge({ ...host, ledger, studio, seen, hadPowerCut, retains });
  const checked = await host.command(['check', '--json']).result;
  const complaints = [...new Set(running.complaints().map(({ msg, level }) => `${level} ${msg}`))];
  return {
    violations: [...repeated.flat(), ...violations, ...findingsOf(checked)],
    clips,
    partials,
    complaints,
  };
}

function endedByItself(running: Running): string {
  return `the daemon ended by itself: ${running.lastWords()}`;
}

const nothing = { violations: [], clips: 0, partials: 0, complaints: [] };

function findingsOf({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }): string[] {
  if (code !== 0 && code !== 1) return [`check ended with ${code}: ${stderr}`];
  const { findings } = JSON.parse(stdout) as {
    findings: { code: string; level: string; path: string; id: string }[];
  };
  const told = findings
    .filter(({ level }) => level === 'violation')
    .map(({ code, path, id }) => `check: ${code} ${path ?? id}`);
  return code === 0 || told.length > 0 ? told : ['check ended with 1 and named nothing'];
}
