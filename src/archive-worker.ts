// What runs on the thread that archive-thread.ts starts.

import { parentPort, workerData } from 'node:worker_threads';
import { startArchiveRole } from './archive-role.ts';
import { type ArchiveThreadData, type ArchiveThreadMessage, sentenceFamilies } from './archive-thread.ts';
import { systemClock } from './base/clock.ts';
import { openLog } from './base/log.ts';

const { settings, archiveId } = workerData as ArchiveThreadData;
const log = openLog({ level: settings.log.level });
try {
  const role = await startArchiveRole({ settings, archiveId, log, clock: systemClock });
  parentPort?.once('message', () => {
    void role[Symbol.asyncDispose]().then(() => parentPort?.close());
  });
  tell({ state: 'ready' });
} catch (error) {
  // The class of an error does not survive the way between threads, and it decides the exit code.
  const family = sentenceFamilies.find(name => name === (error as Error).name);
  if (family === undefined) throw error;
  tell({ state: 'refused', family, sentence: (error as Error).message });
}

function tell(message: ArchiveThreadMessage): void {
  parentPort?.postMessage(message);
}
