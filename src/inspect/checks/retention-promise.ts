import { type Check, pass, warn } from '../check.ts';

/** Whether what the settings promise can be kept, and whether holds fill the disk. */
export function retentionPromise(
  read: () => Promise<
    Readonly<{ unmet: readonly string[]; heldBytes: number; allBytes: number }> | undefined
  >,
): Check {
  return {
    name: 'retention',
    async run() {
      const now = await read();
      if (now === undefined) return pass('nothing is stored yet');
      const { unmet, heldBytes, allBytes } = now;
      if (unmet.length > 0) return warn(unmet.join(' '), 'See clipward retention plan.');
      if (heldBytes * 2 > allBytes)
        return warn(
          `more than half of the media is on hold (${Math.round((heldBytes / allBytes) * 100)} %)`,
          'Remove holds that are no longer needed: clipward hold list.',
        );
      return pass('what is asked to be kept fits');
    },
  };
}
