import { readFileSync, statSync } from 'node:fs';
import { errnoOf, FailedError } from '../base/errors.ts';

/**
 * Run as root, becomes the owner of the state directory before anything is touched: what root makes there the daemon
 * could not open, and what the daemon's user planted there must not be opened with root's rights.
 */
export function becomeOwner(stateDir: string): void {
  if (process.geteuid?.() !== 0) return;
  const owner = ownerOf(stateDir);
  if (owner === undefined || owner.uid === 0) return;
  const name = userName(owner.uid);
  try {
    if (name === undefined) process.setgroups?.([owner.gid]);
    else
      (process as unknown as { initgroups(user: string, group: number): void }).initgroups(name, owner.gid);
    process.setgid?.(owner.gid);
    process.setuid?.(owner.uid);
  } catch (error) {
    throw new FailedError(`Root could not become the owner of ${stateDir}: run the command as that user.`, {
      cause: error,
    });
  }
}

function ownerOf(directory: string): { uid: number; gid: number } | undefined {
  try {
    const { uid, gid } = statSync(directory);
    return { uid, gid };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function userName(uid: number): string | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(entry => entry.split(':')[2] === String(uid));
  return line?.split(':')[0];
}
