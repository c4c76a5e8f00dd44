// The disk of power-disk.ts, as a process of its own: whoever waits for the disk must not be the one who serves it. Commands
// come as lines of JSON on standard input, each is answered by a line; when standard input ends, everything is unmounted and
// this ends, however the test ended.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { seededRandom } from '../domain/seeded-random.ts';
import { serveFile } from './fuse-file.ts';
import { endLeftovers } from './leftovers.ts';
import { type CutOutcome, makeVolatileImage } from './volatile-image.ts';

export type DiskCommand =
  | Readonly<{ do: 'cut'; outcome: CutOutcome; seed: number }>
  | Readonly<{ do: 'restore' }>;
export type DiskAnswer = Readonly<{
  state: 'ready' | 'unavailable' | 'done' | 'failed';
  root?: string;
  reason?: string;
  pending?: number;
  kept?: number;
}>;

export type FileSystem = 'ext4' | 'btrfs';

/** Nothing is discarded: the disk would not know what that is. */
const makeOptions: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ['-q', '-F', '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0'],
  btrfs: ['-q', '-f', '--nodiscard', '--mixed'],
};
const run = promisify(execFile);
const releaseTimeoutMs = 20_000;
const pollMs = 50;
const [, , bytes, fileSystem] = process.argv;
const image = makeVolatileImage(Number(bytes));
const directory = mkdtempSync(join(tmpdir(), 'clipward-disk-'));
const file = join(directory, 'disk');
const root = join(directory, 'mounted');
let hasPower = true;
/** What is to survive when the power comes back. */
let survival: Readonly<{ outcome: CutOutcome; seed: number }> | undefined;

// Ctrl-C reaches every process of the terminal; this one ends last.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.stdout.on('error', () => {});

tell(await begin());
for await (const line of createInterface({ input: process.stdin })) {
  try {
    tell(await obey(JSON.parse(line) as DiskCommand));
  } catch (error) {
    tell({ state: 'failed', reason: (error as Error).message });
  }
}
await end();

function tell(answer: DiskAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function begin(): Promise<DiskAnswer> {
  writeFileSync(file, '');
  mkdirSync(root);
  try {
    const powered = <T>(work: () => T): T => {
      if (!hasPower) throw new Error('the power is off');
      return work();
    };
    await serveFile(file, {
      bytes: image.bytes,
      read: (offset, length) => powered(() => image.read(offset, length)),
      write: (offset, data) => powered(() => image.write(offset, data)),
      sync: () => powered(() => image.flush()),
    });
    await run(`mkfs.${fileSystem}`, [...makeOptions[fileSystem as FileSystem], file]);
    await mount();
    return { state: 'ready', root };
  } catch (error) {
    return { state: 'unavailable', reason: (error as Error).message.trim().replaceAll('\n', ' ') };
  }
}

/** `commit`: the file system itself is to write nothing that nobody asked to be written. */
async function mount(): Promise<void> {
  await run('mount', ['-o', 'loop,noatime,commit=300', file, root]);
}

async function obey(command: DiskCommand): Promise<DiskAnswer> {
  if (command.do === 'cut') {
    hasPower = false;
    survival = { outcome: command.outcome, seed: command.seed };
    return { state: 'done' };
  }
  if (survival === undefined) throw new Error('the power was not cut');
  await release();
  const { pending, kept } = image.cut(survival.outcome, seededRandom(survival.seed));
  survival = undefined;
  hasPower = true;
  await mount();
  return { state: 'done', pending, kept };
}

/** Until nobody holds the dead disk: a loop device that lived on would write to the next one. */
async function release(): Promise<void> {
  const deadline = performance.now() + releaseTimeoutMs;
  for (;;) {
    try {
      await run('umount', [root]);
      break;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(pollMs);
    }
  }
  while ((await run('losetup', ['-j', file])).stdout !== '') {
    if (performance.now() > deadline) throw new Error('the loop device is still in use');
    await sleep(pollMs);
  }
}

/** Also where somebody still holds a file of it: the kernel then lets go of the loop device when he does. */
async function end(): Promise<void> {
  hasPower = false;
  endLeftovers(root);
  for (const path of [root, file]) await run('umount', ['-l', path]).catch(() => undefined);
  rmSync(directory, { recursive: true, force: true });
  // Not by itself: a read of the FUSE device lasts as long as somebody holds the file.
  process.kill(process.pid, 'SIGKILL');
}
