// All cameras' recorders: which there are follows the accounts and the clock, a second later at the most. Before the first one
// starts, what a recorder that died left open is filed.

import { messageOf, TransientError } from '../base/errors.ts';
import { recorderBeatMs } from '../catalogue/footage.ts';
import { isRecordedAt, parseRecordSchedule } from '../domain/footage/record-schedule.ts';
import type { RecentFragments } from './recent-fragments.ts';
import { type CameraRecorder, startCameraRecorder } from './record-camera.ts';
import type { CameraSource, RecorderParts } from './recorder-parts.ts';
import { recoverSegment } from './recover-segment.ts';

/** What the accounts say of a camera that has a stream. */
export type RecordedCamera = Readonly<{
  name: string;
  timeZone: string;
  /** As record-schedule.ts reads it. */
  record: string;
  source: CameraSource;
}>;

export type Recorders = AsyncDisposable &
  Readonly<{
    /** Undefined when the camera has no stream. */
    recent(camera: string): RecentFragments | undefined;
  }>;

const lookIntervalMs = 1000;

/** Resolves when the recorders have been started. */
export async function startRecorders(options: {
  parts: RecorderParts;
  /** Those that are enabled and have a stream, as of now. Throws while that cannot be told: then all stay as they are. */
  cameras(): readonly RecordedCamera[];
}): Promise<Recorders> {
  const { parts } = options;
  const { catalogue, clock, log } = parts;
  const recorders = new Map<string, CameraRecorder>();
  /** Of cameras that are no more: one that comes back waits for the end of the first, which may hold its open segment. */
  const leaving = new Map<string, PromiseLike<void>>();
  let isBeatTold = false;
  await resume(parts, camerasOf(options));
  catalogue.beatRecorder(clock.now());

  const look = () => {
    const cameras = camerasOf(options);
    if (cameras === undefined) return;
    const now = clock.now();
    for (const camera of cameras) {
      const { name } = camera;
      const wanted = isRecordedNow(camera, now) ? camera.source : null;
      const recorder = recorders.get(name);
      if (recorder) recorder.want(wanted);
      else if (!leaving.has(name)) recorders.set(name, startCameraRecorder(name, wanted, parts));
    }
    for (const [name, recorder] of recorders) {
      if (cameras.some(camera => camera.name === name)) continue;
      recorder.want(null);
      recorders.delete(name);
      leaving.set(
        name,
        recorder[Symbol.asyncDispose]().then(() => void leaving.delete(name)),
      );
    }
  };
  const beat = () => {
    try {
      catalogue.beatRecorder(clock.now());
      isBeatTold = false;
    } catch (error) {
      if (!isBeatTold) log.error({ error: messageOf(error) }, 'recording cannot be catalogued');
      isBeatTold = true;
    }
  };
  look();
  const timers = [setInterval(look, lookIntervalMs), setInterval(beat, recorderBeatMs)];
  return {
    recent: camera => recorders.get(camera)?.recent,
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all([
        ...leaving.values(),
        ...[...recorders.values()].map(recorder => recorder[Symbol.asyncDispose]()),
      ]);
      beat();
    },
  };
}

function isRecordedNow({ record, timeZone }: RecordedCamera, now: number): boolean {
  const schedule = parseRecordSchedule(record);
  try {
    return schedule !== undefined && isRecordedAt(schedule, now, timeZone);
  } catch {
    // A zone that this system does not know any more: too much is better than nothing.
    return true;
  }
}

function camerasOf({ parts, cameras }: Parameters<typeof startRecorders>[0]) {
  try {
    return cameras();
  } catch (error) {
    parts.log.debug({ error: messageOf(error) }, 'cameras cannot be read');
    return undefined;
  }
}

/** `cameras`: undefined while that cannot be told. */
async function resume(parts: RecorderParts, cameras: readonly RecordedCamera[] | undefined): Promise<void> {
  const { catalogue, files, clock, log } = parts;
  const now = () => clock.now();
  const left = catalogue.openSegments();
  for (const open of left) {
    try {
      await recoverSegment({ catalogue, files, now }, open, { endReason: 'crash', gap: 'restart' });
      log.info({ camera: open.camera, segment: open.id }, 'footage that a crash left was looked at');
    } catch (error) {
      if (error instanceof TransientError) throw error;
      // The camera's recorder tries again before it writes.
      log.error({ camera: open.camera, error: messageOf(error) }, 'recording cannot be catalogued');
    }
  }
  const recorded = cameras?.map(({ name }) => name);
  const names = new Set([...left.map(({ camera }) => camera), ...(recorded ?? [])]);
  for (const camera of names) catalogue.resumeCamera(camera, now());
  // Removed, or switched off, while no recorder ran.
  if (recorded !== undefined) catalogue.switchOffOthers(recorded, now());
}
