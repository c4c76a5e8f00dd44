// A command that keeps printing until it is stopped, as a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const waitLimitMs = 30_000;

export type RunningCommand = ReturnType<typeof startCommand>;

export function startCommand(args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of [...waiting]) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', line => {
      lines.push(line);
      wake();
    });
  }
  let hasEnded = false;
  const ended = once(child, 'close').then(([code]) => {
    hasEnded = true;
    wake();
    return code as number | null;
  });
  return {
    pid: child.pid as number,
    /** Standard output and standard error, as they came. */
    lines,
    ended,
    /** The first line, come or to come, that matches. */
    waitFor: (pattern: RegExp): Promise<string> =>
      new Promise((resolve, reject) => {
        const settle = (work: () => void) => {
          clearTimeout(deadline);
          waiting.delete(look);
          work();
        };
        const fail = () =>
          settle(() => reject(new Error(`${pattern} was not printed:\n${lines.join('\n')}`)));
        const deadline = setTimeout(fail, waitLimitMs);
        const look = () => {
          const found = lines.find(line => pattern.test(line));
          if (found !== undefined) settle(() => resolve(found));
          else if (hasEnded) fail();
        };
        waiting.add(look);
        look();
      }),
    /** Ctrl-C; answers the exit code. */
    async stop(): Promise<number | null> {
      if (!hasEnded) child.kill('SIGINT');
      const deadline = setTimeout(() => child.kill('SIGKILL'), waitLimitMs);
      const code = await ended;
      clearTimeout(deadline);
      return code;
    },
  };
}
