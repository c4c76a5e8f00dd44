// One connection to a camera, from its address to fragments of MP4: camera-stream.ts speaks to the camera, ffmpeg-door.ts to
// an ffmpeg that knows nothing of it, and what that writes is taken apart here. Whatever ends it, nothing of it is left.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { createFragmentReader, type FootageInit, type Fragment } from '../domain/footage/fragment-reader.ts';
import { createPacketWatch, type PacketWatch } from '../domain/rtsp/packet-watch.ts';
import type { RtspAddress } from '../domain/rtsp/rtsp-address.ts';
import type { OfferedTrack } from '../domain/rtsp/session-description.ts';
import { type RecordProcess, startRecordProcess } from '../media/record-process.ts';
import type { Credentials } from './answer-challenge.ts';
import { type CameraStream, openCameraStream } from './camera-stream.ts';
import { type FfmpegDoor, openFfmpegDoor } from './ffmpeg-door.ts';
import { StreamError } from './stream-error.ts';

export type PullParts = Readonly<{
  clock: Clock;
  /** Directories with ffmpeg, setpriv and prlimit, as in PATH; the system's when it is left out. */
  searchPath?: string;
  limits?: PullLimits;
}>;

export type PullLimits = Readonly<{
  /** From the start of the stream to its first fragment: key frames can be far apart. */
  firstFragmentMs: number;
  /** Between two fragments. */
  fragmentMs: number;
  /** What ffmpeg has to write its last fragment, and then again to obey SIGTERM. */
  exitMs: number;
}>;

export type PullOptions = Readonly<{
  address: RtspAddress;
  credentials: Credentials | null;
  /** See StreamOptions. */
  fingerprint: string | null;
  wantsAudio: boolean;
  maxBitsPerSecond: number;
  /** Once, before the first fragment: a stream whose description changes is over. */
  onInit(init: FootageInit): void;
  onFragment(fragment: Fragment, arrival: Readonly<{ arrivedAt: number; monotonicMs: number }>): void;
  /** The camera has sound that is not recorded: at most once, when there is video without it. */
  onAudioLost?(reason: string): void;
  log: Log;
}>;

export type Pull = AsyncDisposable &
  Readonly<{
    /** Never rejects. When it resolves, ffmpeg has ended, no connection is open, and no callback follows. */
    ended: Promise<StreamError>;
  }>;

const standardLimits: PullLimits = { firstFragmentMs: 30_000, fragmentMs: 10_000, exitMs: 2000 };
/** From its start to its request for the stream: it has nothing to wait for. */
const askTimeoutMs = 15_000;

