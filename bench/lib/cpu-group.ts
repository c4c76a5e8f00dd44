// What all processes of a server took of the CPU, those too that have ended: a control group of the kernel (cgroups, version
// 2). The times of children in /proc miss a process whose parent ended before it, as the sessions of vsftpd do.

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { undoAtEnd } from '../../scripts/lib/undo-at-end.ts';

export type CpuGroup = Disposable &
  Readonly<{
    /** What a command line must begin with, so that it and all that it starts are counted; it becomes the command itself. */
    prefix: readonly string[];
    cpuMs(): number;
  }>;

const enterAndRun = 'echo $$ > "$0/cgroup.procs" && exec "$@"';

/** Needs root, and a kernel's cgroup2 file system that may be written to. */
export function openCpuGroup(name: string): CpuGroup {
  const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];
  if (mount === undefined) throw new Error('no cgroup2 file system is mounted: CPU cannot be counted');
  const directory = join(
    mount,
    `clipward-bench-${process.pid}-${name.toLowerCase().replace(/[^a-z]+/g, '-')}`,
  );
  mkdirSync(directory);
  return {
    prefix: ['sh', '-c', enterAndRun, directory],
    cpuMs() {
      const found = /^usage_usec (\d+)$/m.exec(readFileSync(join(directory, 'cpu.stat'), 'utf8'));
      return Number(found?.[1]) / 1000;
    },
    [Symbol.dispose]: undoAtEnd(() => {
      // A session that has outlived its server.
      writeFileSync(join(directory, 'cgroup.kill'), '1');
      removeWhenEmpty(directory);
    }),
  };
}

const attempts = 100;

/** What was killed leaves the group a moment later. */
function removeWhenEmpty(directory: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if (attempt === attempts) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
