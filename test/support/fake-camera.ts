// An RTSP camera that does as it is told, also what no camera should: real H.264 in RTP over its RTSP connection.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';

/** Connections are counted from 1. */
export type FakeCameraOptions = {
  /** A free one when it is left out. */
  port?: number;
  /** Loopback when it is left out. */
  host?: string;
  /** Taken anew for every connection. */
  elementaryStream?: Buffer;
  /** Another stream for some connections; undefined: `elementaryStream`. */
  streamOf?(connection: number): Readonly<{ bytes: Buffer; codec: 'h264' | 'hevc' }> | undefined;
  /** Answers a request instead of the camera; undefined: as usual. */
  answer?(request: FakeRequest, connection: number): string | undefined;
  /** Ticks of 90 kHz that are added to the time of picture number `picture`. */
  shift?(picture: number, connection: number): number;
  /** False: picture `picture` is not sent, nor any after it. */
  sends?(picture: number, socket: Socket, connection: number): boolean;
  /** When the sound beside picture `picture` was, in samples of G.711; undefined: there is none. */
  sound?(picture: number): number | undefined;
  /** True: of this picture only the sound is sent. */
  soundOnly?(picture: number): boolean;
  picturesPerSecond?: number;
  /** Of picture `picture` only so many packets are sent, and the connection ends; undefined: all of it. */
  packetsOf?(picture: number, count: number): number | undefined;
  /** True: this picture is left out; time goes on. */
  skips?(picture: number): boolean;
  /** Lines between the session and the video of the description. */
  audio?: readonly string[];
  tls?: { key: string; cert: string };
};

export type FakeRequest = Readonly<{ method: string; head: string; sequence: string }>;

export type FakeCamera = AsyncDisposable &
  Readonly<{ port: number; requests: FakeRequest[]; sockets: Set<Socket> }>;

const standardRate = 15;

/** Annex B of a few seconds, a key frame every second. */
export async function makeElementaryStream(
  size = '160x120',
  codec: 'libx264' | 'libx265' = 'libx264',
  x264 = '',
) {
  const { stdout } = await promisify(execFile)(
    'ffmpeg',
    [
      ...[
        '-v',
        'error',
        '-f',
        'lavfi',
        '-i',
        `testsrc=size=${size}:rate=${standardRate}:duration=3`,
        '-c:v',
        codec,
      ],
      ...[
        '-preset',
        'ultrafast',
        '-tune',
        'zerolatency',
        '-threads',
        '1',
        '-g',
        `${standardRate}`,
        '-bf',
        '0',
      ],
      ...(codec === 'libx264'
        ? ['-x264-params', `sliced-threads=0:scenecut=0${x264}`, '-f', 'h264']
        : ['-f', 'hevc']),
      'pipe:1',
    ],
    { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout;
}

export async function startFakeCamera(options: FakeCameraOptions = {}): Promise<FakeCamera> {
  const requests: FakeRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const onSocket = (socket: Socket) => {
    const connection = ++connections;
    sockets.add(socket);
    socket.on('error', () => {});
    const stop = new AbortController();
    socket.on('close', () => {
      sockets.delete(socket);
      stop.abort();
    });
    let text = '';
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        const method = head.split(' ', 1)[0] ?? '';
        const request = { method, head, sequence: /CSeq: (\d+)/.exec(head)?.[1] ?? '0' };
        requests.push(request);
        socket.write(options.answer?.(request, connection) ?? usualAnswer(request, options, connection));
        if (method === 'PLAY') play(socket, { ...options, connection }, stop.signal);
      }
    });
  };
  const server: Server = options.tls ? createTlsServer(options.tls, onSocket) : createServer(onSocket);
  server.on('tlsClientError', () => {});
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export function answerWith(
  { sequence }: FakeRequest,
  status: string,
  headers: readonly string[] = [],
  body = '',
) {
  const all = [
    `RTSP/1.0 ${status}`,
    `CSeq: ${sequence}`,
    ...headers,
    ...(body && [`Content-Length: ${body.length}`]),
  ];
  return `${all.join('\r\n')}\r\n\r\n${body}`;
}

export const description = (audio: readonly string[] = [], encoding = 'H264') =>
  [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=camera', 't=0 0', 'm=video 0 RTP/AVP 96'],
    ...[`a=rtpmap:96 ${encoding}/90000`, 'a=fmtp:96 packetization-mode=1', 'a=control:video', ...audio, ''],
  ].join('\r\n');

function usualAnswer(request: FakeRequest, options: FakeCameraOptions, connection: number): string {
  const session = 'Session: 12345678;timeout=60';
  const encoding = options.streamOf?.(connection)?.codec === 'hevc' ? 'H265' : 'H264';
  if (request.method === 'DESCRIBE')
    return answerWith(
      request,
      '200 OK',
      ['Content-Type: application/sdp'],
      description(options.audio, encoding),
    );
  const transport = /^Transport: (.*)$/m.exec(request.head)?.[1]?.trim();
  return answerWith(request, '200 OK', [session, ...(transport ? [`Transport: ${transport}`] : [])]);
}

