// The passive data connection of one session (RFC 959 PASV, RFC 2428 EPSV): a listener on a leased port that takes the
// first connection from the address of the control connection. Everybody else is reset before a byte is exchanged, and
// the listener keeps listening, so that a stranger who finds the port can neither take nor block the camera's upload.
//
// TLS starts with the TCP accept and waits for no command: some clients shake hands before they send STOR (basic-ftp),
// some after STOR (newer libcurl), some only after `150` (lftp, Python's ftplib, RFC 4217 12.7).

import type { Socket } from 'node:net';
import { parseAddress } from '../domain/networks.ts';
import type { DataTls } from './data-tls.ts';
import type { PortLeases } from './port-leases.ts';

/** Connections from the right address that may wait for STOR: behind one NAT address there may be strangers, too. */
const maxWaiting = 4;

export type PassiveListener = AsyncDisposable &
  Readonly<{
    port: number;
    /** The next connection from the right address; rejects when the signal aborts or the listener is closed. */
    accept(signal: AbortSignal): Promise<DataTls>;
  }>;

/** Listens on `host`, the local address of the control connection. Undefined when no port is free. */
export async function openPassiveListener(parts: {
  leases: PortLeases;
  host: string;
  peerAddress: string;
  startTls(raw: Socket): DataTls;
  onStranger(address: string | undefined): void;
}): Promise<PassiveListener | undefined> {
  // In the order of arrival. One that dies before the transfer begins leaves by itself.
  const waiting = new Set<DataTls>();
  let closed = false;
  let wake: (() => void) | undefined;

  const leased = await parts.leases.listen(parts.host, socket => {
    // After a reset the address is gone: it is read now or never.
    const address = socket.remoteAddress === undefined ? undefined : parseAddress(socket.remoteAddress);
    socket.on('error', () => {});
    if (address !== parts.peerAddress) parts.onStranger(address);
    if (address !== parts.peerAddress || closed || waiting.size >= maxWaiting) {
      socket.resetAndDestroy();
      return;
    }
    const connection = parts.startTls(socket);
    waiting.add(connection);
    socket.once('close', () => waiting.delete(connection));
    wake?.();
  });
  if (leased === undefined) return undefined;
  const { server, port } = leased;

  return {
    port,
    accept: signal =>
      new Promise((resolve, reject) => {
        const settle = () => {
          const [first] = waiting;
          const connection = [...waiting].find(each => !each.isSpent()) ?? first;
          if (connection === undefined && !signal.aborted && !closed) return;
          wake = undefined;
          signal.removeEventListener('abort', settle);
          if (connection === undefined || signal.aborted) {
            reject(signal.reason ?? new Error('listener closed'));
            return;
          }
          waiting.delete(connection);
          resolve(connection);
        };
        wake = settle;
        signal.addEventListener('abort', settle);
        settle();
      }),
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      for (const connection of waiting) connection.socket.destroy();
      wake?.();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
