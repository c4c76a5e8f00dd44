// One connection to a camera, from its address to fragments of MP4: camera-stream.ts speaks to the camera, ffmpeg-door.ts to
// an ffmpeg that knows nothing of it, and what that writes is taken apart here. Whatever ends it, nothing of it is left.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FootageInit, Fragment } from '../domain/footage/fragment-reader.ts';
import { createPictureHolder } from '../domain/rtsp/hold-pictures.ts';
import { createUnitJoiner, type UnitJoiner } from '../domain/rtsp/join-units.ts';
import { createPacketWatch, type PacketWatch } from '../domain/rtsp/packet-watch.ts';
import type { RtspAddress } from '../domain/rtsp/rtsp-address.ts';
import type { OfferedTrack } from '../domain/rtsp/session-description.ts';
import { type RecordProcess, startRecordProcess } from '../media/record-process.ts';
import type { Credentials } from './answer-challenge.ts';
import { type CameraStream, openCameraStream } from './camera-stream.ts';
import { type FfmpegDoor, openFfmpegDoor } from './ffmpeg-door.ts';
import { readOutput } from './read-output.ts';
import { createSoundMemory, type SoundMemory } from './sound-memory.ts';
import { StreamError } from './stream-error.ts';

export type PullParts = Readonly<{
  clock: Clock;
  /** Directories with ffmpeg, setpriv and prlimit, as in PATH; the system's when it is left out. */
  searchPath?: string;
  limits?: PullLimits;
}>;

export type PullLimits = Readonly<{
  /** From the start of the stream to its first fragment with video, while packets come: key frames can be far apart. */
  firstFragmentMs: number;
  /** Between two fragments with video; before the first of them, between two packets of video. */
  fragmentMs: number;
  /** When there is video and no fragment yet: so long may sound that was offered take to begin. */
  soundMs: number;
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
  onFragment(fragment: Fragment): void;
  /** The camera has sound that is not recorded: when there is video without it, and once as long as `sound` is the same. */
  onAudioLost?(reason: string): void;
  /** What earlier pulls of this camera found out. */
  sound?: SoundMemory;
  start?: StartMemory;
  log: Log;
}>;

/** How the pulls before began. */
export type StartMemory = {
  /** The last one ended because the camera said that it plays, and sent nothing at all. */
  wasSilent: boolean;
  /**
   * Pictures came for `firstFragmentMs`, and no second key frame, which is where recordings begin: from then on ffmpeg is to
   * keep the first one, though what it holds back while it looks at it makes the beginning of the time line up to 2 s late. Ends
   * when two come within that time.
   */
  wasKeyless: boolean;
};

export type Pull = AsyncDisposable &
  Readonly<{
    /** Never rejects. When it resolves, ffmpeg has ended, no connection is open, and no callback follows. */
    ended: Promise<StreamError>;
  }>;

const standardLimits: PullLimits = {
  firstFragmentMs: 30_000,
  fragmentMs: 10_000,
  soundMs: 5000,
  exitMs: 2000,
};
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
  /** Why it may be the sound that ended it; null when that is not so. */
  audioFault: string | null;
  hadSound: boolean;
}>;

async function pullWithOrWithoutAudio(
  parts: PullParts,
  options: PullOptions,
  signal: AbortSignal,
): Promise<StreamError> {
  const sound = options.sound ?? createSoundMemory(parts.clock);
  const known = options.wantsAudio ? sound.fault() : null;
  const wantsAudio = options.wantsAudio && known === null;
  const first = await pullOnce(parts, { ...options, sound, wantsAudio, audioFault: known }, signal);
  if (first.audioFault === null || !sound.foundFault(first.audioFault, first)) return first.error;
  if (signal.aborted) return first.error;
  options.log.debug({ reason: first.audioFault }, 'trying without sound');
  const second = { ...options, sound, wantsAudio: false, audioFault: first.audioFault };
  return (await pullOnce(parts, second, signal)).error;
}

