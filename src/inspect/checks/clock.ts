import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Check, type Finding, pass, skip, warn } from '../check.ts';

const programDeadlineMs = 3000;
const maxOutputBytes = 64 * 1024;
/** What arrived and what reads the clock differ by no more than this unless it was set back. */
const toleranceMs = 5 * 60_000;

/** Answers what a program prints; undefined when it is missing, fails or takes too long. */
export type Ask = (program: string, args: readonly string[]) => Promise<string | undefined>;

/**
 * Whether the clock of this machine is kept right: it dates every clip, and measures the clocks of the cameras.
 * `uploadTimes`: when cameras uploaded last, as far as it is known.
 */
export function machineClock(
  parts: Readonly<{ now(): number; uploadTimes(): readonly (number | null)[] }>,
  ask: Ask = askProgram,
): Check {
  return {
    name: 'clock',
    async run() {
      const newestAt = Math.max(0, ...parts.uploadTimes().map(at => at ?? 0));
      if (newestAt > parts.now() + toleranceMs)
        return warn(
          `the last upload arrived at ${new Date(newestAt).toISOString()}, which has not come yet: this clock was set back, or was ahead then`,
          'Set the clock of this machine (timedatectl), and let it be kept right over the network.',
        );
      return judge(await synchronised(ask));
    },
  };
}

type Synchronised = 'yes' | 'no' | 'unknown';

/** What the kernel was told (by systemd-timesyncd, ntpd, a host's daemon); chrony does not always tell it. */
async function synchronised(ask: Ask): Promise<Synchronised> {
  const kernel = await ask('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  if (kernel?.trim() === 'yes') return 'yes';
  const chrony = await ask('chronyc', ['-n', 'tracking']);
  if (chrony !== undefined && /^Leap status *: *(Normal|Insert second|Delete second)/m.test(chrony))
    return 'yes';
  return kernel?.trim() === 'no' || chrony !== undefined ? 'no' : 'unknown';
}

function judge(state: Synchronised): Finding {
  if (state === 'yes') return pass('the clock is kept right over the network');
  if (state === 'no')
    return warn(
      'the clock is not kept right over the network, so that the times of clips may be wrong, and cameras are measured by a wrong clock',
      'Install chrony (apt-get install chrony), or switch on what is there: timedatectl set-ntp true. It takes some minutes to agree.',
    );
  return skip('nobody here tells whether the clock is kept right (neither timedatectl nor chronyc answers)');
}

async function askProgram(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const options = { timeout: programDeadlineMs, killSignal: 'SIGKILL', maxBuffer: maxOutputBytes } as const;
    return (await promisify(execFile)(program, args, options)).stdout;
  } catch {
    return undefined;
  }
}
