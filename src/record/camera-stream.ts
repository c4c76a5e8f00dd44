// The side of the relay that speaks to a camera: one TCP connection to the configured address, and to no other. It asks for
// the stream, answers a log-in with Digest, refuses to be redirected, and passes packets of media on as they are.

import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type RtspAddress, requestUri } from '../domain/rtsp/rtsp-address.ts';
import type { RtspMessage } from '../domain/rtsp/rtsp-reader.ts';
import { type OfferedTrack, parseSessionDescription } from '../domain/rtsp/session-description.ts';
import type { Credentials } from './answer-challenge.ts';
import { startReadPace } from './read-pace.ts';
import { openRtspRequests, type RtspRequests } from './rtsp-requests.ts';
import { StreamError } from './stream-error.ts';

export type StreamOptions = Readonly<{
  address: RtspAddress;
  credentials: Credentials | null;
  /** SHA-256 of the certificate that rtsps must show, lower-case hexadecimal; null: the system's authorities decide. */
  fingerprint: string | null;
  wantsAudio: boolean;
  /** See rtsp-requests.ts. */
  maxBitsPerSecond: number;
  /** Ends it at any time, also while it connects. */
  signal?: AbortSignal;
  /** `track` counts from 0 in the order of `tracks`; `isControl`: RTCP. The bytes are the receiver's to change, and gone when it returns. */
  onPacket(packet: Readonly<{ track: number; isControl: boolean; bytes: Buffer }>): void;
}>;

export type CameraStream = AsyncDisposable &
  Readonly<{
    /** Video first, then audio if there is any that we can take and it was wanted. */
    tracks: readonly OfferedTrack[];
    /** Audio that the camera offers and that cannot be taken, as it calls it; null when there is none. */
    unknownAudio: string | null;
    /** Packets come from now on. */
    play(): Promise<void>;
    /** Holds the camera back while the reader of its packets is behind. */
    pause(): void;
    resume(): void;
    ended: Promise<StreamError>;
  }>;

const connectTimeoutMs = 5000;
const readBytes = 64 * 1024;
const maxChannel = 255;
/** RFC 2326, 12.37: when the camera does not say. */
const standardSessionTimeoutS = 60;

/** Connects, logs in and sets the tracks up. Throws StreamError. */
export async function openCameraStream(options: StreamOptions): Promise<CameraStream> {
  const { address } = options;
  const { socket, onBytes } = await openSocket(options);
  const channels = new Map<number, { track: number; isControl: boolean }>();
  const requests = openRtspRequests({
    socket,
    onBytes: receive =>
      onBytes(bytes => {
        receive(bytes);
        pace.hasRead(bytes.length);
      }),
    address,
    credentials: options.credentials,
    maxBitsPerSecond: options.maxBitsPerSecond,
    onPacket: (channel, bytes) => {
      const place = channels.get(channel);
      if (place) options.onPacket({ ...place, bytes });
    },
  });
  const pace = startReadPace(socket, requests.ended);
  const onAbort = () => requests.close(new StreamError('stopped', 'the recording was stopped'));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  void requests.ended.then(() => options.signal?.removeEventListener('abort', onAbort));
  try {
    const uri = requestUri(address);
    const described = await requests.send({
      method: 'DESCRIBE',
      uri,
      headers: { Accept: 'application/sdp' },
    });
    const { tracks, unknownAudio, base } = chooseTracks(described, address, options.wantsAudio);
    const session = await setUp(requests, tracks, { base, uri, channels });
    return {
      tracks,
      unknownAudio,
      async play() {
        await requests.send({
          method: 'PLAY',
          uri: base,
          headers: { Session: session.id, Range: 'npt=0.000-' },
        });
        keepAlive(requests, { uri: base, session });
        pace.begin();
      },
      pause: () => pace.hold(true),
      resume: () => pace.hold(false),
      ended: requests.ended,
      async [Symbol.asyncDispose]() {
        // Not waited for: cameras forget a session whose connection is gone.
        if (socket.writable)
          socket.write(`TEARDOWN ${base} RTSP/1.0\r\nCSeq: 999999\r\nSession: ${session.id}\r\n\r\n`);
        requests.close(new StreamError('stopped', 'the recording was stopped'));
      },
    };
  } catch (error) {
    requests.close(
      error instanceof StreamError ? error : new StreamError('malformed', 'the stream cannot be set up'),
    );
    throw error;
  }
}

