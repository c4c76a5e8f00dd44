// How many clips a second, at what cost, beside the servers that people would use instead: in turns, on the same machine.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../scripts/compare-servers/peer-process.ts';
import { spawnGroup } from '../scripts/lib/undo-at-end.ts';
import { type Bench, inTemporaryDirectory, wholeOption } from './lib/bench.ts';
import { type FtpServer, startPeers } from './lib/ftp-peers.ts';
import { freshMemory, type IdleMemory, idleMemory, memoryInWords } from './lib/idle-memory.ts';
import { startOwnReceiver } from './lib/own-receiver.ts';
import { type Spread, spreadOf } from './lib/spread.ts';

const account: Account = { user: 'front-door', password: 'Zx8mQ2vT7kLpR4sWn6Yb' };
/** The daemon without what a plain FTP server does not do either (lib/bare.mjs). */
const bareName = 'bare';
const mebibyte = 1024 * 1024;
const atOnce = 8;
/** What a server does for a clip after its answer belongs to it: it is waited for until it does nothing any more. */
const quietMs = 1000;
const quietLimitMs = 120_000;
const quietLoad = 0.02;
/** Of all cores: the rest is the kernel's and the server's. */
const clientIsLimit = 0.5;
const curlTimeoutS = 120;

type Workload = Readonly<{ name: string; bytes: number; uploads: number; atOnce: number }>;

/** Of one workload on one server. */
type Run = Readonly<{
  seconds: number;
  failed: number;
  /** What curl said. */
  reasons: readonly string[];
  serverCpuMs: number;
  clientCpuMs: number;
}>;

type Row = Readonly<{
  server: string;
  perSecond: Spread;
  mebibytesPerSecond: Spread;
  serverCpuMsPerUpload: Spread;
  serverCpuSPerGib: Spread;
  /** What the clients took of all cores: near 1, they are what was measured. */
  clientShare: Spread;
  failed: number;
  reasons: readonly string[];
}>;

type Facts = Readonly<{
  cores: number;
  rounds: number;
  directory: string;
  workloads: readonly (Workload & { rows: readonly Row[] })[];
  idle: readonly IdleMemory[];
}>;

export const bench: Bench = {
  description: [
    'uploads a second, CPU and memory beside vsftpd, ProFTPD and Pure-FTPd',
    "The peers come from Debian's packages and are not installed; needs root, apt-get, dpkg and curl. All have the same ECDSA",
    'certificate. curl uploads, each time a connection, TLS, a log-in, one file: 256 KiB, 8 at a time; 8 MiB, 8 at a time; 1 GiB.',
    'The stream also goes to a daemon that neither hashes nor syncs, as the peers do neither. Before and after, a hundred cameras',
    'log in and stay. In turns, so many rounds; medians, and the least and the most. One round before them does not count, for all: code',
    'is compiled while it runs for the first time, and a daemon runs for months. What the daemon does after its answer',
    '(filing, looking into the clip) counts. --dir decides on which disk; /dev/shm is memory.',
  ].join('\n'),
  options:
    '[--rounds N] [--sessions N] [--clips N] [--stream MIB] [--dir DIR] [--json]     3, 200, 32 and 1024',
  async run(args) {
    const rounds = wholeOption(args, 'rounds', 3);
    const workloads: Workload[] = [
      { name: '256 KiB', bytes: mebibyte / 4, uploads: wholeOption(args, 'sessions', 200), atOnce },
      { name: '8 MiB', bytes: 8 * mebibyte, uploads: wholeOption(args, 'clips', 32), atOnce },
      { name: 'stream', bytes: wholeOption(args, 'stream', 1024) * mebibyte, uploads: 1, atOnce: 1 },
    ];
    const facts = await inTemporaryDirectory(args, directory => compare(directory, rounds, workloads));
    console.log(args.includes('--json') ? JSON.stringify(facts) : inWords(facts));
  },
};

