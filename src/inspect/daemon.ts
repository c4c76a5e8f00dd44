import { join } from 'node:path';
import { lockIsHeld } from '../base/sqlite.ts';

const roles = ['receive', 'archive'] as const;

/** Which roles some process plays now, by the locks that service.ts holds in the state directory. */
export function runningRoles(stateDir: string): ReadonlySet<(typeof roles)[number]> {
  return new Set(roles.filter(role => lockIsHeld(join(stateDir, `${role}.lock`))));
}
