// What processes took so far, as the kernel counts it.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export type Costs = Readonly<{
  /** Of all threads, and of children that have ended: in the processes, and in the kernel for them. */
  userMs: number;
  systemMs: number;
  /** Memory; what is shared by n processes counts for each as an nth. */
  pssBytes: number;
}>;

const tickMs = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Of these and of all that they started. */
export function costsOf(pids: readonly number[]): Costs {
  const parents = parentsOfAll();
  const all = new Set(pids);
  // A child has a higher number than its parent, mostly; so until nothing is added.
  for (let size = 0; size !== all.size; ) {
    size = all.size;
    for (const [pid, parent] of parents) if (all.has(parent)) all.add(pid);
  }
  const each = [...all].map(costsOfOne);
  const sum = (of: (costs: Costs) => number) => each.reduce((total, costs) => total + of(costs), 0);
  return {
    userMs: sum(({ userMs }) => userMs),
    systemMs: sum(({ systemMs }) => systemMs),
    pssBytes: sum(({ pssBytes }) => pssBytes),
  };
}

/** Of this process alone, whatever it started; 0 when it has ended. */
export function cpuMsOf(pid: number): number {
  const { userMs, systemMs } = timesOf(statOf(pid)?.slice(0, 13) ?? []);
  return userMs + systemMs;
}

function parentsOfAll(): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statOf(Number(name));
    if (fields) found.set(Number(name), Number(fields[1]));
  }
  return found;
}

function costsOfOne(pid: number): Costs {
  return { ...timesOf(statOf(pid) ?? []), pssBytes: pssOf(pid) };
}

/** From the state on: utime, stime, cutime and cstime are fields 14 to 17 of proc_pid_stat(5), and the state is the third. */
function timesOf(fields: readonly string[]): Pick<Costs, 'userMs' | 'systemMs'> {
  const ticks = (field: number) => Number(fields[field - 3] ?? 0) * tickMs;
  return { userMs: ticks(14) + ticks(16), systemMs: ticks(15) + ticks(17) };
}

/** Behind the name of the command, which may hold anything. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function pssOf(pid: number): number {
  try {
    const found = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
