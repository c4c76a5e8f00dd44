import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const manyCommands = fileURLToPath(new URL('./many-commands.ts', import.meta.url));

/** Runs command lines one after the other; answers their exit codes, and what each said to standard error. */
export function runEach(lines: readonly (readonly string[])[]): { code: number; said: string }[] {
  const { stderr } = spawnSync(process.execPath, [manyCommands, JSON.stringify(lines)], { encoding: 'utf8' });
  const parts = stderr.split('\u0000');
  return lines.map((_, index) => ({ said: parts[2 * index] ?? '', code: Number(parts[2 * index + 1]) }));
}