async function compare(directory: string, rounds: number, workloads: readonly Workload[]): Promise<Facts> {
  // The accounts of the peers go in there, and everything is to lie on the same disk.
  chmodSync(directory, 0o755);
  process.env.TMPDIR = directory;
  const files = join(directory, 'files');
  mkdirSync(files);
  for (const { name, bytes } of workloads) writeUpload(fileOf(files, name), bytes);
  const ours = await startOwnReceiver('Clipward', account, { isBare: false });
  const servers: FtpServer[] = [ours];
  try {
    // Before there is a second daemon, which would share the program's pages with the first.
    const peers = await startPeers(join(directory, 'peers'), { account, identity: ours.identity });
    servers.push(...peers);
    const fresh = await freshMemory(servers, { account, untilQuiet });
    const bare = await startOwnReceiver(bareName, account, { isBare: true });
    servers.splice(1, 0, bare);
    const runs = new Map<string, Run[]>();
    // Round 0 does not count: what runs for months has its code compiled and its caches full.
    for (let round = 0; round <= rounds; round++)
      for (const workload of workloads)
        for (const server of servers) {
          if (server === bare && workload.name !== 'stream') continue;
          const run = await runOnce(server, workload, fileOf(files, workload.name));
          const key = `${server.name} ${workload.name}`;
          if (round > 0) runs.set(key, [...(runs.get(key) ?? []), run]);
          const turn = round === 0 ? 'to warm up' : `round ${round}`;
          process.stderr.write(`${key}, ${turn}: ${run.seconds.toFixed(1)} s, ${run.failed} failed\n`);
          server.clear();
        }
    await bare.stop();
    servers.splice(servers.indexOf(bare), 1);
    const idle = await idleMemory(servers, fresh, { account, untilQuiet });
    return {
      ...{ cores: availableParallelism(), rounds, directory },
      workloads: workloads.map(workload => ({
        ...workload,
        rows: [ours.name, bareName, ...servers.slice(1).map(({ name }) => name)].flatMap(name => {
          const counted = runs.get(`${name} ${workload.name}`);
          return counted === undefined ? [] : [rowOf(name, workload, counted)];
        }),
      })),
      idle,
    };
  } finally {
    for (const server of servers) await server.stop();
  }
}

function fileOf(directory: string, name: string): string {
  return join(directory, `${name.replace(' ', '-')}.mp4`);
}

/** What does not compress; a mebibyte of it again and again. */
function writeUpload(file: string, bytes: number): void {
  const piece = randomBytes(Math.min(bytes, mebibyte));
  for (let at = 0; at < bytes; at += piece.length) writeFileSync(file, piece, { flag: 'a' });
}

async function runOnce(server: FtpServer, workload: Workload, file: string): Promise<Run> {
  await untilQuiet(server);
  const before = server.cpuMs();
  const begunMs = performance.now();
  const { failed, reasons, clientCpuMs } = await upload(server, workload, file);
  const seconds = (performance.now() - begunMs) / 1000;
  await untilQuiet(server);
  return { seconds, failed, reasons, serverCpuMs: server.cpuMs() - before, clientCpuMs };
}

