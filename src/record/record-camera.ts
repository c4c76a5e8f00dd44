// Records one camera for as long as it is to be recorded: connects, hands what comes to a segment writer, and tries again when
// the connection is over. Whenever nothing is written, a gap with the reason is open.

import { isDiskFull } from '../archive/ballast.ts';
import type { FootageFiles } from '../archive/footage-files.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { SegmentEnd } from '../catalogue/footage.ts';
import type { GapReason } from '../domain/footage/coverage.ts';
import type { FootageInit, Fragment } from '../domain/footage/fragment-reader.ts';
import { createRecentFragments, type RecentFragments } from './recent-fragments.ts';
import { recoverSegment } from './recover-segment.ts';
import { startSegmentWriter } from './segment-writer.ts';
import { type StreamEnd, StreamError } from './stream-error.ts';

export type PullSink = Readonly<{ onInit(init: FootageInit): void; onFragment(fragment: Fragment): void }>;

/** One connection to a camera. Disposing it ends it. */
export type CameraPull = AsyncDisposable & Readonly<{ ended: Promise<StreamError> }>;

/** What is recorded: `key` changes with everything that makes another connection necessary. */
export type CameraSource = Readonly<{
  key: string;
  /** Throws StreamError. Aborting makes it throw soon. */
  pull(sink: PullSink, signal: AbortSignal): Promise<CameraPull>;
}>;

export type RecorderParts = Readonly<{
  catalogue: Catalogue;
  files: FootageFiles;
  /** Of the disk of the media. */
  freeBytes(): Promise<number>;
  /** Below this nothing is written. */
  minFreeBytes: number;
  segmentMs: number;
  lossWindowMs: number;
  clock: Clock;
  log: Log;
  /** From 0 to 1. */
  random(): number;
  delays?: Readonly<{ firstRetryMs: number; maxRetryMs: number; diskRetryMs: number }>;
}>;

export type CameraRecorder = AsyncDisposable &
  Readonly<{
    /** Null: not to be recorded now. */
    want(source: CameraSource | null): void;
    /** Readers stay subscribed while the connection to the camera changes. */
    recent: RecentFragments;
  }>;

const standardDelays = { firstRetryMs: 1000, maxRetryMs: 30_000, diskRetryMs: 5000 };
/** A connection that held for so long was a good one: the next is tried soon. */
const goodAfterMs = 60_000;

/** `first`: as `want` would be told it. */
export function startCameraRecorder(
  camera: string,
  first: CameraSource | null,
  parts: RecorderParts,
): CameraRecorder {
  const { firstRetryMs, maxRetryMs, diskRetryMs } = parts.delays ?? standardDelays;
  const log = parts.log.child({ camera });
  const closing = new AbortController();
  const recent = createRecentFragments();
  let wanted = first;
  /** Aborted when what is wanted changes. */
  let change = new AbortController();
  let lastTold = '';

  const work = async () => {
    let failures = 0;
    let wasRecorded = false;
    while (!closing.signal.aborted) {
      const changed = change.signal;
      const source = wanted;
      if (source === null) {
        wasRecorded = false;
        await attempt(() => parts.catalogue.beginGap(camera, parts.clock.now(), 'off'));
        await pause(24 * 3_600_000, changed);
        continue;
      }
      if (!wasRecorded) await attempt(() => parts.catalogue.beginGap(camera, parts.clock.now(), 'restart'));
      wasRecorded = true;
      const begunMs = parts.clock.monotonicMs();
      const over = await recordOnce(camera, {
        ...{ parts, log, recent, source, changed },
        whyStopped: () => (wanted === null && !closing.signal.aborted ? 'off' : 'restart'),
      });
      await attempt(() => settle(camera, parts, over));
      if (changed.aborted) {
        failures = 0;
        continue;
      }
      tell(over);
      failures = parts.clock.monotonicMs() - begunMs > goodAfterMs ? 1 : failures + 1;
      const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 20));
      await pause(over.gap === 'disk' ? diskRetryMs : delayMs * (0.5 + parts.random() / 2), changed);
    }
  };
  /** A catalogue that is busy or whose disk is full is written at the next turn; the gap is then told from what is known. */
  const attempt = async (what: () => unknown) => {
    try {
      await what();
    } catch (error) {
      log.error({ error: messageOf(error) }, 'recording cannot be catalogued');
    }
  };
  const tell = ({ gap, error }: Over) => {
    const text = `${gap} ${messageOf(error)}`;
    if (text !== lastTold) log.warn({ reason: gap, error: messageOf(error) }, 'camera is not recorded');
    lastTold = text;
  };
  const running = work();
  return {
    recent,
    want(source) {
      if (source?.key === wanted?.key) return;
      wanted = source;
      lastTold = '';
      change.abort();
      change = new AbortController();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      change.abort();
      await running;
      recent.end();
    },
  };

  function pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal.aborted || closing.signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** Why nothing is recorded any more. */
