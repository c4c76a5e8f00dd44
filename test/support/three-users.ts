// An installation whose three roles run under users of their own, with the users and directories that systemd/install.sh has
// systemd make: the very files are read here. Needs root.

import { execFile } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asUser, type CommandResult, makeInstallation, type User } from './daemon.ts';

const systemd = fileURLToPath(new URL('../../systemd/', import.meta.url));
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export const userNames = ['clipward', 'clipward-receive', 'clipward-outbound'] as const;
export type UserName = (typeof userNames)[number];
/** Throw-away numbers that no user of this machine has; of the group of the same name, too. */
const firstId = 64_110;
const idOf = (name: string) => {
  const index = userNames.indexOf(name as UserName);
  if (index < 0) throw new Error(`${name} is no user of systemd/clipward.sysusers`);
  return firstId + index;
};

function rowsOf(file: string): string[][] {
  return readFileSync(join(systemd, file), 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.match(/"[^"]*"|\S+/g) as string[]);
}

export function userOf(name: UserName): User {
  const groups = rowsOf('clipward.sysusers')
    .filter(([type, user]) => type === 'm' && user === name)
    .map(([, , group]) => idOf(group as string));
  return { uid: idOf(name), gid: idOf(name), groups };
}

/** The user of a role, as its unit says. */
export function userOfRole(role: string): User {
  const [, name] = /^User=(.*)$/m.exec(readFileSync(join(systemd, `clipward-${role}.service`), 'utf8')) ?? [];
  return userOf(name as UserName);
}

export type ThreeUsers = Awaited<ReturnType<typeof makeThreeUsers>>;

export async function makeThreeUsers(options: { settings?: string[] } = {}) {
  const installation = await makeInstallation(options);
  chmodSync(installation.root, 0o755);
  chmodSync(installation.config, 0o644);
  const base = '/var/lib/clipward';
  for (const [type, path = '', mode = '', user = '', group = ''] of rowsOf('clipward.tmpfiles')) {
    if (type !== 'd' || !path.startsWith(`${base}/`)) continue;
    const directory = join(installation.root, path.slice(base.length));
    mkdirSync(directory);
    chownSync(directory, idOf(user), idOf(group));
    chmodSync(directory, Number.parseInt(mode, 8));
  }
  const owner = userOf('clipward');
  const credentials = join(installation.root, 'credentials');
  /** What systemd does for LoadCredential: a copy that this user alone can read. */
  const lendSigningKey = () => {
    const { uid, gid } = userOfRole('outbound');
    mkdirSync(credentials, { recursive: true });
    chownSync(credentials, uid, gid);
    const copy = join(credentials, 'signing.key');
    copyFileSync(join(installation.stateDir, 'secrets', 'signing.key'), copy);
    chownSync(copy, uid, gid);
    chmodSync(copy, 0o400);
    return { CREDENTIALS_DIRECTORY: credentials };
  };
  return {
    ...installation,
    serveRole: (role: 'receive' | 'archive' | 'outbound') =>
      installation.serve(['--only', role], {
        ...userOfRole(role),
        ...(role === 'outbound' && { environment: lendSigningKey() }),
      }),
    /** A command as the owner, who is whom root becomes where the users are in /etc/passwd. */
    command: (...args: string[]) =>
      runAsUser(owner, [process.execPath, main, ...args, '--config', installation.config]),
  };
}

export function runAsUser(user: User, command: string[]): Promise<CommandResult> {
  return new Promise(resolve => {
    const [program, args] = asUser(user, command);
    execFile(program, args, { cwd: dirname(main), timeout: 60_000 }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
      resolve({ code, stdout, stderr });
    });
  });
}
