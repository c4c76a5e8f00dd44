// What it costs to record cameras: the daemon with all that it starts, beside plain ffmpeg on the same streams, in turns.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawnGroup } from '../scripts/lib/undo-at-end.ts';
import { openAccountWriter } from '../src/access/open-accounts.ts';
import { hashPassword } from '../src/access/password-hash.ts';
import { systemClock } from '../src/base/clock.ts';
import { catalogueFile, openCatalogue } from '../src/catalogue/catalogue.ts';
import { makeInstallation } from '../test/support/daemon.ts';
import { type Bench, clipward, inTemporaryDirectory, wholeOption } from './lib/bench.ts';
import { type Costs, costsOf } from './lib/process-costs.ts';
import { median } from './lib/spread.ts';

const picturesPerSecond = 25;
const bitsPerSecond = 4_000_000;
/** After the last of them has begun: probing and starting are not what is measured. */
const settleMs = 5000;
const startLimitMs = 60_000;

export const bench: Bench = {
  description: [
    'CPU and memory of recording eight cameras, beside plain ffmpeg',
    'Cameras of 4 Mbit/s, 1080p, H.264, 25 pictures a second, a key frame every two seconds, over interleaved TCP.',
    'In turns, each for so many seconds: the built daemon records them, with everything that it starts counted; then one',
    '`ffmpeg -rtsp_transport tcp -i URL -c copy -f segment -segment_time 60` for each. Starting is not counted.',
  ].join('\n'),
  options: '[--seconds N] [--cameras N] [--rounds N] [--dir DIR] [--json]     120, 8 and 2 unless given',
  async run(args) {
    const options = {
      seconds: wholeOption(args, 'seconds', 120),
      cameras: wholeOption(args, 'cameras', 8),
      rounds: wholeOption(args, 'rounds', 2),
    };
    const facts = await inTemporaryDirectory(args, directory => compare(directory, options));
    console.log(args.includes('--json') ? JSON.stringify(facts) : inWords(facts));
  },
};

type Options = Readonly<{ seconds: number; cameras: number; rounds: number }>;

/** In a second, of one core: `cpu` 0.01 is a hundredth of it. */
type Load = Readonly<{ cpu: number; userCpu: number; pssBytes: number; bytes: number }>;

type Facts = Options &
  Readonly<{ ours: readonly Load[]; plain: readonly Load[]; cpuRatio: number; memoryRatio: number }>;

async function compare(directory: string, options: Options): Promise<Facts> {
  // The daemon writes to the disk that plain ffmpeg writes to.
  process.env.TMPDIR = directory;
  const stream = join(directory, 'stream.h264');
  makeStream(stream);
  const file = fileURLToPath(new URL('lib/cameras.ts', import.meta.url));
  const program = [process.execPath, file, stream, `${picturesPerSecond}`, `${options.cameras}`];
  const cameras = spawnGroup(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(createInterface({ input: cameras.stdout as Readable }), 'line')) as [string];
    const urls = (JSON.parse(line) as number[]).map(port => `rtsp://127.0.0.1:${port}/stream`);
    const ours: Load[] = [];
    const plain: Load[] = [];
    for (let round = 0; round < options.rounds; round++) {
      ours.push(await record(urls, options));
      plain.push(await copyPlainly(join(directory, `round-${round}`), urls, options));
    }
    const ratio = (of: (load: Load) => number) => median(ours.map(of)) / median(plain.map(of));
    return {
      ...{ ...options, ours, plain },
      cpuRatio: ratio(({ cpu }) => cpu),
      memoryRatio: ratio(({ pssBytes }) => pssBytes),
    };
  } finally {
    cameras.stdin?.end();
  }
}

function inWords({ seconds, cameras, ours, plain, cpuRatio, memoryRatio }: Facts): string {
  const tell = (name: string, loads: readonly Load[]) => {
    const cpu = (100 * median(loads.map(load => load.cpu))) / cameras;
    const user = (100 * median(loads.map(load => load.userCpu))) / cameras;
    const pss = median(loads.map(load => load.pssBytes)) / cameras / 1_048_576;
    const rounds = loads.map(load => ((100 * load.cpu) / cameras).toFixed(2)).join(', ');
    return `${name}: ${cpu.toFixed(2)} % of a core a camera (${user.toFixed(2)} outside the kernel; rounds: ${rounds}), ${pss.toFixed(1)} MiB a camera`;
  };
  return [
    `${cameras} cameras, ${seconds} s a round`,
    tell('clipward', ours),
    tell('plain ffmpeg', plain),
    `clipward takes ${cpuRatio.toFixed(2)} times the CPU and ${memoryRatio.toFixed(2)} times the memory of plain ffmpeg`,
  ].join('\n');
}

