import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errnoOf, messageOf } from '../../base/errors.ts';
import { type Check, fail, pass } from '../check.ts';

const run = promisify(execFile);
const deadlineMs = 6000;
const maxOutputBytes = 64 * 1024;

/** Whether a program of ffmpeg's can be started, and its version. */
export function mediaTool(name: 'ffmpeg' | 'ffprobe', program: string = name): Check {
  return {
    name,
    async run() {
      try {
        const { stdout } = await run(program, ['-version'], {
          timeout: deadlineMs,
          maxBuffer: maxOutputBytes,
        });
        const version = /^ff\w+ version (\S+)/.exec(stdout)?.[1];
        return version === undefined
          ? fail(
              `${program} says no version`,
              'Install ffmpeg from the distribution: apt-get install ffmpeg.',
            )
          : pass(`${name} ${version}`);
      } catch (error) {
        return errnoOf(error) === 'ENOENT'
          ? fail(`${program} is not installed`, 'Install it: apt-get install ffmpeg.')
          : fail(
              `${program} cannot be run: ${messageOf(error)}`,
              'Install it anew: apt-get install --reinstall ffmpeg.',
            );
      }
    },
  };
}
