// What people type after `clipward camera` and `clipward network`, checked before anything is touched.

import {
  type CameraChanges,
  isGuessedName,
  maxAcceptanceDays,
  minAcceptanceDays,
  type Truncation,
} from '../access/accounts.ts';
import { isAcceptablePassword, passwordRule } from '../access/password-hash.ts';
import { UsageError } from '../base/errors.ts';
import { cameraNameRule, isCameraName } from '../domain/camera-name.ts';
import { durationRule, parseDuration } from '../domain/duration.ts';
import { type Network, networkRule, parseNetwork } from '../domain/networks.ts';
import { isTriedFirst } from '../domain/weak-password.ts';
import { bringsPassword, parseStreamChanges, type StreamOptions } from './stream-arguments.ts';

/** A name for a camera that there may be. */
export function parseCameraName(text: string): string {
  if (!isCameraName(text))
    throw new UsageError(`${JSON.stringify(text)} is no camera name: expected ${cameraNameRule}.`);
  return text;
}

/** A name for a camera to be added. */
export function parseNewCameraName(text: string): string {
  const name = parseCameraName(text);
  if (isGuessedName(name)) {
    throw new UsageError(
      `A camera cannot be named ${name}, since password guessers try that first: name it after its place, like front-door.`,
    );
  }
  return name;
}

export function parseNetworks(texts: readonly string[]): readonly Network[] {
  return texts.map(text => {
    const network = parseNetwork(text);
    if (network === undefined)
      throw new UsageError(`${JSON.stringify(text)} is no network: expected ${networkRule}.`);
    return network;
  });
}

/** An IANA name, with its letters as IANA writes them. */
export function parseTimeZone(text: string): string {
  const canonical = /^[A-Za-z]/.test(text) ? knownTimeZone(text) : undefined;
  if (canonical === undefined)
    throw new UsageError(
      `${JSON.stringify(text)} is no time zone: expected an IANA name like Europe/Berlin or UTC.`,
    );
  // The canonical name may be an older one (Asia/Calcutta): the person's own word is kept then.
  return canonical.toLowerCase() === text.toLowerCase() ? canonical : text;
}

/** Whether clocks in this zone show UTC all year. */
export function isUtc(timeZone: string): boolean {
  return (
    knownTimeZone(timeZone) === 'UTC' || /^(Etc\/)?(GMT|UTC|UCT|Zulu|Universal|Greenwich)$/i.test(timeZone)
  );
}

export function machineTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** `names`: of the camera, which are tried as passwords too. */
export function parsePassword(text: string, names: readonly string[]): string {
  if (!isAcceptablePassword(text))
    throw new UsageError(`This password cannot be used: expected ${passwordRule}.`);
  if (isTriedFirst(text, names))
    throw new UsageError(
      'This password is one of those that everybody tries first: without --password-stdin a good one is made.',
    );
  return text;
}

export type SetOptions = StreamOptions & {
  timeZone?: string;
  truncation?: string;
  acceptanceDays?: string;
  requireResumption?: string;
  maxBytesPerDay?: string;
  maxFilesPerDay?: string;
  keepClipsDays?: string;
  keepFootageDays?: string;
  maxBytes?: string;
  expectEvery?: string;
};

/** The options of `camera set`; at least one must be given. */
export function parseCameraChanges(options: SetOptions): CameraChanges {
  const { timeZone, truncation, acceptanceDays, requireResumption, maxBytesPerDay, maxFilesPerDay } = options;
  const { keepClipsDays, keepFootageDays, maxBytes, expectEvery } = options;
  const changes: CameraChanges = {
    ...(timeZone !== undefined && { timeZone: parseTimeZone(timeZone) }),
    ...(truncation !== undefined && { truncation: parseTruncation(truncation) }),
    ...(acceptanceDays !== undefined && { acceptanceDays: parseAcceptanceDays(acceptanceDays) }),
    ...(requireResumption !== undefined && {
      requireResumption: parseOnOff('--require-resumption', requireResumption),
    }),
    ...(maxBytesPerDay !== undefined && {
      maxBytesPerDay: parseQuota('--max-bytes-per-day', maxBytesPerDay),
    }),
    ...(maxFilesPerDay !== undefined && {
      maxFilesPerDay: parseQuota('--max-files-per-day', maxFilesPerDay),
    }),
    ...(keepClipsDays !== undefined && { keepClipsDays: parseKeepDays('--keep-clips-days', keepClipsDays) }),
    ...(keepFootageDays !== undefined && {
      keepFootageDays: parseKeepDays('--keep-footage-days', keepFootageDays),
    }),
    ...(maxBytes !== undefined && { maxBytes: parseMaxBytes(maxBytes) }),
    ...(expectEvery !== undefined && { expectEveryMs: parseExpectEvery(expectEvery) }),
    ...parseStreamChanges(options),
  };
  if (Object.keys(changes).length === 0 && !bringsPassword(options))
    throw new UsageError('Nothing to set: give one of the options that clipward camera set --help shows.');
  return changes;
}

function parseTruncation(text: string): Truncation | null {
  if (text === 'default') return null;
  if (text === 'container' || text === 'strict') return text;
  throw new UsageError(
    `--truncation ${JSON.stringify(text)} is unknown: expected strict, container, or default for the installation's setting.`,
  );
}

function parseOnOff(option: string, text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new UsageError(`${option} ${JSON.stringify(text)} is unknown: expected on or off.`);
}

/** Null takes the installation's setting. */
function parseQuota(option: string, text: string): number | null {
  if (text === 'default') return null;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new UsageError(
    `${option} ${JSON.stringify(text)} is unknown: expected a whole number, or default for the installation's setting.`,
  );
}

/** A hundred years: what is longer is meant to be for ever, which is null. */
const maxKeepDays = 36_600;

function parseKeepDays(option: string, text: string): number | null {
  if (text === 'default') return null;
  const days = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (days >= 1 && days <= maxKeepDays) return days;
  throw new UsageError(
    `${option} ${JSON.stringify(text)} is out of bounds: expected a whole number from 1 to ${maxKeepDays}, or default for the installation's setting.`,
  );
}

function parseMaxBytes(text: string): number | null {
  const bytes = parseQuota('--max-bytes', text);
  if (bytes !== 0) return bytes;
  throw new UsageError(
    '--max-bytes 0 would leave the camera nothing: expected a whole number from 1, or default for an equal part.',
  );
}

/** 0: never. */
function parseExpectEvery(text: string): number | null {
  if (text === 'default') return null;
  if (text === 'off') return 0;
  const ms = parseDuration(text) ?? Number.NaN;
  if (ms >= 60_000 && ms <= 366 * 86_400_000) return ms;
  throw new UsageError(
    `--expect-every ${JSON.stringify(text)} is unknown: expected ${durationRule}, up to 366d, off, or default for its habit.`,
  );
}

function parseAcceptanceDays(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (days >= minAcceptanceDays && days <= maxAcceptanceDays) return days;
  throw new UsageError(
    `--acceptance-days ${JSON.stringify(text)} is out of bounds: expected a whole number from ${minAcceptanceDays} to ${maxAcceptanceDays}.`,
  );
}

function knownTimeZone(text: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}