type OpenSocket = Readonly<{ socket: Socket; onBytes(receive: (bytes: Buffer) => void): void }>;

async function openSocket({ address, fingerprint, signal }: StreamOptions): Promise<OpenSocket> {
  let receive = (_bytes: Buffer) => {};
  const plain = connect({
    ...{ host: address.host, port: address.port, noDelay: true },
    // Always read into the same memory: see gatherWrites of ffmpeg-door.ts. TLS has its own.
    ...(!address.isTls && {
      onread: {
        buffer: Buffer.allocUnsafeSlow(readBytes),
        callback(length, buffer) {
          receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    }),
  });
  const deadline = setTimeout(
    () => plain.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
    connectTimeoutMs,
  );
  const onAbort = () => void plain.destroy(new StreamError('stopped', 'the recording was stopped'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  let secure: TLSSocket | undefined;
  try {
    await once(plain, 'connect');
    if (!address.isTls)
      return {
        socket: plain,
        onBytes(wanted) {
          receive = wanted;
        },
      };
    // What breaks underneath is told by the TLS socket.
    plain.on('error', () => {});
    secure = connectTls({
      socket: plain,
      // For the comparison with the certificate; without it, one for `localhost` would do for every address.
      host: address.host,
      ...(/[a-z]/i.test(address.host) && !address.host.includes(':') && { servername: address.host }),
      // With a fingerprint, that alone decides, and it is looked at before anything is sent.
      rejectUnauthorized: fingerprint === null,
      minVersion: 'TLSv1.2',
    });
    await once(secure, 'secureConnect');
    secure.on('error', () => {});
    requireFingerprint(secure, fingerprint);
    const socket = secure;
    return { socket, onBytes: wanted => void socket.on('data', wanted) };
  } catch (cause) {
    plain.destroy();
    if (cause instanceof StreamError) throw cause;
    throw secure?.authorizationError
      ? new StreamError(
          'certificate',
          'the certificate of the camera is not trusted: set its fingerprint with camera set --rtsp-fingerprint',
          { cause },
        )
      : new StreamError('unreachable', `${address.host} cannot be reached on port ${address.port}`, {
          cause,
        });
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
  }
}

function once(socket: Socket | TLSSocket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => {
      socket.removeListener('error', reject);
      socket.removeListener('close', closed);
      resolve();
    });
    const closed = () => reject(new Error('the connection was closed'));
    socket.once('error', reject);
    socket.once('close', closed);
  });
}

function requireFingerprint(socket: TLSSocket, fingerprint: string | null): void {
  if (fingerprint === null) return;
  const shown = createHash('sha256')
    .update(socket.getPeerCertificate().raw ?? '')
    .digest('hex');
  if (shown === fingerprint) return;
  throw new StreamError(
    'certificate',
    `the camera shows a certificate with another fingerprint (${shown}) than was set: somebody is in between, or it has a new one`,
  );
}

function chooseTracks(described: RtspMessage, address: RtspAddress, wantsAudio: boolean) {
  const description = parseSessionDescription(described.body.toString('utf8'));
  if (!description) throw new StreamError('malformed', 'the camera describes no stream');
  const video = description.tracks.find(
    ({ kind, format }) => kind === 'video' && (format === 'h264' || format === 'hevc'),
  );
  if (!video) throw new StreamError('malformed', 'the camera offers no H.264 or H.265 video');
  const sounds = wantsAudio ? description.tracks.filter(({ kind }) => kind === 'audio') : [];
  const audio = sounds.find(({ format }) => format !== null);
  const said = described.headers.get('content-base')?.[0] ?? described.headers.get('content-location')?.[0];
  return {
    tracks: audio ? [video, audio] : [video],
    unknownAudio: audio || !sounds[0] ? null : sounds[0].encoding,
    base: onOurHost(
      description.control === '*' || description.control === null ? said : description.control,
      address,
    ),
  };
}

/**
 * The address that a camera names, on the host that we are connected to: cameras behind NAT name inner ones, and a hostile one
 * names what it likes. Only its path is taken.
 */
function onOurHost(said: string | undefined, address: RtspAddress): string {
  const path = /^rtsps?:\/\/[^/]*(\/[\x21\x23-\x7e]*)$/i.exec(said ?? '')?.[1];
  return requestUri(path === undefined ? address : { ...address, path });
}

async function setUp(
  requests: RtspRequests,
  tracks: readonly OfferedTrack[],
  to: { base: string; uri: string; channels: Map<number, { track: number; isControl: boolean }> },
): Promise<{ id: string; timeoutS: number }> {
  let session: { id: string; timeoutS: number } | undefined;
  for (const [track, { control }] of tracks.entries()) {
    const answer = await requests.send({
      method: 'SETUP',
      uri: controlUri(control, to.base),
      headers: {
        Transport: `RTP/AVP/TCP;unicast;interleaved=${track * 2}-${track * 2 + 1}`,
        ...(session && { Session: session.id }),
      },
    });
    const transport = answer.headers.get('transport')?.[0] ?? '';
    const match = /interleaved=(\d{1,3})(?:-(\d{1,3}))?/.exec(transport);
    if (!match) throw new StreamError('malformed', 'the camera will not send over its RTSP connection');
    const media = Number(match[1]);
    const control2 = Number(match[2] ?? media + 1);
    if (media > maxChannel || control2 > maxChannel || to.channels.has(media) || media === control2)
      throw new StreamError('malformed', 'the camera names channels that there are not');
    to.channels.set(media, { track, isControl: false });
    to.channels.set(control2, { track, isControl: true });
    session ??= sessionOf(answer);
  }
  return session as { id: string; timeoutS: number };
}

function controlUri(control: string | null, base: string): string {
  if (control === null || control === '*') return base;
  const absolute = /^rtsps?:\/\/[^/]*(\/.*)$/i.exec(control);
  const path = absolute?.[1]?.replaceAll('"', '');
  if (path !== undefined) return base.replace(/^(rtsps?:\/\/[^/]*).*$/i, (_, host) => `${host}${path}`);
  return `${base.replace(/\/$/, '')}/${control.replace(/^\//, '').replaceAll('"', '')}`;
}

function sessionOf(answer: RtspMessage): { id: string; timeoutS: number } {
  const match = /^([\x21-\x3a\x3c-\x7e]{1,256})(?:\s*;\s*timeout\s*=\s*(\d{1,5}))?/i.exec(
    answer.headers.get('session')?.[0] ?? '',
  );
  if (!match) throw new StreamError('malformed', 'the camera opens no session');
  return { id: match[1] as string, timeoutS: Math.max(Number(match[2] ?? standardSessionTimeoutS), 10) };
}

/** Cameras end a session of which they hear nothing, whatever flows over its connection. */
function keepAlive(
  requests: RtspRequests,
  { uri, session }: { uri: string; session: { id: string; timeoutS: number } },
): void {
  const timer = setInterval(
    () => {
      // One that does not know GET_PARAMETER says so, or nothing; whether video comes is watched elsewhere.
      requests
        .send({ method: 'GET_PARAMETER', uri, headers: { Session: session.id }, needsNoAnswer: true })
        .catch(error => {
          if (error instanceof StreamError && error.end === 'redirect') requests.close(error);
        });
    },
    (session.timeoutS * 1000) / 2,
  );
  void requests.ended.then(() => clearInterval(timer));
}
