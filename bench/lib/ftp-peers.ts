// The servers that a receiver is measured beside: Debian's packages, unpacked and not installed, each set as its own manual
// says for uploads over explicit FTPS: TLS 1.2 and newer on both connections, no anonymous log-in, one account shut into its
// directory, no limits that the load would meet, no log of transfers. Needs root: each changes to the user of an account.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Unpacked, unpackPeers } from '../../scripts/compare-servers/debian-packages.ts';
import { freePort } from '../../test/support/daemon.ts';
import { type CpuGroup, openCpuGroup } from './cpu-group.ts';

export type FtpServer = Readonly<{
  name: string;
  port: number;
  /** All that it starts is below these. */
  pids: readonly number[];
  /** What it and all that it started took so far. */
  cpuMs(): number;
  /** Removes what was uploaded. */
  clear(): void;
  stop(): Promise<void>;
}>;

export type Account = Readonly<{ user: string; password: string }>;
export type Identity = Readonly<{ certificate: string; key: string }>;

type Ground = Readonly<{
  directory: string;
  home: string;
  unpacked: Unpacked;
  account: Account;
  files: Identity;
  group: CpuGroup;
}>;

/** `nobody` and its group: what the account may touch is its own directory. */
const uid = 65_534;
const startTimeoutMs = 60_000;
const maxSessions = 1000;
const idleTimeoutS = 900;
const packages = [
  ...['vsftpd', 'libwrap0', 'pure-ftpd', 'proftpd-core', 'proftpd-mod-crypto'],
  ...['libhiredis0.14', 'libmemcached11', 'libmemcachedutil2', 'libhashkit2', 'libpcre2-posix3'],
];

/** Throws, with what apt says, when a package cannot be had. */
export async function startPeers(
  directory: string,
  { account, identity }: { account: Account; identity: Identity },
): Promise<FtpServer[]> {
  mkdirSync(directory, { mode: 0o755 });
  const unpacked = unpackPeers(directory, packages);
  const files = { certificate: join(directory, 'certificate.pem'), key: join(directory, 'key.pem') };
  writeFileSync(files.certificate, identity.certificate);
  writeFileSync(files.key, identity.key, { mode: 0o600 });
  const started: FtpServer[] = [];
  try {
    for (const [name, start] of Object.entries(starts)) {
      const own = join(directory, name);
      const home = join(own, 'home');
      mkdirSync(home, { recursive: true, mode: 0o755 });
      chownSync(home, uid, uid);
      const group = openCpuGroup(name);
      try {
        const begun = await start({ directory: own, home, unpacked, account, files, group });
        started.push(await serverOf({ name, home, group }, begun));
      } catch (error) {
        group[Symbol.dispose]();
        throw error;
      }
    }
    return started;
  } catch (error) {
    for (const server of started) await server.stop();
    throw error;
  }
}

type Start = Readonly<{ port: number; child: ChildProcess }>;

const starts: Record<string, (ground: Ground) => Promise<Start>> = {
  vsftpd: startVsftpd,
  ProFTPD: startProftpd,
  'Pure-FTPd': startPureFtpd,
};

async function startVsftpd({ directory, home, unpacked, account, files, group }: Ground): Promise<Start> {
  const port = await freePort();
  const empty = join(directory, 'empty');
  mkdirSync(empty);
  const settings = {
    ...{ listen: 'YES', listen_address: '127.0.0.1', listen_port: port, background: 'NO' },
    ...{ anonymous_enable: 'NO', local_enable: 'YES', write_enable: 'YES', port_enable: 'NO' },
    ...{ chroot_local_user: 'YES', allow_writeable_chroot: 'YES', secure_chroot_dir: empty },
    ...{ nopriv_user: 'nobody', pam_service_name: 'other', idle_session_timeout: idleTimeoutS },
    ...{ ssl_enable: 'YES', force_local_logins_ssl: 'YES', force_local_data_ssl: 'YES' },
    // As Debian's manual recommends for clients that do not reuse sessions.
    ...{ require_ssl_reuse: 'NO', rsa_cert_file: files.certificate, rsa_private_key_file: files.key },
    ...{ max_per_ip: maxSessions, max_clients: maxSessions, xferlog_enable: 'NO', syslog_enable: 'NO' },
    // Its sandboxes need kernels and rights that containers do not have.
    ...{ isolate: 'NO', isolate_network: 'NO', seccomp_sandbox: 'NO' },
  };
  const file = join(directory, 'vsftpd.conf');
  writeFileSync(file, linesOf(Object.entries(settings).map(([name, value]) => `${name}=${value}`)), {
    mode: 0o600,
  });
  const [passwd, shadow] = [join(directory, 'passwd'), join(directory, 'shadow')];
  copyFileSync('/etc/passwd', passwd);
  copyFileSync('/etc/shadow', shadow);
  writeFileSync(passwd, `${account.user}:x:${uid}:${uid}::${home}:/bin/sh\n`, { flag: 'a' });
  writeFileSync(shadow, `${account.user}:${hashOf(account)}:20000:0:99999:7:::\n`, { flag: 'a' });
  const script = `mount --bind '${passwd}' /etc/passwd && mount --bind '${shadow}' /etc/shadow && exec "$@"`;
  const program = join(unpacked.root, 'usr/sbin/vsftpd');
  // A view of the files of its own: the account exists for this process alone, and nothing is left of it.
  const args = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', program, file];
  return { port, child: run('unshare', args, unpacked, group) };
}

