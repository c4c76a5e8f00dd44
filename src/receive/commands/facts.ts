// Commands that tell or agree, and change nothing that is kept.

import { RefusedError } from '../refused-error.ts';
import type { OwnUpload, Session } from '../session.ts';
import { resolveOrRefuse } from './directory.ts';

/** RFC 2389: what is listed works. */
const features = ['AUTH TLS', 'EPSV', 'MDTM', 'MLST type*;size*;modify*;', 'PBSZ', 'PROT', 'SIZE', 'UTF8'];

export async function feat(session: Session): Promise<void> {
  const lines = features.map(feature => ({ raw: true as const, message: ` ${feature}` }));
  await session.connection.reply(211, 'Extensions supported:', ...lines, 'End');
}

export async function opts(session: Session, argument: string | null): Promise<void> {
  if (argument === null) throw new RefusedError(501, 'OPTS needs an option.');
  if (!/^UTF-?8( ON)?$/i.test(argument)) throw new RefusedError(501, 'Option not supported.');
  await session.connection.reply(200, 'Names are UTF-8.');
}

export async function help(session: Session): Promise<void> {
  await session.connection.reply(214, 'Upload with STOR over TLS; ask the administrator for the settings.');
}

export async function stat(session: Session, argument: string | null): Promise<void> {
  if (argument !== null) throw new RefusedError(502, 'Command not implemented.');
  await session.connection.reply(211, session.transfer === null ? 'Ready.' : 'A transfer is running.');
}

/** Space is checked at STOR and during the transfer, whatever is announced. `202` made a Dahua camera hang up for good. */
export async function allo(session: Session): Promise<void> {
  await session.connection.reply(200, 'OK.');
}

/** An upload begins at its first byte: what was acknowledged is never written to again. */
export async function rest(session: Session, argument: string | null): Promise<void> {
  if (argument === null || !/^\d{1,15}$/.test(argument)) throw new RefusedError(501, 'REST needs a number.');
  if (Number(argument) !== 0) throw new RefusedError(501, 'Only REST 0 is supported.');
  await session.connection.reply(350, 'Starting at 0.');
}

export async function size(session: Session, argument: string | null): Promise<void> {
  await session.connection.reply(213, String(ownUpload(session, argument).bytes));
}

/** RFC 3659 2.3: YYYYMMDDHHMMSS in UTC. */
export async function mdtm(session: Session, argument: string | null): Promise<void> {
  const at = new Date(ownUpload(session, argument).modifiedAtMs).toISOString();
  await session.connection.reply(213, at.slice(0, 19).replace(/[-:T]/g, ''));
}

export async function abor(session: Session): Promise<void> {
  const { transfer } = session;
  if (transfer !== null) {
    transfer.abort('aborted');
    await transfer.done;
  }
  await session.connection.reply(226, 'No transfer is running.');
}

export async function quit(session: Session): Promise<void> {
  await session.transfer?.done;
  await session.close(221, 'Goodbye.');
}

/** Only what this very session has uploaded can be asked for: a stolen password must not tell what is stored. */
function ownUpload(session: Session, argument: string | null): OwnUpload {
  if (argument === null) throw new RefusedError(501, 'A name is needed.');
  const upload = session.ownUploads.get(resolveOrRefuse(session, argument));
  if (upload === undefined) throw new RefusedError(550, 'No such file.');
  return upload;
}
