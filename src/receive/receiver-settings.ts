import type { Truncation } from '../access/accounts.ts';
import type { BanLimits } from '../domain/bans.ts';

/** What the receiver must know of the settings; documented one by one in docs/settings.md. */
export type ReceiverSettings = Readonly<{
  passive: Readonly<{ address: string | null; minPort: number; maxPort: number }>;
  tls: Readonly<{ minVersion: 'TLSv1.2' | 'TLSv1.3'; truncation: Truncation }>;
  bans: BanLimits & Readonly<{ enabled: boolean }>;
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
    minUploadBytesPerSecond: number;
    maxUploadBytes: number;
    maxBytesPerDay: number;
    maxFilesPerDay: number;
    maxDirectoriesPerDay: number;
    minFreeBytes: number;
    shutdownGraceMs: number;
    failedLoginDelayMs: number;
    maxFailedLogins: number;
    maxUnknownCommands: number;
  }>;
}>;
