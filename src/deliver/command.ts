// A message as JSON on the standard input of a program. No shell, nothing of ours in its environment, and a deadline after
// which it is killed with all that it started.

import { spawn } from 'node:child_process';
import { FailedError } from '../base/errors.ts';
import type { Settings } from '../settings/settings.ts';
import type { Channel } from './channel.ts';

type CommandSettings = Settings['alerts']['command'] & Readonly<{ program: string }>;

export function commandChannel({ program, arguments: args, timeoutMs }: CommandSettings): Channel {
  return {
    name: 'command',
    send: (message, aborted) =>
      new Promise((resolve, reject) => {
        const signal = AbortSignal.any([aborted, AbortSignal.timeout(timeoutMs)]);
        const child = spawn(program, [...args], {
          // A group of its own, which can be killed as a whole.
          detached: true,
          cwd: '/',
          env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' },
          stdio: ['pipe', 'ignore', 'ignore'],
        });
        const kill = () => {
          try {
            if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
          } catch {
            // It has ended by itself.
          }
        };
        const settle = (problem: string | null) => {
          signal.removeEventListener('abort', kill);
          if (problem === null) resolve();
          else reject(new FailedError(problem));
        };
        signal.addEventListener('abort', kill, { once: true });
        child.on('error', error =>
          settle(`${program} cannot be run (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`),
        );
        child.on('exit', (code, name) => {
          if (signal.aborted) return settle(`${program} did not end within ${timeoutMs} ms and was killed`);
          settle(code === 0 ? null : `${program} ended with ${code ?? name}`);
        });
        // Whether it reads what it is told is its own affair.
        child.stdin?.on('error', () => {});
        child.stdin?.end(`${JSON.stringify(message)}\n`);
      }),
  };
}
