import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../base/errors.ts';
import { type Check, pass, skip, warn } from '../check.ts';

/** One watch for the inbox and one for each camera, beside what other programs of the same user need. */
const ampleWatches = 1024;
const ampleInstances = 16;

/** Kernel limits on watching directories; without watches clips are found by the timer alone. */
export function watcherLimit(directory = '/proc/sys/fs/inotify'): Check {
  return {
    name: 'watcher-limit',
    async run() {
      try {
        const watches = Number(await readFile(`${directory}/max_user_watches`, 'utf8'));
        const instances = Number(await readFile(`${directory}/max_user_instances`, 'utf8'));
        if (watches >= ampleWatches && instances >= ampleInstances)
          return pass(`${watches} directory watches and ${instances} watchers allowed`);
        return warn(
          `only ${watches} directory watches and ${instances} watchers allowed`,
          `Raise them: sysctl fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=128.`,
        );
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return skip('the kernel does not tell its limits');
        throw error;
      }
    },
  };
}
