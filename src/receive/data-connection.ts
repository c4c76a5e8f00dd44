// What STOR and the listings do alike with the data connection: wait for it, say 150, wait for its handshake.

import type { DataFacts, DataTls } from './data-tls.ts';
import { refusedEvent } from './observer.ts';
import { RefusedError } from './refused-error.ts';
import type { Session, Transfer } from './session.ts';

export type SecuredData = DataTls & Readonly<{ facts: DataFacts }>;

/**
 * Runs one transfer: `150` goes out with the TCP accept and not after the handshake, because lftp, ftplib and old libcurl
 * shake hands only after it (RFC 4217 12.7). `work` gets the secured connection and answers the last reply. Refuses with
 * 521 without PROT P, 425 without PASV or when nobody connects, 522 when the handshake fails.
 */
export async function runTransfer(
  session: Session,
  work: (data: SecuredData, signal: AbortSignal) => Promise<{ code: number; text: string }>,
): Promise<void> {
  requireDataConnection(session);
  const aborted = new AbortController();
  const { promise: done, resolve: finished } = Promise.withResolvers<void>();
  const transfer: Transfer = { abort: reason => aborted.abort(reason), done };
  session.transfer = transfer;
  session.transferBegan();
  let data: DataTls | undefined;
  try {
    data = await acceptData(session, aborted.signal);
    const handshakeWas = data.isSecured() ? 'before' : 'after';
    await session.connection.reply(150, 'Ready for data.');
    aborted.signal.throwIfAborted();
    const facts = await handshake(session, data, aborted.signal);
    const { protocol, cipher } = facts.tls;
    session.hall.observe(session, {
      kind: 'data-secured',
      protocol,
      cipher,
      isBound: facts.isBound,
      handshake: handshakeWas,
    });
    requireBound(session, facts);
    const { code, text } = await work({ ...data, facts }, aborted.signal);
    await session.connection.reply(code, text);
  } catch (error) {
    data?.socket.destroy();
    const refusal =
      !(error instanceof RefusedError) && aborted.signal.aborted
        ? new RefusedError(426, 'Transfer aborted.', { cause: error })
        : error;
    if (!(refusal instanceof RefusedError)) throw error;
    session.hall.observe(session, refusedEvent(null, refusal));
    await session.connection.reply(refusal.code, refusal.message);
  } finally {
    session.transfer = null;
    finished();
  }
}

/** RFC 4217 10.2 asks for 521; the check comes before anything is opened or made. */
export function requireDataConnection(session: Session): void {
  if (!session.isDataProtected) throw new RefusedError(521, 'Use PROT P first.');
  if (session.passive === null) throw new RefusedError(425, 'Use PASV or EPSV first.');
}

/** Whoever else knows the port and has the camera's address cannot resume this session's TLS. */
function requireBound(session: Session, { isBound }: DataFacts): void {
  if (isBound || session.camera?.requireResumption !== true) return;
  session.log.warn('data connection did not resume the session, which this camera must');
  throw new RefusedError(522, 'The data connection must resume the TLS session.', {
    why: 'not-resumed',
  });
}

async function acceptData(session: Session, aborted: AbortSignal): Promise<DataTls> {
  const { passive } = session;
  if (passive === null) throw new RefusedError(425, 'Use PASV or EPSV first.');
  const waiting = new AbortController();
  const giveUp = () => waiting.abort(aborted.reason);
  const deadline = setTimeout(giveUp, session.hall.settings.limits.dataConnectTimeoutMs);
  aborted.addEventListener('abort', giveUp);
  try {
    aborted.throwIfAborted();
    return await passive.accept(waiting.signal);
  } catch (error) {
    if (aborted.aborted) throw error;
    throw new RefusedError(425, 'Nobody connected to the passive port.', {
      cause: error,
      why: 'nobody-connected',
    });
  } finally {
    clearTimeout(deadline);
    aborted.removeEventListener('abort', giveUp);
    session.passive = null;
    void passive[Symbol.asyncDispose]();
  }
}

async function handshake(session: Session, data: DataTls, aborted: AbortSignal): Promise<DataFacts> {
  const limit = session.hall.settings.limits.tlsHandshakeTimeoutMs;
  let hasTimedOut = false;
  const deadline = setTimeout(() => {
    hasTimedOut = true;
    data.socket.destroy(new Error('handshake took too long'));
  }, limit);
  const onAbort = () => data.socket.destroy(new Error('aborted'));
  aborted.addEventListener('abort', onAbort);
  try {
    return await data.secured;
  } catch (error) {
    if (aborted.aborted) throw error;
    // Gone is something else than not speaking TLS: the client should try again.
    const isTlsFault = /^ERR_(SSL|TLS)_/.test((error as { code?: string }).code ?? '') || hasTimedOut;
    if (!isTlsFault) throw new RefusedError(426, 'The data connection was lost.', { cause: error });
    throw new RefusedError(522, 'TLS is needed on the data connection.', { cause: error });
  } finally {
    clearTimeout(deadline);
    aborted.removeEventListener('abort', onAbort);
  }
}
