// Where the catalogue is. A file of its own, so that whoever only asks that loads nothing of it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { GroupRights } from '../base/durable.ts';

/**
 * The state directory itself; or its directory `catalogue` where an installer has made one for roles under different users
 * (docs/systemd.md). Whoever writes a database must be able to make files beside it, and who records must not be able to make
 * any beside the accounts.
 */
export function catalogueDirectory(stateDir: string): string {
  const own = ownDirectory(stateDir);
  return existsSync(own) ? own : stateDir;
}

/** What the group of that directory may do with what is in it. */
export function catalogueGroup(directory: string): GroupRights {
  return directory.endsWith(`/${ownName}`) ? 'write' : 'none';
}

const ownName = 'catalogue';

function ownDirectory(stateDir: string): string {
  return join(stateDir, ownName);
}
