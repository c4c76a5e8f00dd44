// The settings of an installation, as the program uses them: every value there, every path absolute. What belongs to one
// camera is not here but in the accounts (access/accounts.ts), and is changed by commands.

import type { LogLevel } from '../base/log.ts';
import type { Network } from '../domain/networks.ts';

export type ListenerSettings = Readonly<{ enabled: boolean; host: string; port: number; legacyTls: boolean }>;

/** docs/settings.md explains each; it is generated from schema.ts. */
export type Settings = Readonly<{
  /** The file that they come from, or null for the built-in defaults. */
  file: string | null;
  dataDir: string;
  stateDir: string;
  certsDir: string;
  ftps: Readonly<{
    explicit: ListenerSettings;
    implicit: ListenerSettings;
    passive: Readonly<{ address: string | null; minPort: number; maxPort: number }>;
    tls: Readonly<{
      minVersion: 'TLSv1.2' | 'TLSv1.3';
      truncation: 'container' | 'strict';
      names: readonly string[];
      certificateDir: string | null;
    }>;
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
      maxDirectoriesPerCamera: number;
      shutdownGraceMs: number;
      failedLoginDelayMs: number;
      maxFailedLogins: number;
      maxUnknownCommands: number;
    }>;
    bans: Readonly<{
      enabled: boolean;
      threshold: number;
      halfLifeMs: number;
      firstBanMs: number;
      maxBanMs: number;
      maxBackOffMs: number;
    }>;
    allowedNetworks: readonly Network[];
  }>;
  ingest: Readonly<{ reconcileIntervalMs: number }>;
  events: Readonly<{ gapMs: number; footageBeforeMs: number; footageAfterMs: number }>;
  retention: Readonly<{
    keepClipsDays: number | null;
    keepFootageDays: number | null;
    keepEventFootageDays: number | null;
    maxBytes: number | null;
    minFreeBytes: number;
    minAgeHours: number;
    maxHolds: number;
    intervalMs: number;
  }>;
  record: Readonly<{
    enabled: boolean;
    segmentMs: number;
    lossWindowMs: number;
    maxBitsPerSecond: number;
    audio: 'transcode' | 'off';
  }>;
  alerts: AlertSettings;
  http: Readonly<{ host: string; port: number | null }>;
  log: Readonly<{ level: LogLevel }>;
}>;

export type AlertSettings = Readonly<{
  repeatMs: number | null;
  minIntervalMs: number;
  gatherMs: number;
  /** `HH:MM-HH:MM`. */
  quietHours: string | null;
  timeZone: string | null;
  recordingStoppedAfterMs: number;
  certificateDays: number;
  /** Null in `url`, `host`, `program`: this channel is not used. */
  webhook: Readonly<{
    url: string | null;
    secretHeader: string;
    secretFile: string | null;
    caFile: string | null;
  }>;
  email: Readonly<{
    host: string | null;
    port: number;
    tls: 'starttls' | 'implicit' | 'none';
    user: string | null;
    passwordFile: string | null;
    from: string | null;
    to: readonly string[];
    caFile: string | null;
  }>;
  command: Readonly<{ program: string | null; arguments: readonly string[]; timeoutMs: number }>;
}>;
