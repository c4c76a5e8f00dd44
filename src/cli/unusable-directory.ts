import { sep } from 'node:path';
import { errnoOf, SettingsError, TransientError } from '../base/errors.ts';
import type { Settings } from '../settings/settings.ts';

/** What a wrong path, a wrong user or a read-only disk says. No space and a failing disk are no matter of settings. */
const reasons = ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EROFS', 'ELOOP', 'ENAMETOOLONG'];

/**
 * The sentence for a directory of the settings that this user cannot make or use; undefined when the error is about
 * anything else. Node names the path at which it failed: in the directory, or on the way to it.
 */
export function unusableDirectory(error: unknown, settings: Settings): SettingsError | undefined {
  // What cannot be read just now may be read later, but not by who has no right to.
  const cause = error instanceof TransientError && error.cause instanceof Error ? error.cause : error;
  const errno = errnoOf(cause);
  const path = cause instanceof Error && 'path' in cause ? cause.path : undefined;
  if (errno === undefined || !reasons.includes(errno) || typeof path !== 'string') return undefined;
  const { stateDir, dataDir, certsDir } = settings;
  const directories = Object.entries({ stateDir, dataDir, certsDir });
  const [key, directory] =
    directories.find(([, each]) => isWithin(path, each)) ??
    directories.find(([, each]) => isWithin(each, path)) ??
    [];
  if (key === undefined) return undefined;
  return new SettingsError(
    `${key} ${directory} cannot be used (${errno} at ${path}): name a directory that this user may make and write, or run clipward as the user whom it belongs to.`,
    { cause: error },
  );
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
