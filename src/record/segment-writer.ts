// Cuts what one connection to a camera brings into segments. A segment begins at a key frame, with the description and with
// media time zero, and lasts about `segmentMs`. Everything is done in turn: what arrives while the disk is busy waits, up to
// a limit.

import type { FootageFile, FootageFiles } from '../archive/footage-files.ts';
import { footageRelativePath } from '../archive/footage-path.ts';
import { type Clock, momentOf } from '../base/clock.ts';
import { randomId } from '../base/random-id.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { OpenSegment, SegmentEnd } from '../catalogue/footage.ts';
import type { AfterSegment } from '../catalogue/footage-filing.ts';
import { segmentFrom } from '../catalogue/segment-facts.ts';
import type { GapReason } from '../domain/footage/coverage.ts';
import { type FootageInit, type Fragment, shiftedPieces } from '../domain/footage/fragment-reader.ts';
import { maxDisagreementMs, type RunClock, startRunClock } from '../domain/footage/segment-clock.ts';
import { firstSegmentMs, placeOf } from '../domain/footage/stagger.ts';
import { StreamError } from './stream-error.ts';

export type SegmentWriterOptions = Readonly<{
  camera: string;
  files: FootageFiles;
  catalogue: Pick<Catalogue, 'addOpenSegment' | 'renewOpenSegment' | 'fileSegment'>;
  clock: Clock;
  segmentMs: number;
  lossWindowMs: number;
  /** A fragment happened so much sooner than it comes; 0 when left out. */
  heldMs?: number;
  /** Epoch ms: up to here something lies on the time line already. */
  notBefore?: number | undefined;
  /** Every fragment that has its place on the time line, whether it was written or not. */
  onPlaced?(placed: Readonly<{ init: FootageInit; fragment: Fragment; startAt: number }>): void;
  /** The first that could not be written; or a StreamError, when what comes is no use. Nothing more is written after that; `end` is still to be called. */
  onFailure(error: unknown): void;
}>;

export type SegmentWriter = Readonly<{
  /** A description: a new run begins. */
  init(init: FootageInit): void;
  /** Called as it arrives: its time is taken now. */
  fragment(fragment: Fragment): void;
  /**
   * Finishes the segment. Resolves when it is filed, or when that failed or it holds nothing: then its row says that it is
   * open, for recover-segment.ts.
   */
  end(endReason: SegmentEnd, gap: GapReason): Promise<void>;
}>;

type Current = {
  open: OpenSegment;
  init: FootageInit;
  file: FootageFile;
  wantedMs: number;
  /** By track, in its units: what media time zero of this file is. */
  zero: ReadonlyMap<number, bigint>;
  hasMedia: boolean;
  mediaStartMs: number;
  mediaEndMs: number;
  endAt: number;
};

/** A minute of a usual camera: a disk that is so far behind is not coming back in time, and there are many cameras. */
const maxWaitingBytes = 32 * 1024 * 1024;
/** No camera has key frames so far apart; the table ends a segment at an hour. */
const maxWithoutKeyFrameMs = 30 * 60_000;
/** After that a new connection is sooner, with which cameras begin with one. */
const maxKeylessStartMs = 30_000;
/** Media time goes back by less when pictures are told in another order than they are shown. */
const maxBackMs = 500;

