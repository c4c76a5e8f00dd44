// How many clips a second, at what cost, beside the servers that people would use instead: in turns, on the same machine.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAccountWriter } from '../src/access/open-accounts.ts';
import { hashPassword } from '../src/access/password-hash.ts';
import { systemClock } from '../src/base/clock.ts';
import { makeInstallation } from '../test/support/daemon.ts';
import { loginExplicit } from '../test/support/ftps-client.ts';
import { type Bench, clipward, inTemporaryDirectory, wholeOption } from './lib/bench.ts';
import { type Account, answers, type FtpServer, type Identity, startPeers } from './lib/ftp-peers.ts';
import { costsOf } from './lib/process-costs.ts';
import { type Spread, spreadOf } from './lib/spread.ts';

const account: Account = { user: 'front-door', password: 'Zx8mQ2vT7kLpR4sWn6Yb' };
const mebibyte = 1024 * 1024;
const atOnce = 8;
const idleCameras = 100;
/** Of the best peer's, with that many cameras. */
const memoryGoal = 0.5;
/** So long everybody is left alone before memory is looked at: who gives some back does so in that time. */
const restMs = 30_000;
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

/** PSS of all processes of one server. */
type IdleMemory = Readonly<{
  server: string;
  cameras: number;
  /** Before the first workload, with nobody logged in. */
  freshBytes: number;
  /** Of so many that logged in then. */
  eachBytes: number;
  /** After the last workload, with so many logged in. */
  pssBytes: number;
}>;

