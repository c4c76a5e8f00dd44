// What the kernel says of a process, its threads' children and its memory.

import { readdirSync, readFileSync } from 'node:fs';

export type Child = Readonly<{ pid: number; command: string; isZombie: boolean }>;

/** All below it: ffmpeg has bubblewrap before it. */
export function descendantsOf(pid: number): Child[] {
  const found = childrenOf(pid);
  // Grows while it is walked.
  for (const child of found) found.push(...childrenOf(child.pid));
  return found;
}

/** Those of all its threads. */
function childrenOf(pid: number): Child[] {
  return tasksOf(pid)
    .flatMap(task => orNothing(() => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')).split(' '))
    .filter(text => text !== '')
    .flatMap(text => {
      const stat = orNothing(() => readFileSync(`/proc/${text}/stat`, 'utf8'));
      const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
      return stat === '' ? [] : [{ pid: Number(text), command, isZombie: state === 'Z' }];
    });
}

/** In kB. `anonymous` is what no file stands behind: what grows lies there, and no other process changes it. */
export function memoryOf(pid: number): { rss: number; anonymous: number } {
  const rollup = orNothing(() => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
  return { rss: field('Rss'), anonymous: field('Anonymous') };
}

export function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** It may end at any time. */
function orNothing(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
