import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./on-terminal.py', import.meta.url));
/** What a terminal sends for Ctrl-D, the end of what is typed. */
export const endOfInput = '\u0004';

/** Runs a command on a terminal of its own, and types each answer when its question stands there. */
export function onTerminal(
  command: readonly string[],
  turns: readonly (readonly [question: string, keys: string])[] = [],
  environment: Readonly<Record<string, string>> = {},
): { code: number | null; shown: string } {
  const { status, stdout, stderr } = spawnSync('python3', [program, JSON.stringify(turns), ...command], {
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm', ...environment },
  });
  if (stderr !== '') throw new Error(stderr);
  return { code: status, shown: stdout.replaceAll('\r\n', '\n') };
}
