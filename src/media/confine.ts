// ffmpeg and ffprobe on hostile files, confined as far as this machine allows. Always: one file as an open descriptor,
// one demuxer, a short list of decoders, no network protocols, limits on memory, processor time, wall-clock time and output,
// no environment, nothing written, a process group of its own that is killed as a whole. Where bubblewrap works: also no
// network at all, no view of any file but the system's programs, and no other processes. Where it does not, as in a unit
// that forbids namespaces: no view of other files by Landlock; without a network is then the unit.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { errnoOf, FailedError, messageOf, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { environment, findTool } from './find-tool.ts';
import { openGuard } from './guard.ts';

export type Confinement = Readonly<{
  /** The strongest first; for doctor. */
  level: 'bubblewrap' | 'landlock' | 'prlimit';
  /** Why it is not bubblewrap, or null. */
  reason: string | null;
  run(job: Job): Promise<Outcome>;
  /** Starts a program that copies a stream for as long as that takes, with limits of its own; see copying.ts. */
  start(copying: Copying): ChildProcess;
}>;

export type Copying = Readonly<{
  tool: 'ffmpeg';
  args: readonly string[];
  /** What `inputPath` stands for, also where it is what is written to. */
  fd: number;
  /** `pipe`: it reads standard input. */
  input: 'pipe' | 'ignore';
  output: 'pipe' | 'ignore';
  /** Of what is written to a file. */
  maxFileBytes: number;
}>;

export type Job = Readonly<{
  tool: 'ffmpeg' | 'ffprobe';
  /** The file that `inputPath` stands for among the arguments. It must be a regular file. */
  file: string;
  args: readonly string[];
  deadlineMs: number;
  maxOutputBytes: number;
  signal?: AbortSignal | undefined;
  /** Sees the output as it comes; `enough` ends the program, which counts as success. */
  onOutput?(soFar: Buffer): 'more' | 'enough';
}>;

export type Outcome = Readonly<{
  /** `failed`: it ended by itself with an error, or by a limit of the kernel. The others: we killed it. */
  end: 'ok' | 'failed' | 'deadline' | 'too-much';
  output: Buffer;
  /** The first of what it said on standard error, as one line of plain text. Written by a decoder of hostile files. */
  complaint: string;
}>;

/** The one input, as the confined program sees it: the file need not be reachable, or keep its name, while it is read. */
const inputDescriptor = 3;
export const inputPath = `/proc/self/fd/${inputDescriptor}`;

/** 4K H.265 needs 512 MB of address space with one thread, 12 megapixels about 640. */
const addressSpaceBytes = 1024 * 1024 * 1024;
const processorSeconds = 30;
/** Copying decodes nothing, and remembers some hundred bytes for each picture: a day of them fits. */
const copyingAddressSpaceBytes = 4 * addressSpaceBytes;
const copyingProcessorSeconds = 3600;
const openFiles = 64;
const maxComplaintBytes = 2048;
const probeDeadlineMs = 10_000;

/**
 * Finds the tools and tries once which level works: containers often forbid what bubblewrap needs. Throws FailedError when
 * ffmpeg or prlimit is missing.
 */
export async function openConfinement(options: {
  log: Log;
  bubblewrap?: boolean;
  landlock?: boolean;
}): Promise<Confinement> {
  const tools = {
    ffmpeg: await findTool('ffmpeg', 'ffmpeg'),
    ffprobe: await findTool('ffprobe', 'ffmpeg'),
    prlimit: await findTool('prlimit', 'util-linux'),
  };
  const limitedTo = (limits: string[]) => [
    tools.prlimit,
    ...[...limits, `--nofile=${openFiles}`, '--core=0', '--'],
  ];
  const limits = limitedTo([`--as=${addressSpaceBytes}`, `--cpu=${processorSeconds}`, '--fsize=0']);
  const outer = await openGuard({ landlock: false });
  const bubblewrap =
    options.bubblewrap === false
      ? 'it is switched off'
      : await tryBubblewrap([...outer.prefix(), ...limits], tools);
  const isStrong = typeof bubblewrap !== 'string';
  const guard = isStrong ? outer : await openGuard({ landlock: options.landlock ?? true });
  const level = isStrong ? 'bubblewrap' : guard.level === 'landlock' ? 'landlock' : 'prlimit';
  if (level === 'prlimit')
    options.log.warn({ reason: bubblewrap }, 'media decoders see files of this machine');
  else if (level === 'landlock')
    options.log.info({ level, network: !hasNoNetwork(), reason: bubblewrap }, 'media decoders confined');
  const inner = isStrong ? bubblewrap : [];
  return {
    level,
    reason: isStrong ? null : bubblewrap,
    run: job =>
      runJob([...guard.prefix({ inputDescriptor }), ...limits, ...inner, tools[job.tool], ...job.args], job),
    start(copying) {
      const copyingLimits = limitedTo([
        ...[`--as=${copyingAddressSpaceBytes}`, `--cpu=${copyingProcessorSeconds}`],
        `--fsize=${copying.maxFileBytes}`,
      ]);
      const isWritten = copying.maxFileBytes > 0;
      const command = [
        ...[...guard.prefix({ inputDescriptor, isWritten }), ...copyingLimits, ...inner],
        ...[tools[copying.tool], ...copying.args],
      ];
      return spawn(command[0] as string, command.slice(1), {
        cwd: '/',
        env: environment,
        detached: true,
        stdio: [copying.input, copying.output, 'pipe', copying.fd],
      });
    },
  };
}

