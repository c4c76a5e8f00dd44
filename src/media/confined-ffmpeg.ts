// ffmpeg as it is run for recording, and how far it is locked in on this machine.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { bubblewrapCommand } from './confine.ts';
import { environment, findTool } from './find-tool.ts';
import { openGuard, works } from './guard.ts';
import { landlockPrefix } from './landlock.ts';

export type ConfinedFfmpeg = Readonly<{
  /** What keeps it from files that are not programs. */
  files: 'bubblewrap' | 'landlock' | 'none';
  /** The command line with these arguments for ffmpeg. */
  command(args: readonly string[]): [program: string, args: string[]];
  /** Tries what the kernel gives to a program in the place of ffmpeg. Has no deadline but the signal's. */
  trySockets(signal: AbortSignal): Promise<Sockets>;
}>;

/** `own-port`: TCP over IPv4 to one port, ours. `tcp`: to any. `any`: there is no filter. */
export type Sockets = 'own-port' | 'tcp' | 'any';

export type ConfineOptions = Readonly<{
  searchPath?: string | undefined;
  connectPort?: number;
  /** False: as where it does not work. */
  bubblewrap?: boolean;
}>;

/** Far more than copying takes; what a stream that makes ffmpeg grow without end may take. */
const addressSpaceBytes = 1024 * 1024 * 1024;
const openFiles = 64;

/**
 * Where bubblewrap or Landlock works it sees no file but the system's programs; with bubblewrap no other process either. Of the
 * network it has TCP to `connectPort`, where the kernel has Landlock for that (6.7), and else TCP; see guard.ts. Tried each
 * time: whether a container allows it is known only then. Throws FailedError when a tool is missing, TransientError where there
 * is no room for a process.
 */
export async function confineFfmpeg(options: ConfineOptions = {}): Promise<ConfinedFfmpeg> {
  const { searchPath, connectPort, bubblewrap = true } = options;
  const [prlimit, ffmpeg, bwrap, outer, perl] = await Promise.all([
    findTool('prlimit', 'util-linux', searchPath),
    findTool('ffmpeg', 'ffmpeg', searchPath),
    bubblewrap ? findTool('bwrap', 'bubblewrap', searchPath).catch(() => undefined) : undefined,
    openGuard({ searchPath, landlock: false }),
    findTool('perl', 'perl-base', searchPath).catch(() => undefined),
  ]);
  const limits = [`--as=${addressSpaceBytes}`, `--nofile=${openFiles}`, '--core=0', '--fsize=0'];
  const limited = [prlimit, ...limits, '--'];
  const port = connectPort === undefined ? {} : { connectPort };
  const inside = async (files: ConfinedFfmpeg['files'], prefix: readonly string[]) => ({
    files,
    command: (args: readonly string[]) => commandOf([...prefix, ffmpeg, ...args]),
    trySockets: (signal: AbortSignal) => trySockets(prefix, perl, signal),
  });
  const alone = bwrap === undefined ? undefined : bubblewrapCommand(bwrap, { network: true });
  const inBubblewrap = alone && [...outer.prefix(), ...limited, ...alone];
  const inBoth = inBubblewrap &&
    perl && [...inBubblewrap, ...(landlockPrefix(perl, { ...port, isOptional: true }) ?? [])];
  if (inBoth && (await works(inBoth))) return inside('bubblewrap', inBoth);
  if (inBubblewrap && (await works(inBubblewrap))) return inside('bubblewrap', inBubblewrap);
  const guard = await openGuard({ searchPath });
  return inside(guard.level === 'landlock' ? 'landlock' : 'none', [...guard.prefix(port), ...limited]);
}

/** EACCES, of the filter and of Landlock. */
const refused = 13;
/** Not one that `connectPort` is, and whoever listens there sees a visitor that says nothing. */
const foreignPort = 1;
/** By number, as everywhere: UDP over IPv4; a connection to another port than ours. */
const attempts = `
socket(my $udp, 2, 2, 0); print "udp ", $! + 0, "\\n";
$! = 0; socket(my $tcp, 2, 1, 0); connect($tcp, pack('SnC4x8', 2, ${foreignPort}, 127, 0, 0, 1)); print "tcp ", $! + 0, "\\n";
`;

async function trySockets(
  prefix: readonly string[],
  perl: string | undefined,
  signal: AbortSignal,
): Promise<Sockets> {
  // Nothing else sets the filter.
  if (perl === undefined) return 'any';
  // By standard input: with -e, perl opens /dev/null, which it may not.
  const [program, args] = commandOf([...prefix, perl, '-']);
  const child = spawn(program, args, {
    ...{ cwd: '/', env: environment, signal, killSignal: 'SIGKILL' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  child.stdin.end(`$! = 0; ${attempts}`);
  const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const errno = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(said)?.[1]);
  if (errno('udp') !== refused) return 'any';
  return errno('tcp') === refused ? 'own-port' : 'tcp';
}

function commandOf([program = '', ...args]: readonly string[]): [program: string, args: string[]] {
  return [program, args];
}
