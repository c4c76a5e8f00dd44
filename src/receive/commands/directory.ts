// CWD and MKD in the virtual tree. PWD and CDUP are the engine's, on the same tree. Directories are entries in the
// account's own list (access/receiver-memory.ts); no name of a client becomes a path on disk.

import { resolveVirtualPath } from '../../domain/virtual-path.ts';
import { noteDown } from '../note-down.ts';
import { RefusedError } from '../refused-error.ts';
import type { Session } from '../session.ts';

/** How many of its own directories a session may take back with RMD; later ones stay. */
const maxOwnDirectories = 1000;

export async function cwd(session: Session, argument: string | null): Promise<void> {
  session.directory = enter(session, argument);
  await session.connection.reply(250, `"${quoted(session.directory)}" is the working directory.`);
}

/** For CDUP, which is the engine's; it answers 550 whatever is thrown. */
export function changeDirectory(session: Session, argument: string): string {
  session.directory = enter(session, argument);
  return session.directory;
}

export async function mkd(session: Session, argument: string | null): Promise<void> {
  if (argument === null) throw new RefusedError(501, 'MKD needs a name.');
  const path = resolveOrRefuse(session, argument);
  const made = makeDirectories(session, path);
  if (made === 'exists') throw new RefusedError(550, 'Directory exists.');
  if (session.ownDirectories.size < maxOwnDirectories) session.ownDirectories.add(path);
  await session.connection.reply(257, `"${quoted(path)}" created.`);
}

/** Makes a directory and its parents in the account's list; refuses with 452 over the account's cap. */
export function makeDirectories(session: Session, path: string): 'made' | 'exists' {
  const { memory, quotas } = session.hall;
  const isNew = !memory.hasDirectory(cameraOf(session), path);
  if (isNew && session.camera !== null && !quotas.takeDirectory(session.camera)) {
    throw new RefusedError(452, 'The quota of this day is used up.');
  }
  const made = memory.makeDirectory(cameraOf(session), path);
  if (made === 'exists') noteDown(session.log, () => memory.touch(cameraOf(session), path));
  if (made === 'full') throw new RefusedError(452, 'Too many directories.');
  return made;
}

/** The virtual path that an argument names; 553 for a name that is refused. */
export function resolveOrRefuse(session: Session, argument: string): string {
  const resolved = resolveVirtualPath(session.directory, argument);
  if ('refused' in resolved) throw new RefusedError(553, 'Name not allowed.');
  return resolved.path;
}

export function cameraOf(session: Session): string {
  if (session.camera === null) throw new RefusedError(530, 'Log in first.');
  return session.camera.name;
}

/** Quotes are doubled in replies that quote a path (RFC 959, appendix II). */
export function quoted(path: string): string {
  return `/${path.replaceAll('"', '""')}`;
}

function enter(session: Session, argument: string | null): string {
  if (argument === null) throw new RefusedError(501, 'CWD needs a name.');
  const path = resolveOrRefuse(session, argument);
  if (path === '') return path;
  const { memory } = session.hall;
  // 550 is what cameras wait for before they send MKD.
  if (!memory.hasDirectory(cameraOf(session), path)) throw new RefusedError(550, 'No such directory.');
  noteDown(session.log, () => memory.touch(cameraOf(session), path));
  return path;
}
