// The daemon and the command line as a user runs them: processes of their own, a settings file, real ports.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const waitLimitMs = 30_000;

export type CommandResult = { code: number; stdout: string; stderr: string };
export type LogLine = Record<string, unknown> & { msg: string };

export type Installation = Awaited<ReturnType<typeof makeInstallation>>;

/** An empty directory with a settings file on free ports. */
export async function makeInstallation(options: { settings?: string[]; httpPort?: number | null } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'clipward-installation-'));
  const [explicitPort, implicitPort] = await Promise.all([freePort(), freePort()]);
  const config = join(root, 'clipward.yaml');
  const passive = 20_000 + (explicitPort % 100) * 100;
  const lines = [
    'dataDir: ./data',
    'certsDir: ./certs',
    // Tests run beside each other.
    `http: { port: ${options.httpPort ?? null} }`,
    'ftps:',
    `  explicit: { host: 127.0.0.1, port: ${explicitPort} }`,
    `  implicit: { host: 127.0.0.1, port: ${implicitPort} }`,
    `  passive: { minPort: ${passive}, maxPort: ${passive + 99} }`,
    ...(options.settings ?? ['  limits: { minFreeBytes: 0 }']),
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  mkdirSync(join(root, 'out'));
  return {
    root,
    config,
    explicitPort,
    implicitPort,
    dataDir: join(root, 'data'),
    stateDir: join(root, 'state'),
    certsDir: join(root, 'certs'),
    run: (args: string[], input = '') => runCommand([...args, '--config', config], input),
    json: async (args: string[]) => {
      const result = await runCommand([...args, '--json', '--config', config]);
      if (result.code !== 0) throw new Error(`${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
      return JSON.parse(result.stdout);
    },
    serve: (args: string[] = [], user?: User) => startDaemon(['serve', ...args, '--config', config], user),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export function runCommand(args: string[], input = ''): Promise<CommandResult> {
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { timeout: waitLimitMs },
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

export type Daemon = Awaited<ReturnType<typeof startDaemon>>;

/** Whom a process runs as, with no other groups than these. */
export type User = Readonly<{
  uid: number;
  gid: number;
  groups?: readonly number[];
  /** What a daemon finds in its environment. */
  environment?: Readonly<Record<string, string>>;
}>;

/** The command line that runs another one as a user; needs root. It ends up as the very process that was started. */
export function asUser(user: User | undefined, command: string[]): [string, string[]] {
  const [program = '', ...args] =
    user === undefined
      ? command
      : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, groupsOf(user), '--', ...command];
  return [program, args];
}

function groupsOf({ groups = [] }: User): string {
  return groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`;
}

/** Starts `clipward serve`; resolves when it is ready, or when it has ended instead. */
export async function startDaemon(
  args: string[],
  user?: User,
  /** Descriptors from 3 on, and a shell script that ends by running "$@". */
  more: { stdio: number[]; shell: string } = { stdio: [], shell: 'exec "$@"' },
) {
  const command = ['sh', '-c', more.shell, 'sh', process.execPath, main, ...args];
  const child: ChildProcess = spawn(...asUser(user, command), {
    stdio: ['ignore', 'pipe', 'pipe', ...more.stdio],
    // What the test runner asks of its children is not for another user's.
    ...(user === undefined
      ? {}
      : { cwd: '/', env: { PATH: process.env.PATH, TZ: process.env.TZ, ...user.environment } }),
  });
  const lines: string[] = [];
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stderr?.on('data', chunk => {
    stderr += chunk;
  });
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', line => {
    lines.push(line);
    for (const wake of waiting) wake();
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    for (const wake of waiting) wake();
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
    for (const wake of waiting) wake();
  });

  const logged = () => lines.filter(line => line.startsWith('{')).map(line => JSON.parse(line) as LogLine);
  const waitForLog = (matches: (line: LogLine) => boolean, count = 1): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const deadline = setTimeout(
        () => finish(() => reject(new Error(`not logged in time:\n${lines.join('\n')}`))),
        waitLimitMs,
      );
      const look = () => {
        const found = logged().filter(matches);
        if (found.length >= count) finish(() => resolve(found.at(-1) as LogLine));
        else if (hasEnded)
          finish(() => reject(new Error(`the daemon ended:\n${lines.join('\n')}\n${stderr}`)));
      };
      const finish = (settle: () => void) => {
        clearTimeout(deadline);
        waiting.delete(look);
        settle();
      };
      waiting.add(look);
      look();
    });
  await Promise.race([waitForLog(line => line.msg === 'ready').catch(() => {}), ended]);
  return {
    pid: child.pid as number,
    lines,
    stderr: () => stderr,
    logged,
    /** The first (or `count`th) log line that matches, now or later. */
    waitForLog,
    ended,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    /** SIGTERM, and what became of it; SIGKILL when it does not end. */
    async stop() {
      if (!hasEnded) child.kill('SIGTERM');
      const deadline = setTimeout(() => child.kill('SIGKILL'), waitLimitMs);
      const result = await ended;
      clearTimeout(deadline);
      return result;
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The password that `camera add` or `camera passwd` printed as JSON. */
export async function addCamera(
  installation: Installation,
  name: string,
  ...args: string[]
): Promise<string> {
  const added = await installation.json(['camera', 'add', name, '--allow', '127.0.0.0/8', ...args]);
  return added.password;
}
