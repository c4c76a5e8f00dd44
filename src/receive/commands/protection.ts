// AUTH, PBSZ, PROT and CCC (RFC 2228, RFC 4217).

import { RefusedError } from '../refused-error.ts';
import type { Session } from '../session.ts';

/** `SSL` is what libcurl, and with it many cameras, try first; RFC 4217 knows `TLS` and `TLS-C` as the same. */
const tlsMechanisms = new Set(['TLS', 'TLS-C', 'SSL']);

export async function auth(session: Session, argument: string | null): Promise<void> {
  if (session.tls !== null) throw new RefusedError(503, 'TLS is already in use.');
  if (argument === null) throw new RefusedError(501, 'AUTH needs a mechanism.');
  if (!tlsMechanisms.has(argument.trim().toUpperCase())) throw new RefusedError(504, 'Use AUTH TLS.');
  session.startTls();
}

export async function pbsz(session: Session, argument: string | null): Promise<void> {
  if (session.tls === null) throw new RefusedError(503, 'Use AUTH TLS first.');
  if (argument === null || !/^\d{1,10}$/.test(argument)) throw new RefusedError(501, 'PBSZ needs a number.');
  session.hasBufferSize = true;
  await session.connection.reply(200, 'PBSZ=0');
}

export async function prot(session: Session, argument: string | null): Promise<void> {
  if (session.tls === null || !session.hasBufferSize) throw new RefusedError(503, 'Use PBSZ first.');
  switch (argument?.toUpperCase()) {
    case 'P':
      session.isDataProtected = true;
      return void (await session.connection.reply(200, 'Data connections are protected.'));
    case 'C':
      throw new RefusedError(534, 'Data connections must be protected.');
    case 'S':
    case 'E':
      throw new RefusedError(536, 'Use PROT P.');
    default:
      throw new RefusedError(504, 'Use PROT P.');
  }
}

export async function ccc(): Promise<void> {
  throw new RefusedError(534, 'The control connection stays protected.');
}
