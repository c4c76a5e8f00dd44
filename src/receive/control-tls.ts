// TLS on the control connection, and the contexts that all TLS of a session uses.

import { constants, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, type SecureContextOptions, TLSSocket } from 'node:tls';
import type { AlpnChoice } from './data-tls.ts';

export type TlsIdentity = Readonly<{ cert: string; key: string }>;

/** AEAD only. ECDSA comes first where the client knows it: its handshake costs a tenth of RSA's. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** For cameras that know nothing newer: TLS 1.0 and 1.1, CBC and RSA key exchange. What they send can be read by others. */
const legacyCiphers = `${ciphers}:HIGH:!aNULL:!eNULL:!PSK:!SRP@SECLEVEL=0`;

/**
 * A context for one session. Its ticket keys are random and its own, so a data connection that resumes proves that it
 * comes from the client of this very control connection, and not just from some client of ours. It costs a millisecond,
 * with that of the data connections: session-contexts.ts has them used again.
 */
export function createSessionContext(
  identities: readonly TlsIdentity[],
  { minVersion, isLegacy }: { minVersion: 'TLSv1.2' | 'TLSv1.3'; isLegacy: boolean },
): SecureContext {
  const options: SecureContextOptions = {
    cert: identities.map(({ cert }) => cert),
    key: identities.map(({ key }) => key),
    minVersion: isLegacy ? 'TLSv1' : minVersion,
    ciphers: isLegacy ? legacyCiphers : ciphers,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
  const tickets = { keys: randomBytes(48) };
  const context = createSecureContext({ ...options, ticketKeys: tickets.keys });
  insides.set(context, { tickets, dataContext: createDataContext(options, tickets) });
  return context;
}

type Tickets = { keys: Buffer };

const insides = new WeakMap<SecureContext, { tickets: Tickets; dataContext: () => SecureContext }>();

/** For the data connections of the session that has this context. */
export function dataContextOf(session: SecureContext): SecureContext {
  return insideOf(session).dataContext();
}

/**
 * For another session: what clients were given under the old keys is worth nothing any more. False when this Node cannot do
 * it, by a method that it does not document; the context must not be used again then.
 */
export function renewTicketKeys(session: SecureContext): boolean {
  const { tickets } = insideOf(session);
  const context = session.context as { setTicketKeys?(keys: Buffer): void };
  if (typeof context.setTicketKeys !== 'function') return false;
  tickets.keys = randomBytes(48);
  context.setTicketKeys(tickets.keys);
  return true;
}

function insideOf(session: SecureContext) {
  const inside = insides.get(session);
  if (inside === undefined) throw new Error('a context of createSessionContext was expected');
  return inside;
}

/**
 * Takes the tickets of the control connection, and gives none that anybody takes: a stranger at the camera's address can
 * shake hands on the data port, too, and would come back as bound with what it got there (in TLS 1.2 within the handshake).
 * Node offers this by a callback that it does not document; a test of ours fails when it goes away.
 */
function createDataContext(options: SecureContextOptions, tickets: Tickets): () => SecureContext {
  let made: SecureContext | undefined;
  return () => {
    if (made !== undefined) return made;
    made = createSecureContext(options);
    const context = made.context as TicketKeyContext;
    context.enableTicketKeyCallback();
    context.onticketkeycallback = (name, _iv, isNew) => {
      if (isNew) return [1, ...quartersOf(randomBytes(64))];
      // How SecureContext takes the 48 bytes apart itself: name, HMAC key, AES key.
      const { keys } = tickets;
      // 0: not ours, a full handshake follows. The keys must be there in either case.
      return [name.equals(keys.subarray(0, 16)) ? 1 : 0, keys.subarray(16, 32), keys.subarray(32)];
    };
    return made;
  };
}

function quartersOf(bytes: Buffer): [Buffer, Buffer, Buffer, Buffer] {
  const quarter = (index: number) => bytes.subarray(index * 16, (index + 1) * 16);
  return [quarter(0), quarter(1), quarter(2), quarter(3)];
}

type TicketKeyContext = {
  enableTicketKeyCallback(): void;
  onticketkeycallback(name: Buffer, iv: Buffer, isNew: boolean): [number, ...Buffer[]];
};

/** A client that offers application protocols must offer `ftp` (RFC 7301, IANA); none offered is fine. */
export const chooseAlpn: AlpnChoice = ({ protocols }) => (protocols.includes('ftp') ? 'ftp' : undefined);

/**
 * Starts TLS on a connected socket. `onSecure` runs when the handshake is done; a handshake that fails or takes longer
 * than the limit closes the connection.
 */
export function startControlTls(
  raw: Socket,
  options: {
    secureContext: SecureContext;
    handshakeTimeoutMs: number;
    onSecure(socket: TLSSocket): void;
    onFailure(code: string): void;
  },
): TLSSocket {
  const socket = new TLSSocket(raw, {
    isServer: true,
    secureContext: options.secureContext,
    ALPNCallback: chooseAlpn,
  });
  let isSecure = false;
  const fail = (code: string) => {
    if (!isSecure) options.onFailure(code);
    raw.destroy();
  };
  const deadline = setTimeout(() => fail('timeout'), options.handshakeTimeoutMs);
  socket.on('error', error => fail((error as { code?: string }).code ?? 'error'));
  socket.once('close', () => {
    clearTimeout(deadline);
    raw.destroy();
  });
  socket.once('secure', () => {
    clearTimeout(deadline);
    isSecure = true;
    options.onSecure(socket);
  });
  return socket;
}
