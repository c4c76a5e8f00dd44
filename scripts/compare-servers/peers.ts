// The three servers, set as alike and as strictly as each can be without hindering an upload: TLS on both connections, no
// anonymous log-in, the account shut into its directory, nothing downloaded, deleted or renamed, PASV only.

import { execFileSync } from 'node:child_process';
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { settingsSchema } from '../../src/settings/schema.ts';
import { freePort } from '../../test/support/daemon.ts';
import { account, startTestReceiver } from '../../test/support/receiver.ts';
import type { Unpacked } from './debian-packages.ts';
import {
  accountUid,
  type Identity,
  makeHome,
  type PeerProcess,
  startPeer,
  withSystemAccount,
  writeIdentity,
} from './peer-process.ts';

const maxPerAddress = 20;
const maxConnections = 60;
const idleTimeoutSeconds = 300;

export type Server = {
  name: string;
  port: number;
  passive: { minPort: number; maxPort: number };
  /** The contents of all that is stored, whatever its name. */
  stored(): Buffer[];
  /** Puts a symbolic link `link` beside a file that it points to; false where names are not on disk. */
  plantLink(): boolean;
  readLinkTarget(): string;
  stop(): Promise<void>;
};

export async function startOurs(): Promise<Server & { identity: Identity }> {
  // The settings as they come, but for the ban list: the others have none, and all probes come from one address.
  const { maxDirectoriesPerCamera: _, ...limits } = settingsSchema.parse({}).ftps.limits;
  // `strict` is what vsftpd calls strict_ssl_read_eof.
  const receiver = await startTestReceiver({
    limits: { ...limits, minFreeBytes: 0 },
    tls: { truncation: 'strict' },
  });
  const { cert, key } = receiver.certificates.rsa;
  return {
    name: 'Clipward',
    port: receiver.explicitPort,
    passive: receiver.passive,
    stored: () => receiver.inbox().map(({ media }) => media),
    plantLink: () => false,
    readLinkTarget: () => '',
    stop: () => receiver.stop(),
    identity: { certificate: cert, key },
  };
}

export async function startVsftpd(
  directory: string,
  unpacked: Unpacked,
  identity: Identity,
): Promise<Server> {
  const { home, certificate, key } = prepare(directory, identity);
  const [port, passive] = [await freePort(), passiveRange(1)];
  const empty = join(directory, 'empty');
  mkdirSync(empty);
  const settings = {
    listen: 'YES',
    listen_address: '127.0.0.1',
    listen_port: port,
    background: 'NO',
    anonymous_enable: 'NO',
    local_enable: 'YES',
    write_enable: 'YES',
    chroot_local_user: 'YES',
    allow_writeable_chroot: 'YES',
    download_enable: 'NO',
    hide_ids: 'YES',
    port_enable: 'NO',
    pasv_min_port: passive.minPort,
    pasv_max_port: passive.maxPort,
    cmds_denied: 'APPE,DELE,RMD,RNFR,RNTO,STOU,REST,SITE',
    deny_file: '.*',
    ssl_enable: 'YES',
    force_local_logins_ssl: 'YES',
    force_local_data_ssl: 'YES',
    strict_ssl_read_eof: 'YES',
    require_ssl_reuse: 'NO',
    rsa_cert_file: certificate,
    rsa_private_key_file: key,
    secure_chroot_dir: empty,
    nopriv_user: 'nobody',
    pam_service_name: 'other',
    max_login_fails: 3,
    max_per_ip: maxPerAddress,
    max_clients: maxConnections,
    idle_session_timeout: idleTimeoutSeconds,
    xferlog_enable: 'NO',
    syslog_enable: 'NO',
    vsftpd_log_file: join(directory, 'log'),
    // Its sandboxes need kernels and rights that containers do not have.
    isolate: 'NO',
    isolate_network: 'NO',
    seccomp_sandbox: 'NO',
  };
  const file = join(directory, 'vsftpd.conf');
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  const vsftpd = [join(unpacked.root, 'usr/sbin/vsftpd'), file];
  const command = withSystemAccount(account, { directory, home }, vsftpd);
  return serverOf('vsftpd', await startPeer('vsftpd', command, { port, unpacked }), { port, passive, home });
}

export async function startPureFtpd(
  directory: string,
  unpacked: Unpacked,
  identity: Identity,
): Promise<Server> {
  const { home, certificate, key } = prepare(directory, identity);
  const [port, passive] = [await freePort(), passiveRange(2)];
  const [users, database] = [join(directory, 'users'), join(directory, 'users.pdb')];
  const program = (name: string) => join(unpacked.root, 'usr', name);
  const both = `${account.password}\n${account.password}\n`;
  const ids = ['-u', String(accountUid), '-g', String(accountUid)];
  execFileSync(program('bin/pure-pw'), ['useradd', account.user, '-f', users, ...ids, '-d', home], {
    input: both,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  execFileSync(program('bin/pure-pw'), ['mkdb', database, '-f', users]);
  const options = [
    ['-S', `127.0.0.1,${port}`],
    ['-l', `puredb:${database}`],
    ['-2', `${certificate},${key}`],
    ['-Y', '3'],
    ['-p', `${passive.minPort}:${passive.maxPort}`],
    ['-C', String(maxPerAddress)],
    ['-c', String(maxConnections)],
    ['-I', String(idleTimeoutSeconds / 60)],
    ['-g', join(directory, 'pid')],
    ['-u', '1'],
    // Chroot, no anonymous log-in, keep all files, no rename, rename uploads that exist, no dot-files, no chmod, no names.
    ['-A', '-E', '-K', '-G', '-r', '-x', '-X', '-R', '-H'],
  ].flat();
  const command = [program('sbin/pure-ftpd'), ...options];
  const started = await startPeer('Pure-FTPd', command, { port, unpacked });
  return serverOf('Pure-FTPd', started, { port, passive, home });
}

function prepare(directory: string, identity: Identity) {
  mkdirSync(directory, { mode: 0o755 });
  const home = join(directory, 'home');
  makeHome(home);
  return { home, ...writeIdentity(directory, identity) };
}

function serverOf(
  name: string,
  { stop }: PeerProcess,
  { home, ...ports }: Pick<Server, 'port' | 'passive'> & { home: string },
): Server {
  return {
    name,
    ...ports,
    stored: () => filesBelow(Buffer.from(home)).map(file => readFileSync(file)),
    plantLink() {
      const target = join(home, 'target');
      writeFileSync(target, 'before');
      chownSync(target, accountUid, accountUid);
      symlinkSync('target', join(home, 'link'));
      return readlinkSync(join(home, 'link')) === 'target';
    },
    readLinkTarget: () => readFileSync(join(home, 'target'), 'utf8'),
    stop,
  };
}

/** Names as bytes: not all of what the servers take is UTF-8. */
function filesBelow(directory: Buffer): Buffer[] {
  return readdirSync(directory, { withFileTypes: true, encoding: 'buffer' }).flatMap(entry => {
    const path = Buffer.concat([directory, Buffer.from('/'), entry.name]);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

function passiveRange(place: number) {
  const minPort = 31_000 + place * 200 + (process.pid % 100);
  return { minPort, maxPort: minPort + 99 };
}
