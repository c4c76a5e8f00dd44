// Entries of the inbox as they appear. The events of the file system are the fast path and may be lost; a reconcile, which
// lists the whole inbox at the start and on a timer, is the guarantee. Here nothing is opened, moved or remembered: who is
// told of an entry (ingest) must bear to be told twice, and of one that is gone.

import { errnoOf, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { chokidarEvents, type DirectoryEvents } from './directory-events.ts';

export type WatchParts = Readonly<{
  inboxDir: string;
  /** All entries that are in the inbox now, in batches under the hood: there may be many. */
  listEntries(): AsyncIterable<Readonly<{ camera: string; id: string }>>;
  /** Takes an entry, or leaves it in the inbox for a later reconcile because it has enough. Never throws. */
  onEntry(camera: string, id: string): 'taken' | 'full';
  /** From the end of one reconcile to the start of the next. */
  reconcileIntervalMs: number;
  log: Log;
  directoryEvents?: DirectoryEvents;
}>;

export type Watch = AsyncDisposable &
  Readonly<{
    /** Hands over what is in the inbox now; resolves when the whole inbox was listed once since the call. */
    reconcile(): Promise<void>;
    /** Whether events of the file system arrive; otherwise there is only the timer. */
    hasEvents(): boolean;
  }>;

/** Without events a clip should not wait for minutes. */
export const longestIntervalWithoutEventsMs = 10_000;

/** Starts to watch. Resolves when everything that was in the inbox has been handed over (or refused as too much). */
export async function startWatch(parts: WatchParts): Promise<Watch> {
  const { log } = parts;
  const lifetime = { ended: false };
  const events = eventSource(parts, lifetime, () => hurry());
  const reconcile = reconciler(parts, lifetime);
  // Undefined while the inbox is listed.
  let timer: NodeJS.Timeout | undefined;
  // A watcher that breaks as soon as it is opened must not make this list the inbox without end.
  let hasHurried = false;

  const tick = async () => {
    timer = undefined;
    await events.start();
    await reconcile().catch(error => log.warn({ error: messageOf(error) }, 'inbox cannot be listed'));
    scheduleNext();
  };
  const scheduleNext = () => {
    if (lifetime.ended) return;
    const intervalMs = events.open()
      ? parts.reconcileIntervalMs
      : Math.min(parts.reconcileIntervalMs, longestIntervalWithoutEventsMs);
    timer = setTimeout(() => {
      hasHurried = false;
      void tick();
    }, intervalMs);
  };
  /** The watcher broke: what it did not tell any more is looked for at once, not when the timer that was set runs out. */
  const hurry = () => {
    if (timer === undefined || lifetime.ended) return;
    clearTimeout(timer);
    if (hasHurried) return scheduleNext();
    hasHurried = true;
    timer = setTimeout(tick, 0);
  };

  // Events first: what appears while the inbox is listed is told by at least one of them.
  await events.start();
  try {
    await reconcile();
  } catch (error) {
    await events.close();
    throw error;
  }
  scheduleNext();
  return {
    reconcile,
    hasEvents: events.open,
    [Symbol.asyncDispose]: async () => {
      lifetime.ended = true;
      clearTimeout(timer);
      await events.close();
      // A walk in progress sees that it is to end, and nobody is told of anything after this.
      await reconcile().catch(() => undefined);
    },
  };
}

/** The watcher, opened anew by `start` when it failed. Says so once when it fails and once when it is back. */
function eventSource(parts: WatchParts, lifetime: { ended: boolean }, onBroken: () => void) {
  const { inboxDir, log, onEntry, directoryEvents = chokidarEvents } = parts;
  let watcher: AsyncDisposable | undefined;
  let failing = false;

  const fail = (error: unknown) => {
    if (!failing) log.warn({ error: messageOf(error), remedy: remedyFor(error) }, 'inbox watcher failed');
    failing = true;
    const broken = watcher;
    watcher = undefined;
    if (broken === undefined) return;
    void closeBroken(broken, log);
    onBroken();
  };
  return {
    open: () => watcher !== undefined,
    async start() {
      if (watcher !== undefined || lifetime.ended) return;
      let failedMeanwhile = false;
      try {
        const opened = await directoryEvents({
          inboxDir,
          onEntry: (camera, id) => {
            if (!lifetime.ended) onEntry(camera, id);
          },
          onError: error => {
            failedMeanwhile = true;
            fail(error);
          },
        });
        if (failedMeanwhile || lifetime.ended) return await opened[Symbol.asyncDispose]();
        watcher = opened;
        if (failing) log.info({}, 'inbox watcher works again');
        failing = false;
      } catch (error) {
        fail(error);
      }
    },
    async close() {
      const last = watcher;
      watcher = undefined;
      await last?.[Symbol.asyncDispose]();
    },
  };
}

async function closeBroken(watcher: AsyncDisposable, log: Log): Promise<void> {
  try {
    await watcher[Symbol.asyncDispose]();
  } catch (error) {
    log.debug({ error: messageOf(error) }, 'inbox watcher closed badly');
  }
}

/** One walk at a time. A call during a walk waits for the next one, since the running one may have passed its entry already. */
function reconciler(parts: WatchParts, lifetime: { ended: boolean }): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const walk = async () => {
    let refused = 0;
    for await (const { camera, id } of parts.listEntries()) {
      if (lifetime.ended) return;
      if (parts.onEntry(camera, id) === 'full') refused++;
    }
    if (refused > 0) parts.log.info({ entries: refused }, 'inbox entries wait for room in the queue');
  };
  const start = () => {
    running = walk().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (lifetime.ended) return running ?? Promise.resolve();
    if (running === undefined) return start();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
}

function remedyFor(error: unknown): string {
  switch (errnoOf(error)) {
    case 'ENOSPC':
      return 'raise fs.inotify.max_user_watches; until then the inbox is listed on a timer';
    case 'EMFILE':
      return 'raise fs.inotify.max_user_instances or the limit of open files; until then the inbox is listed on a timer';
    default:
      return 'look at the inbox directory and its rights; until then it is listed on a timer';
  }
}
