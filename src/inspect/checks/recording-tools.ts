import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { FailedError, messageOf } from '../../base/errors.ts';
import { type ConfinedFfmpeg, confineFfmpeg, type Sockets } from '../../media/confined-ffmpeg.ts';
import { type Check, type Finding, fail, pass, warn } from '../check.ts';

const run = promisify(execFile);
const deadlineMs = 6000;
const maxOutputBytes = 64 * 1024;
const install = 'Install both from the distribution: apt-get install ffmpeg util-linux.';
/** Where systemd/install.sh puts it: what records runs in it then, and it allows no namespaces. */
const unitFile = '/etc/systemd/system/clipward-outbound.service';
/** That of discard, in the place of ours. */
const anyPort = 9;

/** Whether the ffmpeg that records can be started as it is for that, and takes RTSP; and how far it is locked in. */
export function recordingTools(options: { searchPath?: string; isInUnit?: boolean } = {}): Check {
  const { searchPath, isInUnit = existsSync(unitFile) } = options;
  return {
    name: 'recording-tools',
    async run() {
      try {
        const confined = await confineFfmpeg({ searchPath, connectPort: anyPort, bubblewrap: !isInUnit });
        const [program, args] = confined.command(['-hide_banner', '-h', 'demuxer=rtsp']);
        const { stdout } = await run(program, args, { timeout: deadlineMs, maxBuffer: maxOutputBytes });
        return /^Demuxer rtsp/m.test(stdout)
          ? confinementFound(confined.files, await confined.trySockets(AbortSignal.timeout(deadlineMs)))
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

/** What follows for whoever takes over an ffmpeg that records. */
export function confinementFound(files: ConfinedFfmpeg['files'], sockets: Sockets): Finding {
  const text = `ffmpeg records with its limits (memory, files, no new rights), ${fileTexts[files]}, ${socketTexts[sockets]}`;
  const remedies = [...(files === 'none' ? [noFileRule] : []), ...(sockets === 'any' ? [noFilter] : [])];
  return remedies.length === 0 ? pass(text) : warn(text, remedies.join(' '));
}

const fileTexts = {
  bubblewrap: 'sees no file but programs and no other process (bubblewrap)',
  landlock: 'sees no file but programs (Landlock)',
  none: 'sees the files of its user',
} as const;

const socketTexts = {
  'own-port': 'and connects to our port only (Landlock)',
  tcp: 'and has no socket but TCP over IPv4 (to our port only from Linux 6.7 on)',
  any: 'and may use the network as its user may',
} as const;

const noFileRule =
  'Install bubblewrap (apt-get install bubblewrap), or run a kernel with Landlock (5.13 or newer, `landlock` in /sys/kernel/security/lsm).';
const noFilter =
  'Install perl (apt-get install perl-base), which sets a filter of system calls (seccomp); if it is there, this machine, or its processor, has none.';
