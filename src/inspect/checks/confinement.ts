import { existsSync } from 'node:fs';
import { silentLog } from '../../base/log.ts';
import { openConfinement } from '../../media/confine.ts';
import { type Check, pass, warn } from '../check.ts';

/** Where systemd/install.sh puts it: then not this command's surroundings count, but the unit's, which allow no namespaces. */
const unitFile = '/etc/systemd/system/clipward-archive.service';
const install =
  'Install bubblewrap (apt-get install bubblewrap), which also takes network and files away from it.';

/** How far the programs that decode strangers' files are locked in on this machine. */
export function confinement(isInUnit = existsSync(unitFile)): Check {
  return {
    name: 'confinement',
    async run() {
      const { level, reason } = await openConfinement({ log: silentLog(), bubblewrap: !isInUnit });
      if (level === 'bubblewrap')
        return pass('ffmpeg runs in bubblewrap: no network, no files but the one it decodes');
      if (isInUnit)
        return level === 'landlock'
          ? pass('ffmpeg runs in a unit without network, and sees no file but the one it decodes (Landlock)')
          : warn(
              'ffmpeg runs in a unit without network, and sees the files of the archive there',
              'Run a kernel with Landlock (5.13 or newer, `landlock` in /sys/kernel/security/lsm).',
            );
      const more = `(${reason ?? 'no bubblewrap'})`;
      return level === 'landlock'
        ? warn(
            `ffmpeg sees no file but the one it decodes (Landlock), and is kept from the network by its formats and protocols only ${more}`,
            install,
          )
        : warn(`ffmpeg runs with limits on memory, time, formats and protocols only ${more}`, install);
    },
  };
}
