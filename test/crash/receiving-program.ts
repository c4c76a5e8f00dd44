// A receiver in a process of its own, armed with kill-at-call.ts once it listens. Takes a settings file, prints a line of
// JSON when it is ready, and another with the number of calls when standard input ends.

import { readArchiveId } from '../../src/archive/marker.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { startReceiveRole } from '../../src/receive-role.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';

declare const armKill: () => void;
declare const fileSystemCalls: () => number;

const settings = loadSettings({ file: process.argv[2], environment: {} });
const archiveId = await readArchiveId(settings.stateDir);
const role = await startReceiveRole({ settings, archiveId, log: silentLog(), clock: systemClock });
armKill();
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
for await (const _chunk of process.stdin) {
  // Only its end counts.
}
process.stdout.write(`${JSON.stringify({ calls: fileSystemCalls() })}\n`);
await role[Symbol.asyncDispose]();