function play(
  socket: Socket,
  options: FakeCameraOptions & { connection: number },
  signal: AbortSignal,
): void {
  const { connection } = options;
  const { bytes, codec } = options.streamOf?.(connection) ?? {
    bytes: options.elementaryStream ?? Buffer.alloc(0),
    codec: 'h264',
  };
  const pictures = picturesIn(bytes, codec);
  const rate = options.picturesPerSecond ?? standardRate;
  const begunMs = performance.now();
  let picture = 0;
  let sequence = 0;
  const send = () => {
    const timestamp = (picture * (90_000 / rate) + (options.shift?.(picture, connection) ?? 0)) >>> 0;
    const all = options.soundOnly?.(picture) ? [] : (pictures[picture % pictures.length] as Buffer[]);
    const packets: Buffer[] = [];
    for (const [index, unit] of all.entries())
      for (const [last, payload] of codec === 'hevc' ? [[true, unit] as const] : payloadsOf(unit))
        packets.push(
          rtpPacket({ sequence: sequence++, timestamp, marker: last && index === all.length - 1 }, payload),
        );
    const sent = options.packetsOf?.(picture, packets.length);
    if (sent !== undefined) return void socket.end(Buffer.concat(packets.slice(0, sent)));
    const soundAt = options.sound?.(picture);
    if (soundAt !== undefined) packets.push(soundPacket(picture, soundAt));
    socket.write(Buffer.concat(packets));
  };
  // By the clock, not by the number of calls: a timer is late now and then, and a camera keeps time.
  const timer = setInterval(() => {
    for (; (picture * 1000) / rate <= performance.now() - begunMs; picture++) {
      if (pictures.length === 0 || options.sends?.(picture, socket, connection) === false)
        return clearInterval(timer);
      if (!options.skips?.(picture)) send();
    }
  }, 1000 / rate);
  signal.addEventListener('abort', () => clearInterval(timer));
}

/** Units, gathered into pictures: what comes before a slice belongs to it. */
function picturesIn(stream: Buffer, codec: 'h264' | 'hevc'): Buffer[][] {
  const units: Buffer[] = [];
  const mark = Buffer.from([0, 0, 1]);
  for (let at = stream.indexOf(mark); at >= 0; ) {
    const next = stream.indexOf(mark, at + 3);
    let end = next < 0 ? stream.length : next;
    while (next >= 0 && stream[end - 1] === 0) end--;
    units.push(stream.subarray(at + 3, end));
    at = next;
  }
  const pictures: Buffer[][] = [[]];
  for (const unit of units) {
    pictures.at(-1)?.push(unit);
    const type = codec === 'hevc' ? ((unit[0] as number) >> 1) & 0x3f : (unit[0] as number) & 0x1f;
    if (codec === 'hevc' ? type < 32 : type === 1 || type === 5) pictures.push([]);
  }
  return pictures.filter(units => units.length > 0);
}

/** RFC 6184: whole, or in fragments (FU-A). */
function* payloadsOf(unit: Buffer): Generator<readonly [isLast: boolean, payload: Buffer]> {
  const room = 1400;
  if (unit.length <= room) return void (yield [true, unit]);
  const header = unit[0] as number;
  for (let at = 1; at < unit.length; at += room) {
    const isLast = at + room >= unit.length;
    const bits = (at === 1 ? 0x80 : 0) | (isLast ? 0x40 : 0) | (header & 0x1f);
    yield [isLast, Buffer.concat([Buffer.from([(header & 0xe0) | 28, bits]), unit.subarray(at, at + room)])];
  }
}

/** A picture's length of silence in G.711, on the channel of the second track. */
function soundPacket(sequence: number, timestamp: number): Buffer {
  const silence = Buffer.alloc(Math.round(8000 / standardRate), 0xff);
  const packet = rtpPacket({ sequence, timestamp, marker: false }, silence);
  packet[1] = 2;
  packet[5] = 0;
  return packet;
}

export function rtpPacket(
  { sequence, timestamp, marker }: { sequence: number; timestamp: number; marker: boolean },
  payload: Buffer,
): Buffer {
  const head = Buffer.alloc(16);
  head[0] = 0x24;
  head.writeUInt16BE(12 + payload.length, 2);
  head[4] = 0x80;
  head[5] = 96 | (marker ? 0x80 : 0);
  head.writeUInt16BE(sequence & 0xffff, 6);
  head.writeUInt32BE(timestamp >>> 0, 8);
  head.writeUInt32BE(0x1234, 12);
  return Buffer.concat([head, payload]);
}
