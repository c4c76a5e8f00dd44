// The three servers, set as alike and as strictly as each can be without hindering an upload: TLS on both connections, no
// anonymous log-in, the account shut into its directory, nothing downloaded, deleted or renamed, PASV only.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { settingsSchema } from '../../src/settings/schema.ts';
import { freePort } from '../../test/support/daemon.ts';
import { account, startTestReceiver } from '../../test/support/receiver.ts';
import type { Unpacked } from './debian-packages.ts';

/** `nobody` and its group: what the account may touch is its own directory. */
const uid = 65_534;
const startTimeoutMs = 10_000;
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

export type Certificate = { certificate: string; key: string };

export async function startOurs(): Promise<Server & { identity: Certificate }> {
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
  identity: Certificate,
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
  const users = privateUsers(directory, home);
  const script = `mount --bind '${users.passwd}' /etc/passwd && mount --bind '${users.shadow}' /etc/shadow && exec "$@"`;
  const program = join(unpacked.root, 'usr/sbin/vsftpd');
  // A view of the files of its own: the account exists for this process alone, and nothing is left of it.
  const args = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', program, file];
  const child = spawn('unshare', args, {
    env: { ...process.env, LD_LIBRARY_PATH: unpacked.libraries },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  return started('vsftpd', child, port, passive, home);
}

export async function startPureFtpd(
  directory: string,
  unpacked: Unpacked,
  identity: Certificate,
): Promise<Server> {
  const { home, certificate, key } = prepare(directory, identity);
  const [port, passive] = [await freePort(), passiveRange(2)];
  const [users, database] = [join(directory, 'users'), join(directory, 'users.pdb')];
  const program = (name: string) => join(unpacked.root, 'usr', name);
  const both = `${account.password}\n${account.password}\n`;
  const ids = ['-u', String(uid), '-g', String(uid)];
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
  const child = spawn(program('sbin/pure-ftpd'), options, {
    env: { ...process.env, LD_LIBRARY_PATH: unpacked.libraries },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  return started('Pure-FTPd', child, port, passive, home);
}

function prepare(directory: string, identity: Certificate) {
  mkdirSync(directory, { mode: 0o755 });
  const home = join(directory, 'home');
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, uid, uid);
  const [certificate, key] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')];
  writeFileSync(certificate, identity.certificate);
  writeFileSync(key, identity.key, { mode: 0o600 });
  return { home, certificate, key };
}

function privateUsers(directory: string, home: string) {
  const [passwd, shadow] = [join(directory, 'passwd'), join(directory, 'shadow')];
  copyFileSync('/etc/passwd', passwd);
  copyFileSync('/etc/shadow', shadow);
  chmodSync(shadow, 0o600);
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], {
    input: account.password,
    encoding: 'utf8',
  });
  writeFileSync(passwd, `${account.user}:x:${uid}:${uid}::${home}:/bin/sh\n`, { flag: 'a' });
  writeFileSync(shadow, `${account.user}:${hash.trim()}:20000:0:99999:7:::\n`, { flag: 'a' });
  return { passwd, shadow };
}

async function started(
  name: string,
  child: ChildProcess,
  port: number,
  passive: { minPort: number; maxPort: number },
  home: string,
): Promise<Server> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (said += chunk));
  const ended = once(child, 'exit');
  const stop = async () => {
    if (child.pid === undefined || child.exitCode !== null) return;
    // Its sessions are processes of the same group.
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  };
  const failed = Promise.race([
    ended.then(() => Promise.reject(new Error(`${name} ended at once: ${said.trim()}`))),
    once(child, 'error').then(([error]) => Promise.reject(error)),
  ]);
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
    passive,
    stored: () => filesBelow(Buffer.from(home)).map(file => readFileSync(file)),
    plantLink() {
      const target = join(home, 'target');
      writeFileSync(target, 'before');
      chownSync(target, uid, uid);
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

/** Resolves when somebody listens on the port. */
async function answers(port: number): Promise<void> {
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
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`nothing answers on port ${port} within ${startTimeoutMs} ms`);
}

function passiveRange(place: number) {
  const minPort = 31_000 + place * 200 + (process.pid % 100);
  return { minPort, maxPort: minPort + 99 };
}
