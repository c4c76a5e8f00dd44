// What the benches have in common.

import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeDirectory, spawnGroup, undoAtEnd } from '../../scripts/lib/undo-at-end.ts';
import { cpuMsOf } from './process-costs.ts';

export type Bench = Readonly<{
  /** One line, and more below it. */
  description: string;
  /** As they are shown: `[--rows N] [--json]`. */
  options: string;
  run(args: readonly string[]): Promise<void>;
}>;

/** The command as a user runs it, built. */
export const clipward = fileURLToPath(new URL('../../bin/clipward.mjs', import.meta.url));

/** What stands behind `--name`. */
export function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? undefined : (args[at + 1] ?? '');
}

/** The whole number behind `--name`, or the default. */
export function wholeOption(args: readonly string[], name: string, otherwise: number): number {
  const given = optionOf(args, name);
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1`);
  return value;
}

/** Runs `work` in a new directory below `--dir` (default: the system's for temporary files), and removes it. */
export function inTemporaryDirectory<T>(
  args: readonly string[],
  work: (directory: string) => Promise<T>,
): Promise<T> {
  return inDirectoryBelow(optionOf(args, 'dir') ?? tmpdir(), work);
}

export async function inDirectoryBelow<T>(
  parent: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(parent, 'clipward-bench-'));
  const remove = undoAtEnd(() => removeDirectory(directory));
  try {
    return await work(directory);
  } finally {
    remove();
  }
}

export type ProgramRun = Readonly<{
  code: number | null;
  stdout: string;
  stderr: string;
  ms: number;
  /** Of all its threads, until shortly before its end. */
  cpuMs: number;
  peakRssBytes: number;
}>;

const pollMs = 50;

/** Runs a program to its end and measures it. CPU and peak are the kernel's own (VmHWM), read until the end is near. */
export async function measureProgram(command: readonly string[]): Promise<ProgramRun> {
  const startedAt = performance.now();
  const child = spawnGroup(command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let peakRssBytes = 0;
  let cpuMs = 0;
  child.stdout?.on('data', chunk => {
    stdout += chunk;
  });
  child.stderr?.on('data', chunk => {
    stderr += chunk;
  });
  const poll = setInterval(() => {
    peakRssBytes = Math.max(peakRssBytes, peakOf(child.pid));
    cpuMs = Math.max(cpuMs, cpuMsOf(child.pid as number));
  }, pollMs);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { code, stdout, stderr, ms: performance.now() - startedAt, cpuMs, peakRssBytes };
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