async function pullOnce(
  parts: PullParts,
  options: PullOptions & { audioFault: string | null; sound: SoundMemory },
  signal: AbortSignal,
): Promise<Over> {
  const { firstFragmentMs, fragmentMs, soundMs, exitMs } = parts.limits ?? standardLimits;
  const { sound, start = { wasSilent: false, wasKeyless: false } } = options;
  const { wasSilent } = start;
  start.wasSilent = false;
  const end = Promise.withResolvers<StreamError>();
  const deadline = startDeadline();
  const soundDeadline = startDeadline();
  const silenceDeadline = startDeadline();
  const onAbort = () => end.resolve(new StreamError('stopped', 'the recording was stopped'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const made: { stream?: CameraStream; door?: FfmpegDoor; process?: RecordProcess } = {};
  let watch: PacketWatch | undefined;
  let joiner: UnitJoiner | undefined;
  let fragments = 0;
  let videoTrackId: number | undefined;
  let hasVideo = false;
  let askedMs = 0;
  const packets = { video: 0, audio: 0 };
  let hasChanged = false;
  let isEnding = false;
  let audioFault: string | null = null;

  const output = readOutput(parts, {
    onInit(init) {
      videoTrackId = init.tracks.find(({ kind }) => kind === 'video')?.id;
      options.onInit(init);
    },
    onFragment(fragment) {
      fragments++;
      const lost = options.audioFault ?? unknownAudioOf(made.stream);
      if (fragments === 1 && lost === null && options.wantsAudio) sound.works();
      if (fragments === 1 && lost !== null && sound.isNews(lost)) options.onAudioLost?.(lost);
      if (fragments > 1 && fragment.startsWithKeyFrame && performance.now() - askedMs < firstFragmentMs)
        start.wasKeyless = false;
      // Sound alone goes on where an encoder of pictures has died.
      if (fragment.tracks.some(({ trackId }) => trackId === videoTrackId)) {
        hasVideo = true;
        silenceDeadline.clear();
        deadline.set(fragmentMs, isSilent);
      }
      options.onFragment(fragment);
    },
    onEnd(why, isSound) {
      if (isSound) audioFault = why.message;
      end.resolve(why);
    },
  });
  const isSilent = () => end.resolve(new StreamError('stalled', `no video came for ${fragmentMs} ms`));
  /**
   * A camera that says that it plays and sends nothing, or no more, is not waited for as long as one without a key frame. But
   * every other time: some have to wake up first, or begin with their next key frame, and would never be recorded.
   */
  const endInSilence = (before: number) =>
    silenceDeadline.set(fragmentMs, () => {
      if (packets.video !== before || (wasSilent && packets.video === 0)) return endInSilence(packets.video);
      start.wasSilent = packets.video === 0;
      isSilent();
    });
  const send = (packet: Parameters<FfmpegDoor['send']>[0]) => {
    if (made.door?.send(packet) === false) made.stream?.pause();
  };
  try {
    const stream = await openCameraStream({
      ...options,
      signal,
      onPacket(packet) {
        if (hasChanged) return;
        if (!packet.isControl) packets[packet.track === 0 ? 'video' : 'audio']++;
        const problem = packet.track === 0 && !packet.isControl ? watch?.see(packet.bytes, parts) : undefined;
        if (problem !== undefined) {
          // What follows belongs to another run.
          hasChanged = true;
          return end.resolve(new StreamError(changes[problem].end, changes[problem].message));
        }
        if (packet.track === 0 && !packet.isControl) joiner?.push(packet.bytes);
        else send(packet);
      },
    });
    made.stream = stream;
    const [video, audio] = stream.tracks as readonly [OfferedTrack, OfferedTrack?];
    watch = createPacketWatch(video);
    const holder = createPictureHolder(video, bytes => send({ track: 0, isControl: false, bytes }));
    joiner = createUnitJoiner(video, holder.push);
    void stream.ended.then(end.resolve);
    const door = await openFfmpegDoor({ tracks: stream.tracks, onDrain: () => stream.resume() });
    made.door = door;
    const process = await startRecordProcess({
      url: door.url,
      video: video.format === 'hevc' ? 'hevc' : 'h264',
      audio: audio === undefined ? null : audio.format === 'aac' ? 'copy' : 'transcode',
      keepsFirst: start.wasKeyless,
      onOutput: output,
      ...(parts.searchPath !== undefined && { searchPath: parts.searchPath }),
    });
    made.process = process;
    void process.ended.then(({ how, kind, complaint }) => {
      // An ffmpeg whose input we end before its first picture fails as well.
      if (fragments === 0 && kind === 'failed' && audio && !isEnding)
        audioFault = `ffmpeg cannot take it: ${complaint || how}`;
      // Sound with long holes aborts the muxer of 5.1 after each first fragment; what remains may be recorded.
      if (kind === 'crashed' && audio && !isEnding) audioFault = `ffmpeg ${how}, perhaps by it`;
      end.resolve(new StreamError(ffmpegEnds[kind], `ffmpeg ${how}${complaint && `: ${complaint}`}`));
    });
    deadline.set(askTimeoutMs, () => end.resolve(new StreamError('ffmpeg', 'ffmpeg does not begin')));
    const asked = await Promise.race([door.asked.then(() => true), end.promise.then(() => false)]);
    if (asked) {
      askedMs = performance.now();
      deadline.set(firstFragmentMs, () => {
        if (audio && packets.audio === 0 && packets.video > 0)
          audioFault = 'the camera offers sound and sends none';
        else if (packets.video > 0) start.wasKeyless = true;
        end.resolve(new StreamError('stalled', `no video came within ${firstFragmentMs} ms`));
      });
      // ffmpeg waits for the first of each track before it writes anything.
      soundDeadline.set(soundMs, () => {
        if (!audio || packets.audio > 0 || packets.video === 0 || fragments > 0) return;
        audioFault = 'the camera offers sound and sends none';
        end.resolve(new StreamError('stalled', `no sound came within ${soundMs} ms`));
      });
      door.play();
      await Promise.race([stream.play(), end.promise]);
      if (!hasVideo) endInSilence(packets.video);
    }
    await end.promise;
  } catch (error) {
    end.resolve(
      error instanceof StreamError
        ? error
        : // What the camera does ends as StreamError; this is a tool that is missing, or a machine without resources.
          new StreamError('ffmpeg', messageOf(error), { cause: error }),
    );
  } finally {
    isEnding = true;
    deadline.clear();
    soundDeadline.clear();
    silenceDeadline.clear();
    signal.removeEventListener('abort', onAbort);
    await made.stream?.[Symbol.asyncDispose]();
    // ffmpeg sees the end of its input, and writes what it has.
    await made.door?.[Symbol.asyncDispose]();
    await made.process?.end(exitMs);
    deadline.clear();
  }
  return { error: await end.promise, audioFault, hadSound: options.wantsAudio && fragments > 0 };
}

const changes = {
  jumped: { end: 'jumped', message: 'the times that the camera gives its pictures jumped' },
  parameters: { end: 'changed', message: 'the camera changed the form of its video' },
} as const;

/** A camera that says goodbye ends it as well, and one that sends nonsense. */
const ffmpegEnds = {
  closed: 'disconnected',
  failed: 'malformed',
  crashed: 'ffmpeg',
  killed: 'ffmpeg',
  'not-started': 'ffmpeg',
} as const;

function unknownAudioOf(stream: CameraStream | undefined): string | null {
  const name = stream?.unknownAudio ?? null;
  return name === null ? null : `the camera calls its format ${name}, which is not known here`;
}

/** A disk that hangs under the catalogue holds this whole thread: what came meanwhile is then still to be read. */
const heldUpMs = 500;
const catchUpMs = 2000;

/** One timer, set anew again and again. */
function startDeadline() {
  let timer: NodeJS.Timeout | undefined;
  const set = (ms: number, onReached: () => void) => {
    clearTimeout(timer);
    const untilMs = performance.now() + ms;
    timer = setTimeout(() => {
      if (performance.now() > untilMs + heldUpMs) set(catchUpMs, onReached);
      else onReached();
    }, ms);
  };
  return { set, clear: () => clearTimeout(timer) };
}
