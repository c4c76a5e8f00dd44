import { type Check, fail, pass, skip } from '../check.ts';
import { readMarker } from '../marker-state.ts';

/** Whether the data directory is the one that this state belongs to. */
export function archiveMarker(dirs: Readonly<{ dataDir: string; stateDir: string }>): Check {
  return {
    name: 'archive-marker',
    async run() {
      switch (await readMarker(dirs)) {
        case 'ours':
          return pass(`${dirs.dataDir} is the archive of ${dirs.stateDir}`);
        case 'not-yet':
          return skip('the archive is made at the first start');
        case 'missing-or-foreign':
          return fail(
            `${dirs.dataDir} is not the archive of ${dirs.stateDir}, so nothing is written there`,
            'Mount the disk with the archive, or correct dataDir or stateDir in the settings.',
          );
      }
    },
  };
}
