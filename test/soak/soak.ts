// Three cameras are recorded while things happen to them, to ffmpeg and to the daemon, all drawn from a seed. Now and then it
// gets quiet, and what was recorded is judged.

import { appendFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { systemClock } from '../../src/base/clock.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { seededRandom } from '../domain/seeded-random.ts';
import { type Daemon, type Installation, makeInstallation } from '../support/daemon.ts';
import { makeElementaryStream } from '../support/fake-camera.ts';
import { type Fault, judgeFootage, recoveryLimitMs, type Verdict } from './judge-footage.ts';
import { descendantsOf, descriptorsOf, memoryOf } from './processes.ts';
import { type Random, type SoakCamera, type Strike, startHurtFake, startHurtGst } from './soak-cameras.ts';

export type SoakOptions = Readonly<{
  forMs: number;
  seed: number;
  /** Between the beginnings of two faults. */
  pauseMs: readonly [from: number, below: number];
  checkEveryMs: number;
  csvFile: string;
  /** Gets what the daemon logs, of all its lives. */
  logFile: string;
  tell(line: string): void;
}>;

export type SoakReport = Readonly<{
  violations: readonly string[];
  verdict: Verdict;
  faults: readonly Fault[];
  samples: readonly Sample[];
}>;

/** Memory in kB. */
export type Sample = Readonly<{
  at: number;
  /** Of the daemon: it is another one after every restart. */
  pid: number;
  rss: number;
  anonymous: number;
  ffmpegs: number;
  ffmpegAnonymous: number;
  descriptors: number;
}>;

const settings = [
  '  limits: { minFreeBytes: 0 }',
  'record:',
  '  segmentMs: 30000',
  '  maxBitsPerSecond: 32000000',
  'log: { level: debug }',
];
/** The daemon is hurt only in the first quarter and at the very end: what grows slowly shows only in one that lives long. */
const hurtsDaemonUntil = 0.25;
const hurtsDaemonFrom = 0.93;
const sampleEveryMs = 60_000;
/** Faults may be under way together, and each may need its time to be over. */
const quietLimitMs = 150_000;
const descriptorSlack = 6;

type Site = {
  readonly options: SoakOptions;
  readonly place: Installation;
  readonly cameras: readonly SoakCamera[];
  readonly catalogue: ReturnType<typeof openCatalogue>;
  readonly faults: Fault[];
  readonly violations: string[];
  readonly samples: Sample[];
  readonly quietDescriptors: Map<number, number>;
  readonly seen: Set<string>;
  /** What has not been recovered from. */
  readonly underWay: Set<Promise<void>>;
  /** Cameras, and the daemon, that something is being done to. */
  readonly busy: Set<string>;
  daemon: Daemon;
  /** How many lines of its log are in the file. */
  keptLines: number;
};

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { forMs, seed, pauseMs, checkEveryMs, tell } = options;
  await using opened = new AsyncDisposableStack();
  const site = await openSite(options, opened);
  const random = seededRandom(seed);
  const startedAt = Date.now();
  let checkAt = startedAt + checkEveryMs;
  let verdict: Verdict | undefined;
  while (Date.now() < startedAt + forMs) {
    await sleep(Math.min(pauseMs[0] + random(pauseMs[1] - pauseMs[0]), startedAt + forMs - Date.now()));
    if (Date.now() >= checkAt) {
      verdict = await check(site);
      checkAt += checkEveryMs;
    }
    const share = (Date.now() - startedAt) / forMs;
    if (share < 1) strikeSomething(site, random, share < hurtsDaemonUntil || share > hurtsDaemonFrom);
  }
  verdict = await check(site);
  site.daemon.kill('SIGTERM');
  const { code } = await site.daemon.ended;
  if (code !== 0) site.violations.push(`the daemon ended with ${code} at the end`);
  tell('the daemon has ended');
  return { ...site, verdict };
}

