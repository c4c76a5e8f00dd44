import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { spawnGroup } from '../../scripts/lib/undo-at-end.ts';
import { clipward } from './bench.ts';

const readyLimitMs = 300_000;

export type BuiltDaemon = AsyncDisposable & Readonly<{ pid: number; readyMs: number }>;

/** `clipward serve` as a user runs it, built. Resolves when it has said `ready`, which came after `readyMs`. */
export async function startBuilt(config: string, args: readonly string[] = []): Promise<BuiltDaemon> {
  const startedAt = performance.now();
  const child = spawnGroup([process.execPath, clipward, 'serve', ...args, '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const latest: string[] = [];
  const ready = Promise.withResolvers<number>();
  createInterface({ input: child.stdout as Readable }).on('line', line => {
    latest.push(line);
    if (latest.length > 20) latest.shift();
    if (line.includes('"msg":"ready"')) ready.resolve(performance.now() - startedAt);
  });
  const ended = once(child, 'close');
  void ended.then(() => ready.reject(new Error(`the daemon ended:\n${latest.join('\n')}`)));
  const deadline = setTimeout(
    () => ready.reject(new Error('the daemon was not ready in time')),
    readyLimitMs,
  );
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    const readyMs = await ready.promise;
    return { pid: child.pid as number, readyMs, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}
