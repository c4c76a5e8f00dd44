// A receiver, an archive, or both, in a process and a thread of its own, armed with kill-at-call.ts. The receiver is armed
// once it listens; the archive before it starts, since it files at once what lies in the inbox. Takes a settings file and
// `receive` (unless told otherwise), `archive` or `both`; prints a line of JSON when it is ready, and another with the number
// of calls when standard input ends and all work is done.

import { readArchiveId } from '../../src/archive/marker.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';

declare const armKill: () => void;
declare const fileSystemCalls: () => number;

const [, , file, roles = 'receive'] = process.argv;
const settings = loadSettings({ file, environment: {} });
const archiveId = await readArchiveId(settings.stateDir);
const options = { settings, archiveId, log: silentLog(), clock: systemClock };
{
  await using opened = new AsyncDisposableStack();
  if (roles !== 'archive') {
    const { startReceiveRole } = await import('../../src/receive-role.ts');
    opened.use(await startReceiveRole(options));
  }
  if (roles !== 'receive') {
    const { startArchiveRole } = await import('../../src/archive-role.ts');
    armKill();
    opened.use(await startArchiveRole(options));
  }
  armKill();
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
  for await (const _chunk of process.stdin) {
    // Only its end counts.
  }
}
process.stdout.write(`${JSON.stringify({ calls: fileSystemCalls() })}\n`);