/** Whether this process, and what it starts, is alone: a unit with PrivateNetwork, or without addresses of the internet. */
export function hasNoNetwork(): boolean {
  try {
    return Object.values(networkInterfaces()).every(addresses =>
      addresses?.every(({ internal }) => internal),
    );
  } catch {
    // Not even the question may be asked (RestrictAddressFamilies).
    return true;
  }
}

/** The part of the command line that works, or the reason why none does. `limited` is what stands before it. */
async function tryBubblewrap(limited: string[], tools: { ffprobe: string }): Promise<string[] | string> {
  let bwrap: string;
  try {
    bwrap = await findTool('bwrap', 'bubblewrap');
  } catch {
    return 'bubblewrap is not installed';
  }
  const prefix = bubblewrapCommand(bwrap);
  const job: Job = {
    tool: 'ffprobe',
    file: tools.ffprobe,
    args: [],
    deadlineMs: probeDeadlineMs,
    maxOutputBytes: 64 * 1024,
  };
  try {
    const { end, complaint } = await runJob(
      [...limited, ...prefix, tools.ffprobe, '-v', 'error', '-version'],
      job,
    );
    return end === 'ok' ? prefix : `bubblewrap does not work here: ${complaint || end}`;
  } catch (error) {
    return `bubblewrap does not work here: ${messageOf(error)}`;
  }
}

/** Sees the system's programs, and nothing else of this machine. `network`: that stays as it is. */
export function bubblewrapCommand(bwrap: string, { network = false } = {}): string[] {
  const readOnly = ['/lib', '/lib64', '/bin', '/etc/ld.so.cache', '/etc/alternatives'];
  return [
    ...[bwrap, '--unshare-all', ...(network ? ['--share-net'] : [])],
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
    ...Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--ro-bind', '/usr', '/usr'],
    ...readOnly.flatMap(path => ['--ro-bind-try', path, path]),
    ...['--proc', '/proc', '--dev', '/dev', '--chdir', '/', '--'],
  ];
}

async function runJob(command: readonly string[], job: Job): Promise<Outcome> {
  job.signal?.throwIfAborted();
  await using input = await openInput(job.file);
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: '/',
    env: environment,
    // A process group of its own, so that all of it can be killed.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', input.fd],
  });
  const outcome = await watchChild(child, job);
  job.signal?.throwIfAborted();
  return outcome;
}

function watchChild(child: ChildProcess, job: Job): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  let outputBytes = 0;
  let complaintBytes = 0;
  let killedFor: 'ok' | 'deadline' | 'too-much' | undefined;
  const kill = (why: 'ok' | 'deadline' | 'too-much') => {
    killedFor ??= why;
    killGroup(child);
  };
  const onAbort = () => kill('deadline');
  const deadline = setTimeout(() => kill('deadline'), job.deadlineMs);
  job.signal?.addEventListener('abort', onAbort, { once: true });

  child.stdout?.on('data', (chunk: Buffer) => {
    if (killedFor !== undefined) return;
    outputBytes += chunk.length;
    if (outputBytes > job.maxOutputBytes) return kill('too-much');
    output.push(chunk);
    if (job.onOutput?.(Buffer.concat(output)) === 'enough') kill('ok');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    if (complaintBytes < maxComplaintBytes) complaints.push(chunk);
    complaintBytes += chunk.length;
  });
  const settle = () => {
    clearTimeout(deadline);
    job.signal?.removeEventListener('abort', onAbort);
  };
  child.once('error', cause => {
    settle();
    reject(new TransientError(`${job.tool} cannot be started (${errnoOf(cause)}).`, { cause }));
  });
  child.once('close', code => {
    settle();
    // What it may have started is in its group, and must not outlive it.
    killGroup(child);
    resolve({
      end: killedFor ?? (code === 0 ? 'ok' : 'failed'),
      output: Buffer.concat(output),
      complaint: plainText(Buffer.concat(complaints).subarray(0, maxComplaintBytes)),
    });
  });
  return promise;
}

export function killGroup(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The whole group has ended.
  }
}

/** A path of the archive, or `/proc/self/fd/N` of this process. O_NONBLOCK: a FIFO must not make us wait. */
async function openInput(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new FailedError(`${path} is not a regular file.`);
}

/** Control characters and anything else that a terminal or a log would take for more than text become blanks. */
export function plainText(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim();
}
