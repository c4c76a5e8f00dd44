import { messageOf, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** Disposing it waits for work that is being done. */
export type OnceMounted = AsyncDisposable &
  Readonly<{
    /** Resolves when the work is done, doing it now if it was not; rejects with TransientError while the disk is not there. */
    done(): Promise<void>;
  }>;

/** A disk that comes back is made use of this soon, also when nobody asks. */
const retryIntervalMs = 5000;

/**
 * Work that is done once in the life of a process and needs the data directory: now, or when the disk is there, which may be
 * days later. `work` throws TransientError when it is not there; that is logged once. Anything else that it throws at the
 * start is thrown, and later logged and tried again.
 */
export async function onceMounted(options: {
  work(): Promise<unknown>;
  log: Log;
  intervalMs?: number;
}): Promise<OnceMounted> {
  const { work, log, intervalMs = retryIntervalMs } = options;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let lastTold = '';
  const tell = (error: unknown) => {
    const text = messageOf(error);
    if (text !== lastTold) log.error({ error: text }, 'data directory is not the one it was');
    lastTold = text;
  };
  const done = () => {
    running ??= work().then(
      () => clearInterval(timer),
      error => {
        running = undefined;
        throw error;
      },
    );
    return running;
  };
  try {
    await done();
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    tell(error);
    timer = setInterval(() => void done().catch(tell), intervalMs).unref();
  }
  return {
    done,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}
