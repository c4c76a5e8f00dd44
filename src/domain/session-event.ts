// What happens between a client and the receiver, in words that a person with a stubborn camera can be told
// (clipward camera show --follow). An event never holds a password, and no argument of a command but a virtual path.

type ListenerName = 'explicit' | 'implicit';

/** Whom an event is about: a session, or a connection that did not become one (`id` is '' then). */
export type Visitor = Readonly<{
  id: string;
  peer: Readonly<{ address: string }>;
  listener: ListenerName;
  /** Null before the log-in. */
  camera?: Readonly<{ name: string; addedAt: string }> | null;
}>;

/** Why a log-in was refused. The client is told none of it. */
export type LoginRefusal =
  | 'unknown-user'
  | 'password'
  | 'disabled'
  | 'network'
  | 'connections'
  | 'busy'
  | 'banned';

export type SessionEvent =
  | Readonly<{ kind: 'connected' }>
  /** Closed before a session was made of it: `address`, `banned`, or which limit was reached. */
  | Readonly<{ kind: 'turned-away'; reason: string }>
  | Readonly<{ kind: 'secured'; protocol: string; cipher: string; alpn: string | null }>
  /** `error`: OpenSSL's or the system's word, or `timeout`. */
  | Readonly<{ kind: 'handshake-failed'; error: string }>
  /** First words that are not FTP: a TLS handshake on the port that begins in plain text, or another protocol. */
  | Readonly<{ kind: 'not-ftp'; isTls: boolean }>
  /** A log-in without TLS; it was cut off before the password. */
  | Readonly<{ kind: 'plaintext-login' }>
  | Readonly<{ kind: 'command'; verb: string; path: string | null }>
  /** A command, or (`verb` null) the transfer that it began, got this reply. `why`: see `RefusedError`. */
  | Readonly<{ kind: 'refused'; verb: string | null; reply: number; text: string; why: string | null }>
  /** `user` as it was sent, which may be anything. */
  | Readonly<{ kind: 'login-refused'; user: string; why: LoginRefusal }>
  | Readonly<{
      kind: 'logged-in';
      protocol: string;
      cipher: string;
      alpn: string | null;
      /** The password is one that is tried first (weak-password.ts). */
      weakPassword: boolean;
    }>
  /** `address`: what PASV told the client to connect to; null for EPSV. */
  | Readonly<{ kind: 'passive'; mode: 'PASV' | 'EPSV'; port: number; address: string | null }>
  | Readonly<{ kind: 'stranger'; address: string | null }>
  | Readonly<{
      kind: 'data-secured';
      protocol: string;
      cipher: string;
      /** It resumed a TLS session of its control connection. */
      isBound: boolean;
      /** Whether the handshake was done when `150` was sent. */
      handshake: 'before' | 'after';
    }>
  /** An upload and its reply. `closeNotify` null: it was cut off, so that nobody can tell. */
  | Readonly<{
      kind: 'uploaded';
      path: string;
      bytes: number;
      completeness: 'whole' | 'unproven' | 'partial';
      closeNotify: boolean | null;
      /** The receipt's word for what cut it short. */
      endedBy: string | null;
      reply: number;
    }>
  /** `reply` null: the client went by itself. */
  | Readonly<{ kind: 'closed'; reply: number | null; text: string | null }>
  /** The recorder speaks: it has noticed this follower. */
  | Readonly<{ kind: 'watching'; follower: string }>
  /** A session that was shown, since it might have been this camera's, belongs to another one. */
  | Readonly<{ kind: 'other-camera'; name: string }>
  /** More happened than the limit lets through. */
  | Readonly<{ kind: 'skipped'; events: number }>;

/**
 * Whether an event is a refusal worth remembering as a camera's last one. Cameras ask for directories that are not there
 * and try commands that do not exist as a matter of course; that is no trouble.
 */
export function isNotableRefusal(event: SessionEvent): boolean {
  switch (event.kind) {
    case 'login-refused':
      return true;
    case 'uploaded':
      return event.reply >= 400;
    case 'refused':
      return !routineReplies.has(event.reply);
    default:
      return false;
  }
}

/** Syntax and unknown commands (500, 501, 502, 504), wrong order (503), and what does not exist (550). */
const routineReplies: ReadonlySet<number> = new Set([500, 501, 502, 503, 504, 550]);

/** An event that was stored as JSON; undefined for what is none. Its texts are as hostile as what a client sends. */
export function parseSessionEvent(json: string): SessionEvent | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const isEvent =
      typeof value === 'object' &&
      value !== null &&
      'kind' in value &&
      typeof value.kind === 'string' &&
      Object.values(value).every(fact => fact === null || typeof fact !== 'object');
    return isEvent ? (value as SessionEvent) : undefined;
  } catch {
    return undefined;
  }
}