export function startSegmentWriter(options: SegmentWriterOptions): SegmentWriter {
  const { camera, files, catalogue, clock, segmentMs, lossWindowMs, heldMs = 0 } = options;
  let init: FootageInit | undefined;
  let run: Run & { id: string };
  let current: Current | undefined;
  let waitingBytes = 0;
  /** Since when a run waits for its first key frame, by the monotonic clock. */
  let keylessSinceMs: number | undefined;
  let hasFailed = false;
  let syncTimer: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();

  const fail = (error: unknown) => {
    if (hasFailed) return;
    hasFailed = true;
    options.onFailure(error);
  };
  const inTurn = (work: () => Promise<void>) => {
    last = last.then(() => (hasFailed ? undefined : work())).catch(fail);
  };
  const startRun = (notBefore?: number) => {
    run = { id: randomId(), clock: undefined, notBefore, lastStartMs: 0, lastEndMs: 0 };
  };
  startRun(options.notBefore);

  const finish = async (endReason: SegmentEnd, after: AfterSegment, endAt = current?.endAt ?? 0) => {
    if (current === undefined) return;
    const { open, init: begunWith, file, hasMedia, mediaStartMs, mediaEndMs } = current;
    current = undefined;
    if (!hasMedia) return file.leave();
    const finished = await file.finish();
    catalogue.fileSegment(
      segmentFrom({
        ...{ open, init: begunWith, file: finished, endAt, endReason },
        durationMs: mediaEndMs - mediaStartMs,
        keptFrom: clock.now(),
      }),
      after,
    );
  };
  /** What follows does not lie under it on the time line: it may have been placed ahead of its arrival. */
  const endRun = async (endReason: SegmentEnd, gap: GapReason, notBefore = current?.endAt) => {
    await finish(endReason, { gap });
    startRun(notBefore);
  };
  /** The row comes first, so that no file is left that nobody knows about. */
  const begin = async (fragment: Fragment, begunWith: FootageInit, startAt: number, rotates: boolean) => {
    const id = randomId();
    const path = footageRelativePath({ camera, startAt, id });
    const open: OpenSegment = {
      camera,
      id,
      run: run.id,
      path,
      startAt,
      endAt: startAt,
      writtenAt: clock.now(),
    };
    if (rotates) await finish('rotated', { open }, startAt);
    else catalogue.addOpenSegment(open);
    const wantedMs = rotates ? segmentMs : firstSegmentMs({ startAt, segmentMs, place: placeOf(camera) });
    const file = await files.create(path);
    const { startMs } = fragment;
    const zero = zeroOf(fragment, begunWith);
    current = {
      ...{ open, init: begunWith, file, wantedMs, zero, endAt: startAt },
      ...{ hasMedia: false, mediaStartMs: startMs, mediaEndMs: startMs },
    };
    await file.append(begunWith.bytes);
  };
  const sync = async () => {
    if (current === undefined) return;
    const { open, file, endAt } = current;
    await file.sync();
    try {
      catalogue.renewOpenSegment({ camera, id: open.id, endAt, writtenAt: clock.now() });
    } catch {
      // Somebody else writes for long, or that disk is full. The footage is safe, and the next sync says so; if that goes on,
      // the end of the segment fails and is told.
    }
  };
  const write = async (fragment: Fragment, begunWith: FootageInit, times: Arrived): Promise<void> => {
    const placed = place(run, fragment, times);
    if ('isEarly' in placed) {
      // What came all at once after the camera or its network stood still has been placed too late. The next run begins where
      // it happened, so this segment ends there: on the time line nothing lies above something else.
      const beganAt = current?.open.startAt ?? -Infinity;
      const cutAt = Math.max(
        beganAt + 1,
        Math.round(Math.min(current?.endAt ?? 0, times.arrivedAt - fragment.durationMs)),
      );
      await finish('changed', { gap: 'clock' }, cutAt);
      startRun(cutAt);
      return fragment.startsWithKeyFrame ? write(fragment, begunWith, times) : undefined;
    }
    if ('gap' in placed) {
      // After our clock was set the time line is another one, and what was placed by the one before may lie anywhere.
      await endRun('changed', placed.gap, placed.isClockSet ? -Infinity : current?.endAt);
      return fragment.startsWithKeyFrame ? write(fragment, begunWith, times) : undefined;
    }
    const { startAt } = placed;
    options.onPlaced?.({ init: begunWith, fragment, startAt });
    const lengthMs = current === undefined ? 0 : startAt - current.open.startAt;
    if (lengthMs > maxWithoutKeyFrameMs && !fragment.startsWithKeyFrame) {
      await endRun('stalled', 'stalled');
      return fail(noKeyFrame());
    }
    const rotates = current !== undefined && fragment.startsWithKeyFrame && lengthMs >= current.wantedMs;
    if (current === undefined || rotates) await begin(fragment, begunWith, startAt, rotates);
    if (current === undefined) return;
    await current.file.append(...shiftedPieces(fragment, current.zero));
    current.hasMedia = true;
    current.mediaEndMs = Math.max(current.mediaEndMs, fragment.startMs + fragment.durationMs);
    current.endAt = Math.max(current.endAt, Math.round(startAt + fragment.durationMs));
    syncTimer ??= setTimeout(() => {
      syncTimer = undefined;
      inTurn(sync);
    }, lossWindowMs).unref();
  };
  return {
    init: described =>
      inTurn(async () => {
        // Not known before: the segment that is open is of the description before.
        if (init !== undefined) await endRun('changed', 'restart');
        init = described;
      }),
    fragment(fragment) {
      const { at, monotonicMs } = momentOf(clock);
      const times = { arrivedAt: at - heldMs, monotonicMs };
      waitingBytes += fragment.bytes.length;
      if (waitingBytes > maxWaitingBytes) return fail(new Error('the disk does not keep up with the camera'));
      inTurn(async () => {
        waitingBytes -= fragment.bytes.length;
        if (init === undefined) return;
        // Before the first key frame there is nothing that could be shown.
        if (run.clock === undefined && !fragment.startsWithKeyFrame) {
          keylessSinceMs ??= times.monotonicMs;
          if (times.monotonicMs - keylessSinceMs > maxKeylessStartMs) fail(noKeyFrame());
          return;
        }
        keylessSinceMs = undefined;
        await write(fragment, init, times);
      });
    },
    async end(endReason, gap) {
      clearTimeout(syncTimer);
      // Also after a failure: what was whole before it is kept, if that can be.
      last = last.then(() => finish(endReason, { gap })).catch(fail);
      await last;
    },
  };
}

