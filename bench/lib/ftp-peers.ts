// The servers that a receiver is measured beside: Debian's packages, unpacked and not installed, each set as its own manual
// says for uploads over explicit FTPS: TLS 1.2 and newer on both connections, no anonymous log-in, one account shut into its
// directory, no limits that the load would meet, no log of transfers. Needs root: each changes to the user of an account.

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Unpacked, unpackPeers } from '../../scripts/compare-servers/debian-packages.ts';
import {
  type Account,
  accountUid,
  type Identity,
  makeHome,
  passwordHash,
  startPeer,
  withSystemAccount,
  writeIdentity,
} from '../../scripts/compare-servers/peer-process.ts';
import { freePort } from '../../test/support/daemon.ts';
import { openCpuGroup } from './cpu-group.ts';

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

type Ground = Readonly<{
  directory: string;
  home: string;
  unpacked: Unpacked;
  account: Account;
  files: Identity;
  port: number;
}>;

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
  const files = writeIdentity(directory, identity);
  const started: FtpServer[] = [];
  try {
    for (const [name, plan] of Object.entries(plans)) {
      const own = join(directory, name);
      const home = join(own, 'home');
      makeHome(home);
      const planned = plan({ directory: own, home, unpacked, account, files, port: await freePort() });
      started.push(await startCounted(name, planned, { home, unpacked }));
    }
    return started;
  } catch (error) {
    for (const server of started) await server.stop();
    throw error;
  }
}

async function startCounted(
  name: string,
  { port, command }: Plan,
  { home, unpacked }: Pick<Ground, 'home' | 'unpacked'>,
): Promise<FtpServer> {
  const group = openCpuGroup(name);
  try {
    const peer = await startPeer(name, [...group.prefix, ...command], { port, unpacked });
    return {
      ...{ name, port, pids: [peer.pid], cpuMs: group.cpuMs },
      clear() {
        rmSync(home, { recursive: true, force: true });
        makeHome(home);
      },
      async stop() {
        await peer.stop();
        group[Symbol.dispose]();
      },
    };
  } catch (error) {
    group[Symbol.dispose]();
    throw error;
  }
}

/** Its settings are written; this runs it. */
type Plan = Readonly<{ port: number; command: readonly string[] }>;

const plans: Readonly<Record<string, (ground: Ground) => Plan>> = {
  vsftpd: planVsftpd,
  ProFTPD: planProftpd,
  'Pure-FTPd': planPureFtpd,
};

function planVsftpd({ directory, home, unpacked, account, files, port }: Ground): Plan {
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
  const vsftpd = [join(unpacked.root, 'usr/sbin/vsftpd'), file];
  return { port, command: withSystemAccount(account, { directory, home }, vsftpd) };
}

function planProftpd({ directory, home, unpacked, account, files, port }: Ground): Plan {
  const users = join(directory, 'users');
  writeFileSync(
    users,
    `${account.user}:${passwordHash(account)}:${accountUid}:${accountUid}::${home}:/bin/sh\n`,
    {
      mode: 0o600,
    },
  );
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
  return { port, command: [join(unpacked.root, 'usr/sbin/proftpd'), '-n', '-q', '-c', file] };
}

function planPureFtpd({ directory, home, unpacked, account, files, port }: Ground): Plan {
  const [users, database] = [join(directory, 'users'), join(directory, 'users.pdb')];
  const program = (name: string) => join(unpacked.root, 'usr', name);
  // Its own tool makes hashes that take half a second of CPU at every log-in; the others check SHA-512.
  const empty = ':'.repeat(12);
  writeFileSync(
    users,
    `${account.user}:${passwordHash(account)}:${accountUid}:${accountUid}::${home}/./${empty}\n`,
    {
      mode: 0o600,
    },
  );
  execFileSync(program('bin/pure-pw'), ['mkdb', database, '-f', users]);
  const options = [
    ...['-S', `127.0.0.1,${port}`, '-l', `puredb:${database}`, '-2', `${files.certificate},${files.key}`],
    ...['-Y', '3', '-C', String(maxSessions), '-c', String(maxSessions), '-I', String(idleTimeoutS / 60)],
    ...['-g', join(directory, 'pid'), '-u', '1', '-A', '-E', '-H'],
  ];
  return { port, command: [program('sbin/pure-ftpd'), ...options] };
}

function linesOf(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
