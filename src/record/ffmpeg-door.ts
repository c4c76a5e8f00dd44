// The side of the relay that ffmpeg speaks to: an RTSP server on loopback for one client and one stream. Its address has a
// secret in it that only the ffmpeg that we start is told; whoever else knocks is closed without a word. What ffmpeg reads
// here is our own description of the stream, and packets.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { maxPictureBytes } from '../domain/rtsp/hold-pictures.ts';
import { createRtspReader, type RtspMessage } from '../domain/rtsp/rtsp-reader.ts';
import { type OfferedTrack, writeSessionDescription } from '../domain/rtsp/session-description.ts';

export type FfmpegDoor = AsyncDisposable &
  Readonly<{
    /** What ffmpeg is to open. */
    url: string;
    /** Resolves when ffmpeg has asked for the stream, before it is answered. */
    asked: Promise<void>;
    /** Answers that: packets may follow. */
    play(): void;
    /**
     * Passes a packet on, with its four bytes of header, whose channel is written anew. False: ffmpeg is behind, hold the
     * camera back until `onDrain`.
     */
    send(packet: Readonly<{ track: number; isControl: boolean; bytes: Buffer }>): boolean;
    /** Resolves when ffmpeg's connection is over. */
    left: Promise<void>;
  }>;

/** Who has not named the secret yet. ffmpeg does so at once: whoever came first and says nothing goes first. */
export const maxKnocks = 32;
const knockTimeoutMs = 5000;
/** More than the longest packet (64 KiB and its header), and what a camera of 6 Mbit/s sends in between. */
const gatheredBytes = 256 * 1024;
/**
 * ffmpeg writes a fragment once a second, so this makes footage up to a third of a second later than it could be: an export up
 * to now still holds what happened two seconds ago. All cameras in the same instant, just behind one in which they are read
 * (read-pace.ts).
 */
const passOnEveryMs = 300;
const behindReadMs = 20;
/** What a picture waits on average from when it could be read until ffmpeg gets it: it happened that much sooner. */
export const meanHoldMs = passOnEveryMs / 2 + behindReadMs;
/** Packets stop far below it, behind a whole picture: an ffmpeg that was taken over asks, and does not read the answers. */
const maxUnreadBytes = maxPictureBytes + 1024 * 1024;