function noKeyFrame(): StreamError {
  return new StreamError('stalled', 'the camera sends no key frame');
}

type Arrived = Readonly<{ arrivedAt: number; monotonicMs: number }>;
type Run = {
  clock: RunClock | undefined;
  /** Epoch ms: the time line is taken up to here. */
  notBefore?: number | undefined;
  lastStartMs: number;
  lastEndMs: number;
};

/** Where the fragment lies, or why the run is over before it. */
function place(
  run: Run,
  fragment: Fragment,
  times: Arrived,
): { startAt: number } | { gap: GapReason; isClockSet: boolean } | { isEarly: true } {
  const { startMs: mediaMs, durationMs } = fragment;
  const arrival = { mediaMs, durationMs, ...times };
  if (run.clock === undefined) run.clock = startRunClock(arrival, run.notBefore);
  else if (mediaMs < run.lastStartMs - maxBackMs) return { gap: 'clock', isClockSet: false };
  const placed = run.clock.place(arrival);
  if (!('startAt' in placed)) {
    const isClockSet = placed.newRun === 'clock-set';
    return placed.newRun === 'early' ? { isEarly: true } : { gap: 'clock', isClockSet };
  }
  if (run.lastEndMs > 0 && mediaMs > run.lastEndMs + maxDisagreementMs)
    return { gap: 'stalled', isClockSet: false };
  run.lastStartMs = mediaMs;
  run.lastEndMs = mediaMs + durationMs;
  return placed;
}

/** The same instant in the units of every track: the earliest with which the fragment begins, so that sound stays in step. */
function zeroOf(fragment: Fragment, { tracks }: FootageInit): ReadonlyMap<number, bigint> {
  const timescales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  const startS = Math.min(
    ...fragment.tracks.map(({ trackId, baseTime }) => Number(baseTime) / (timescales.get(trackId) ?? 1)),
  );
  return new Map(tracks.map(({ id, timescale }) => [id, BigInt(Math.round(startS * timescale))]));
}
