import { join } from 'node:path';
import { receiverDirectory } from '../access/receiver-database.ts';
import type { GroupRights } from '../base/durable.ts';
import { lockIsHeld } from '../base/sqlite.ts';
import { catalogueDirectory, catalogueGroup } from '../catalogue/catalogue-directory.ts';

export const roles = ['receive', 'archive', 'outbound'] as const;
export type Role = (typeof roles)[number];

/** The file whose lock the process that plays a role holds: where its user can write. */
export function roleLockFile(stateDir: string, role: Role): string {
  if (role === 'receive') return join(receiverDirectory(stateDir), 'receive.lock');
  return join(role === 'archive' ? stateDir : catalogueDirectory(stateDir), `${role}.lock`);
}

/** What the group of its directory may do with that file. */
export function roleLockGroup(stateDir: string, role: Role): GroupRights {
  if (role === 'receive') return 'write';
  return role === 'archive' ? 'none' : catalogueGroup(catalogueDirectory(stateDir));
}

/** The file whose lock an import holds while it runs. */
export function importLockFile(stateDir: string): string {
  return join(stateDir, 'import.lock');
}

/** Which roles some process plays now. Throws where that cannot be told. */
export function runningRoles(stateDir: string): ReadonlySet<Role> {
  return new Set(roles.filter(role => lockIsHeld(roleLockFile(stateDir, role))));
}

/** The same for one who must see whatever happens: a role whose lock cannot be asked (its user may have put anything there) is not seen. */
export function rolesSeen(stateDir: string): ReadonlySet<Role> {
  const isSeen = (role: Role) => {
    try {
      return lockIsHeld(roleLockFile(stateDir, role));
    } catch {
      return false;
    }
  };
  return new Set(roles.filter(isSeen));
}
