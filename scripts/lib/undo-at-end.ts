// What a script has started and made goes with it, however it ends: by its own hand (whoever made it disposes of it), by a
// signal, by an error that nobody handles. Only SIGKILL leaves something behind.

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** In the order in which they were made. */
const undos = new Set<() => void>();

/**
 * Has `undo` done when this process ends before what is answered was called, which does it, too, and once. It must not wait
 * for an event: there are no more.
 */
export function undoAtEnd(undo: () => void): () => void {
  if (undos.size === 0) listen();
  // One function given twice is two things to undo.
  const once = () => {
    if (!undos.delete(once)) return;
    if (undos.size === 0) listenNoMore();
    undo();
  };
  undos.add(once);
  return once;
}

/** A program in a process group of its own, which ends as a whole: with the program, or with this process. */
export function spawnGroup(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { ...options, detached: true });
  // Never started: `error` follows.
  if (child.pid === undefined) return child;
  child.once(
    'exit',
    undoAtEnd(() => killGroup(child.pid as number)),
  );
  return child;
}

/** Also where files are still being written by what was killed a moment ago. */
export function removeDirectory(directory: string): void {
  // As programs: Ctrl-C a second time ends them.
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const { status, signal } = spawnSync('sh', ['-c', remove, directory], { stdio: 'ignore' });
    if (status === 0 || signal !== null) break;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
  }
  if (existsSync(directory)) console.error(`${directory} is left: remove it.`);
}

/** Several at once: where the disk is told of each file that is gone (`discard`), one alone takes an hour for two million. */
const remove = 'find "$0" -type f -print0 | xargs -0 -r -P 8 -n 200 rm -f --; exec rm -rf -- "$0"';
const attempts = 50;
const retryMs = 100;

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

function listen(): void {
  process.on('exit', undoAll);
  for (const signal of signals) process.on(signal, endBy);
}

function listenNoMore(): void {
  process.off('exit', undoAll);
  for (const signal of signals) process.off(signal, endBy);
}

/** Those that were started stop before their directories go. One that fails keeps none of the others from being done. */
function undoAll(): void {
  for (const undo of [...undos].reverse()) {
    try {
      undo();
    } catch (error) {
      console.error(error);
    }
  }
}

/** Ends as a process does that does not handle it. */
function endBy(signal: NodeJS.Signals): void {
  undoAll();
  listenNoMore();
  process.kill(process.pid, signal);
}