async function openSite(options: SoakOptions, opened: AsyncDisposableStack): Promise<Site> {
  const place = await makeInstallation({ settings });
  const violations: string[] = [];
  opened.defer(() => (violations.length === 0 ? place.remove() : options.tell(`kept: ${place.root}`)));
  const [small, large] = await Promise.all([
    makeElementaryStream('160x120'),
    makeElementaryStream('320x240'),
  ]);
  const cameras = [
    opened.use(await startHurtFake('den', [small, large])),
    opened.use(await startHurtFake('yard', [large, small])),
    opened.use(
      await startHurtGst('porch', [
        { codec: 'h264', audio: 'aac' },
        { codec: 'h264', audio: 'aac', width: 640, height: 360 },
        { codec: 'h265', audio: 'pcmu' },
      ]),
    ),
  ];
  const daemon = await place.serve();
  const accounts = await openAccountWriter({ stateDir: place.stateDir, clock: systemClock });
  const passwordHash = await hashPassword('correct horse battery staple');
  for (const { name, rtspUrl } of cameras) {
    accounts.addCamera({ name, passwordHash, allowedNetworks: [], timeZone: 'UTC' });
    accounts.setCamera(name, { rtspUrl });
  }
  accounts[Symbol.dispose]();
  const catalogue = openCatalogue({ file: catalogueFile(place.stateDir), readOnly: true });
  opened.defer(() => catalogue[Symbol.dispose]());
  const site: Site = {
    ...{ options, place, cameras, catalogue, daemon },
    ...{ faults: [], violations, samples: [], quietDescriptors: new Map(), seen: new Set() },
    ...{ underWay: new Set(), busy: new Set(), keptLines: 0 },
  };
  process.once('exit', () => site.daemon.kill('SIGKILL'));
  // Not to outlive us, whatever went wrong; faults that are under way end first, so that it is the last one.
  opened.defer(async () => {
    await Promise.all(site.underWay);
    await site.daemon.stop();
    keepLog(site);
  });
  writeFileSync(options.logFile, '');
  writeFileSync(options.csvFile, 'at,daemon,rss_kb,anonymous_kb,ffmpegs,ffmpeg_anonymous_kb,descriptors\n');
  const timer = setInterval(() => sample(site), sampleEveryMs);
  opened.defer(() => clearInterval(timer));
  begin(site, 'the beginning', null, async () => ({
    ...{ name: 'the beginning', reasons: ['restart', 'unreachable'], lastsMs: 0, undo: async () => {} },
  }));
  await Promise.all(site.underWay);
  return site;
}

function strikeSomething(site: Site, random: Random, mayHurtDaemon: boolean): void {
  const camera = site.cameras[random(site.cameras.length)] as SoakCamera;
  // Drawn always, so that what is drawn next depends on the seed alone.
  const [kind, which, own] = [random(10), random(2), seededRandom(random(2 ** 31))];
  if (mayHurtDaemon && kind < 2) {
    const signal = which === 0 ? 'SIGTERM' : 'SIGKILL';
    begin(site, 'daemon', null, () => restart(site, signal, own(5000)));
  } else if (kind < 4) {
    begin(site, 'ffmpeg', null, () => hurtFfmpeg(site, which === 0, own));
  } else if (kind < 5) {
    begin(site, camera.name, camera.name, () => switchOff(site, camera.name, own));
  } else {
    const strike = camera.strikes[own(camera.strikes.length)] as SoakCamera['strikes'][number];
    begin(site, camera.name, camera.name, () => strike(own));
  }
}

/** `place`: where one thing is done at a time. */
function begin(site: Site, place: string, camera: string | null, strike: () => Promise<Strike>): void {
  if (site.busy.has(place)) return;
  site.busy.add(place);
  const work = (async () => {
    const startAt = Date.now();
    const { name, reasons, lastsMs, undo } = await strike();
    const fault: Fault = {
      ...{ name, camera, reasons, startAt, endAt: Number.POSITIVE_INFINITY, recoveredAt: new Map() },
    };
    site.faults.push(fault);
    site.options.tell(`${camera ?? 'all'}: ${name}${lastsMs > 0 ? ` for ${lastsMs} ms` : ''}`);
    await sleep(lastsMs);
    await undo();
    fault.endAt = Date.now();
    const names = camera === null ? site.cameras.map(each => each.name) : [camera];
    await Promise.all(names.map(each => recovered(site, fault, each)));
    const tookMs = Math.max(...[...fault.recoveredAt.values()].map(at => at - fault.endAt), 0);
    site.options.tell(`${camera ?? 'all'}: recorded again after ${name}, ${tookMs} ms`);
  })()
    .catch(error => void site.violations.push(`the soak itself: ${error.stack}`))
    .finally(() => {
      site.busy.delete(place);
      site.underWay.delete(work);
    });
  site.underWay.add(work);
}

/** Waits until something that came after the fault is on the disk. */
async function recovered(site: Site, fault: Fault, camera: string): Promise<void> {
  for (;;) {
    const open = site.catalogue.openSegments().find(each => each.camera === camera);
    if (open !== undefined && open.startAt > fault.startAt + 1000) {
      fault.recoveredAt.set(camera, Math.max(open.startAt, fault.endAt));
      return;
    }
    // One that went on all the time.
    if (open !== undefined && open.endAt > fault.endAt + 12_000) {
      fault.recoveredAt.set(camera, fault.endAt);
      return;
    }
    const others = site.faults.filter(
      each => each !== fault && (each.camera === null || each.camera === camera),
    );
    const lastEndAt = Math.max(fault.endAt, ...others.map(each => each.endAt).filter(Number.isFinite));
    const isDisturbed = others.some(each => !Number.isFinite(each.endAt));
    if (!isDisturbed && Date.now() > lastEndAt + recoveryLimitMs + 10_000) {
      site.violations.push(`${camera} was not recorded again in time after: ${fault.name}`);
      return;
    }
    await sleep(200);
  }
}

async function restart(site: Site, signal: 'SIGTERM' | 'SIGKILL', restsMs: number): Promise<Strike> {
  site.daemon.kill(signal);
  const { code } = await site.daemon.ended;
  if (signal === 'SIGTERM' && code !== 0) site.violations.push(`after SIGTERM the daemon ended with ${code}`);
  return {
    ...{ name: `${signal} to the daemon`, reasons: ['restart', 'unknown'], lastsMs: restsMs },
    async undo() {
      keepLog(site);
      site.daemon = await site.place.serve();
      site.keptLines = 0;
    },
  };
}

