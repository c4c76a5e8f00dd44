// The roles that no camera waits for. Only the one that is played is loaded.

import type { ArchiveRole } from './archive-role.ts';
import type { Clock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { OutboundRole } from './outbound-role.ts';
import type { Settings } from './settings/settings.ts';

export type BackgroundRole = 'archive' | 'outbound';

/** On the thread that calls it. */
export async function startBackgroundRole(
  role: BackgroundRole,
  options: Readonly<{ settings: Settings; archiveId: string; log: Log; clock: Clock }>,
): Promise<ArchiveRole | OutboundRole> {
  if (role === 'archive') return (await import('./archive-role.ts')).startArchiveRole(options);
  return (await import('./outbound-role.ts')).startOutboundRole(options);
}
