// What stands before a program that reads what strangers wrote, wherever it runs: it dies with us and gains no rights by what
// it starts; and where the kernel has Landlock, it sees no file but its own (landlock.ts).

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf, TransientError } from '../base/errors.ts';
import { environment, findTool } from './find-tool.ts';
import { type LandlockOptions, landlockPrefix } from './landlock.ts';

export type Guard = Readonly<{
  /** `landlock`, or only what setpriv does, with the filter of sockets where perl works. */
  level: 'landlock' | 'setpriv';
  /** The command line prefix. */
  prefix(options?: LandlockOptions): string[];
}>;

const probeDeadlineMs = 10_000;
const run = promisify(execFile);

/** Tries what works here: a unit may forbid what setpriv does, an old kernel has no Landlock. Throws FailedError without tools. */
export async function openGuard(
  options: { landlock?: boolean; searchPath?: string | undefined } = {},
): Promise<Guard> {
  const { landlock = true, searchPath } = options;
  const perl = await findTool('perl', 'perl-base', searchPath).catch(() => undefined);
  const byPerl = (isOptional: boolean) => (given?: LandlockOptions) =>
    (perl && landlockPrefix(perl, { ...given, isOptional })) || [];
  if (landlock && (await works(byPerl(false)()))) return { level: 'landlock', prefix: byPerl(false) };
  // The filter of system calls needs no Landlock, and the script does what setpriv does.
  if (landlock && (await works(byPerl(true)()))) return { level: 'setpriv', prefix: byPerl(true) };
  const setpriv = await findTool('setpriv', 'util-linux', searchPath);
  const prefix = [setpriv, '--pdeathsig', 'KILL', '--no-new-privs'];
  const isForbidden = !(await works(prefix)) && (await works(byPerl(true)()));
  return { level: 'setpriv', prefix: isForbidden ? byPerl(true) : () => prefix };
}

/** Whether a command line prefix can run a program here. Throws TransientError where no process can be started. */
export async function works(prefix: readonly string[]): Promise<boolean> {
  const [program, ...args] = prefix;
  if (program === undefined) return false;
  try {
    await run(program, [...args, '/bin/true'], { env: environment, cwd: '/', timeout: probeDeadlineMs });
    return true;
  } catch (error) {
    const { code, killed } = error as { code?: unknown; killed?: boolean };
    // It ended with an error: it does not work. Anything else says nothing, and must not loosen anything.
    if (typeof code === 'number' && killed !== true) return false;
    throw new TransientError(`${program} cannot be started (${messageOf(error)}).`, { cause: error });
  }
}
