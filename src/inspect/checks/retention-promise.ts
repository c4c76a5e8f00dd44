import { type Check, pass, warn } from '../check.ts';
import type { Outlook } from '../retention-report.ts';

/** Whether what the settings promise can be kept, and whether holds fill the disk. */
export function retentionPromise(
  read: () => Promise<Pick<Outlook, 'unmet' | 'warnings'> | undefined>,
): Check {
  return {
    name: 'retention',
    async run() {
      const now = await read();
      if (now === undefined) return pass('nothing is stored yet');
      const { unmet, warnings } = now;
      if (unmet.length > 0) return warn([...unmet, ...warnings].join(' '), 'See clipward retention plan.');
      if (warnings.length > 0) return warn(warnings.join(' '), 'See clipward hold list.');
      return pass('what is asked to be kept fits');
    },
  };
}
