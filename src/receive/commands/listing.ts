// LIST, NLST and MLSD of the session's own view: the account's virtual directories and what this session uploaded. No
// patterns, no options, no real owner, nothing that another session stored.

import { nameOf, parentOf } from '../../domain/virtual-path.ts';
import { runTransfer } from '../data-connection.ts';
import { RefusedError } from '../refused-error.ts';
import type { Session } from '../session.ts';
import { cameraOf, resolveOrRefuse } from './directory.ts';

type Row = Readonly<{ name: string; isDirectory: boolean; bytes: number; modifiedAtMs: number }>;

export const list = (session: Session, argument: string | null) => sendListing(session, argument, listRow);
export const nlst = (session: Session, argument: string | null) =>
  sendListing(session, argument, row => row.name);
export const mlsd = (session: Session, argument: string | null) => sendListing(session, argument, mlsdRow);

/** RFC 3659 7: one entry, on the control connection. */
export async function mlst(session: Session, argument: string | null): Promise<void> {
  const path = argument === null ? session.directory : resolveOrRefuse(session, argument);
  const own = session.ownUploads.get(path);
  if (own === undefined) requireDirectory(session, path);
  const row =
    own === undefined
      ? { isDirectory: true, bytes: 0, modifiedAtMs: session.hall.clock.now() }
      : { isDirectory: false, ...own };
  const facts = ` ${mlsdRow({ name: `/${path}`, ...row })}`;
  await session.connection.reply(250, 'Facts:', { raw: true, message: facts }, 'End');
}

async function sendListing(
  session: Session,
  argument: string | null,
  format: (row: Row) => string,
): Promise<void> {
  const text = rowsOf(session, argument)
    .map(row => `${format(row)}\r\n`)
    .join('');
  await runTransfer(session, async (data, signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    data.socket.once('close', resolve);
    signal.addEventListener('abort', () => data.socket.destroy(), { once: true });
    if (signal.aborted) data.socket.destroy();
    // A client that left while 150 was on its way: that event is over.
    if (data.socket.closed) return { code: 426, text: 'The data connection was lost.' };
    data.socket.resume();
    data.socket.write(text);
    data.finish();
    const deadline = setTimeout(() => data.socket.destroy(), session.hall.settings.limits.dataStallTimeoutMs);
    // The client closes once it has everything; a write that was only handed to the kernel proves nothing.
    await promise;
    clearTimeout(deadline);
    return signal.aborted ? { code: 426, text: 'Transfer aborted.' } : { code: 226, text: 'Listing sent.' };
  });
}

function rowsOf(session: Session, argument: string | null): Row[] {
  // `-a`, `-al`, `-R`: options of a program that is not here.
  const wanted = argument?.replace(/^-[A-Za-z]+ ?/, '') ?? '';
  const path = wanted === '' ? session.directory : resolveOrRefuse(session, wanted);
  const own = session.ownUploads.get(path);
  if (own !== undefined) return [{ name: nameOf(path), isDirectory: false, ...own }];
  const { memory, clock } = session.hall;
  const camera = cameraOf(session);
  requireDirectory(session, path);
  const directories = memory
    .listDirectories(camera, path)
    .map(directory => ({ name: nameOf(directory), isDirectory: true, bytes: 0, modifiedAtMs: clock.now() }));
  const files = [...session.ownUploads]
    .filter(([file]) => parentOf(file) === path)
    .map(([file, upload]) => ({ name: nameOf(file), isDirectory: false, ...upload }));
  return [...directories, ...files];
}

function requireDirectory(session: Session, path: string): void {
  if (path === '' || session.hall.memory.hasDirectory(cameraOf(session), path)) return;
  throw new RefusedError(550, 'No such file or directory.');
}

/** The form that clients parse, with fixed owner and rights (vsftpd's hide_ids). */
function listRow({ name, isDirectory, bytes, modifiedAtMs }: Row): string {
  const at = new Date(modifiedAtMs).toUTCString();
  const date = `${at.slice(8, 11)} ${at.slice(5, 7)} ${at.slice(17, 22)}`;
  return `${isDirectory ? 'drwx------' : '-rw-------'} 1 camera camera ${String(bytes).padStart(12)} ${date} ${name}`;
}

/** RFC 3659 7. */
function mlsdRow({ name, isDirectory, bytes, modifiedAtMs }: Row): string {
  const modify = new Date(modifiedAtMs).toISOString().slice(0, 19).replace(/[-:T]/g, '');
  return isDirectory
    ? `type=dir;modify=${modify}; ${name}`
    : `type=file;size=${bytes};modify=${modify}; ${name}`;
}
