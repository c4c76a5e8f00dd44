// Pulls from a fake camera, with limits that tests can wait for.

import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import type { FootageInit, Fragment } from '../../src/domain/footage/fragment-reader.ts';
import { parseRtspAddress, type RtspAddress } from '../../src/domain/rtsp/rtsp-address.ts';
import { type PullLimits, type PullOptions, startPull } from '../../src/record/pull.ts';
import { type FakeCameraOptions, makeElementaryStream, startFakeCamera } from '../support/fake-camera.ts';

export const password = 'the-Secret-of-this-camera';
/** Between two fragments there may be a second, another one in which ffmpeg waits for sound, and what is gathered for it. */
export const short: PullLimits = { firstFragmentMs: 3000, fragmentMs: 2500, soundMs: 2000, exitMs: 500 };
export const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as PullOptions['log'];
export const elementaryStream = await makeElementaryStream();

export function addressOf(port: number, scheme = 'rtsp'): RtspAddress {
  const { address } = parseRtspAddress(`${scheme}://admin@127.0.0.1:${port}/stream`);
  if (!address) throw new Error('an address was expected');
  return address;
}

/** Pulls until it ends, or until there are as many fragments as wanted. */
export async function pull(
  port: number,
  more: Partial<PullOptions> & {
    fragments?: number;
    scheme?: string;
    limits?: PullLimits;
    searchPath?: string;
    onEach?(count: number): void;
  } = {},
) {
  const inits: FootageInit[] = [];
  const fragments: Fragment[] = [];
  const lost: string[] = [];
  const enough = Promise.withResolvers<void>();
  await using pulling = startPull(
    {
      clock: systemClock,
      limits: more.limits ?? short,
      ...(more.searchPath !== undefined && { searchPath: more.searchPath }),
    },
    {
      address: addressOf(port, more.scheme),
      credentials: { user: 'admin', password, allowBasic: false },
      fingerprint: null,
      wantsAudio: true,
      maxBitsPerSecond: 64e6,
      onInit: init => void inits.push(init),
      onFragment(fragment) {
        fragments.push(fragment);
        more.onEach?.(fragments.length);
        if (fragments.length === more.fragments) enough.resolve();
      },
      onAudioLost: reason => void lost.push(reason),
      log: silent,
      ...more,
    },
  );
  const first = await Promise.race([pulling.ended, enough.promise]);
  if (first === undefined) await pulling[Symbol.asyncDispose]();
  const error = await pulling.ended;
  return { error, inits, fragments, lost };
}

/** How many this process has open. */
export async function descriptors(): Promise<number> {
  return (await readdir('/proc/self/fd')).length;
}

/** Processes that this one has started and that have not been reaped. */
export async function children(): Promise<number[]> {
  const all = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8');
  return all.split(' ').filter(Boolean).map(Number);
}

/** The one that this process has started, once it runs under its own name. What confines it may be between. */
export async function ffmpegPid(): Promise<number> {
  const pid = await startedPid('ffmpeg');
  if (pid === undefined) throw new Error('an ffmpeg was expected');
  return pid;
}

/** What runs under that name and was started by this process, or by what this process has started. */
export async function startedPid(name: string): Promise<number | undefined> {
  for (let pids = await children(); pids.length > 0; pids = pids.flatMap(childrenOf))
    for (const pid of pids) if (nameOf(pid) === name) return pid;
  return undefined;
}

/** Undefined when it has ended meanwhile. */
function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** The same beside a camera that lasts as long. */
export async function withCamera(options: FakeCameraOptions, more: Parameters<typeof pull>[1] = {}) {
  await using camera = await startFakeCamera({ elementaryStream, ...options });
  const result = await pull(camera.port, more);
  const { message, stack } = result.error;
  if (`${message} ${stack}`.includes(password)) throw new Error('an error holds the password');
  return { ...result, requests: camera.requests };
}

/** A search path with the tools, and this script as ffmpeg; null: without. */
export async function toolsWith(t: Test, ffmpeg: string | null): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'clipward-tools-'));
  t.teardown(() => rm(directory, { recursive: true }));
  for (const name of ['setpriv', 'prlimit']) await symlink(`/usr/bin/${name}`, join(directory, name));
  if (ffmpeg !== null) {
    await writeFile(join(directory, 'ffmpeg'), ffmpeg);
    await chmod(join(directory, 'ffmpeg'), 0o755);
  }
  return directory;
}