type Over = Readonly<{ endReason: SegmentEnd; gap: GapReason; error: unknown }>;

async function recordOnce(
  camera: string,
  run: {
    parts: RecorderParts;
    log: Log;
    recent: RecentFragments;
    source: CameraSource;
    changed: AbortSignal;
    whyStopped(): GapReason;
  },
): Promise<Over> {
  const { parts, log, recent, source, changed } = run;
  if (await isFull(parts)) return noRoom;
  try {
    await recoverLeft(camera, parts, { endReason: 'crash', gap: 'restart' });
  } catch (error) {
    return overByDisk(error);
  }
  const stopped = (): Over => ({ endReason: 'stopped', gap: run.whyStopped(), error: 'it was stopped' });
  const failure = Promise.withResolvers<Over>();
  let isFirst = true;
  const writer = startSegmentWriter({
    ...{ camera, files: parts.files, catalogue: parts.catalogue, clock: parts.clock },
    ...{ segmentMs: parts.segmentMs, lossWindowMs: parts.lossWindowMs },
    onPlaced(placed) {
      if (isFirst) log.info({ startAt: new Date(placed.startAt).toISOString() }, 'recording');
      isFirst = false;
      recent.add(placed);
    },
    onFailure: error => failure.resolve(overByDisk(error)),
  });
  const watch = setInterval(() => {
    void isFull(parts).then(full => {
      if (full) failure.resolve(noRoom);
    });
  }, diskLookMs);
  let over: Over;
  try {
    await using pull = await source.pull(
      { onInit: init => writer.init(init), onFragment: fragment => writer.fragment(fragment) },
      changed,
    );
    over = await Promise.race([
      failure.promise,
      pull.ended.then(overByStream),
      aborted(changed).then(stopped),
    ]);
  } catch (error) {
    if (!(error instanceof StreamError) && !changed.aborted)
      log.debug({ error: messageOf(error) }, 'pull failed');
    over = changed.aborted ? stopped() : overByStream(error);
  } finally {
    clearInterval(watch);
  }
  await writer.end(over.endReason, over.gap);
  return over;
}

const diskLookMs = 2000;
const noRoom: Over = { endReason: 'disk', gap: 'disk', error: 'there is no room on the disk' };

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What the writer could not finish is finished here, and then the gap has its reason. */
async function settle(camera: string, parts: RecorderParts, { endReason, gap }: Over): Promise<void> {
  await recoverLeft(camera, parts, { endReason, gap });
  parts.catalogue.beginGap(camera, parts.clock.now(), gap);
}

async function recoverLeft(
  camera: string,
  { catalogue, files, clock }: RecorderParts,
  as: Readonly<{ endReason: SegmentEnd; gap: GapReason }>,
): Promise<void> {
  const left = catalogue.openSegments().find(open => open.camera === camera);
  if (left) await recoverSegment({ catalogue, files, now: () => clock.now() }, left, as);
}

async function isFull({ freeBytes, minFreeBytes }: RecorderParts): Promise<boolean> {
  return (await freeBytes().catch(() => 0)) < minFreeBytes;
}

function overByDisk(error: unknown): Over {
  const isOurs = isDiskFull(error) || error instanceof TransientError;
  return { endReason: isOurs ? 'disk' : 'stopped', gap: 'disk', error };
}

const byStream: Readonly<Record<StreamEnd, readonly [SegmentEnd, GapReason]>> = {
  unreachable: ['disconnected', 'unreachable'],
  refused: ['disconnected', 'refused'],
  redirect: ['disconnected', 'refused'],
  certificate: ['disconnected', 'refused'],
  malformed: ['disconnected', 'refused'],
  flood: ['disconnected', 'refused'],
  disconnected: ['disconnected', 'unreachable'],
  stalled: ['stalled', 'stalled'],
  changed: ['changed', 'clock'],
  stopped: ['stopped', 'restart'],
};

function overByStream(error: unknown): Over {
  const [endReason, gap] = byStream[error instanceof StreamError ? error.end : 'disconnected'];
  return { endReason, gap, error };
}