export const bench: Bench = {
  description: [
    'uploads a second, CPU and memory beside vsftpd, ProFTPD and Pure-FTPd',
    "The peers come from Debian's packages and are not installed; needs root, apt-get, dpkg and curl. All have the same ECDSA",
    'certificate. curl uploads, each time a connection, TLS, a log-in, one file: 256 KiB, 8 at a time; 8 MiB, 8 at a time; 1 GiB.',
    'Before and after, a hundred cameras log in and stay. In turns, so many rounds; medians, and the least and the most. What the daemon',
    'does after its answer (filing, looking into the clip) counts. --dir decides on which disk; /dev/shm is memory.',
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
  const ours = await startOurs();
  const servers: FtpServer[] = [ours];
  try {
    servers.push(...(await startPeers(join(directory, 'peers'), { account, identity: ours.identity })));
    await sleep(restMs);
    const fresh: Omit<IdleMemory, 'pssBytes'>[] = [];
    for (const server of servers) {
      await untilQuiet(server);
      const freshBytes = costsOf(server.pids).pssBytes;
      const eachBytes = ((await idleMemory(server)) - freshBytes) / idleCameras;
      fresh.push({ server: server.name, cameras: idleCameras, freshBytes, eachBytes });
    }
    const runs = new Map<string, Run[]>();
    for (let round = 0; round < rounds; round++)
      for (const workload of workloads)
        for (const server of servers) {
          const run = await runOnce(server, workload, fileOf(files, workload.name));
          const key = `${server.name} ${workload.name}`;
          runs.set(key, [...(runs.get(key) ?? []), run]);
          process.stderr.write(`${key}: ${run.seconds.toFixed(1)} s, ${run.failed} failed\n`);
          server.clear();
        }
    await sleep(restMs);
    const idle: IdleMemory[] = [];
    for (const [index, server] of servers.entries())
      idle.push({ ...(fresh[index] as (typeof fresh)[number]), pssBytes: await idleMemory(server) });
    return {
      ...{ cores: availableParallelism(), rounds, directory },
      workloads: workloads.map(workload => ({
        ...workload,
        rows: servers.map(({ name }) => rowOf(name, workload, runs.get(`${name} ${workload.name}`) ?? [])),
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

async function startOurs(): Promise<FtpServer & { identity: Identity }> {
  const many = 1_000_000;
  const limits = {
    ...{
      minFreeBytes: 0,
      maxConnections: 1000,
      maxConnectionsPerAddress: 1000,
      maxConnectionsPerCamera: 1000,
    },
    ...{ maxConnectionsBeforeLogin: 1000, maxUploadBytes: 16 * 1024 * mebibyte, maxFilesPerDay: many },
    ...{ maxBytesPerDay: many * mebibyte, idleTimeoutMs: 900_000 },
  };
  const place = await makeInstallation({ settings: [`  limits: ${JSON.stringify(limits)}`] });
  {
    using accounts = await openAccountWriter({ stateDir: place.stateDir, clock: systemClock });
    const passwordHash = await hashPassword(account.password);
    accounts.addCamera({ name: account.user, passwordHash, allowedNetworks: [], timeZone: 'UTC' });
  }
  // As an installation does: what issues certificates would otherwise stay in the memory of the first start.
  const issued = await place.run(['cert', 'renew']);
  if (issued.code !== 0) throw new Error(issued.stderr);
  const child = spawn(process.execPath, [clipward, 'serve', '--config', place.config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    place.remove();
  };
  try {
    await answers(place.explicitPort);
    const read = (name: string) => readFileSync(join(place.certsDir, name), 'utf8');
    return {
      ...{ name: 'Clipward', port: place.explicitPort, pids: [child.pid as number], stop },
      // An archive keeps what it got.
      clear() {},
      identity: { certificate: read('server-ecdsa.crt'), key: read('server-ecdsa.key') },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function runOnce(server: FtpServer, workload: Workload, file: string): Promise<Run> {
  await untilQuiet(server);
  const before = costsOf(server.pids);
  const begunMs = performance.now();
  const { failed, reasons, clientCpuMs } = await upload(server, workload, file);
  const seconds = (performance.now() - begunMs) / 1000;
  await untilQuiet(server);
  const after = costsOf(server.pids);
  const serverCpuMs = after.userMs + after.systemMs - before.userMs - before.systemMs;
  return { seconds, failed, reasons, serverCpuMs, clientCpuMs };
}

/** One curl for each upload, as each clip is a session of its own; `times` of the shell tells what all of them took. */
async function upload(server: FtpServer, { uploads, atOnce }: Workload, file: string) {
  const curl = [
    ...['curl', '-sS', '-k', '--ssl-reqd', '--disable-epsv', '-m', `${curlTimeoutS}`],
    ...['-u', `${account.user}:${account.password}`, '-T', file],
    `ftp://127.0.0.1:${server.port}/clip-{}.mp4`,
  ];
  const script = `seq ${uploads} | xargs -P ${atOnce} -I '{}' sh -c '"$@" || echo failed' sh "$@"; times`;
  const child = spawn('sh', ['-c', script, 'sh', ...curl], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let complaints = '';
  child.stdout.on('data', chunk => {
    said += chunk;
  });
  child.stderr.on('data', chunk => {
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
  const spentMs = () => {
    const { userMs, systemMs } = costsOf(server.pids);
    return userMs + systemMs;
  };
  for (let before = spentMs(); performance.now() < deadline; ) {
    await sleep(quietMs);
    const now = spentMs();
    if (now - before <= quietLoad * quietMs) return;
    before = now;
  }
  throw new Error(`${server.name} is still busy after ${quietLimitMs / 1000} s`);
}

/** Of all its processes, with so many cameras that are logged in and do nothing. */
async function idleMemory(server: FtpServer): Promise<number> {
  const clients = [];
  try {
    for (let count = 0; count < idleCameras; count++) clients.push(await loginExplicit(server.port, account));
    await untilQuiet(server);
    return costsOf(server.pids).pssBytes;
  } finally {
    for (const client of clients) client.close();
  }
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
  const lines = [`${cores} cores, ${rounds} rounds; medians (least-most)`];
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
    lines.push(`  ${ratiosOf(rows)}`);
  }
  return [...lines, '', ...memoryInWords(idle)].join('\n');
}

/** The first is ours. */
function memoryInWords(idle: readonly IdleMemory[]): string[] {
  const inMebibytes = (bytes: number) => `${(bytes / mebibyte).toFixed(1)} MiB`;
  const [ours = 0, ...others] = idle.map(({ pssBytes }) => pssBytes);
  const goal = memoryGoal * Math.min(...others);
  return [
    `memory with ${idleCameras} cameras logged in, after all that`,
    ...idle.map(
      ({ server, pssBytes, freshBytes, eachBytes }) =>
        `  ${server.padEnd(10)} ${inMebibytes(pssBytes)}; fresh with nobody ${inMebibytes(freshBytes)}, and ${(eachBytes / 1024).toFixed(0)} KiB for each camera`,
    ),
    `  Clipward: ${(ours / Math.min(...others)).toFixed(2)} times the best peer; goal: at most ${memoryGoal} times (${inMebibytes(goal)}), ${ours <= goal ? 'met' : 'not met'}`,
  ];
}

/** The first row is ours. */
function ratiosOf([ours, ...others]: readonly Row[]): string {
  if (ours === undefined) return '';
  const speed = ours.perSecond.median / Math.max(...others.map(({ perSecond }) => perSecond.median));
  const cost =
    ours.serverCpuMsPerUpload.median / Math.min(...others.map(row => row.serverCpuMsPerUpload.median));
  return `Clipward: ${speed.toFixed(2)} times the speed and ${cost.toFixed(2)} times the CPU of the best peer`;
}
