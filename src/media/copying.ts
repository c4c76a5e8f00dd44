// The confined ffmpeg where it copies streams and decodes nothing: into one MP4 that plays everywhere, or out of a clip.
// It reads and writes nothing but pipes and one file that is open already.

import type { ChildProcess } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { errnoOf, FailedError, TransientError } from '../base/errors.ts';
import { type Confinement, inputPath, killGroup, plainText } from './confine.ts';
import { confiningOptions } from './decoding.ts';
import type { Container } from './sniff.ts';

/** Without a byte that it takes, or gives, for so long, it is stuck, or its disk is. */
const stallMs = 60_000;
/** For its second look at what it wrote, as if the disk were a slow stick. */
const slowDiskBytesPerSecond = 2 * 1024 * 1024;
const maxComplaintBytes = 2048;
/** What the tables of an MP4 take beside its media: a sample costs some twenty bytes. */
const tableBytes = (mediaBytes: number) => 64 * 1024 * 1024 + mediaBytes;

export type Joining = Readonly<{
  /** A description and its fragments, as one stream of fragmented MP4 (domain/footage/join-fragments.ts). */
  stream: AsyncIterable<Uint8Array>;
  /** Open for reading and writing, and empty. */
  output: FileHandle;
  video: 'h264' | 'hevc' | 'other';
  /** At the most; what is written is not much longer. */
  streamBytes: number;
  /** Epoch milliseconds, for the file's creation time: when it was filmed. */
  filmedAt: number;
  signal?: AbortSignal | undefined;
}>;

/**
 * Writes an MP4 that begins with its tables, which is what every player and browser takes. Throws FailedError when ffmpeg
 * does not do it (a full disk: its errno ENOSPC as code), and what the stream throws, also its signal's reason.
 */
export async function joinIntoMp4(confinement: Confinement, joining: Joining): Promise<void> {
  const { stream, output, streamBytes, signal } = joining;
  signal?.throwIfAborted();
  const child = confinement.start({
    ...{ tool: 'ffmpeg', fd: output.fd, input: 'pipe', output: 'ignore' },
    args: joinArguments(joining),
    maxFileBytes: streamBytes + tableBytes(streamBytes),
  });
  const watched = watchCopying(child, signal);
  let written = 0;
  try {
    for await (const bytes of stream) {
      if (watched.hasEnded()) break;
      written += bytes.length;
      await watched.within(stallMs, write(child, bytes));
    }
    child.stdin?.end();
    await watched.within(stallMs + (written / slowDiskBytesPerSecond) * 1000, watched.ended);
  } finally {
    await watched.stop();
  }
  signal?.throwIfAborted();
  const problem = watched.problem();
  if (problem === null) return;
  const error = new FailedError(`ffmpeg could not write it: ${problem}.`);
  throw /no space left/i.test(problem) ? Object.assign(error, { code: 'ENOSPC' }) : error;
}

function joinArguments({ video, filmedAt }: Joining): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-v', 'error', '-threads', '1'],
    ...['-protocol_whitelist', 'file,pipe', '-f', 'mov', '-format_whitelist', 'mov'],
    ...['-i', 'pipe:0', '-map', '0:v:0', '-map', '0:a:0?', '-c', 'copy', '-map_metadata', '-1'],
    // What Apple's players call H.265.
    ...(video === 'hevc' ? ['-tag:v', 'hvc1'] : []),
    ...['-metadata', `creation_time=${new Date(filmedAt).toISOString()}`],
    ...['-movflags', '+faststart', '-y', '-f', 'mp4', inputPath],
  ];
}

/**
 * What is in a clip, as fragmented MP4, as it is: to be joined with others. Ends early, and `problem` says why, where the clip
 * cannot be read any further. Throws TransientError when ffmpeg cannot be started, and the signal's reason.
 */
export async function* copyOfClip(
  confinement: Confinement,
  file: FileHandle,
  container: Container,
  outcome: { problem: string | null },
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  signal?.throwIfAborted();
  const child = confinement.start({
    ...{ tool: 'ffmpeg', fd: file.fd, input: 'ignore', output: 'pipe', maxFileBytes: 0 },
    args: [
      ...['-nostdin', '-hide_banner', '-v', 'error', '-threads', '1', ...confiningOptions(container)],
      ...['-i', inputPath, '-map', '0:v:0', '-map', '0:a:0?', '-c', 'copy', '-map_metadata', '-1'],
      ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof', '-frag_duration', '1000000'],
      ...['-f', 'mp4', 'pipe:1'],
    ],
  });
  const watched = watchCopying(child, signal);
  try {
    const chunks = (child.stdout as NonNullable<typeof child.stdout>)[Symbol.asyncIterator]();
    for (;;) {
      const next = await watched.within(stallMs, chunks.next());
      if (next === 'late' || next.done) break;
      yield next.value as Buffer;
    }
    await watched.within(stallMs, watched.ended);
  } finally {
    await watched.stop();
    outcome.problem = watched.problem();
  }
  signal?.throwIfAborted();
}

/** Resolves when it wants more, or will never take anything again. */
function write({ stdin }: ChildProcess, bytes: Uint8Array): Promise<void> {
  if (stdin === null || stdin.destroyed || stdin.write(bytes)) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const settle = () => {
    stdin.off('drain', settle);
    stdin.off('close', settle);
    resolve();
  };
  stdin.on('drain', settle);
  stdin.on('close', settle);
  return promise;
}

function watchCopying(child: ChildProcess, signal: AbortSignal | undefined) {
  const ended = Promise.withResolvers<void>();
  let said = Buffer.alloc(0);
  let hasEnded = false;
  let problem: string | null = null;
  ended.promise.catch(() => {});
  // It ends before it has read everything when it cannot go on; then its exit says why.
  child.stdin?.on('error', () => {});
  child.stdout?.on('error', () => {});
  child.stderr?.on('data', (chunk: Buffer) => {
    if (said.length < maxComplaintBytes) said = Buffer.concat([said, chunk]).subarray(0, maxComplaintBytes);
  });
  const onAbort = () => killGroup(child);
  signal?.addEventListener('abort', onAbort, { once: true });
  child.once('error', cause => {
    hasEnded = true;
    ended.reject(new TransientError(`ffmpeg cannot be started (${errnoOf(cause)}).`, { cause }));
  });
  child.once('exit', () => killGroup(child));
  child.once('close', (code, killedBy) => {
    hasEnded = true;
    const complaint = plainText(said)
      .replaceAll(/\[[^\]]*\]|\/proc\/self\/fd\/\d+:?/g, '')
      .trim();
    if (code !== 0) problem ??= complaint.slice(0, 200) || `it ended with ${killedBy ?? `code ${code}`}`;
    ended.resolve();
  });
  return {
    ended: ended.promise,
    hasEnded: () => hasEnded,
    problem: () => problem,
    async within<T>(ms: number, work: Promise<T>): Promise<T | 'late'> {
      const late = Promise.withResolvers<'late'>();
      const timer = setTimeout(() => {
        problem ??= `nothing moved for ${Math.round(ms / 1000)} s`;
        killGroup(child);
        late.resolve('late');
      }, ms);
      try {
        return await Promise.race([work, late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
    async stop() {
      signal?.removeEventListener('abort', onAbort);
      if (!hasEnded) killGroup(child);
      // What nobody reads any more would keep it from closing.
      child.stdout?.destroy();
      await ended.promise;
    },
  };
}
