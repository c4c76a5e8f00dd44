// A camera's account as commands show it: the JSON of `camera list` and `camera show` (docs/json.md), and text of it.

import type { Camera, Truncation } from '../access/accounts.ts';
import type { LastLogin } from '../access/receiver-memory.ts';
import { formatNetwork } from '../domain/networks.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { machineTimeZone } from './camera-arguments.ts';
import { type Behaviour, behaviourRows } from './camera-behaviour.ts';
import { formatFacts, formatTable } from './table.ts';

export type CameraFacts = Readonly<{
  name: string;
  enabled: boolean;
  allowedNetworks: readonly string[];
  timeZone: string;
  truncation: Truncation | null;
  acceptanceDays: number;
  requireResumption: boolean;
  maxBytesPerDay: number | null;
  maxFilesPerDay: number | null;
  keepClipsDays: number | null;
  keepFootageDays: number | null;
  maxBytes: number | null;
  addedAt: string;
  passwordChangedAt: string;
  /** Null when it never logged in, or when what the receiver remembers cannot be read. */
  lastLogin: Readonly<{ at: string; address: string }> | null;
}>;

/** `logins` is newest first. One from before the camera was added belongs to an earlier camera of that name. */
export function cameraFacts(camera: Camera, logins: readonly LastLogin[] | undefined): CameraFacts {
  const addedAtMs = Date.parse(camera.addedAt);
  const last = logins?.find(login => login.camera === camera.name && login.atMs >= addedAtMs);
  return {
    name: camera.name,
    enabled: camera.enabled,
    allowedNetworks: camera.allowedNetworks.map(formatNetwork),
    timeZone: camera.timeZone,
    truncation: camera.truncation,
    acceptanceDays: camera.acceptanceDays,
    requireResumption: camera.requireResumption,
    maxBytesPerDay: camera.maxBytesPerDay,
    maxFilesPerDay: camera.maxFilesPerDay,
    keepClipsDays: camera.keepClipsDays,
    keepFootageDays: camera.keepFootageDays,
    maxBytes: camera.maxBytes,
    addedAt: shown(addedAtMs),
    passwordChangedAt: shown(Date.parse(camera.passwordChangedAt)),
    lastLogin: last === undefined ? null : { at: shown(last.atMs), address: last.address },
  };
}

export function formatCameraTable(cameras: readonly CameraFacts[]): string {
  return formatTable(
    ['NAME', 'STATE', 'NETWORKS', 'TIME ZONE', 'LAST LOG-IN'],
    cameras.map(camera => [
      camera.name,
      camera.enabled ? 'enabled' : 'disabled',
      camera.allowedNetworks.join(', ') || 'global list',
      camera.timeZone,
      lastLoginText(camera),
    ]),
  );
}

/** `behaviour` null: nothing was seen of it yet, or what the receiver remembers cannot be read. */
export function formatCamera(
  camera: CameraFacts,
  installationTruncation: Truncation,
  behaviour: Behaviour | null = null,
): string {
  return formatFacts([
    ['name', camera.name],
    ['state', camera.enabled ? 'enabled' : 'disabled: it cannot log in'],
    ['networks', camera.allowedNetworks.join(', ') || 'every address of the global list'],
    ['time zone', camera.timeZone],
    ['truncation', camera.truncation ?? `${installationTruncation} (the installation's setting)`],
    ['acceptance', `claimed times are believed up to ${camera.acceptanceDays} days back`],
    ['resumption', camera.requireResumption ? 'required on data connections' : 'offered, not required'],
    ['bytes per day', quotaText(camera.maxBytesPerDay)],
    ['files per day', quotaText(camera.maxFilesPerDay)],
    ['clips are kept', keepText(camera.keepClipsDays)],
    ['footage is kept', keepText(camera.keepFootageDays)],
    [
      'all its media',
      camera.maxBytes === null ? 'an equal part of the disk' : `at most ${camera.maxBytes} bytes`,
    ],
    ['added', camera.addedAt],
    ['password changed', camera.passwordChangedAt],
    ['last log-in', lastLoginText(camera)],
    ...(behaviour === null ? [] : behaviourRows(behaviour)),
  ]);
}

function quotaText(quota: number | null): string {
  return quota === null ? "the installation's setting" : `at most ${quota}`;
}

function keepText(days: number | null): string {
  return days === null ? "the installation's setting" : `${days} days`;
}

function lastLoginText({ lastLogin }: CameraFacts): string {
  return lastLogin === null ? 'none seen' : `${lastLogin.at} from ${lastLogin.address}`;
}

function shown(atMs: number): string {
  return formatInstant(atMs, machineTimeZone());
}
