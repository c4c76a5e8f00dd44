// As much of an FTPS client as it takes to try an upload (upload-trial.ts). What answers may be any program: replies are
// bounded, and everything ends with the signal.

import { connect, isIPv4, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { FailedError, messageOf } from '../base/errors.ts';

const maxReplyBytes = 16 * 1024;
/** One line, or `220-`, more lines, and one that begins with `220 ` (RFC 959 4.2). */
const replyPattern = /^(?:(\d{3}) ([^\r\n]*)|(\d{3})-[\s\S]*?\n\3 ([^\r\n]*))\r?\n/;

export type Reply = Readonly<{ code: number; text: string }>;

export type FtpsClient = Disposable &
  Readonly<{
    /** The next reply. Rejects with FailedError when the connection ends before one came. */
    reply(): Promise<Reply>;
    command(line: string): Promise<Reply>;
    /** Sends bytes as they are, and answers the first that come back; none when it was closed instead. */
    provoke(bytes: string): Promise<Uint8Array>;
    startTls(): Promise<Readonly<{ protocol: string }>>;
    /** A connection to another port of the same host. */
    openData(port: number): Promise<Socket>;
  }>;

/** From the loopback address of the same family, so that the other side sees that it is this machine. */
export async function connectClient(
  place: Readonly<{ host: string; port: number }>,
  signal: AbortSignal,
): Promise<FtpsClient> {
  const { host } = place;
  const raw = await openSocket(place, signal);
  let socket: Socket = raw;
  let text = '';
  let ended = false;
  let wake = () => {};
  const take = (bytes: Buffer) => {
    text += bytes.toString('latin1');
    if (text.length > maxReplyBytes) raw.destroy();
    wake();
  };
  const end = () => {
    ended = true;
    wake();
  };
  raw.on('data', take);
  raw.on('close', end);

  async function until<T>(found: () => T | undefined): Promise<T | undefined> {
    for (;;) {
      const value = found();
      if (value !== undefined || ended) return value;
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  }
  async function reply(): Promise<Reply> {
    const found = await until(() => replyPattern.exec(text) ?? undefined);
    signal.throwIfAborted();
    if (!found) throw new FailedError('the connection was closed without an answer');
    text = text.slice(found[0].length);
    return { code: Number(found[1] ?? found[3]), text: found[2] ?? found[4] ?? '' };
  }
  return {
    reply,
    command: line => {
      socket.write(`${line}\r\n`);
      return reply();
    },
    async provoke(bytes) {
      raw.write(bytes);
      return Buffer.from((await until(() => (text === '' ? undefined : text))) ?? '', 'latin1');
    },
    async startTls() {
      raw.off('data', take);
      const secured = await secure(raw);
      socket = secured;
      secured.on('data', take);
      return { protocol: secured.getProtocol() ?? 'TLS' };
    },
    openData: port => openSocket({ host, port }, signal),
    [Symbol.dispose]: () => {
      socket.destroy();
      raw.destroy();
    },
  };
}

/**
 * A TLS handshake as the client. Whose certificate it is, is not looked at: another check does, and what is said here is of
 * no use to anybody.
 */
export function secure(raw: Socket): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ socket: raw, rejectUnauthorized: false }, () => resolve(socket));
    const failed = (why: string) => reject(new FailedError(`TLS failed: ${why}`));
    socket.on('error', error => failed(messageOf(error)));
    socket.once('close', () => failed('the connection was closed'));
  });
}

function openSocket(
  { host, port }: Readonly<{ host: string; port: number }>,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const localAddress = isIPv4(host) ? '127.0.0.1' : '::1';
    const socket = connect({ host, port, localAddress, noDelay: true }, () => resolve(socket));
    const abort = () => socket.destroy();
    signal.addEventListener('abort', abort, { once: true });
    socket.on('error', reject);
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(signal.reason ?? new FailedError('the connection was closed'));
    });
  });
}
