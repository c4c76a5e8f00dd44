import type { Truncation } from '../access/accounts.ts';

/** What the receiver must know of the settings; documented one by one in docs/settings.md. */
export type ReceiverSettings = Readonly<{
  passive: Readonly<{ address: string | null; minPort: number; maxPort: number }>;
  tls: Readonly<{ minVersion: 'TLSv1.2' | 'TLSv1.3'; truncation: Truncation }>;
  limits: Readonly<{
    maxConnections: number;
    maxConnectionsPerAddress: number;
    maxConnectionsPerCamera: number;
    maxConnectionsBeforeLogin: number;
    tlsHandshakeTimeoutMs: number;
    loginTimeoutMs: number;
    idleTimeoutMs: number;
    dataConnectTimeoutMs: number;
    dataStallTimeoutMs: number;
    maxLineBytes: number;
    maxPipelinedCommands: number;
    maxUploadBytes: number;
    minFreeBytes: number;
    shutdownGraceMs: number;
    failedLoginDelayMs: number;
    maxFailedLogins: number;
    maxUnknownCommands: number;
  }>;
}>;
