// One control connection and what is known of its client. The camera is set once, by PASS; everything later uses it, and
// never a name that the client sends.

import type { SecureContext } from 'node:tls';
import type { Camera } from '../access/accounts.ts';
import type { PasswordVerifier } from '../access/passwords.ts';
import type { ReceiverMemory } from '../access/receiver-memory.ts';
import type { Uploads } from '../archive/uploads.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Admission } from '../domain/admission.ts';
import type { BanKeeper } from './ban-keeper.ts';
import type { CheckDesk } from './check-visit.ts';
import type { FtpConnection } from './engine.ts';
import type { Observe } from './observer.ts';
import type { PassiveListener } from './passive-listener.ts';
import type { PortLeases } from './port-leases.ts';
import type { Quotas } from './quota.ts';
import type { ReceiverSettings } from './receiver-settings.ts';
import type { TlsFacts } from './tls-facts.ts';

export type ListenerName = 'explicit' | 'implicit';

/** What all sessions of a receiver share. */
export type Hall = Readonly<{
  settings: ReceiverSettings;
  uploads: Uploads;
  verifier: PasswordVerifier;
  memory: ReceiverMemory;
  admission: Admission;
  bans: BanKeeper;
  checks: CheckDesk;
  leases: PortLeases;
  observe: Observe;
  quotas: Quotas;
  clock: Clock;
}>;

/** A file that this session uploaded, as the session may still see it. */
export type OwnUpload = Readonly<{ uploadId: string; bytes: number; modifiedAtMs: number; renames: number }>;

export type Transfer = Readonly<{
  /** Ends the transfer; the reason is one word for the receipt. */
  abort(reason: string): void;
  /** Resolves when the transfer's last reply has been sent. */
  done: Promise<void>;
}>;

export type Session = {
  readonly id: string;
  readonly connection: FtpConnection;
  /** Another one for a visit of doctor (check-visit.ts). */
  hall: Hall;
  readonly listener: ListenerName;
  readonly peer: Readonly<{ address: string; port: number }>;
  /** The address that the client reached us at, canonical. */
  readonly localAddress: string;
  log: Log;
  /** Keys of its own: a TLS session that is resumed with them belongs to this control connection. */
  readonly secureContext: SecureContext;
  /** Aborted when the control connection is gone. */
  readonly ended: AbortSignal;
  /** Null until TLS is up. */
  tls: TlsFacts | null;
  /** PBSZ was given (RFC 4217 8); from the start on the implicit port. */
  hasBufferSize: boolean;
  /** PROT P is in force. */
  isDataProtected: boolean;
  userName: string | null;
  failedLogins: number;
  unknownCommands: number;
  camera: Camera | null;
  /** Virtual path without a leading slash; '' is the root. */
  directory: string;
  /** EPSV ALL was given (RFC 2428 4). */
  isEpsvOnly: boolean;
  passive: PassiveListener | null;
  transfer: Transfer | null;
  /** By virtual path; bounded by `maxOwnUploads`. */
  readonly ownUploads: Map<string, OwnUpload>;
  /** Virtual paths that MKD of this session made; RMD may take them back. */
  readonly ownDirectories: Set<string>;
  /** RNFR was given, and RNTO is next. */
  renameFrom: string | null;
  /** Called when `transfer` was set: what came right behind the command, and is seen during a transfer, is answered now. */
  transferBegan(): void;
  /** Starts TLS on the control connection; false when something had been sent that must not survive it. */
  startTls(): boolean;
  /** Sends a last reply, if one is given, and closes. */
  close(code?: number, text?: string): Promise<void>;
};

const sessions = new WeakMap<FtpConnection, Session>();

export function rememberSession(session: Session): void {
  sessions.set(session.connection, session);
}

/** The session of an engine's connection; there is one for as long as commands can arrive. */
export function sessionOf(connection: FtpConnection): Session {
  const session = sessions.get(connection);
  if (session === undefined) throw new Error('a command arrived on a connection without a session');
  return session;
}