/** One curl for each upload, as each clip is a session of its own; `times` of the shell tells what all of them took. */
async function upload(server: FtpServer, { uploads, atOnce }: Workload, file: string) {
  const curl = [
    ...['curl', '-sS', '-k', '--ssl-reqd', '--disable-epsv', '-m', `${curlTimeoutS}`],
    ...['-u', `${account.user}:${account.password}`, '-T', file],
    `ftp://127.0.0.1:${server.port}/clip-{}.mp4`,
  ];
  const script = `seq ${uploads} | xargs -P ${atOnce} -I '{}' sh -c '"$@" || echo failed' sh "$@"; times`;
  const child = spawnGroup(['sh', '-c', script, 'sh', ...curl], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let complaints = '';
  child.stdout?.on('data', chunk => {
    said += chunk;
  });
  child.stderr?.on('data', chunk => {
    complaints += chunk;
  });
  await once(child, 'close');
  const times = [...said.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  if (times.length !== 4) throw new Error(`the clients cannot be run: ${said.slice(-300)}`);
  return {
    failed: said.match(/failed/g)?.length ?? 0,
    reasons: [...new Set(complaints.trim().split('\n'))].filter(reason => reason !== ''),
    clientCpuMs: times.reduce((total, seconds) => total + seconds * 1000, 0),
  };
}

async function untilQuiet(server: FtpServer): Promise<void> {
  const deadline = performance.now() + quietLimitMs;
  for (let before = server.cpuMs(); performance.now() < deadline; ) {
    await sleep(quietMs);
    const now = server.cpuMs();
    if (now - before <= quietLoad * quietMs) return;
    before = now;
  }
  throw new Error(`${server.name} is still busy after ${quietLimitMs / 1000} s`);
}

function rowOf(server: string, { bytes, uploads }: Workload, runs: readonly Run[]): Row {
  const gibibytes = (bytes * uploads) / (1024 * mebibyte);
  const spread = (of: (run: Run) => number) => spreadOf(runs.map(of));
  return {
    server,
    perSecond: spread(({ seconds, failed }) => (uploads - failed) / seconds),
    mebibytesPerSecond: spread(({ seconds, failed }) => ((uploads - failed) * bytes) / mebibyte / seconds),
    serverCpuMsPerUpload: spread(({ serverCpuMs }) => serverCpuMs / uploads),
    serverCpuSPerGib: spread(({ serverCpuMs }) => serverCpuMs / 1000 / gibibytes),
    clientShare: spread(({ clientCpuMs, seconds }) => clientCpuMs / 1000 / seconds / availableParallelism()),
    failed: runs.reduce((total, { failed }) => total + failed, 0),
    reasons: [...new Set(runs.flatMap(({ reasons }) => reasons))],
  };
}

function inWords({ cores, rounds, workloads, idle }: Facts): string {
  const tell = ({ median, least, most }: Spread, digits = 1) =>
    `${median.toFixed(digits)} (${least.toFixed(digits)}-${most.toFixed(digits)})`;
  const lines = [`${cores} cores, ${rounds} rounds after one that does not count; medians (least-most)`];
  for (const { name, uploads, rows, atOnce: together } of workloads) {
    lines.push('', `${uploads} x ${name}, ${together} at a time`);
    for (const row of rows)
      lines.push(
        `  ${row.server.padEnd(10)} ${tell(row.perSecond)} /s, ${tell(row.mebibytesPerSecond)} MiB/s; server ${tell(row.serverCpuMsPerUpload)} ms of CPU each, ${tell(row.serverCpuSPerGib, 2)} s a GiB; clients ${tell(row.clientShare, 2)} of all cores; ${row.failed} failed`,
      );
    for (const { server, reasons } of rows)
      if (reasons.length > 0) lines.push(`  ${server}: ${reasons.join('; ')}`);
    if (rows.some(({ clientShare }) => clientShare.median > clientIsLimit))
      lines.push('  The clients took so much that they are the limit of at least one of these.');
    lines.push(...goalsOf(name, rows));
  }
  lines.push('', ...memoryInWords(idle));
  const [ours, ...others] = idle.map(({ pssBytes }) => pssBytes) as [number, ...number[]];
  lines.push(goal('memory', ours / Math.min(...others), { most: 0.5 }));
  return lines.join('\n');
}

type Goal = Readonly<{ least: number } | { most: number }>;

/** As multiples of the best peer's; what the goals are about stands in docs/performance.md. */
function goalsOf(workload: string, rows: readonly Row[]): string[] {
  const [ours] = rows;
  const bare = rows.find(({ server }) => server === bareName);
  const peers = rows.filter(row => row !== ours && row !== bare);
  const speed = (row: Row) =>
    row.perSecond.median / Math.max(...peers.map(({ perSecond }) => perSecond.median));
  const cpu = (row: Row) =>
    row.serverCpuMsPerUpload.median / Math.min(...peers.map(peer => peer.serverCpuMsPerUpload.median));
  if (ours === undefined) return [];
  if (workload === '256 KiB')
    return [goal('speed', speed(ours), { least: 2 }), goal('CPU', cpu(ours), { most: 0.5 })];
  if (workload === '8 MiB') return [goal('speed', speed(ours), { least: 1 }), told('CPU', cpu(ours))];
  return [
    goal('speed, hashed and synced', speed(ours), { least: 0.8 }),
    ...(bare === undefined ? [] : [goal('speed, neither (goal of tmpfs)', speed(bare), { least: 1 })]),
    told('CPU', cpu(ours)),
  ];
}

function goal(what: string, reached: number, wanted: Goal): string {
  const isMet = 'least' in wanted ? reached >= wanted.least : reached <= wanted.most;
  const limit = 'least' in wanted ? `at least ${wanted.least}` : `at most ${wanted.most}`;
  return `${told(what, reached)}; goal ${limit}: ${isMet ? 'met' : 'not met'}`;
}

function told(what: string, reached: number): string {
  return `  ${what}: ${reached.toFixed(2)} times the best peer`;
}
