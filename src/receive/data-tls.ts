// The TLS side of a data connection. Two things that Node's sockets do not offer:
//
// 1. Whether the peer ended with close_notify, or the bytes just stopped. In stream mode the end of the connection is
//    the end of the file, so a cut connection is a clip cut short (RFC 4217 section 12.4 leaves it at that). TLS runs over a small
//    Duplex around the raw socket: when the Duplex has delivered its last byte and the TLS stream has not ended, the FIN
//    came without close_notify.
// 2. Silence from our side. TLS 1.3 sends session tickets after the handshake. A client that never reads its data socket
//    closes it with these bytes unread, which makes its kernel send a reset, which makes ours throw away the bytes of
//    the clip that were still queued: 41 of 300 complete uploads arrived short. So what we write after the handshake is
//    held until the upload has ended.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import { readInto } from '../base/read-into.ts';
import { createBufferPool } from './pool.ts';
import { type TlsFacts, tlsFactsOf } from './tls-facts.ts';

/** What one read takes from the kernel at most: several records of TLS. */
const encrypted = createBufferPool(128 * 1024);

export type DataFacts = Readonly<{
  tls: TlsFacts;
  /** It resumed a session of the control connection that it belongs to (control-tls.ts: nobody else's can be resumed). */
  isBound: boolean;
}>;

export type DataTls = Readonly<{
  socket: TLSSocket;
  /** Resolves once the handshake is done; rejects when it fails, or the connection ends before. */
  secured: Promise<DataFacts>;
  isSecured(): boolean;
  /** The peer has ended it without a byte of its own: before the transfer begins, nothing can come of it. */
  isSpent(): boolean;
  /** Whether the bytes ended with close_notify; meaningful once the socket has ended. */
  endedWithCloseNotify(): boolean;
  /** Sends what was held back, then close_notify and FIN. */
  finish(): void;
}>;

export type AlpnChoice = (offer: { protocols: string[] }) => string | undefined;

/** Starts the server side of TLS on an accepted data connection. The raw socket's fate is tied to the TLS socket's. */
export function startDataTls(raw: Socket, secureContext: SecureContext, alpn: AlpnChoice): DataTls {
  const held: { chunk: Uint8Array; done: () => void }[] = [];
  let holding = false;
  let closeNotify: boolean | undefined;
  let isSecured = false;

  const tap = new Duplex({
    allowHalfOpen: true,
    read: () => void raw.resume(),
    write: (chunk: Uint8Array, _encoding, done) => {
      if (holding) held.push({ chunk, done: () => done() });
      else raw.write(chunk, done);
    },
    final: done => void raw.end(done),
    destroy: (error, done) => {
      raw.destroy();
      done(error);
    },
  });
  readFrom(raw, {
    isWaiting: () => tap.readableFlowing !== true || tap.readableLength > 0,
    push(piece) {
      if (!tap.push(piece)) raw.pause();
      return tap.readableLength === 0;
    },
  });
  raw.once('end', () => tap.push(null));
  raw.once('error', error => tap.destroy(error));
  raw.once('close', () => {
    // After a FIN the bytes still in the tap are read to their end; without one the connection was torn down.
    if (!raw.readableEnded) tap.destroy(new Error('data connection closed'));
  });
  // Registered before TLS registers its own, so it sees the moment between the last byte and the end that TLS makes of it.
  tap.once('end', () => {
    closeNotify = hasSeenEnd(socket);
    // Nothing more can come of a handshake; TLS itself would wait for its time-out.
    if (!isSecured) socket.destroy(new Error('data connection ended during the handshake'));
  });

  const socket = new TLSSocket(tap, {
    isServer: true,
    secureContext,
    ALPNCallback: alpn,
  });
  socket.on('error', () => {});
  const secured = new Promise<DataFacts>((resolve, reject) => {
    socket.once('secure', () => {
      isSecured = true;
      // In TLS 1.2 the server's last flight belongs to the handshake and must go out; in 1.3 only tickets follow.
      holding = socket.getProtocol() === 'TLSv1.3';
      resolve({ tls: tlsFactsOf(socket), isBound: socket.isSessionReused() });
    });
    socket.once('error', reject);
    socket.once('close', () => {
      if (!isSecured) reject(new Error('data connection closed during the handshake'));
    });
  });
  secured.catch(() => {});

  return {
    socket,
    secured,
    isSecured: () => isSecured,
    isSpent: () => socket.destroyed || (closeNotify !== undefined && socket.readableLength === 0),
    // While the connection below is still open, an end of the TLS stream can only be a close_notify.
    endedWithCloseNotify: () => closeNotify ?? hasSeenEnd(socket),
    finish() {
      holding = false;
      for (const { chunk, done } of held.splice(0)) raw.write(chunk, done);
      socket.end();
    },
  };
}

/**
 * TLS takes a piece at once, mostly: then `push` answers that its memory is free again. One that is to wait is copied: a client
 * that sends single bytes would have a whole buffer wait for each.
 */
function readFrom(
  raw: Socket,
  { isWaiting, push }: Readonly<{ isWaiting(): boolean; push(piece: Buffer): boolean }>,
): void {
  let buffer = encrypted.take();
  const isOurs = readInto(raw, {
    buffer: () => buffer,
    onBytes(piece) {
      if (isWaiting()) push(Buffer.from(piece));
      else if (!push(piece)) buffer = encrypted.take();
    },
  });
  if (!isOurs) raw.on('data', push);
  // What TLS has not taken by then is lost with the connection; until then the kernel may write to it.
  raw.once('close', () => encrypted.giveBack(buffer));
}

/**
 * Whether TLS has read a close_notify: its readable side has ended although the connection below is only now ending.
 * `readableEnded` comes too late (it waits for a reader), so this reads a field that Node does not document; a test of
 * the data connection fails when it goes away.
 */
function hasSeenEnd(socket: TLSSocket): boolean {
  return (socket as unknown as { _readableState: { ended: boolean } })._readableState.ended === true;
}
