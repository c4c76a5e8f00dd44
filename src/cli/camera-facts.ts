// A camera's account as commands show it: the JSON of `camera list` and `camera show` (docs/json.md), and text of it.

import type { Camera, Truncation } from '../access/accounts.ts';
import type { LastLogin } from '../access/receiver-memory.ts';
import { hasStreamPassword } from '../access/stream-passwords.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { counted } from '../domain/counted.ts';
import { formatDuration } from '../domain/duration.ts';
import { formatNetwork } from '../domain/networks.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { clockSentence } from '../inspect/clock-sentence.ts';
import { runningRoles } from '../inspect/daemon.ts';
import { type RecordingFacts, recordingFacts } from '../inspect/recording.ts';
import type { Settings } from '../settings/settings.ts';
import { machineTimeZone } from './camera-arguments.ts';
import { type Behaviour, behaviourRows } from './camera-behaviour.ts';
import { coverageText, recordingText } from './recording-text.ts';
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
  expectEveryMs: number | null;
  rtspUrl: string | null;
  subRtspUrl: string | null;
  record: string;
  rtspBasic: boolean;
  rtspFingerprint: string | null;
  /** Whether a password for the stream is stored. */
  hasRtspPassword: boolean;
  addedAt: string;
  passwordChangedAt: string;
  /** Null when it never logged in, or when what the receiver remembers cannot be read. */
  lastLogin: Readonly<{ at: string; address: string }> | null;
}>;

/** `logins` is newest first. One from before the camera was added belongs to an earlier camera of that name. */
export function cameraFacts(
  camera: Camera,
  { stateDir, logins }: { stateDir: string; logins: readonly LastLogin[] | undefined },
): CameraFacts {
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
    expectEveryMs: camera.expectEveryMs,
    rtspUrl: camera.rtspUrl,
    subRtspUrl: camera.subRtspUrl,
    record: camera.record,
    rtspBasic: camera.rtspBasic,
    rtspFingerprint: camera.rtspFingerprint,
    hasRtspPassword: hasStreamPassword(stateDir, camera.name),
    addedAt: shown(addedAtMs),
    passwordChangedAt: shown(Date.parse(camera.passwordChangedAt)),
    lastLogin: last === undefined ? null : { at: shown(last.atMs), address: last.address },
  };
}

/** What is the case with it just now. Without a catalogue nothing of it is known. */
export type CameraNow = RecordingFacts &
  Readonly<{ clockOffsetMs: number | null; clockUncertaintyMs: number | null }>;

export function cameraNow(
  camera: Camera,
  { catalogue, settings, now }: { catalogue: Catalogue | undefined; settings: Settings; now: number },
): CameraNow {
  const [clock] = catalogue?.clockPeriods(camera.name, 1) ?? [];
  return {
    ...recordingFacts(camera, {
      ...{ catalogue, isEnabled: settings.record.enabled },
      ...{ isRecorderRunning: runningRoles(settings.stateDir).has('outbound'), now },
    }),
    clockOffsetMs: clock?.offsetMs ?? null,
    clockUncertaintyMs: clock?.uncertaintyMs ?? null,
  };
}

export function formatCameraTable(cameras: readonly (CameraFacts & CameraNow)[]): string {
  return formatTable(
    ['NAME', 'STATE', 'NETWORKS', 'TIME ZONE', 'RECORDING', 'LAST LOG-IN'],
    cameras.map(camera => [
      camera.name,
      camera.enabled ? 'enabled' : 'disabled',
      camera.allowedNetworks.join(', ') || 'global list',
      camera.timeZone,
      camera.rtspUrl === null ? '' : recordingText(camera),
      lastLoginText(camera),
    ]),
  );
}

/** `habits` null: nothing was seen of it yet, or what the receiver remembers cannot be read. */
export function formatCamera(
  camera: CameraFacts,
  installationTruncation: Truncation,
  seen: Readonly<{ present?: CameraNow; habits: Behaviour | null }> = { habits: null },
): string {
  const { present, habits } = seen;
  return formatFacts([
    ['name', camera.name],
    ['state', camera.enabled ? 'enabled' : 'disabled: it cannot log in'],
    ['networks', camera.allowedNetworks.join(', ') || 'every address of the global list'],
    ['time zone', camera.timeZone],
    ['truncation', camera.truncation ?? `${installationTruncation} (the installation's setting)`],
    ['acceptance', `claimed times are believed up to ${counted(camera.acceptanceDays, 'day')} back`],
    ['resumption', camera.requireResumption ? 'required on data connections' : 'offered, not required'],
    ['bytes per day', quotaText(camera.maxBytesPerDay)],
    ['files per day', quotaText(camera.maxFilesPerDay)],
    ['clips are kept', keepText(camera.keepClipsDays)],
    ['footage is kept', keepText(camera.keepFootageDays)],
    [
      'all its media',
      camera.maxBytes === null ? 'an equal part of the disk' : `at most ${counted(camera.maxBytes, 'byte')}`,
    ],
    ['silent', silentText(camera.expectEveryMs)],
    ...streamRows(camera),
    ...(present === undefined ? [] : presentRows(camera, present)),
    ['added', camera.addedAt],
    ['password changed', camera.passwordChangedAt],
    ['last log-in', lastLoginText(camera)],
    ...(habits === null ? [] : behaviourRows(habits)),
  ]);
}

function streamRows(camera: CameraFacts): [string, string][] {
  const { rtspUrl, subRtspUrl, record, rtspBasic, rtspFingerprint, hasRtspPassword } = camera;
  const schedule = { on: 'always', off: 'never' }[record] ?? record;
  return [
    ['stream', rtspUrl ?? 'none, so it is not recorded'],
    ...(subRtspUrl === null ? [] : ([['sub stream', subRtspUrl]] as [string, string][])),
    ...(rtspUrl === null
      ? []
      : ([
          [
            'stream log-in',
            `${hasRtspPassword ? 'password stored' : 'no password'}, ${rtspBasic ? 'Digest or Basic' : 'Digest only'}`,
          ],
          ...(rtspFingerprint === null ? [] : [['certificate', rtspFingerprint]]),
          ['is to be recorded', schedule],
        ] as [string, string][])),
  ];
}

function presentRows({ rtspUrl }: CameraFacts, present: CameraNow): [string, string][] {
  const { clockOffsetMs: offsetMs, clockUncertaintyMs: uncertaintyMs } = present;
  return [
    ...(rtspUrl === null && present.coverage24h === null
      ? []
      : ([
          ['recording', recordingText(present)],
          ['last 24 hours', coverageText(present)],
        ] as [string, string][])),
    [
      'clock',
      offsetMs === null || uncertaintyMs === null
        ? 'not known yet'
        : clockSentence({ offsetMs, uncertaintyMs }),
    ],
  ];
}

function quotaText(quota: number | null): string {
  return quota === null ? "the installation's setting" : `at most ${quota}`;
}

function silentText(expectEveryMs: number | null): string {
  if (expectEveryMs === 0) return 'no alert when it sends nothing';
  return `alert when it sends nothing for ${expectEveryMs === null ? 'longer than is its habit' : formatDuration(expectEveryMs)}`;
}

function keepText(days: number | null): string {
  return days === null ? "the installation's setting" : counted(days, 'day');
}

function lastLoginText({ lastLogin }: CameraFacts): string {
  return lastLogin === null ? 'none seen' : `${lastLogin.at} from ${lastLogin.address}`;
}

function shown(atMs: number): string {
  return formatInstant(atMs, machineTimeZone());
}
