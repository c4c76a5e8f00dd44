import type { TLSSocket } from 'node:tls';

/** What the handshake of a connection agreed on. */
export type TlsFacts = Readonly<{ protocol: string; cipher: string; alpn: string | null }>;

/** To be asked when the handshake is done: a socket that was destroyed has forgotten it. */
export function tlsFactsOf(socket: TLSSocket): TlsFacts {
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : null,
  };
}
