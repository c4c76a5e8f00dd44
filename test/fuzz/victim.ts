// The fuzzer's side of the receiver's process (host.ts): starts it, asks it, notices its end.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const host = fileURLToPath(new URL('./host.ts', import.meta.url));
const answerTimeoutMs = 60_000;
const endTimeoutMs = 20_000;

export type HostQuery = { id: number; ask: 'state' | 'collect' | 'stop' };

export type StoredUpload = {
  path: string;
  bytes: number;
  sha256: string;
  isAsItsReceiptSays: boolean;
  completeness: string;
};

export type HostState = {
  /** What went wrong since the last question. */
  problems: string[];
  /** Log lines by message. */
  logged: Record<string, number>;
  connections: number;
  leasedPorts: number;
  incoming: number;
  descriptors: number;
  /** What keeps the process alive, by kind (timers, sockets, servers). */
  resources: Record<string, number>;
  heapBytes: number;
  residentBytes: number;
};

export type Victim = Awaited<ReturnType<typeof startVictim>>;

export async function startVictim() {
  const child = fork(host, [], { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  const waiting = new Map<number, (answer: unknown) => void>();
  let stderr = '';
  let nextId = 1;
  child.stderr?.on('data', chunk => {
    stderr = (stderr + chunk).slice(-10_000);
  });
  const { promise: died, reject } = Promise.withResolvers<never>();
  died.catch(() => {});
  const exited = once(child, 'exit').then(([code, signal]) => {
    reject(new Error(`the receiver's process ended with ${code ?? signal}: ${stderr}`));
  });
  child.on('message', ({ id, answer }: { id: number; answer: unknown }) => {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });

  const answerTo = async <T>(id: number): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<T>();
    waiting.set(id, resolve as (answer: unknown) => void);
    let deadline: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, fail) => {
      deadline = setTimeout(() => fail(new Error('the receiver does not answer')), answerTimeoutMs);
    });
    try {
      return await Promise.race([promise, died, late]);
    } finally {
      clearTimeout(deadline);
    }
  };
  const ask = <T>(what: HostQuery['ask']): Promise<T> => {
    const id = nextId++;
    child.send({ id, ask: what } satisfies HostQuery);
    return answerTo<T>(id);
  };

  const ports = await answerTo<{ explicitPort: number; implicitPort: number }>(0);
  return {
    ...ports,
    pid: child.pid as number,
    /** Rejects when the process ends. */
    died,
    state: () => ask<HostState>('state'),
    collect: () => ask<StoredUpload[]>('collect'),
    /** Answers whether the process ended by itself, as it should once the receiver has stopped. */
    async stop(): Promise<boolean> {
      if (child.connected && child.exitCode === null) await ask('stop').catch(() => child.kill('SIGKILL'));
      const deadline = setTimeout(() => child.kill('SIGKILL'), endTimeoutMs);
      await exited;
      clearTimeout(deadline);
      return child.exitCode === 0;
    },
  };
}
