import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** `at`: the number of the call, from 1; 0 kills never and counts. */
export type Kill = Readonly<{ at: number; when: 'before' | 'after' }>;

export type Killable = Readonly<{
  /** Whether it was killed before it was told to end. */
  hasEnded(): boolean;
  ended: Promise<unknown>;
  /** Tells it to end; answers the number of calls, or 0 when it was killed. */
  end(): Promise<number>;
}>;

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Starts receiving-program.ts; resolves when it is ready or was killed. `database`: its commits count, too. */
export async function startKillable(options: {
  config: string;
  dataDir: string;
  roles?: 'receive' | 'archive' | 'both';
  database?: string;
  kill: Kill;
}): Promise<Killable> {
  const { config, dataDir, roles = 'receive', database, kill } = options;
  const child = spawn(
    process.execPath,
    ['--import', pathOf('./kill-at-call.ts'), pathOf('./receiving-program.ts'), config, roles],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        CLIPWARD_KILL_UNDER: dataDir,
        CLIPWARD_KILL_AT: String(kill.at),
        CLIPWARD_KILL_WHEN: kill.when,
        ...(database && { CLIPWARD_KILL_DATABASE: database }),
      },
    },
  );
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', line => lines.push(line));
  child.stdin.on('error', () => {});
  let hasEnded = false;
  const ended = once(child, 'close').then(() => {
    hasEnded = true;
  });
  await Promise.race([once(reader, 'line'), ended]);
  return {
    hasEnded: () => hasEnded,
    ended,
    async end(): Promise<number> {
      child.stdin.end();
      await ended;
      const [, last] = lines;
      return last === undefined ? 0 : (JSON.parse(last) as { calls: number }).calls;
    },
  };
}
