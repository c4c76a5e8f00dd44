// A file on a disk that does not answer: whoever opens it waits for ever, as with a network file system that has gone. A FUSE
// mount of one file, so for root only.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('hanging-file-process.ts', import.meta.url));
const waitLimitMs = 30_000;

/** `path`: a file that is there, and is again when this was disposed of. A sentence where this machine allows none. */
export async function hangFile(path: string): Promise<AsyncDisposable | string> {
  if (process.getuid?.() !== 0) return 'only root may mount a file';
  if (!existsSync('/dev/fuse')) return 'there is no /dev/fuse';
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const isMounted = await Promise.race([
    once(child.stdout, 'data').then(() => true),
    closed.then(() => false),
  ]);
  if (!isMounted) return 'FUSE cannot be mounted here';
  // A request that it had taken would keep its process from ending, too: the kernel waits for an answer to that, come what may.
  child.kill('SIGSTOP');
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
      execFileSync('umount', ['-l', path]);
    },
  };
}

/** Resolves when a thread of this process waits for FUSE. Nobody tells of it. */
export async function untilItHangs(pid: number): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  /** By the name of a function of the kernel; the second comes before FUSE has begun. */
  const isWaiting = (task: string) =>
    ['request_wait_answer', 'fuse_get_req'].includes(readFileSync(`${tasks}/${task}/wchan`, 'utf8'));
  for (const end = performance.now() + waitLimitMs; performance.now() < end; await sleep(20))
    if (readdirSync(tasks).some(isWaiting)) return;
  throw new Error('nobody waits for the file that hangs');
}
