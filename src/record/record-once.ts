// One connection to a camera and the segments that it brings, up to the gap that follows it.

import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { SegmentEnd } from '../catalogue/footage.ts';
import type { GapReason } from '../domain/footage/coverage.ts';
import { maxDisagreementMs } from '../domain/footage/segment-clock.ts';
import type { RecentFragments } from './recent-fragments.ts';
import { type CameraSource, type RecorderParts, standardDelays } from './recorder-parts.ts';
import type { RecoverLeft } from './recover-segment.ts';
import { startSegmentWriter } from './segment-writer.ts';
import { type StreamEnd, StreamError } from './stream-error.ts';

/** Why nothing is recorded any more. */
export type RecordingOver = Readonly<{ endReason: SegmentEnd; gap: GapReason; error: unknown }>;

/** Never throws. When it resolves, nothing is written any more; `settle` follows. */
export async function recordOnce(
  camera: string,
  run: {
    parts: RecorderParts;
    recoverLeft: RecoverLeft;
    /** Why the segment that may still be open ended. */
    left: Pick<RecordingOver, 'endReason' | 'gap'>;
    log: Log;
    recent: RecentFragments;
    source: CameraSource;
    changed: AbortSignal;
    whyStopped(): GapReason;
    /** The first fragment has its place. */
    onRecording(): void;
    /** Up to where footage of this camera was placed, epoch ms; written here. */
    timeLine: { until: number };
  },
): Promise<RecordingOver> {
  const { parts, log, recent, source, changed } = run;
  if (await isFull(parts)) return noRoom;
  try {
    await run.recoverLeft(run.left);
  } catch (error) {
    return overByDisk(error);
  }
  const stopped = (): RecordingOver => ({
    endReason: 'stopped',
    gap: run.whyStopped(),
    error: 'it was stopped',
  });
  const end = Promise.withResolvers<RecordingOver>();
  let isFirst = true;
  const writer = startSegmentWriter({
    ...{ camera, files: parts.files, catalogue: parts.catalogue, clock: parts.clock },
    ...{ segmentMs: parts.segmentMs, lossWindowMs: parts.lossWindowMs },
    notBefore: takenUntil(run.timeLine, parts.clock.now()),
    heldMs: source.meanHoldMs,
    onPlaced(placed) {
      run.timeLine.until = placed.startAt + placed.fragment.durationMs;
      if (isFirst) {
        log.info({ startAt: new Date(placed.startAt).toISOString() }, 'recording');
        run.onRecording();
      }
      isFirst = false;
      recent.add(placed);
    },
    onFailure: error => end.resolve(error instanceof StreamError ? overByStream(error) : overByDisk(error)),
  });
  const stopLooking = watchDisk(parts, () => end.resolve(noRoom));
  const onChanged = () => end.resolve(stopped());
  changed.addEventListener('abort', onChanged, { once: true });
  try {
    await using pull = await source.pull(
      { onInit: init => writer.init(init), onFragment: fragment => writer.fragment(fragment) },
      changed,
    );
    void pull.ended.then(error => end.resolve(overByStream(error)));
    if (changed.aborted) onChanged();
    await end.promise;
  } catch (error) {
    if (!(error instanceof StreamError) && !changed.aborted)
      log.debug({ error: messageOf(error) }, 'pull failed');
    end.resolve(changed.aborted ? stopped() : overByStream(error));
  } finally {
    changed.removeEventListener('abort', onChanged);
    stopLooking();
  }
  const over = await end.promise;
  await writer.end(over.endReason, over.gap);
  return over;
}

/**
 * What the writer could not finish is finished here, and then the gap has its reason. Throws what the disk or the catalogue
 * said; the gap is open all the same, if that can be.
 */
export async function settle(
  camera: string,
  { parts, recoverLeft }: Readonly<{ parts: RecorderParts; recoverLeft: RecoverLeft }>,
  { endReason, gap }: RecordingOver,
): Promise<void> {
  try {
    await recoverLeft({ endReason, gap });
  } finally {
    parts.catalogue.beginGap(camera, parts.clock.now(), gap);
  }
}

/** Footage may be placed a little ahead of its arrival. Further ahead: our clock was set since, and the time line is another one. */
function takenUntil({ until }: { until: number }, now: number): number | undefined {
  return until - now <= maxDisagreementMs ? until : undefined;
}

/** One look at a time: a disk that does not answer would take every thread there is. */
function watchDisk(parts: RecorderParts, onFull: () => void): () => void {
  let isLooking = false;
  const timer = setInterval(
    () => {
      if (isLooking) return;
      isLooking = true;
      void isFull(parts).then(full => {
        isLooking = false;
        if (full) onFull();
      });
    },
    (parts.delays ?? standardDelays).diskLookMs,
  );
  return () => clearInterval(timer);
}

/** Also when that cannot be told. */
async function isFull({ freeBytes, minFreeBytes }: RecorderParts): Promise<boolean> {
  return (await freeBytes().catch(() => Number.NEGATIVE_INFINITY)) < minFreeBytes;
}

const noRoom: RecordingOver = { endReason: 'disk', gap: 'disk', error: 'there is no room on the disk' };

/** Whatever the disk or the catalogue says: nothing can be kept until that is over. */
function overByDisk(error: unknown): RecordingOver {
  return { endReason: 'disk', gap: 'disk', error };
}

/** `restart`: the camera was there, and we were not ready for it. */
const byStream: Readonly<Record<StreamEnd, readonly [SegmentEnd, GapReason]>> = {
  unreachable: ['disconnected', 'unreachable'],
  refused: ['disconnected', 'refused'],
  redirect: ['disconnected', 'refused'],
  certificate: ['disconnected', 'refused'],
  malformed: ['disconnected', 'refused'],
  flood: ['disconnected', 'refused'],
  disconnected: ['disconnected', 'unreachable'],
  stalled: ['stalled', 'stalled'],
  jumped: ['changed', 'clock'],
  changed: ['changed', 'restart'],
  ffmpeg: ['stopped', 'restart'],
  stopped: ['stopped', 'restart'],
};

function overByStream(error: unknown): RecordingOver {
  const [endReason, gap] = byStream[error instanceof StreamError ? error.end : 'ffmpeg'];
  return { endReason, gap, error };
}
