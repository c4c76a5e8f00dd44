import { stat } from 'node:fs/promises';
import { errnoOf } from '../../base/errors.ts';
import { type Check, fail, pass, skip } from '../check.ts';

/** A directory that only its owner may enter; or also a group, where an installer has said so by the set-group-ID bit. */
export function privateDirectory(name: string, path: string): Check {
  return {
    name,
    async run() {
      try {
        const facts = await stat(path);
        if (!facts.isDirectory())
          return fail(`${path} is no directory`, 'Move it away, or change the setting.');
        const mode = facts.mode & 0o777;
        if ((mode & 0o027) === 0 && (facts.mode & 0o2000) !== 0 && mode !== 0o700)
          return pass(
            `${path} is for its owner, and lends to the group ${facts.gid} what the receiver needs`,
          );
        return (mode & 0o077) === 0
          ? pass(`${path} is for its owner alone`)
          : fail(`${path} can be entered by other users (mode ${mode.toString(8)})`, `chmod 700 ${path}`);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return skip(`${path} is made at the first start`);
        throw error;
      }
    },
  };
}
