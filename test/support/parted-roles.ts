// An installation whose roles run under different users, set up as an installer does it. Needs root.

import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { asUser, makeInstallation, type User } from './daemon.ts';

/**
 * Two users and one group. The owner archives, and is who commands act as; the group's only members are these two, since it
 * may write where uploads are dropped. Throw-away numbers that no user of this machine has.
 */
const gid = 64_100;
export const owner: User = { uid: 64_101, gid };
export const receiver: User = { uid: 64_102, gid };

export const needsRoot = process.getuid?.() === 0 ? false : 'needs root, to run as other users';

export type PartedInstallation = Awaited<ReturnType<typeof makePartedInstallation>>;

/**
 * All that an installer has to do: three directories that belong to the owner and the group, with the set-group-ID bit, so
 * that the group may enter. What is in them is made by the owner's first start (`serve --only archive`).
 */
export async function makePartedInstallation(options: { settings?: string[] } = {}) {
  const installation = await makeInstallation(options);
  chmodSync(installation.root, 0o755);
  chmodSync(installation.config, 0o644);
  for (const directory of [installation.dataDir, installation.stateDir, installation.certsDir]) {
    mkdirSync(directory);
    chownSync(directory, owner.uid, owner.gid);
    chmodSync(directory, 0o2750);
  }
  return {
    ...installation,
    archive: () => installation.serve(['--only', 'archive'], owner),
    receive: () => installation.serve(['--only', 'receive'], receiver),
  };
}

/** Runs a shell script as a user; `$1`, `$2`, ... are `args`. */
export function runAs(
  user: User,
  script: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const [program, rest] = asUser(user, ['sh', '-c', script, 'sh', ...args]);
    execFile(program, rest, { cwd: '/', timeout: 60_000 }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** What a process has open or mapped: paths, and `socket:[inode]`. */
export function openThings(pid: number): string[] {
  const descriptors = readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  const mapped = readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap(line => line.match(/\/.*$/)?.[0] ?? []);
  return [...new Set([...descriptors, ...mapped])];
}

/** How many network sockets (TCP, UDP, raw; IPv4 and IPv6) a process holds. */
export function networkSockets(pid: number): number {
  const inodes = new Set(
    ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'].flatMap(table =>
      readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map(line => line.trim().split(/\s+/)[9]),
    ),
  );
  return openThings(pid).filter(thing => inodes.has(/^socket:\[(\d+)\]$/.exec(thing)?.[1])).length;
}

export function residentBytes(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}