/** Connects at once. Disposing it ends it with `stopped`. */
export function startPull(parts: PullParts, options: PullOptions): Pull {
  const stopping = new AbortController();
  const ended = pullWithOrWithoutAudio(parts, options, stopping.signal);
  return {
    ended,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

type Over = Readonly<{
  error: StreamError;
  /** Why it may be the sound that ended it before there was anything; null when that is not so. */
  audioFault: string | null;
}>;

async function pullWithOrWithoutAudio(
  parts: PullParts,
  options: PullOptions,
  signal: AbortSignal,
): Promise<StreamError> {
  const first = await pullOnce(parts, { ...options, audioFault: null }, signal);
  if (first.audioFault === null || signal.aborted) return first.error;
  options.log.debug({ reason: first.audioFault }, 'trying without sound');
  const second = { ...options, wantsAudio: false, audioFault: first.audioFault };
  return (await pullOnce(parts, second, signal)).error;
}

async function pullOnce(
  parts: PullParts,
  options: PullOptions & { audioFault: string | null },
  signal: AbortSignal,
): Promise<Over> {
  const { firstFragmentMs, fragmentMs, exitMs } = parts.limits ?? standardLimits;
  const end = Promise.withResolvers<StreamError>();
  const deadline = startDeadline();
  const onAbort = () => end.resolve(new StreamError('stopped', 'the recording was stopped'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const made: { stream?: CameraStream; door?: FfmpegDoor; process?: RecordProcess } = {};
  let watch: PacketWatch | undefined;
  let fragments = 0;
  let audioPackets = 0;
  let audioFault: string | null = null;

  const output = readOutput(parts, {
    onInit: options.onInit,
    onFragment(fragment, arrival) {
      fragments++;
      const lost = options.audioFault ?? unknownAudioOf(made.stream);
      if (fragments === 1 && lost !== null) options.onAudioLost?.(lost);
      deadline.set(fragmentMs, () =>
        end.resolve(new StreamError('stalled', `no video came for ${fragmentMs} ms`)),
      );
      options.onFragment(fragment, arrival);
    },
    onEnd: end.resolve,
  });
  try {
    const stream = await openCameraStream({
      ...options,
      signal,
      onPacket(packet) {
        if (packet.track > 0) audioPackets++;
        const problem = packet.track === 0 && !packet.isControl ? watch?.see(packet.bytes, parts) : undefined;
        if (problem !== undefined) return end.resolve(new StreamError('changed', changes[problem]));
        if (made.door?.send(packet) === false) stream.pause();
      },
    });
    made.stream = stream;
    const [video, audio] = stream.tracks as readonly [OfferedTrack, OfferedTrack?];
    watch = createPacketWatch(video);
    void stream.ended.then(end.resolve);
    const door = await openFfmpegDoor({ tracks: stream.tracks, onDrain: () => stream.resume() });
    made.door = door;
    const process = await startRecordProcess({
      url: door.url,
      video: video.format === 'hevc' ? 'hevc' : 'h264',
      audio: audio === undefined ? null : audio.format === 'aac' ? 'copy' : 'transcode',
      onOutput: output,
      ...(parts.searchPath !== undefined && { searchPath: parts.searchPath }),
    });
    made.process = process;
    void process.ended.then(({ how, isOwnFault, complaint }) => {
      if (fragments === 0 && isOwnFault && audio) audioFault = `ffmpeg cannot take it: ${complaint || how}`;
      end.resolve(new StreamError('disconnected', `ffmpeg ${how}${complaint && `: ${complaint}`}`));
    });
    deadline.set(askTimeoutMs, () => end.resolve(new StreamError('stalled', 'ffmpeg does not begin')));
    const asked = await Promise.race([door.asked.then(() => true), end.promise.then(() => false)]);
    if (asked) {
      deadline.set(firstFragmentMs, () => {
        if (audio && audioPackets === 0) audioFault = 'the camera offers sound and sends none';
        end.resolve(new StreamError('stalled', `no video came within ${firstFragmentMs} ms`));
      });
      door.play();
      await Promise.race([stream.play(), end.promise]);
    }
    await end.promise;
  } catch (error) {
    end.resolve(
      error instanceof StreamError
        ? error
        : new StreamError('disconnected', messageOf(error), { cause: error }),
    );
  } finally {
    deadline.clear();
    signal.removeEventListener('abort', onAbort);
    await made.stream?.[Symbol.asyncDispose]();
    // ffmpeg sees the end of its input, and writes what it has.
    await made.door?.[Symbol.asyncDispose]();
    await made.process?.end(exitMs);
    deadline.clear();
  }
  return { error: await end.promise, audioFault };
}

const changes = {
  jumped: 'the times that the camera gives its pictures jumped',
  parameters: 'the camera changed the form of its video',
} as const;

function unknownAudioOf(stream: CameraStream | undefined): string | null {
  const name = stream?.unknownAudio ?? null;
  return name === null ? null : `the camera calls its format ${name}, which is not known here`;
}

/** Takes what ffmpeg writes; what is no MP4 ends it. */
function readOutput(
  { clock }: PullParts,
  to: Pick<PullOptions, 'onInit' | 'onFragment'> & { onEnd(why: StreamError): void },
): (chunk: Buffer) => void {
  const reader = createFragmentReader();
  let hasInit = false;
  let isBroken = false;
  return chunk => {
    if (isBroken) return;
    try {
      for (const part of reader.push(chunk)) {
        if ('fragment' in part) {
          to.onFragment(part.fragment, { arrivedAt: clock.now(), monotonicMs: clock.monotonicMs() });
          continue;
        }
        if (hasInit) throw new StreamError('changed', changes.parameters);
        hasInit = true;
        to.onInit(part.init);
      }
    } catch (error) {
      isBroken = true;
      to.onEnd(
        error instanceof StreamError
          ? error
          : new StreamError('malformed', messageOf(error), { cause: error }),
      );
    }
  };
}

/** One timer, set anew again and again. */
function startDeadline() {
  let timer: NodeJS.Timeout | undefined;
  return {
    set(ms: number, onReached: () => void) {
      clearTimeout(timer);
      timer = setTimeout(onReached, ms);
    },
    clear: () => clearTimeout(timer),
  };
}
