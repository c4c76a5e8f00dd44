// A disk whose power can be cut: a file system on a loop device, on a file that a process of ours serves by FUSE. That
// process sees every write and every flush of the block device in their order, and when the power goes it keeps what was
// flushed and, of the rest, what it is told to (volatile-image.ts). docs/torture.md says what this shows and what not.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DiskAnswer, DiskCommand, FileSystem } from './power-disk-process.ts';
import type { CutOutcome, CutReport } from './volatile-image.ts';

export type PowerDisk = AsyncDisposable &
  Readonly<{
    /** Where it is mounted. */
    root: string;
    /** From the moment this resolves nothing reaches the disk any more; whoever asks gets EIO. */
    cut(outcome: CutOutcome, seed: number): Promise<void>;
    /** The power is back: mounted again with what survived. Nobody may use the old mount any more. */
    restore(): Promise<CutReport>;
  }>;

const diskBytes = 128 * 1024 * 1024;
const answerTimeoutMs = 60_000;

/** A sentence instead of a disk where this machine allows none. */
export async function openPowerDisk(fileSystem: FileSystem = 'ext4'): Promise<PowerDisk | string> {
  if (process.getuid?.() !== 0) return 'only root may mount a disk';
  for (const device of ['/dev/fuse', '/dev/loop-control'])
    if (!existsSync(device)) return `there is no ${device}`;
  const program = fileURLToPath(new URL('./power-disk-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(diskBytes), fileSystem], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => {});
  const closed = once(child, 'close');
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<DiskAnswer> => {
    const deadline = setTimeout(() => child.kill('SIGKILL'), answerTimeoutMs);
    const { value, done } = await answers.next();
    clearTimeout(deadline);
    if (done === true) throw new Error('the process of the disk has ended');
    return JSON.parse(value) as DiskAnswer;
  };
  const ask = async (command: DiskCommand): Promise<DiskAnswer> => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    const answered = await answer();
    if (answered.state !== 'done') throw new Error(`${command.do}: ${answered.reason}`);
    return answered;
  };
  const end = async () => {
    child.stdin.end();
    await closed;
  };
  const first = await answer();
  if (first.state !== 'ready') {
    await end();
    return `no disk can be made: ${first.reason}`;
  }
  return {
    root: first.root as string,
    cut: async (outcome, seed) => void (await ask({ do: 'cut', outcome, seed })),
    async restore() {
      const { pending = 0, kept = 0 } = await ask({ do: 'restore' });
      return { pending, kept };
    },
    [Symbol.asyncDispose]: end,
  };
}
