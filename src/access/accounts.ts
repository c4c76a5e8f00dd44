// Accounts: which cameras exist, what each may do, and from which addresses anybody may knock. This file holds the words
// and their bounds; open-accounts.ts keeps them in access.db. Passwords are in passwords.ts and never in a Camera.

import type { Pardon } from '../domain/bans.ts';
import type { Network } from '../domain/networks.ts';

export type Truncation = 'container' | 'strict';

export type Camera = Readonly<{
  name: string;
  enabled: boolean;
  /**
   * Grows with every change of the account. A number is never given twice, also not to a camera that was removed and added
   * again: what was decided for one version says nothing about another.
   */
  version: number;
  /** Empty: every address of the global list. */
  allowedNetworks: readonly Network[];
  /** IANA name, as the camera's clock is set. */
  timeZone: string;
  /** Whether a whole container proves an upload that ended without close_notify; null: the installation's setting. */
  truncation: Truncation | null;
  /** How far back a claimed time is believed, in days. */
  acceptanceDays: number;
  /** Data connections must resume the TLS session of their control connection. */
  requireResumption: boolean;
  /** Null: the installation's setting. A day is a day in UTC. */
  maxBytesPerDay: number | null;
  maxFilesPerDay: number | null;
  /** After how many days its clips, and its footage, are deleted; null: the installation's setting. */
  keepClipsDays: number | null;
  keepFootageDays: number | null;
  /** Without an upload for so long it counts as silent; null: by its habit, 0: never. */
  expectEveryMs: number | null;
  /** What all its media may take; null: an equal part. */
  maxBytes: number | null;
  /** Its own stream (domain/rtsp/rtsp-address.ts), without a password; null: there is nothing to record. */
  rtspUrl: string | null;
  subRtspUrl: string | null;
  /** `on`, `off`, or the hours of a day: `HH:MM-HH:MM` in its zone (domain/footage/record-schedule.ts). */
  record: string;
  /** Whether it may be sent its password readably, when it knows nothing better. */
  rtspBasic: boolean;
  /** SHA-256 of the certificate that its stream must show, in hexadecimal; null: the system's authorities decide. */
  rtspFingerprint: string | null;
  /** ISO 8601 in UTC. */
  addedAt: string;
  passwordChangedAt: string;
}>;

/**
 * Names that every password guesser tries first. No camera may have one, so that whoever logs in with it is no camera.
 */
const guessedNames: ReadonlySet<string> = new Set([
  'admin',
  'administrator',
  'anonymous',
  'default',
  'ftp',
  'ftpuser',
  'guest',
  'nobody',
  'root',
  'upload',
  'user',
  'www-data',
]);

export function isGuessedName(name: string): boolean {
  return guessedNames.has(name);
}

/** A pardon is of use until the receiver has seen it; so many wait for one that does not run. */
export const maxPardons = 100;

export const defaultAcceptanceDays = 7;
export const minAcceptanceDays = 1;
/** A year: longer than any card keeps clips. */
export const maxAcceptanceDays = 366;

export type NewCamera = Readonly<{
  name: string;
  /** From `hashPassword`. */
  passwordHash: string;
  allowedNetworks: readonly Network[];
  timeZone: string;
  /** What else is known of it from the beginning. */
  changes?: CameraChanges;
}>;

/** What `camera set` may change; a field that is absent stays. */
export type CameraChanges = Readonly<{
  timeZone?: string;
  truncation?: Truncation | null;
  acceptanceDays?: number;
  requireResumption?: boolean;
  maxBytesPerDay?: number | null;
  maxFilesPerDay?: number | null;
  keepClipsDays?: number | null;
  keepFootageDays?: number | null;
  maxBytes?: number | null;
  expectEveryMs?: number | null;
  rtspUrl?: string | null;
  subRtspUrl?: string | null;
  record?: string;
  rtspBasic?: boolean;
  rtspFingerprint?: string | null;
}>;

/** Somebody watches what a camera does (`camera show NAME --follow`). */
export type Follow = Readonly<{
  /** Random, one for each run of the command. */
  follower: string;
  camera: string;
  untilMs: number;
}>;

/**
 * What the receiver sees. Every answer is what the database holds at the time of the question: nothing is served from a
 * copy that another process has made stale. A database that does not exist yet holds no camera. Throws TransientError
 * while the database cannot be read.
 */
export type AccountReader = Disposable & {
  /** By name. */
  cameras(): readonly Camera[];
  camera(name: string): Camera | undefined;
  /** `base` (the settings' list) less what `network remove` took away, plus what `network add` added. */
  globalNetworks(base: readonly Network[]): readonly Network[];
  /** For the verifier alone. */
  passwordHash(name: string): string | undefined;
  /** What `ban clear` said, the newest `maxPardons` of it. */
  pardons(): readonly Pardon[];
  /** Who follows which camera, those whose time is over included. */
  follows(): readonly Follow[];
  /**
   * Calls back within a second after this or another process changed anything. Does not keep the process alive. Dispose
   * what it returns to hear no more.
   */
  onChange(listener: () => void): Disposable;
};

/**
 * What the command line does. Every change is durable when it returns. FailedError: no such camera, it exists already,
 * the list would become what nobody meant.
 */
export type AccountWriter = AccountReader & {
  addCamera(camera: NewCamera): Camera;
  setCamera(name: string, changes: CameraChanges): Camera;
  setPassword(name: string, passwordHash: string): Camera;
  setEnabled(name: string, enabled: boolean): Camera;
  removeCamera(name: string): void;
  /** Adds to the networks of one camera; those it has already are fine. */
  allow(name: string, networks: readonly Network[]): Camera;
  /** Takes away from the networks of one camera. Refuses the last one: an empty list means every address. */
  deny(name: string, networks: readonly Network[]): Camera;
  /** Adds to the global list, of which the settings' list is the beginning. Answers the list. */
  addNetworks(base: readonly Network[], networks: readonly Network[]): readonly Network[];
  /** Takes away from the global list. FailedError for one that is not in it. Answers the list. */
  removeNetworks(base: readonly Network[], networks: readonly Network[]): readonly Network[];
  /** Says, or says again, that a camera is followed; takes away those whose time is over. The camera's version stays. */
  follow(follow: Follow): void;
  unfollow(follower: string): void;
  /** Forgives what addresses of the network, or null: all, did until now. The receiver acts on it within a second. */
  pardon(network: Network | null): void;
};
