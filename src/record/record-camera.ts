// Records one camera for as long as it is to be recorded: connects, hands what comes to a segment writer, and tries again when
// the connection is over. Whenever nothing is written, a gap with the reason is open.

import { messageOf } from '../base/errors.ts';
import { createRecentFragments, type RecentFragments } from './recent-fragments.ts';
import { type RecordingOver, recordOnce, settle } from './record-once.ts';
import { type CameraSource, type RecorderParts, standardDelays } from './recorder-parts.ts';
import { createRecoverLeft } from './recover-segment.ts';

export type CameraRecorder = AsyncDisposable &
  Readonly<{
    /** Null: not to be recorded now. */
    want(source: CameraSource | null): void;
    /** Readers stay subscribed while the connection to the camera changes. */
    recent: RecentFragments;
  }>;

/** A connection that held for so long was a good one: the next is tried soon. */
const goodAfterMs = 60_000;
/** While nothing is wanted there is nothing to do but to wait for that to change. */
const idleMs = 24 * 3_600_000;

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
  const told = createTold();
  const recoverLeft = createRecoverLeft(camera, parts);
  const timeLine = { until: Number.NEGATIVE_INFINITY };
  /** Why the segment ended that could not be filed yet. At first it is what a crash left, if there is one. */
  let left: Unfiled | undefined = crashed;
  let wanted = first;
  /** Aborted when what is wanted changes. */
  let change = new AbortController();

  /** Answers how long to wait for the next turn. */
  const turn = async (state: { failures: number; wasRecorded: boolean }): Promise<number> => {
    const changed = change.signal;
    const source = wanted;
    if (source === null) {
      state.wasRecorded = false;
      recent.clear();
      return (await attempt(() => settle(camera, { parts, recoverLeft }, off))) ? idleMs : diskRetryMs;
    }
    if (!state.wasRecorded)
      await attempt(() => parts.catalogue.beginGap(camera, parts.clock.now(), 'restart'));
    state.wasRecorded = true;
    const begunMs = parts.clock.monotonicMs();
    const over = await recordOnce(camera, {
      ...{ parts, recoverLeft, left: left ?? crashed, log, recent, source, changed, timeLine },
      whyStopped: () => (wanted === null ? 'off' : 'restart'),
      onRecording() {
        told.forget();
        left = undefined;
      },
    });
    // A catalogue that cannot be written now is told the reason later.
    const isSettled = await attempt(() => settle(camera, { parts, recoverLeft }, over));
    left = isSettled ? undefined : (left ?? over);
    if (changed.aborted) {
      state.failures = 0;
      return 0;
    }
    tell(over);
    const wasGood = parts.clock.monotonicMs() - begunMs > goodAfterMs;
    state.failures = wasGood ? 1 : state.failures + 1;
    const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(state.failures - 1, 20));
    const retryMs = over.gap === 'disk' ? diskRetryMs : delayMs * (0.5 + parts.random() / 2);
    log.debug({ reason: over.gap, error: messageOf(over.error), retryMs }, 'connection is over');
    return retryMs;
  };
  const work = async () => {
    const state = { failures: 0, wasRecorded: false };
    while (!closing.signal.aborted) {
      const changed = change.signal;
      await pause(await turn(state), changed);
    }
  };
  /** A catalogue that is busy or whose disk is full is written at the next turn; the gap is then told from what is known. */
  const attempt = async (what: () => unknown): Promise<boolean> => {
    try {
      await what();
      return true;
    } catch (error) {
      if (told.isNews(`catalogue ${messageOf(error)}`))
        log.error({ error: messageOf(error) }, 'recording cannot be catalogued');
      return false;
    }
  };
  const tell = ({ gap, error }: RecordingOver) => {
    if (told.isNews(`${gap} ${withoutNumbers(messageOf(error))}`))
      log.warn({ reason: gap, error: messageOf(error) }, 'camera is not recorded');
  };
  const running = work();
  return {
    recent,
    want(source) {
      if (source?.key === wanted?.key) return;
      wanted = source;
      told.forget();
      change.abort();
      change = new AbortController();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      change.abort();
      await running;
      // Where it was waiting for its next turn, there is none: the camera was removed.
      if (wanted === null) await attempt(() => settle(camera, { parts, recoverLeft }, off));
      recent.end();
    },
  };
}

type Unfiled = Pick<RecordingOver, 'endReason' | 'gap'>;

const crashed: Unfiled = { endReason: 'crash', gap: 'restart' };
const off: RecordingOver = { endReason: 'stopped', gap: 'off', error: 'it is not to be recorded' };

/** What was told since the last time that all was well: each sentence once, however long it goes on and whatever alternates. */
function createTold() {
  const sentences = new Set<string>();
  return {
    isNews(sentence: string): boolean {
      if (sentences.has(sentence)) return false;
      if (sentences.size >= maxTold) sentences.clear();
      sentences.add(sentence);
      return true;
    },
    forget: () => sentences.clear(),
  };
}

const maxTold = 20;

/** What a camera sends is in some complaints, and must not make each of them a new one: offsets, fingerprints. */
function withoutNumbers(sentence: string): string {
  return sentence.replaceAll(/\b(?:0x)?[0-9a-f]{8,}\b|\d+/gi, '#');
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal.addEventListener('abort', done, { once: true });
  });
}