async function hurtFfmpeg(site: Site, kills: boolean, random: Random): Promise<Strike> {
  const all = descendantsOf(site.daemon.pid).filter(({ command }) => command === 'ffmpeg');
  const one = all[random(Math.max(1, all.length))];
  if (one) process.kill(one.pid, kills ? 'SIGKILL' : 'SIGSTOP');
  return {
    name: `${kills ? 'SIGKILL' : 'SIGSTOP'} to ${one ? 'an ffmpeg' : 'no ffmpeg, there is none'}`,
    reasons: kills ? ['restart'] : ['stalled'],
    lastsMs: 0,
    undo: async () => {},
  };
}

async function switchOff(site: Site, camera: string, random: Random): Promise<Strike> {
  const setRecord = async (record: string) => {
    using accounts = await openAccountWriter({ stateDir: site.place.stateDir, clock: systemClock });
    accounts.setCamera(camera, { record });
  };
  await setRecord('off');
  return {
    ...{ name: 'is switched off', reasons: ['off', 'restart'], lastsMs: 3000 + random(30_000) },
    undo: () => setRecord('on'),
  };
}

/** Waits until nothing is the matter, and judges. */
async function check(site: Site): Promise<Verdict> {
  const { options, catalogue, place, cameras, faults, seen } = site;
  const deadline = Date.now() + quietLimitMs;
  while (site.underWay.size > 0 && Date.now() < deadline) await sleep(200);
  if (site.underWay.size > 0) site.violations.push('it did not get quiet');
  const names = cameras.map(({ name }) => name);
  const random = seededRandom(options.seed + faults.length);
  const verdict = await judgeFootage(
    { catalogue, dataDir: place.dataDir, cameras: names, faults, random, seen },
    Date.now(),
  );
  const found = [...verdict.violations, ...judgeProcesses(site, names)];
  for (const each of found) options.tell(`FAILED ${each}`);
  site.violations.push(...found.filter(each => !site.violations.includes(each)));
  for (const { camera, segments, gaps, recordedMs, wholeMs, unaccountedMs, byReason } of verdict.cameras)
    options.tell(
      `checked ${camera}: ${segments} segments, ${gaps} gaps, ${(recordedMs / 1000).toFixed(1)} of ${(wholeMs / 1000).toFixed(1)} s recorded, ${unaccountedMs} ms unaccounted for, ${JSON.stringify(byReason)}`,
    );
  options.tell(`checked: ${verdict.played} segments played, ${seen.size} read, ${found.length} violations`);
  return verdict;
}

function judgeProcesses(site: Site, names: readonly string[]): string[] {
  const complaints: string[] = [];
  const { pid } = site.daemon;
  const children = descendantsOf(pid);
  const ffmpegs = children.filter(({ command }) => command === 'ffmpeg').length;
  const recording = names.filter(name => site.catalogue.isRecording(name, Date.now())).length;
  if (recording !== names.length) complaints.push(`only ${recording} cameras are recorded in quiet`);
  if (ffmpegs !== recording) complaints.push(`${ffmpegs} ffmpeg for ${recording} cameras`);
  for (const { pid: zombie, command, isZombie } of children)
    if (isZombie) complaints.push(`${command} (${zombie}) is a zombie`);
  const descriptors = descriptorsOf(pid);
  const before = site.quietDescriptors.get(pid);
  site.quietDescriptors.set(pid, before ?? descriptors);
  if (before !== undefined && descriptors > before + descriptorSlack)
    complaints.push(`the daemon holds ${descriptors} descriptors, it were ${before}`);
  return complaints;
}

function keepLog(site: Site): void {
  const { lines } = site.daemon;
  const added = lines.slice(site.keptLines).map(line => `${line}\n`);
  site.keptLines = lines.length;
  appendFileSync(site.options.logFile, added.join(''));
}

function sample(site: Site): void {
  keepLog(site);
  const { pid } = site.daemon;
  const descendants = descendantsOf(pid);
  const ffmpegs = descendants.filter(({ command }) => command === 'ffmpeg');
  const recorders = descendants.filter(({ command }) => command === 'ffmpeg' || command === 'bwrap');
  const ffmpegAnonymous = recorders.reduce((total, child) => total + memoryOf(child.pid).anonymous, 0);
  const memory = memoryOf(pid);
  if (memory.rss === 0) return;
  const taken = {
    ...{ at: Date.now(), pid, ...memory, ffmpegs: ffmpegs.length, ffmpegAnonymous },
    descriptors: descriptorsOf(pid),
  };
  site.samples.push(taken);
  const { at, rss, anonymous, descriptors } = taken;
  const row = [new Date(at).toISOString(), pid, rss, anonymous, ffmpegs.length, ffmpegAnonymous, descriptors];
  appendFileSync(site.options.csvFile, `${row.join(',')}\n`);
}
