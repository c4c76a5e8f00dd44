// What is true right now, in numbers. It reads and never changes anything.

import type { AccountReader } from '../access/accounts.ts';
import { readPublicKeys } from '../access/signing-key.ts';
import type { Inbox } from '../archive/inbox.ts';
import type { Clock } from '../base/clock.ts';
import { SettingsError } from '../base/errors.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { AlertKind } from '../domain/alerts.ts';
import { isWrong } from '../domain/clock-offset.ts';
import { dayMs } from '../domain/retention-plan.ts';
import { formatInstant } from '../domain/time-zone.ts';
import { spaceOf } from './checks/free-disk.ts';
import { runningRoles } from './daemon.ts';
import { type SilenceSources, type SilentCamera, silenceOf } from './health/camera-silence.ts';
import { type MarkerState, readMarker } from './marker-state.ts';
import { type RecordingFacts, type RecordingSources, recordingAlarms, recordingFacts } from './recording.ts';
import { type OutlookSources, readOutlook } from './retention-report.ts';

export type CameraStatus = RecordingFacts &
  Readonly<{
    camera: string;
    /** False also for a camera that was removed and left clips. */
    enabled: boolean;
    lastClipAt: string | null;
    /** Whether it has sent nothing for longer than is its habit, or was set; null: nothing is expected, or no habit is known. */
    silent: boolean | null;
    /** Gaps in what was to be recorded in the last 24 hours; null: it has no stream. */
    gaps24h: number | null;
    clips: number;
    bytes: number;
    /** Positive: the camera is ahead. Its true offset lies between this and `clockUncertaintyMs` more. */
    clockOffsetMs: number | null;
    clockUncertaintyMs: number | null;
    /** Whether the clock is wrong by more than 2 s wherever in its uncertainty the truth lies. */
    clockWrong: boolean | null;
  }>;

export type Status = Readonly<{
  at: string;
  /** Roles that a process plays now. */
  running: readonly string[];
  marker: MarkerState;
  freeBytes: number;
  totalBytes: number;
  /** Entries that are not filed yet, counted up to `inboxCountLimit`. */
  inboxWaiting: number;
  quarantined: number;
  /** SHA-256 of the public key that signs what was kept; null before the first start, or when it cannot be read. */
  keyFingerprint: string | null;
  /** Days until the disk is as full as retention lets it be, at the rate of the last week; null: nothing arrives. */
  diskDaysLeft: number | null;
  heldBytes: number;
  /** What retention is asked for and cannot keep, a sentence each. */
  unmet: readonly string[];
  /** What breaks no promise and should be looked at, a sentence each. */
  warnings: readonly string[];
  /** Cameras that should be recorded and are not, a sentence each. */
  alarms: readonly string[];
  /** What alerts tell, or would tell if there were a channel for them; oldest first. */
  alerts: readonly Readonly<{ kind: AlertKind; subject: string; sentence: string; since: string }>[];
  cameras: readonly CameraStatus[];
}>;

/** A backlog beyond this is only called that: counting it would take longer than anybody waits. */
export const inboxCountLimit = 100_000;

