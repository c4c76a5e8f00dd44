import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FailedError, messageOf } from '../../base/errors.ts';
import { confinedFfmpeg } from '../../media/record-process.ts';
import { type Check, fail, pass } from '../check.ts';

const run = promisify(execFile);
const deadlineMs = 6000;
const maxOutputBytes = 64 * 1024;
const install = 'Install both from the distribution: apt-get install ffmpeg util-linux.';

/** Whether the ffmpeg that records can be started as it is for that, and takes RTSP. */
export function recordingTools(searchPath?: string): Check {
  return {
    name: 'recording-tools',
    async run() {
      try {
        const [program, args] = await confinedFfmpeg(['-hide_banner', '-h', 'demuxer=rtsp'], { searchPath });
        const { stdout } = await run(program, args, { timeout: deadlineMs, maxBuffer: maxOutputBytes });
        return /^Demuxer rtsp/m.test(stdout)
          ? pass('ffmpeg records with its limits: memory, files, no new rights')
          : fail('ffmpeg knows no RTSP, so that no stream can be recorded', install);
      } catch (error) {
        return error instanceof FailedError
          ? fail(error.message, install)
          : fail(
              `ffmpeg cannot be started with the limits for recording: ${messageOf(error)}`,
              'Look whether this machine forbids setpriv or prlimit, as some containers do.',
            );
      }
    },
  };
}
