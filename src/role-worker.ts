// What runs on a thread that role-thread.ts starts.

import { parentPort, workerData } from 'node:worker_threads';
import { startBackgroundRole } from './background-role.ts';
import { systemClock } from './base/clock.ts';
import { messageOf } from './base/errors.ts';
import { openLog } from './base/log.ts';
import { startSparingMemory } from './base/spare-memory.ts';
import {
  type RoleThreadData,
  type RoleThreadMessage,
  type RoleThreadRequest,
  sentenceFamilies,
} from './role-thread.ts';

const { role: name, settings, archiveId } = workerData as RoleThreadData;
const log = openLog({ level: settings.log.level });
try {
  const role = await startBackgroundRole(name, { settings, archiveId, log, clock: systemClock });
  startSparingMemory();
  parentPort?.on('message', (request: RoleThreadRequest) => {
    if (request === 'stop') void role[Symbol.asyncDispose]().then(() => parentPort?.close());
    else
      role.selfTest().then(
        result => tell({ state: 'tested', result }),
        error => tell({ state: 'tested', error: messageOf(error) }),
      );
  });
  tell({ state: 'ready' });
} catch (error) {
  // The class of an error does not survive the way between threads, and it decides the exit code.
  const family = sentenceFamilies.find(each => each === (error as Error).name);
  if (family === undefined) throw error;
  tell({ state: 'refused', family, sentence: (error as Error).message });
}

function tell(message: RoleThreadMessage): void {
  parentPort?.postMessage(message);
}
