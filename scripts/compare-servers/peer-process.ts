// What every peer needs, whatever it is compared for: an account that exists for it alone, a certificate, a process that is
// waited for and that ends with us.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnGroup } from '../lib/undo-at-end.ts';
import type { Unpacked } from './debian-packages.ts';

export type Account = Readonly<{ user: string; password: string }>;
/** A certificate and its key: PEM, or files of it. */
export type Identity = Readonly<{ certificate: string; key: string }>;
export type PeerProcess = Readonly<{ pid: number; stop(): Promise<void> }>;

/** `nobody` and its group: what the account may touch is its own directory. */
export const accountUid = 65_534;
const startTimeoutMs = 60_000;

/** Resolves when it greets on the port. Throws, with what it said, when it ends instead. */
export async function startPeer(
  name: string,
  command: readonly string[],
  { port, unpacked }: { port: number; unpacked: Unpacked },
): Promise<PeerProcess> {
  const child = spawnGroup(command, {
    env: { ...process.env, LD_LIBRARY_PATH: unpacked.libraries },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', chunk => {
      said = `${said}${chunk}`.slice(-4096);
    });
  const ended = once(child, 'exit');
  const failed = ended.then(() => {
    throw new Error(`${name} ended at once: ${said.trim()}`);
  });
  failed.catch(() => {});
  const stop = async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    // Its sessions are processes of the same group.
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  };
  try {
    await Promise.race([answers(port), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid as number, stop };
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

/** Where the account's uploads go. */
export function makeHome(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o755 });
  chownSync(home, accountUid, accountUid);
}

/** The files of a certificate and its key. */
export function writeIdentity(directory: string, identity: Identity): Identity {
  const files = { certificate: join(directory, 'certificate.pem'), key: join(directory, 'key.pem') };
  writeFileSync(files.certificate, identity.certificate);
  writeFileSync(files.key, identity.key, { mode: 0o600 });
  return files;
}

/** SHA-512, which all of them take. */
export function passwordHash({ password }: Account): string {
  return execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password, encoding: 'utf8' }).trim();
}

/**
 * A command line that runs another with a view of the files of its own, in which the system has the account: it exists for
 * this process alone, and nothing is left of it.
 */
export function withSystemAccount(
  account: Account,
  { directory, home }: { directory: string; home: string },
  command: readonly string[],
): string[] {
  const [passwd, shadow] = [join(directory, 'passwd'), join(directory, 'shadow')];
  copyFileSync('/etc/passwd', passwd);
  copyFileSync('/etc/shadow', shadow);
  chmodSync(shadow, 0o600);
  const ids = `${accountUid}:${accountUid}`;
  writeFileSync(passwd, `${account.user}:x:${ids}::${home}:/bin/sh\n`, { flag: 'a' });
  writeFileSync(shadow, `${account.user}:${passwordHash(account)}:20000:0:99999:7:::\n`, { flag: 'a' });
  const script = `mount --bind '${passwd}' /etc/passwd && mount --bind '${shadow}' /etc/shadow && exec "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...command];
}
