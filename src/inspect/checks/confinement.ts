import { silentLog } from '../../base/log.ts';
import { openConfinement } from '../../media/confine.ts';
import { type Check, pass, warn } from '../check.ts';

/** How far the programs that decode strangers' files are locked in on this machine. */
export function confinement(): Check {
  return {
    name: 'confinement',
    async run() {
      const { level, reason } = await openConfinement({ log: silentLog() });
      return level === 'bubblewrap'
        ? pass('ffmpeg runs in bubblewrap: no network, no files but the one it decodes')
        : warn(
            `ffmpeg runs with limits on memory, time, formats and protocols only (${reason ?? 'no bubblewrap'})`,
            'Install bubblewrap (apt-get install bubblewrap), which also takes network and files away from it.',
          );
    },
  };
}
