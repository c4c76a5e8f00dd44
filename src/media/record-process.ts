// The ffmpeg that turns one camera's packets into fragmented MP4 on a pipe. It copies video and reads what a camera wrote, so
// it is confined like the decoders (confine.ts): but it needs loopback, and lives for as long as the camera does.

import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { errnoOf } from '../base/errors.ts';
import { readInto } from '../base/read-into.ts';
import { killGroup, plainText } from './confine.ts';
import { confineFfmpeg } from './confined-ffmpeg.ts';
import { environment } from './find-tool.ts';

export type RecordProcess = Readonly<{
  pid: number;
  /** Resolves, never rejects, when it and its output have ended, and no `onOutput` follows. */
  ended: Promise<RecordProcessEnd>;
  /** Waits until it ends by itself, then SIGTERM, and after the same time again SIGKILL to all that it started. */
  end(graceMs: number): Promise<void>;
}>;

export type RecordProcessEnd = Readonly<{
  /** `ended with code 1`, `was killed by SIGKILL`. */
  how: string;
  /**
   * `closed`: its input was over. `failed`: it could not go on with it. `crashed`: it ended itself in the middle of its work.
   * The others are no fault of its input.
   */
  kind: 'closed' | 'failed' | 'crashed' | 'killed' | 'not-started';
  /** The last of what it said, as one line of plain text without its input's address. */
  complaint: string;
}>;

const maxComplaintBytes = 2048;
/** More than a pipe holds (`net.core.wmem_default`, 208 KiB: what Node calls a pipe is a pair of sockets). */
const readBytes = 256 * 1024;

/** Throws FailedError when a tool is missing, TransientError where there is no room for a process. */
export async function startRecordProcess(options: {
  /** Its one input, on loopback. */
  url: string;
  video: 'h264' | 'hevc';
  /** `transcode`: to AAC. Null: without. */
  audio: 'copy' | 'transcode' | null;
  /** What comes while it finds out what comes is written, too: see ffmpegArguments. */
  keepsFirst?: boolean;
  /** The bytes are gone when it returns. */
  onOutput(chunk: Buffer): void;
  searchPath?: string;
}): Promise<RecordProcess> {
  const { searchPath, url } = options;
  const connectPort = Number(new URL(url).port);
  const confined = await confineFfmpeg({ searchPath, connectPort });
  const [program, args] = confined.command(ffmpegArguments(options));
  const child = spawn(program, args, {
    cwd: '/',
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.withResolvers<RecordProcessEnd>();
  let said: Buffer = Buffer.alloc(0);
  // Comes first: where no descriptor is left there are no pipes, and an error that nobody hears ends the process.
  child.once('error', cause =>
    ended.resolve({ how: `cannot be started (${errnoOf(cause)})`, kind: 'not-started', complaint: '' }),
  );
  if (child.stdout) readOutput(child.stdout as Socket, options.onOutput);
  child.stderr?.on('data', (chunk: Buffer) => {
    said = Buffer.concat([said, chunk]).subarray(-maxComplaintBytes);
  });
  // What it may have started is in its group, and would hold the pipe open.
  child.once('exit', () => killGroup(child));
  child.once('close', (code, ownSignal) => {
    const signal = ownSignal ?? signalBehind(code);
    ended.resolve({
      how: signal === null ? `ended with code ${code}` : `was killed by ${signal}`,
      kind: kindOf(code, signal),
      complaint: complaintOf(said, options.url),
    });
  });
  return {
    pid: child.pid ?? 0,
    ended: ended.promise,
    async end(graceMs) {
      if (await isOverWithin(ended.promise, graceMs)) return;
      killGroup(child, 'SIGTERM');
      if (await isOverWithin(ended.promise, graceMs)) return;
      killGroup(child);
      await ended.promise;
    },
  };
}

function ffmpegArguments({
  url,
  video,
  audio,
  keepsFirst = false,
}: Parameters<typeof startRecordProcess>[0]): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-v', 'error', '-threads', '1'],
    // Deadlines are ours; this one is only for an ffmpeg that nobody watches any more.
    ...['-protocol_whitelist', 'rtsp,tcp,rtp,udp', '-rtsp_transport', 'tcp', '-timeout', '60000000'],
    // What came while it found out what comes is not written late: the arrival of the first fragment says when it was.
    ...(keepsFirst ? [] : ['-fflags', '+nobuffer']),
    ...['-analyzeduration', '2000000', '-probesize', '1000000', '-fpsprobesize', '0'],
    ...['-i', url, '-map', '0:v:0', '-c:v', 'copy', ...(video === 'hevc' ? ['-tag:v', 'hvc1'] : [])],
    ...(audio === null ? [] : ['-map', '0:a:0', '-c:a', ...soundArguments[audio]]),
    // Sound that stops does not hold video back.
    ...['-max_interleave_delta', '1000000'],
    ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof', '-frag_duration', '1000000'],
    // A fragment is written as a whole, and not 32 KiB at a time, each of which would wake us up.
    ...['-flush_packets', '1', '-avioflags', 'direct', '-f', 'mp4', 'pipe:1'],
  ];
}

/** bubblewrap ends with 128 and the signal that ended ffmpeg. ffmpeg itself uses none of these codes. */
function signalBehind(code: number | null): string | null {
  const number = (code ?? 0) - 128;
  return fatalSignals.find(name => constants.signals[name] === number) ?? null;
}

const fatalSignals = ['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE'] as const;
/** What a program does to itself. */
const crashSignals: ReadonlySet<string> = new Set(fatalSignals.slice(2));

/** 126 and 127: there was a program, and it cannot be run. 255: ffmpeg was asked to end, and did. */
function kindOf(code: number | null, signal: string | null): RecordProcessEnd['kind'] {
  if (signal !== null) return crashSignals.has(signal) ? 'crashed' : 'killed';
  if (code === 255) return 'killed';
  if (code === 126 || code === 127) return 'not-started';
  return code === 0 ? 'closed' : 'failed';
}

/** Without what differs each time, so that the same complaint is told once. */
function complaintOf(said: Buffer, url: string): string {
  return plainText(said)
    .replaceAll(url, 'the stream')
    .replaceAll(/ @ 0x[0-9a-f]+/g, '')
    .slice(-300);
}

const soundArguments = { copy: ['copy'], transcode: ['aac', '-b:a', '48k'] } as const;

/** Into the same memory each time, for all of them: a new buffer for each read is what V8 collects for. */
function readOutput(output: Socket, onOutput: (chunk: Buffer) => void): void {
  outputBuffer ??= Buffer.allocUnsafeSlow(readBytes);
  const buffer = outputBuffer;
  if (readInto(output, { buffer: () => buffer, onBytes: onOutput })) output.resume();
  else output.on('data', onOutput);
}

let outputBuffer: Buffer | undefined;

async function isOverWithin(ended: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), ms);
  const isOver = await Promise.race([ended.then(() => true), late.promise]);
  clearTimeout(timer);
  return isOver;
}