export async function readStatus(parts: {
  dirs: Readonly<{ dataDir: string; stateDir: string }>;
  settings: OutlookSources['settings'] & Readonly<{ record: Readonly<{ enabled: boolean }> }>;
  accounts: Pick<AccountReader, 'cameras'>;
  inbox: Pick<Inbox, 'listEntries'>;
  /** Undefined before the first start. */
  catalogue:
    | (Pick<Catalogue, 'tallies' | 'quarantinedCount' | 'clockPeriods' | 'alerts' | 'lookout' | 'gaps'> &
        SilenceSources['catalogue'] &
        RecordingSources['catalogue'] &
        OutlookSources['catalogue'])
    | undefined;
  /** A sentence each. */
  certificateTroubles: readonly string[];
  clock: Clock;
  /** The zone of this machine, for what belongs to no camera. */
  timeZone: string;
}): Promise<Status> {
  const { dirs, catalogue, clock, timeZone, settings } = parts;
  const disk = await spaceOf(dirs.dataDir);
  const now = clock.now();
  const cameras = parts.accounts.cameras();
  const outlook = catalogue && readOutlook({ catalogue, cameras, settings, now, disk });
  const running = runningRoles(dirs.stateDir);
  const recording = {
    ...{ catalogue, isEnabled: settings.record.enabled },
    ...{ isRecorderRunning: running.has('outbound'), now },
  };
  return {
    at: formatInstant(now, timeZone),
    running: [...running],
    marker: await readMarker(dirs),
    ...disk,
    inboxWaiting: await countEntries(parts.inbox),
    quarantined: catalogue?.quarantinedCount() ?? 0,
    diskDaysLeft: outlook?.diskDaysLeft ?? null,
    heldBytes: outlook?.heldBytes ?? 0,
    unmet: outlook?.unmet ?? [],
    warnings: [...(outlook?.warnings ?? []), ...parts.certificateTroubles],
    alerts: (catalogue?.alerts() ?? [])
      .filter(({ clearedAt }) => clearedAt === null)
      .map(({ kind, subject, sentence, raisedAt }) => ({
        ...{ kind, subject, sentence, since: formatInstant(raisedAt, timeZone) },
      })),
    alarms: recordingAlarms(cameras, recording),
    keyFingerprint: await keyFingerprint(dirs.stateDir),
    cameras: cameraStatuses(parts, recording),
  };
}

/** Cameras that have an account or clips, by name. What is not measured is null. */
function cameraStatuses(
  parts: Parameters<typeof readStatus>[0],
  recording: RecordingSources,
): CameraStatus[] {
  const accounts = new Map(parts.accounts.cameras().map(camera => [camera.name, camera]));
  const tallies = new Map((parts.catalogue?.tallies() ?? []).map(tally => [tally.camera, tally]));
  const names = [...new Set([...accounts.keys(), ...tallies.keys()])].sort();
  return names.map(name => {
    const account = accounts.get(name);
    const tally = tallies.get(name);
    const last = tally?.lastClipAt ?? null;
    const [clock] = parts.catalogue?.clockPeriods(name, 1) ?? [];
    return {
      camera: name,
      enabled: account?.enabled ?? false,
      lastClipAt: last === null ? null : formatInstant(last, account?.timeZone ?? parts.timeZone),
      silent: silentNow(account, parts),
      clips: tally?.clips ?? 0,
      bytes: tally?.bytes ?? 0,
      ...(account === undefined ? neverRecorded : recordingFacts(account, recording)),
      gaps24h: account === undefined || account.rtspUrl === null ? null : gapsOf(name, parts),
      clockOffsetMs: clock?.offsetMs ?? null,
      clockUncertaintyMs: clock?.uncertaintyMs ?? null,
      clockWrong: clock === undefined ? null : isWrong(clock),
    };
  });
}

function silentNow(
  account: SilentCamera | undefined,
  { catalogue, clock }: Parameters<typeof readStatus>[0],
): boolean | null {
  if (account === undefined || catalogue === undefined) return null;
  const now = clock.now();
  return silenceOf(account, { catalogue, deaf: catalogue.lookout(now).deaf, now }).isSilent;
}

function gapsOf(camera: string, { catalogue, clock }: Parameters<typeof readStatus>[0]): number | null {
  const now = clock.now();
  const gaps = catalogue?.gaps({ camera, from: now - dayMs, to: now, now }) ?? [];
  return gaps.filter(({ reason }) => reason !== 'off').length;
}

const neverRecorded: RecordingFacts = { recording: null, gap: null, coverage24h: null };

async function keyFingerprint(stateDir: string): Promise<string | null> {
  try {
    return (await readPublicKeys(stateDir)).current?.fingerprint ?? null;
  } catch (error) {
    // doctor says what is wrong with it.
    if (error instanceof SettingsError) return null;
    throw error;
  }
}

async function countEntries(inbox: Pick<Inbox, 'listEntries'>): Promise<number> {
  let count = 0;
  for await (const _entry of inbox.listEntries()) if (++count >= inboxCountLimit) break;
  return count;
}
