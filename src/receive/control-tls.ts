// TLS on the control connection, and the contexts that all TLS of a session uses.

import { constants, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
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
 * comes from the client of this very control connection, and not just from some client of ours (0.2 ms each, measured).
 */
export function createSessionContext(
  identities: readonly TlsIdentity[],
  { minVersion, isLegacy }: { minVersion: 'TLSv1.2' | 'TLSv1.3'; isLegacy: boolean },
): SecureContext {
  return createSecureContext({
    cert: identities.map(({ cert }) => cert),
    key: identities.map(({ key }) => key),
    minVersion: isLegacy ? 'TLSv1' : minVersion,
    ciphers: isLegacy ? legacyCiphers : ciphers,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ticketKeys: randomBytes(48),
  });
}

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
