// Cameras that can be hurt: each says which faults it knows, and does one when it is asked to.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { GapReason } from '../../src/domain/footage/coverage.ts';
import { freePort } from '../support/daemon.ts';
import {
  type FakeCamera,
  type FakeCameraOptions,
  rtpPacket,
  startFakeCamera,
} from '../support/fake-camera.ts';

/** Answers integers from 0 up to, not including, `below`. */
export type Random = (below: number) => number;

/** What was done. It is over after `lastsMs`, when `undo` has been called. */
export type Strike = Readonly<{
  name: string;
  /** Of the gaps that it explains. */
  reasons: readonly GapReason[];
  lastsMs: number;
  undo(): Promise<void>;
}>;

export type SoakCamera = AsyncDisposable &
  Readonly<{ name: string; rtspUrl: string; strikes: readonly ((random: Random) => Promise<Strike>)[] }>;

const nothingToUndo = async () => {};
const hourTicks = 3600 * 90_000;
/** Twice what the soak's settings allow over five seconds. */
const floodBytes = 40 * 1024 * 1024;

/** `streams`: what it may show, one after the other. */
export async function startHurtFake(name: string, streams: readonly Buffer[]): Promise<SoakCamera> {
  const port = await freePort();
  let shown = 0;
  let shiftTicks = 0;
  let isQuiet = false;
  const dead = new WeakSet<Socket>();
  const options: FakeCameraOptions = {
    port,
    elementaryStream: streams[0] as Buffer,
    shift: () => shiftTicks,
    skips: () => isQuiet,
    sends: (_picture, socket) => !dead.has(socket),
  };
  let camera: FakeCamera | undefined = await startFakeCamera(options);
  const end = async () => {
    await camera?.[Symbol.asyncDispose]();
    camera = undefined;
  };
  const goAway = async (random: Random): Promise<Strike> => {
    await end();
    return {
      ...{ name: 'goes away', reasons: ['unreachable'], lastsMs: 3000 + random(40_000) },
      async undo() {
        camera = await startFakeCamera(options);
      },
    };
  };
  const hangUp = async (): Promise<Strike> => {
    for (const socket of camera?.sockets ?? []) socket.destroy();
    return { name: 'hangs up', reasons: ['unreachable'], lastsMs: 0, undo: nothingToUndo };
  };
  const dieSilently = async (): Promise<Strike> => {
    for (const socket of camera?.sockets ?? []) dead.add(socket);
    return { name: 'never sends again', reasons: ['stalled'], lastsMs: 0, undo: nothingToUndo };
  };
  const fallSilent = async (random: Random): Promise<Strike> => {
    isQuiet = true;
    return {
      ...{ name: 'falls silent', reasons: ['stalled', 'clock'], lastsMs: 1000 + random(25_000) },
      async undo() {
        isQuiet = false;
      },
    };
  };
  const changeSize = async (random: Random): Promise<Strike> => {
    await end();
    shown++;
    options.elementaryStream = streams[shown % streams.length] as Buffer;
    const strike = { name: 'restarts with another size', reasons: ['unreachable'] as const };
    return {
      ...{ ...strike, lastsMs: 500 + random(5000) },
      async undo() {
        camera = await startFakeCamera(options);
      },
    };
  };
  const jump = (name: string, ticks: number) => async (): Promise<Strike> => {
    shiftTicks += ticks;
    return { name, reasons: ['clock', 'stalled'], lastsMs: 0, undo: nothingToUndo };
  };
  const flood = (isAside: boolean) => async (): Promise<Strike> => {
    const packet = rtpPacket({ sequence: 0, timestamp: 0, marker: false }, Buffer.alloc(1400, 1));
    // A channel that nobody asked for; otherwise it is its time that is wrong first.
    if (isAside) packet[1] = 9;
    const burst = Buffer.concat(Array.from({ length: 64 }, () => packet));
    for (const socket of camera?.sockets ?? [])
      for (let sent = 0; sent < floodBytes; sent += burst.length) socket.write(burst);
    return {
      name: isAside ? 'floods aside' : 'floods',
      reasons: isAside ? ['refused'] : ['refused', 'clock'],
      lastsMs: 0,
      undo: nothingToUndo,
    };
  };
  return {
    name,
    rtspUrl: `rtsp://127.0.0.1:${port}/stream`,
    strikes: [
      ...[goAway, hangUp, dieSilently, fallSilent, changeSize, flood(false), flood(true)],
      ...[jump('is an hour ahead', hourTicks), jump('goes back 20 seconds', -20 * 90_000)],
    ],
    [Symbol.asyncDispose]: end,
  };
}

const script = fileURLToPath(new URL('../support/rtsp-camera.py', import.meta.url));

/** `faces`: options of rtsp-camera.py, of which it takes the next one when it restarts as another. */
export async function startHurtGst(
  name: string,
  faces: readonly Readonly<Record<string, unknown>>[],
): Promise<SoakCamera> {
  const port = await freePort();
  let shown = 0;
  let child: ChildProcess | undefined;
  const begin = async () => {
    const options = { port, ...faces[shown % faces.length] };
    child = spawn('/usr/bin/python3', [script, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line');
  };
  const end = async () => {
    const ending = child;
    child = undefined;
    if (ending === undefined) return;
    const ended = once(ending, 'exit');
    ending.kill('SIGKILL');
    await ended;
  };
  await begin();
  const goAway = async (random: Random): Promise<Strike> => {
    await end();
    return {
      ...{ name: 'goes away', reasons: ['unreachable'], lastsMs: 3000 + random(40_000), undo: begin },
    };
  };
  const change = async (random: Random): Promise<Strike> => {
    await end();
    shown++;
    const strike = { name: 'restarts as another', reasons: ['unreachable'] as const };
    return { ...strike, lastsMs: 500 + random(5000), undo: begin };
  };
  const freeze = async (random: Random): Promise<Strike> => {
    child?.kill('SIGSTOP');
    return {
      ...{ name: 'freezes', reasons: ['stalled', 'unreachable', 'clock'], lastsMs: 1000 + random(30_000) },
      async undo() {
        child?.kill('SIGCONT');
      },
    };
  };
  return {
    name,
    rtspUrl: `rtsp://127.0.0.1:${port}/stream`,
    strikes: [goAway, change, freeze],
    [Symbol.asyncDispose]: end,
  };
}
