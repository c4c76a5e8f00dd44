import { join } from 'node:path';
import { receiverDirectory } from '../access/receiver-database.ts';
import { lockIsHeld } from '../base/sqlite.ts';

export const roles = ['receive', 'archive', 'outbound'] as const;
export type Role = (typeof roles)[number];

/** The file whose lock the process that plays a role holds. The receiver can write in its own directory only. */
export function roleLockFile(stateDir: string, role: Role): string {
  return role === 'receive'
    ? join(receiverDirectory(stateDir), 'receive.lock')
    : join(stateDir, `${role}.lock`);
}

/** The file whose lock an import holds while it runs. */
export function importLockFile(stateDir: string): string {
  return join(stateDir, 'import.lock');
}

/** Which roles some process plays now. */
export function runningRoles(stateDir: string): ReadonlySet<Role> {
  return new Set(roles.filter(role => lockIsHeld(roleLockFile(stateDir, role))));
}