/** Ten seconds that do not compress well, as gravel and leaves do not. */
function makeStream(file: string): void {
  const rate = `${bitsPerSecond / 1000}k`;
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=1920x1080:rate=${picturesPerSecond}:duration=10`],
    ...['-vf', 'noise=alls=12:allf=t', '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
    ...['-b:v', rate, '-minrate', rate, '-maxrate', rate, '-bufsize', rate, '-bf', '0'],
    ...['-g', `${2 * picturesPerSecond}`, '-x264-params', 'slices=1:sliced-threads=0:scenecut=0'],
    ...['-f', 'h264', file],
  ]);
}

async function record(urls: readonly string[], { seconds }: Options): Promise<Load> {
  const place = await makeInstallation();
  try {
    using accounts = await openAccountWriter({ stateDir: place.stateDir, clock: systemClock });
    const passwordHash = await hashPassword('correct horse battery staple');
    for (const [index, rtspUrl] of urls.entries()) {
      const name = `camera-${index + 1}`;
      accounts.addCamera({ name, passwordHash, allowedNetworks: [], timeZone: 'UTC' });
      accounts.setCamera(name, { rtspUrl });
    }
    const child = spawnGroup([process.execPath, clipward, 'serve', '--config', place.config], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = once(child, 'close');
    try {
      await until(() => recordedOf(place.stateDir) === urls.length);
      return await load([child.pid as number], seconds, place.dataDir);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  } finally {
    place.remove();
  }
}

/** How many cameras are recorded; none while there is no catalogue yet. */
function recordedOf(stateDir: string): number {
  try {
    using catalogue = openCatalogue({ file: catalogueFile(stateDir), readOnly: true });
    return catalogue.openSegments().length;
  } catch {
    return 0;
  }
}

async function copyPlainly(directory: string, urls: readonly string[], { seconds }: Options): Promise<Load> {
  mkdirSync(directory);
  const children = urls.map((url, index) =>
    spawnGroup(
      [
        ...['ffmpeg', '-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', url, '-c', 'copy'],
        ...['-f', 'segment', '-segment_time', '60', join(directory, `${index}-%d.mp4`)],
      ],
      { stdio: ['ignore', 'ignore', 'ignore'] },
    ),
  );
  const ended = children.map(child => once(child, 'close'));
  try {
    await until(() => filesIn(directory).filter(({ size }) => size > 0).length === urls.length);
    return await load(
      children.map(({ pid }) => pid as number),
      seconds,
      directory,
    );
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await Promise.all(ended);
  }
}

async function load(pids: readonly number[], seconds: number, directory: string): Promise<Load> {
  await sleep(settleMs);
  const before = costsOf(pids);
  const bytesBefore = bytesIn(directory);
  const begunMs = performance.now();
  await sleep(seconds * 1000);
  const after = costsOf(pids);
  const passedMs = performance.now() - begunMs;
  const spent = (of: (costs: Costs) => number) => (of(after) - of(before)) / passedMs;
  return {
    cpu: spent(({ userMs, systemMs }) => userMs + systemMs),
    userCpu: spent(({ userMs }) => userMs),
    pssBytes: after.pssBytes,
    bytes: bytesIn(directory) - bytesBefore,
  };
}

function bytesIn(directory: string): number {
  return filesIn(directory).reduce((total, { size }) => total + size, 0);
}

/** Those that are written to are renamed at any time. */
function filesIn(directory: string): { size: number }[] {
  const names = readdirSync(directory, { recursive: true }) as string[];
  return names.flatMap(name => {
    const found = statSync(join(directory, name), { throwIfNoEntry: false });
    return found?.isFile() ? [{ size: found.size }] : [];
  });
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + startLimitMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('the cameras are not recorded within a minute');
    await sleep(200);
  }
}
