// What the benches have in common.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Bench = Readonly<{
  /** One line, and more below it. */
  description: string;
  /** As they are shown: `[--rows N] [--json]`. */
  options: string;
  run(args: readonly string[]): Promise<void>;
}>;

/** The command as a user runs it, built. */
export const clipward = fileURLToPath(new URL('../../bin/clipward.mjs', import.meta.url));

/** The whole number behind `--name`, or the default. */
export function wholeOption(args: readonly string[], name: string, otherwise: number): number {
  const at = args.indexOf(`--${name}`);
  if (at < 0) return otherwise;
  const value = Number(args[at + 1]);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1`);
  return value;
}

/** Runs `work` in a new directory below `--dir` (default: the system's for temporary files), and removes it. */
export async function inTemporaryDirectory<T>(
  args: readonly string[],
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const at = args.indexOf('--dir');
  const directory = mkdtempSync(join((at < 0 ? undefined : args[at + 1]) ?? tmpdir(), 'clipward-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  // A million files are not left behind by Ctrl-C.
  const interrupted = () => {
    remove();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  try {
    return await work(directory);
  } finally {
    process.off('SIGINT', interrupted);
    remove();
  }
}

export type ProgramRun = Readonly<{
  code: number | null;
  stdout: string;
  stderr: string;
  ms: number;
  peakRssBytes: number;
}>;

const pollMs = 50;

/** Runs a program to its end and measures it. The peak is the kernel's own (VmHWM), read until the end is near. */
export async function measureProgram(command: readonly string[]): Promise<ProgramRun> {
  const [program = '', ...args] = command;
  const startedAt = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let peakRssBytes = 0;
  child.stdout.on('data', chunk => {
    stdout += chunk;
  });
  child.stderr.on('data', chunk => {
    stderr += chunk;
  });
  const poll = setInterval(() => {
    peakRssBytes = Math.max(peakRssBytes, peakOf(child.pid));
  }, pollMs);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { code, stdout, stderr, ms: performance.now() - startedAt, peakRssBytes };
  } finally {
    clearInterval(poll);
  }
}

function peakOf(pid: number | undefined): number {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    // It has ended.
    return 0;
  }
}
