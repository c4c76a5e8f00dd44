// What the daemon tells the service manager that started it: that it is ready, how it is, that it ends. The watchdog hears of
// it only while every role answers a self-test (docs/systemd.md): one that hangs is killed and started afresh.

import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import type { ServiceManager } from './base/service-manager.ts';
import type { Service } from './service.ts';

/** In the time after which systemd acts, so many tests may be lost. */
const testsPerWatchdog = 3;
/** Without a watchdog the status line is kept true all the same. */
const defaultIntervalMs = 60_000;

export type Supervision = Readonly<{
  /** Tells that the daemon is about to end, and asks for nothing any more. */
  stopping(): Promise<void>;
}>;

/** Tells the service manager that the service is ready; undefined, and nothing is told, without one. */
export async function superviseService(parts: {
  manager: ServiceManager | undefined;
  service: Pick<Service, 'selfTest'>;
  log: Log;
}): Promise<Supervision> {
  const { manager, service, log } = parts;
  if (manager === undefined) return { stopping: async () => {} };
  const tell = (...assignments: string[]) =>
    manager.notify(...assignments).catch(error => {
      log.warn({ error: messageOf(error) }, 'service manager cannot be told');
    });
  const intervalMs = (manager.watchdogMs ?? defaultIntervalMs * testsPerWatchdog) / testsPerWatchdog;
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;
  const test = async () => {
    try {
      const { diskIsThere } = await within(intervalMs, service.selfTest());
      if (!isStopping) await tell('WATCHDOG=1', `STATUS=${statusOf(diskIsThere)}`);
    } catch (error) {
      if (!isStopping) log.error({ error: messageOf(error) }, 'self-test failed');
    }
    if (!isStopping) timer = setTimeout(() => void test(), intervalMs);
  };
  // A start that is not told of is undone by systemd: this one must arrive.
  await manager.notify('READY=1');
  void test();
  return {
    async stopping() {
      isStopping = true;
      clearTimeout(timer);
      await tell('STOPPING=1', 'STATUS=Stopping');
    },
  };
}

function statusOf(diskIsThere: boolean): string {
  return diskIsThere
    ? 'Running'
    : 'The data directory does not show the marker of this archive: nothing can be stored';
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${Math.round(ms)} ms`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