export async function openFfmpegDoor(options: {
  tracks: readonly OfferedTrack[];
  onDrain(): void;
}): Promise<FfmpegDoor> {
  const path = `/${randomBytes(24).toString('hex')}`;
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  /** By track. */
  const mediaChannels: number[] = [];
  const controlChannels: number[] = [];
  const knocking = new Set<Socket>();
  let client: Socket | undefined;
  let answerPlay: (() => void) | undefined;

  const server = createServer({ noDelay: true }, socket => {
    if (client !== undefined) return void socket.destroy();
    const [oldest] = knocking;
    if (oldest && knocking.size >= maxKnocks) {
      knocking.delete(oldest);
      oldest.destroy();
    }
    knocking.add(socket);
    const reader = createRtspReader();
    const timer = setTimeout(() => socket.destroy(), knockTimeoutMs);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      knocking.delete(socket);
      if (socket === client) left.resolve();
    });
    socket.on('drain', options.onDrain);
    socket.on('data', (bytes: Buffer) => {
      try {
        for (const element of reader.push(bytes)) {
          // ffmpeg's own reports are of no use to the camera.
          if (element.type === 'packet') continue;
          if (!knowsSecret(element.message, path)) return void socket.destroy();
          if (client === undefined) {
            client = socket;
            clearTimeout(timer);
            for (const other of knocking) if (other !== socket) other.destroy();
            server.close();
          }
          answer(socket, element.message);
        }
      } catch {
        socket.destroy();
      }
    });
  });
  const gathered = gatherWrites(() => client);
  const answer = (socket: Socket, message: RtspMessage) => {
    if (socket.writableLength > maxUnreadBytes) return void socket.destroy();
    const method = message.startLine.split(' ', 1)[0];
    const head = `RTSP/1.0 200 OK\r\nCSeq: ${message.headers.get('cseq')?.[0] ?? '0'}\r\n`;
    if (method === 'OPTIONS')
      return void socket.write(`${head}Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n`);
    if (method === 'DESCRIBE') {
      const body = writeSessionDescription(options.tracks);
      return void socket.write(
        `${head}Content-Type: application/sdp\r\nContent-Base: rtsp://127.0.0.1${path}/\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    }
    if (method === 'SETUP') {
      const track = /trackID=(\d+)/.exec(message.startLine)?.[1];
      const wanted = /interleaved=(\d{1,3})-(\d{1,3})/.exec(message.headers.get('transport')?.[0] ?? '');
      if (!wanted || !(Number(track) < options.tracks.length)) return void socket.destroy();
      mediaChannels[Number(track)] = Number(wanted[1]);
      controlChannels[Number(track)] = Number(wanted[2]);
      return void socket.write(
        `${head}Session: 1;timeout=3600\r\nTransport: RTP/AVP/TCP;unicast;${wanted[0]}\r\n\r\n`,
      );
    }
    if (method === 'PLAY') {
      answerPlay = () => void socket.write(`${head}Session: 1\r\n\r\n`);
      return asked.resolve();
    }
    socket.write(`${head}Session: 1\r\n\r\n`);
  };

  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  // A connection that cannot be accepted, most often for want of descriptors: ffmpeg does not come, and that has a deadline.
  server.on('error', () => {});
  const { port } = server.address() as AddressInfo;
  return {
    url: `rtsp://127.0.0.1:${port}${path}`,
    asked: asked.promise,
    play: () => answerPlay?.(),
    send({ track, isControl, bytes }) {
      const channel = (isControl ? controlChannels : mediaChannels)[track];
      if (channel === undefined || client === undefined || client.destroyed) return true;
      bytes[1] = channel;
      return gathered.add(bytes);
    },
    left: left.promise,
    async [Symbol.asyncDispose]() {
      // ffmpeg gets what it was sent, then the end; its process is ended by whoever started it.
      gathered.flush();
      client?.end();
      for (const socket of knocking) if (socket !== client) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * Every write costs us and ffmpeg the same, however little it brings, so what came of a camera is written every
 * `passOnEveryMs`, or when there is no more room. Copied, into memory that is used again: what a camera sends would otherwise
 * be so much to collect that collecting it costs more than passing it on.
 */
function gatherWrites(client: () => Socket | undefined) {
  let room = Buffer.allocUnsafeSlow(gatheredBytes);
  let bytes = 0;
  let turn: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(turn);
    turn = undefined;
    const socket = client();
    const ready = room.subarray(0, bytes);
    bytes = 0;
    if (ready.length === 0 || socket === undefined || socket.destroyed) return;
    socket.write(ready);
    // What could not be passed on at once is still to be read.
    if (socket.writableLength > 0) room = Buffer.allocUnsafeSlow(gatheredBytes);
  };
  return {
    flush,
    /** False: hold the camera back until the socket has drained. */
    add(packet: Buffer): boolean {
      if (bytes + packet.length > gatheredBytes) flush();
      packet.copy(room, bytes);
      bytes += packet.length;
      turn ??= setTimeout(flush, passOnEveryMs - ((performance.now() - behindReadMs) % passOnEveryMs));
      const socket = client();
      return socket === undefined || socket.writableLength === 0 || !socket.writableNeedDrain;
    },
  };
}

/** The request names our path, or what is below it. Compared in a time that says nothing about the secret. */
function knowsSecret(message: RtspMessage, path: string): boolean {
  const named = /^[A-Z_]+ rtsp:\/\/[^/ ]*(\/[0-9a-f]{48})(?:[/? ]|$)/.exec(message.startLine)?.[1] ?? '';
  return named.length === path.length && timingSafeEqual(Buffer.from(named), Buffer.from(path));
}
