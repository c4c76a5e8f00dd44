// A machine of its own: Debian with systemd as process 1 (systemd-nspawn), its own network on a cable to this one, and a disk
// of its own for /var/lib/clipward. Needs root.

import { execFile, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type Result = Readonly<{ code: number; stdout: string; stderr: string }>;
export type Container = AsyncDisposable &
  Readonly<{
    /** The root of its files, as this machine sees them. */
    files: string;
    address: string;
    /** Its process 1, or 0. */
    leader(): number;
    /** Ours, on the cable to it. */
    ourAddress: string;
    run(...command: string[]): Promise<Result>;
    /** Standard output. Throws when the command fails. */
    must(...command: string[]): Promise<string>;
    boot(): Promise<void>;
    powerOff(): Promise<void>;
  }>;

/** Of the machine, and with `ve-` before it of our end of the cable, of fifteen characters at the most. */
const name = `cw${process.pid}`;
const ours = '10.231.77.1';
const theirs = '10.231.77.2';
const commandTimeoutMs = 180_000;
/** Of a kernel that has them; the filter of systemd-nspawn 252 does not know them yet. */
const landlock = ['landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self'];
/** SIGRTMIN+4, as systemd(1) has it for its process 1. */
const powerOffSignal = 38;
const exec = promisify(execFile);

/** Not booted yet. `base` is not changed. `place`: an empty directory, on anything but an overlay. */
export async function makeContainer(parts: {
  base: string;
  place: string;
  diskBytes: number;
}): Promise<Container> {
  const [upper, work, files, disk] = ['upper', 'work', 'root', 'disk'].map(each =>
    join(parts.place, each),
  ) as [string, string, string, string];
  for (const directory of [upper, work, files, disk]) mkdirSync(directory);
  await exec('mount', [
    ...['-t', 'overlay', 'overlay', '-o', `lowerdir=${parts.base},upperdir=${upper},workdir=${work}`],
    files,
  ]);
  await exec('mount', ['-t', 'tmpfs', '-o', `size=${parts.diskBytes},mode=755`, 'tmpfs', disk]);
  mkdirSync(join(files, 'var/lib/clipward'), { recursive: true });
  let running: { leader: number; ended: Promise<void> } | undefined;

  const run = (...command: string[]): Promise<Result> =>
    new Promise(resolve => {
      const inside = ['--target', `${running?.leader}`, '--mount', '--uts', '--ipc', '--net', '--pid'];
      const environment = [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        ...['HOME=/root', 'LANG=C.UTF-8'],
      ];
      execFile(
        'nsenter',
        [...inside, '--', 'env', '--ignore-environment', '--chdir=/', ...environment, ...command],
        { timeout: commandTimeoutMs, maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, stdout, stderr });
        },
      );
    });
  const must = async (...command: string[]) => {
    const { code, stdout, stderr } = await run(...command);
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stderr || stdout}`);
    return stdout;
  };
  const boot = async () => {
    const console = openSync(join(parts.place, 'console.log'), 'a');
    const child = spawn(
      'systemd-nspawn',
      [
        ...['--quiet', '--register=no', '--keep-unit', '--network-veth', `--machine=${name}`],
        ...[`--system-call-filter=${landlock.join(' ')}`, `--bind=${disk}:/var/lib/clipward`],
        ...['--link-journal=no', '--console=pipe', `--directory=${files}`, '--boot'],
      ],
      { stdio: ['ignore', console, console] },
    );
    closeSync(console);
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
    const leader = await until(`${name} to start`, () => {
      if (child.exitCode === null) return childOf(child.pid as number);
      throw new Error(
        `systemd-nspawn: ${readFileSync(join(parts.place, 'console.log'), 'utf8').slice(-500)}`,
      );
    });
    running = { leader, ended };
    await until(`${name} to boot`, async () =>
      /^(running|degraded)/.test((await run('systemctl', 'is-system-running')).stdout),
    );
    await exec('ip', ['address', 'replace', `${ours}/30`, 'dev', `ve-${name}`]);
    await exec('ip', ['link', 'set', `ve-${name}`, 'up']);
    await must('ip', 'address', 'replace', `${theirs}/30`, 'dev', 'host0');
    await must('ip', 'link', 'set', 'host0', 'up');
  };
  const powerOff = async () => {
    if (running === undefined) return;
    const { leader, ended } = running;
    process.kill(leader, powerOffSignal);
    const late = setTimeout(() => process.kill(leader, 'SIGKILL'), commandTimeoutMs);
    await ended;
    clearTimeout(late);
    running = undefined;
  };
  return {
    ...{ files, address: theirs, ourAddress: ours, run, must, boot, powerOff },
    leader: () => running?.leader ?? 0,
    async [Symbol.asyncDispose]() {
      if (running !== undefined) {
        // With its process 1 all others end; with systemd-nspawn alone none would.
        process.kill(running.leader, 'SIGKILL');
        await running.ended;
      }
      for (const directory of [files, disk]) await exec('umount', ['--lazy', directory]);
      rmSync(parts.place, { recursive: true, force: true });
    },
  };
}

function childOf(pid: number): number | false {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return Number(children.split(' ')[0]) || false;
  } catch {
    return false;
  }
}

/** What `look` finds. Another machine tells us nothing by itself, so that it is asked again and again. */
export async function until<T>(
  what: string,
  look: () => T | false | Promise<T | false>,
  deadlineMs = 120_000,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${deadlineMs / 1000} s in vain for ${what}`);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}
