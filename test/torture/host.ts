// An installation that is killed and started again, on a directory of its own. The daemon is the real one, a process that
// the kernel ends with the one that started it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type CommandResult, freePort, type LogLine } from '../support/daemon.ts';
import { untilDrained } from './drained.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const readyTimeoutMs = 60_000;

/** A module that is loaded into a process before clipward is, and what it is told. */
export type Hook = Readonly<{ module: URL; environment: Readonly<Record<string, string>> }>;

export type Host = Awaited<ReturnType<typeof makeHost>>;
export type Running = Readonly<{
  /** Resolves to false when it ended before. */
  ready: Promise<boolean>;
  ended: Promise<unknown>;
  hasEnded(): boolean;
  /** The end of what it said, for whoever has to find out why it ended. */
  lastWords(): string;
  kill(signal: NodeJS.Signals): void;
  /** Warnings and errors so far. */
  complaints(): readonly LogLine[];
}>;

/**
 * `root`: where everything of the installation lies but its settings file, which an operator is taken to have written long
 * ago. `retention`: settings of retention, one line each.
 */
export async function makeHost(options: { root: string; retention?: readonly string[] }) {
  const { root } = options;
  const [explicitPort, implicitPort] = await Promise.all([freePort(), freePort()]);
  const passive = 20_000 + (explicitPort % 100) * 100;
  const settings = mkdtempSync(join(tmpdir(), 'clipward-torture-'));
  const remove = () => rmSync(settings, { recursive: true, force: true });
  process.once('exit', remove);
  const config = join(settings, 'clipward.yaml');
  const dataDir = join(root, 'data');
  const stateDir = join(root, 'state');
  const lines = [
    `dataDir: ${dataDir}`,
    `stateDir: ${stateDir}`,
    `certsDir: ${join(root, 'certs')}`,
    'ftps:',
    `  explicit: { host: 127.0.0.1, port: ${explicitPort} }`,
    `  implicit: { host: 127.0.0.1, port: ${implicitPort} }`,
    `  passive: { minPort: ${passive}, maxPort: ${passive + 99} }`,
    '  limits: { minFreeBytes: 0, shutdownGraceMs: 2000 }',
    'retention:',
    ...(options.retention ?? []).map(line => `  ${line}`),
    '  minFreeBytes: 1',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const start = (args: readonly string[], hook?: Hook) => startProgram([...args, '--config', config], hook);
  return {
    root,
    config,
    explicitPort,
    dataDir,
    stateDir,
    remove: () => {
      process.off('exit', remove);
      remove();
    },
    /** `clipward serve`, on its way. */
    serve: (hook?: Hook): Running => {
      const program = start(['serve'], hook);
      const logged = (): LogLine[] => program.lines.filter(line => line.startsWith('{')).map(parseLine);
      const ready = program.waitFor(line => line.includes('"msg":"ready"'), readyTimeoutMs);
      return {
        ready,
        ended: program.ended,
        hasEnded: program.hasEnded,
        lastWords: () => [...program.lines.slice(-3), program.stderr()].join('\n'),
        kill: program.kill,
        complaints: () => logged().filter(({ level }) => Number(level) >= 40),
      };
    },
    /** Any other command, to its end; `kill` ends it before. */
    command(args: readonly string[]) {
      const program = start(args);
      const result = program.ended.then(
        (code): CommandResult => ({
          code: code ?? -1,
          stdout: program.lines.join('\n'),
          stderr: program.stderr(),
        }),
      );
      return { result, kill: program.kill };
    },
    /** Or until `isOver`. */
    drained: (isOver?: () => boolean) => untilDrained(dataDir, isOver),
  };
}

function parseLine(line: string): LogLine {
  return JSON.parse(line) as LogLine;
}

function startProgram(args: readonly string[], hook: Hook | undefined) {
  const imports = hook === undefined ? [] : ['--import', hook.module.href];
  const command = ['--pdeathsig', 'KILL', '--', process.execPath, ...imports, main, ...args];
  const child: ChildProcess = spawn('setpriv', command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...hook?.environment },
  });
  const lines: string[] = [];
  let stderr = '';
  const waiting = new Set<() => void>();
  let hasEnded = false;
  const wake = () => {
    for (const look of [...waiting]) look();
  };
  child.stderr?.on('data', chunk => {
    stderr += chunk;
  });
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', line => {
    lines.push(line);
    wake();
  });
  const ended = once(child, 'close').then(([code]) => {
    hasEnded = true;
    wake();
    return code as number | null;
  });
  return {
    lines,
    ended,
    hasEnded: () => hasEnded,
    stderr: () => stderr,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    waitFor: (matches: (line: string) => boolean, timeoutMs: number): Promise<boolean> =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void) => {
          clearTimeout(deadline);
          waiting.delete(look);
          settle();
        };
        const deadline = setTimeout(
          () => finish(() => reject(new Error(`not ready in time:\n${lines.join('\n')}\n${stderr}`))),
          timeoutMs,
        );
        const look = () => {
          if (lines.some(matches)) finish(() => resolve(true));
          else if (hasEnded) finish(() => resolve(false));
        };
        waiting.add(look);
        look();
      }),
  };
}
