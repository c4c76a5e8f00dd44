// Whether a camera is recorded as it should be: what status, doctor and camera show tell of it.

import type { Camera } from '../access/accounts.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { GapReason } from '../domain/footage/coverage.ts';
import { isRecordedAt, parseRecordSchedule } from '../domain/footage/record-schedule.ts';
import { formatInstant } from '../domain/time-zone.ts';

/** A connection that is made again, or a daemon that is started again, takes less. */
export const recordingAlarmMs = 60_000;

/** As scripts see it (docs/json.md). */
export type RecordingFacts = Readonly<{
  /** Null: it is not asked for at present. */
  recording: boolean | null;
  /** What keeps it from being recorded now; null when nothing does, or nothing is known. */
  gap: Readonly<{ reason: GapReason; since: string }> | null;
  /** Of what was to be recorded in the last 24 hours, from 0 to 1; null: nothing was. */
  coverage24h: number | null;
}>;

export type RecordedCamera = Pick<Camera, 'name' | 'enabled' | 'timeZone' | 'rtspUrl' | 'record'>;
/** Undefined before the first start. */
type Footage = Pick<Catalogue, 'isRecording' | 'listGaps' | 'coverage' | 'recorderAliveAt'> | undefined;
export type RecordingSources = Readonly<{
  catalogue: Footage;
  /** Settings, record.enabled. */
  isEnabled: boolean;
  /** False: nobody records, whatever a recorder that was killed a moment ago has left. */
  isRecorderRunning: boolean;
  now: number;
}>;

export function recordingFacts(camera: RecordedCamera, sources: RecordingSources): RecordingFacts {
  const { catalogue, now } = sources;
  const isRecording = sources.isRecorderRunning && (catalogue?.isRecording(camera.name, now) ?? false);
  const recording = isWanted(camera, sources) ? isRecording : null;
  const gap = recording === false ? lastingGap(camera.name, sources) : undefined;
  // What nobody can know since the recorder ended is not missing where nothing is wanted.
  const to = recording === null ? Math.min(now, catalogue?.recorderAliveAt() ?? now) : now;
  return {
    recording,
    gap:
      gap === undefined ? null : { reason: gap.reason, since: formatInstant(gap.startAt, camera.timeZone) },
    coverage24h: catalogue?.coverage({ camera: camera.name, from: now - dayMs, to, now }).share ?? null,
  };
}

/**
 * What is wrong with the recording of the cameras that should be recorded now, a sentence each: those that have not been for
 * more than a minute, or hardly for ten, or nobody records at all.
 */
export function recordingAlarms(cameras: readonly RecordedCamera[], sources: RecordingSources): string[] {
  const wanted = cameras.filter(camera => isWanted(camera, sources));
  if (wanted.length === 0) return [];
  if (!sources.isRecorderRunning)
    return [
      `No recorder runs, and ${wanted.map(({ name }) => name).join(', ')} should be recorded: start clipward serve.`,
    ];
  return notRecorded(wanted, sources, recordingAlarmMs).map(({ sentence }) => sentence);
}

/** The cameras that should be recorded now and have not been for longer than `afterMs`, or have hardly been for a while. */
export function notRecorded(
  cameras: readonly RecordedCamera[],
  sources: RecordingSources,
  afterMs: number,
): { camera: string; sentence: string }[] {
  return cameras.flatMap(camera => {
    if (!isWanted(camera, sources)) return [];
    const sentence = missingSentence(camera, sources, afterMs) ?? flappingSentence(camera, sources);
    return sentence === undefined ? [] : [{ camera: camera.name, sentence }];
  });
}

function missingSentence(camera: RecordedCamera, sources: RecordingSources, afterMs: number) {
  if (sources.catalogue?.isRecording(camera.name, sources.now)) return undefined;
  const since = missingSince(camera.name, sources);
  if (since === undefined || sources.now - since <= afterMs) return undefined;
  const reason = lastingGap(camera.name, sources)?.reason ?? 'unknown';
  return `Camera ${camera.name} should be recorded and is not, since ${formatInstant(since, camera.timeZone)} (${reason}): ${remedies[reason]}`;
}

/** Every gap may be shorter than what is waited for, and most of the time is missing all the same. */
export const flapping = { windowMs: 10 * 60_000, minGaps: 5, maxShare: 0.5 } as const;

function flappingSentence({ name }: RecordedCamera, { catalogue, now }: RecordingSources) {
  const span = { camera: name, from: now - flapping.windowMs, to: now, now };
  const gaps = [...(catalogue?.listGaps(span) ?? [])].filter(({ reason }) => reason !== 'off');
  if (gaps[0] === undefined || gaps.length < flapping.minGaps) return undefined;
  const { share } = catalogue?.coverage(span) ?? {};
  if (share === undefined || share === null || share >= flapping.maxShare) return undefined;
  const { reason } = gaps[0];
  return `Camera ${name} should be recorded and was for less than half of the last ten minutes, since its recording ends again and again (${reason}): ${remedies[reason]}`;
}

/** Whether it is to be recorded at this moment. */
export function isWanted(
  { enabled, rtspUrl, record, timeZone }: RecordedCamera,
  { isEnabled, now }: Pick<RecordingSources, 'isEnabled' | 'now'>,
): boolean {
  const schedule = parseRecordSchedule(record);
  return (
    isEnabled &&
    enabled &&
    rtspUrl !== null &&
    schedule !== undefined &&
    isRecordedAt(schedule, now, timeZone)
  );
}

/** What to do about a gap that lasts. */
const remedies: Readonly<Record<GapReason, string>> = {
  off: 'the recorder has not noticed yet that it should: look at its log.',
  unreachable:
    'look whether the camera is switched on, and reachable at the address that clipward camera show tells.',
  refused:
    'look at the log for what the camera answered: the user, the password, the path of the stream, its certificate.',
  stalled: 'the camera is connected and sends no pictures: start it again.',
  disk: 'there is no room, or the disk is not there: clipward doctor.',
  restart: 'the recorder is starting: look at its log when that takes long.',
  clock: 'the times of its stream have jumped: look at its log.',
  unknown: 'the recorder gives no sign of life: look at its log, and whether the disk of dataDir is mounted.',
};

const dayMs = 86_400_000;

function lastingGap(camera: string, { catalogue, now }: RecordingSources) {
  for (const gap of catalogue?.listGaps({ camera, to: now, now, limit: 1 }) ?? []) if (gap.lasts) return gap;
  return undefined;
}

/**
 * Since when it has not been recorded: gaps that follow each other are one, whatever their reasons, but not those in which
 * nothing was wanted. Undefined when no gap lasts. Looks no further back than it takes for an alarm.
 */
function missingSince(camera: string, { catalogue, now }: RecordingSources): number | undefined {
  let since: number | undefined;
  for (const { startAt, endAt, reason, lasts } of catalogue?.listGaps({ camera, to: now, now }) ?? []) {
    if (reason === 'off' || (since === undefined ? !lasts : endAt !== since)) break;
    since = startAt;
    if (now - since > maxLookBackMs) break;
  }
  return since;
}

/** A camera that flaps makes many gaps, and nobody asks what was a week ago. */
const maxLookBackMs = 7 * dayMs;