async function startProftpd({ directory, home, unpacked, account, files, group }: Ground): Promise<Start> {
  const port = await freePort();
  const users = join(directory, 'users');
  writeFileSync(users, `${account.user}:${hashOf(account)}:${uid}:${uid}::${home}:/bin/sh\n`, {
    mode: 0o600,
  });
  const file = join(directory, 'proftpd.conf');
  const lines = [
    `ModulePath ${join(unpacked.root, 'usr/lib/proftpd')}`,
    'LoadModule mod_tls.c',
    ...['ServerType standalone', 'DefaultAddress 127.0.0.1', `Port ${port}`, 'UseIPv6 off'],
    ...['User nobody', 'Group nogroup', 'DefaultRoot ~', 'RequireValidShell off', 'AllowOverwrite on'],
    ...['AuthOrder mod_auth_file.c', `AuthUserFile ${users}`, 'UseReverseDNS off', 'WtmpLog off'],
    ...['SystemLog none', 'TransferLog none', `ScoreboardFile ${join(directory, 'scoreboard')}`],
    ...[`PidFile ${join(directory, 'pid')}`, `DelayTable none`, 'DelayEngine off'],
    ...[`MaxInstances ${maxSessions}`, `TimeoutIdle ${idleTimeoutS}`, `TimeoutNoTransfer ${idleTimeoutS}`],
    ...['TLSEngine on', 'TLSRequired on', 'TLSProtocol TLSv1.2 TLSv1.3', 'TLSOptions NoSessionReuseRequired'],
    ...[`TLSRSACertificateFile ${files.certificate}`, `TLSRSACertificateKeyFile ${files.key}`],
  ];
  writeFileSync(file, linesOf(lines), { mode: 0o600 });
  return {
    port,
    child: run(join(unpacked.root, 'usr/sbin/proftpd'), ['-n', '-q', '-c', file], unpacked, group),
  };
}

async function startPureFtpd({ directory, home, unpacked, account, files, group }: Ground): Promise<Start> {
  const port = await freePort();
  const [users, database] = [join(directory, 'users'), join(directory, 'users.pdb')];
  const program = (name: string) => join(unpacked.root, 'usr', name);
  // Its own tool makes hashes that take half a second of CPU at every log-in; the others check SHA-512.
  const empty = ':'.repeat(12);
  writeFileSync(users, `${account.user}:${hashOf(account)}:${uid}:${uid}::${home}/./${empty}\n`, {
    mode: 0o600,
  });
  execFileSync(program('bin/pure-pw'), ['mkdb', database, '-f', users]);
  const options = [
    ...['-S', `127.0.0.1,${port}`, '-l', `puredb:${database}`, '-2', `${files.certificate},${files.key}`],
    ...['-Y', '3', '-C', String(maxSessions), '-c', String(maxSessions), '-I', String(idleTimeoutS / 60)],
    ...['-g', join(directory, 'pid'), '-u', '1', '-A', '-E', '-H'],
  ];
  return { port, child: run(program('sbin/pure-ftpd'), options, unpacked, group) };
}

/** SHA-512, which all of them take. */
function hashOf({ password }: Account): string {
  return execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password, encoding: 'utf8' }).trim();
}

function linesOf(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

function run(program: string, args: string[], unpacked: Unpacked, { prefix }: CpuGroup): ChildProcess {
  const [shell = '', ...rest] = [...prefix, program, ...args];
  return spawn(shell, rest, {
    env: { ...process.env, LD_LIBRARY_PATH: unpacked.libraries },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

async function serverOf(
  { name, home, group }: { name: string; home: string; group: CpuGroup },
  { port, child }: Start,
): Promise<FtpServer> {
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', chunk => {
      said = `${said}${chunk}`.slice(-4096);
    });
  const ended = once(child, 'exit');
  ended.catch(() => {});
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null) {
      // Its sessions are processes of the same group.
      process.kill(-child.pid, 'SIGKILL');
      await ended;
    }
    group[Symbol.dispose]();
  };
  const failed = ended.then(() => {
    throw new Error(`${name} ended at once: ${said.trim()}`);
  });
  failed.catch(() => {});
  try {
    await Promise.race([answers(port), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    port,
    pids: [child.pid as number],
    cpuMs: group.cpuMs,
    clear() {
      rmSync(home, { recursive: true, force: true });
      mkdirSync(home, { mode: 0o755 });
      chownSync(home, uid, uid);
    },
    stop,
  };
}

/** Resolves when somebody greets on the port. */
export async function answers(port: number): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (performance.now() < deadline) {
    const socket = connect({ port, host: '127.0.0.1' });
    const isOpen = await new Promise<boolean>(resolve => {
      socket.once('data', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await sleep(50);
  }
  throw new Error(`nothing answers on port ${port} within ${startTimeoutMs} ms`);
}
