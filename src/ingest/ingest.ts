// From an entry of the inbox to a filed clip. Here live the queue, the turns between cameras, and what happens when filing
// fails; the steps themselves are in file-entry.ts. Ingest removes inbox entries, last of all, and nothing else.

import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { sortFailure } from './failures.ts';
import { createTurns, type Entry, type Turns } from './turns.ts';

export type IngestParts = Readonly<{
  /** All steps for one entry (see fileEntry). Throws; may be called again for the same entry at any time. */
  fileEntry(entry: Entry, signal: AbortSignal): Promise<void>;
  /** Puts an entry aside with the reason, durably and visibly. */
  quarantineEntry(entry: Entry, reason: string): Promise<void>;
  /** There is room again after an entry was refused: what waits in the inbox can be offered. */
  onRoom(): void;
  log: Log;
  limits?: Partial<IngestLimits>;
}>;

export type IngestLimits = Readonly<{
  /** Cameras whose entries are filed at the same time: one decodes while another copies; more would only share two cores. */
  camerasAtOnce: number;
  queuedPerCamera: number;
  queuedInAll: number;
  /** Waits before the second, third, ... try of an entry. Its camera waits meanwhile, the others do not. */
  retryDelaysMs: readonly number[];
  /** How long entries in work may take to finish at the end, before they are broken off; they are filed after the next start. */
  graceMs: number;
}>;

export const ingestLimits: IngestLimits = {
  camerasAtOnce: 2,
  queuedPerCamera: 256,
  queuedInAll: 4096,
  retryDelaysMs: [1000, 4000, 15_000],
  graceMs: 20_000,
};

/** How long an entry that was told to break off may take: a disk that does not answer must not keep the program from ending. */
const breakOffMs = 2000;

export type Ingest = AsyncDisposable &
  Readonly<{
    /** Takes an entry, also one it knows or one that was filed before; `full`: it stays in the inbox, offer it again later. */
    offer(camera: string, id: string): 'taken' | 'full';
    /** Resolves when nothing waits and nothing is in work. */
    idle(): Promise<void>;
    load(): Readonly<{ waiting: number; inWork: number }>;
  }>;

/** Starts to file what is offered. Ending it finishes the entries in work within `graceMs`; what waits stays in the inbox. */
export function startIngest(parts: IngestParts): Ingest {
  const limits = { ...ingestLimits, ...parts.limits };
  const turns = createTurns({ perCamera: limits.queuedPerCamera, total: limits.queuedInAll });
  const stopping = new AbortController();
  const breaking = new AbortController();
  const inWork = new Set<Promise<void>>();
  // Undefined while there is nothing to do.
  let untilIdle: PromiseWithResolvers<void> | undefined;

  const settle = () => {
    if (inWork.size > 0 || (turns.waiting() > 0 && !stopping.signal.aborted)) return;
    untilIdle?.resolve();
    untilIdle = undefined;
  };
  const fill = () => {
    while (inWork.size < limits.camerasAtOnce && !stopping.signal.aborted) {
      const entry = turns.next();
      if (entry === undefined) return;
      const work = settleEntry(parts, limits, entry, {
        stopping: stopping.signal,
        breaking: breaking.signal,
      });
      const tracked = work.finally(() => {
        inWork.delete(tracked);
        finish(turns, entry, parts, stopping.signal);
        fill();
        settle();
      });
      inWork.add(tracked);
    }
  };
  return {
    offer(camera, id) {
      if (stopping.signal.aborted) return 'full';
      const answer = turns.offer({ camera, id });
      if (answer === 'taken') {
        untilIdle ??= Promise.withResolvers<void>();
        fill();
      }
      return answer === 'full' ? 'full' : 'taken';
    },
    idle: () => untilIdle?.promise ?? Promise.resolve(),
    load: () => ({ waiting: turns.waiting(), inWork: inWork.size }),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      const deadline = setTimeout(() => breaking.abort(), limits.graceMs);
      const lastDeadline = Promise.withResolvers<void>();
      const giveUp = setTimeout(() => lastDeadline.resolve(), limits.graceMs + breakOffMs);
      await Promise.race([Promise.allSettled(inWork), lastDeadline.promise]);
      clearTimeout(deadline);
      clearTimeout(giveUp);
      settle();
    },
  };
}

function finish(turns: Turns, entry: Entry, parts: IngestParts, stopping: AbortSignal): void {
  if (turns.done(entry) && !stopping.aborted) parts.onRoom();
}

/** Files one entry, or tries again, or leaves it in the inbox, or quarantines it. Never rejects. */
async function settleEntry(
  parts: IngestParts,
  limits: IngestLimits,
  entry: Entry,
  { stopping, breaking }: { stopping: AbortSignal; breaking: AbortSignal },
): Promise<void> {
  const log = parts.log.child({ camera: entry.camera, upload: entry.id });
  for (let attempt = 1; ; attempt++) {
    try {
      return await parts.fileEntry(entry, breaking);
    } catch (error) {
      if (breaking.aborted) return;
      const failure = sortFailure(error);
      const delayMs = limits.retryDelaysMs[attempt - 1];
      if (failure === 'hopeless' || (failure === 'unknown' && delayMs === undefined)) {
        // A stack only for what nobody foresaw.
        const facts = failure === 'unknown' ? { err: error } : {};
        return await setAside(parts, entry, messageOf(error), facts, log);
      }
      if (delayMs === undefined) {
        log.warn({ attempts: attempt, error: messageOf(error) }, 'entry left in the inbox');
        return;
      }
      log.debug({ attempt, delayMs, error: messageOf(error) }, 'entry is tried again');
      if (!(await slept(delayMs, stopping))) return;
    }
  }
}

async function setAside(
  parts: IngestParts,
  entry: Entry,
  reason: string,
  facts: Record<string, unknown>,
  log: Log,
): Promise<void> {
  try {
    await parts.quarantineEntry(entry, reason);
    log.error({ reason, ...facts }, 'entry quarantined');
  } catch (error) {
    log.error({ reason, ...facts, error: messageOf(error) }, 'entry cannot be quarantined');
  }
}

async function slept(delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(delayMs, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
