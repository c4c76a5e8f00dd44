// Programs of the system, by name: where they are, and what they are told of their surroundings.

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { FailedError } from '../base/errors.ts';

/** HOME names nothing, so that no configuration of a user is read. */
export const environment = { PATH: '/usr/bin:/bin', HOME: '/nonexistent', LANG: 'C.UTF-8' };

/** Throws FailedError that names the package to install. */
export async function findTool(
  name: string,
  debianPackage: string,
  searchPath = environment.PATH,
): Promise<string> {
  for (const directory of searchPath.split(':')) {
    const path = `${directory}/${name}`;
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new FailedError(`${name} is not installed: apt-get install ${debianPackage}.`);
}
