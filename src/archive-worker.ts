// What runs on the thread that archive-thread.ts starts.

import { parentPort, workerData } from 'node:worker_threads';
import { startArchiveRole } from './archive-role.ts';
import type { ArchiveThreadData } from './archive-thread.ts';
import { systemClock } from './base/clock.ts';
import { openLog } from './base/log.ts';

const { settings, archiveId } = workerData as ArchiveThreadData;
const log = openLog({ level: settings.log.level });
const role = await startArchiveRole({ settings, archiveId, log, clock: systemClock });
parentPort?.once('message', () => {
  void role[Symbol.asyncDispose]().then(() => parentPort?.close());
});
parentPort?.postMessage('ready');
