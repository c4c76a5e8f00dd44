// The bytes of an upload as they come, gathered: Node hands TLS data over in pieces of 16 KiB, and while one batch is
// written the next one collects, so that writes grow with the load instead of their number. Pieces lie one behind the other
// in chunks of ours, which are used again.

import type { TLSSocket } from 'node:tls';
import { readInto } from '../base/read-into.ts';
import { createBufferPool } from './pool.ts';

/** What is decrypted, hashed and written is still in the cache of the core. */
const chunkBytes = 256 * 1024;
const chunks = createBufferPool(chunkBytes);
/** Above this much unwritten data the socket is paused, and with it the client (TCP's window). */
const maxGatheredBytes = 1024 * 1024;
/** A piece has a cost of its own, however small: TLS records of one byte are legal. */
const maxGatheredPieces = 4096;

export type BytesEnd = 'ended' | 'reset' | 'stalled' | 'too-slow';

export type IncomingBytes = Readonly<{
  /**
   * Everything that has come since the last call, at least one piece; null after the last. Rejects with the signal's reason.
   * A batch is valid until the next call: its memory is then used again.
   */
  next(): Promise<Buffer[] | null>;
  /** No batch is in use any more. */
  release(): void;
  /** How it ended; meaningful once `next` has answered null. */
  end(): BytesEnd;
}>;

/**
 * Starts reading. `stallTimeoutMs` counts from the last byte, so a slow camera is fine and a silent one is not; over the
 * same span of time the pace must be `minBytesPerSecond`, so that one byte now and then does not hold a place for ever.
 * While our own disk is what is slow, neither counts.
 */
export function gatherBytes(
  socket: TLSSocket,
  options: { stallTimeoutMs: number; minBytesPerSecond: number; signal: AbortSignal },
): IncomingBytes {
  const { stallTimeoutMs, signal } = options;
  const minBytesPerSpan = (options.minBytesPerSecond * stallTimeoutMs) / 1000;
  const memory = createChunks();
  let pieces: Buffer[] = [];
  let bytes = 0;
  let bytesInSpan = 0;
  let wasHeldBack = false;
  let end: BytesEnd | null = null;
  let wake: (() => void) | null = null;

  const finish = (how: BytesEnd) => {
    end ??= how;
    clearTimeout(stall);
    clearInterval(pace);
    signal.removeEventListener('abort', onAbort);
    wake?.();
  };
  const onAbort = () => finish('reset');
  const stall = setTimeout(() => {
    if (socket.isPaused()) stall.refresh();
    else finish('stalled');
  }, stallTimeoutMs);
  const pace = setInterval(() => {
    if (bytesInSpan < minBytesPerSpan && !wasHeldBack) finish('too-slow');
    bytesInSpan = 0;
    wasHeldBack = socket.isPaused();
  }, stallTimeoutMs);
  const onBytes = (piece: Buffer) => {
    const last = pieces.at(-1);
    if (last !== undefined && follows(last, piece)) pieces[pieces.length - 1] = joined(last, piece);
    else pieces.push(piece);
    bytes += piece.length;
    bytesInSpan += piece.length;
    stall.refresh();
    if (bytes >= maxGatheredBytes || pieces.length >= maxGatheredPieces) {
      wasHeldBack = true;
      socket.pause();
    }
    wake?.();
  };
  // What came together with the handshake is in the stream already.
  const early: Buffer | null = socket.read();
  if (early !== null) onBytes(early);
  const isOurs = readInto(socket, {
    buffer: memory.room,
    onBytes(piece) {
      memory.filled(piece.length);
      onBytes(piece);
    },
  });
  if (isOurs) socket.resume();
  else socket.on('data', onBytes);
  socket.once('end', () => finish('ended'));
  socket.once('error', () => finish('reset'));
  socket.once('close', () => finish('reset'));
  signal.addEventListener('abort', onAbort);
  // A client that sends nothing may have ended together with its handshake: those events are over.
  if (signal.aborted) finish('reset');
  else if (socket.readableEnded) finish('ended');
  else if (socket.destroyed) finish('reset');

  return {
    async next() {
      memory.free();
      if (pieces.length === 0 && end === null) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
        wake = null;
      }
      // What has ended is whole, whatever became of the control connection since.
      if (end !== 'ended') signal.throwIfAborted();
      if (pieces.length === 0) return null;
      const batch = pieces;
      pieces = [];
      bytes = 0;
      memory.handOut();
      if (end === null) stall.refresh();
      if (socket.isPaused()) socket.resume();
      return batch;
    },
    release() {
      // Until then TLS may still write to the chunk that is not full.
      if (socket.closed) memory.close();
      else socket.once('close', memory.close);
    },
    end: () => end ?? 'reset',
  };
}

/** Both in one chunk, one behind the other. */
function follows(last: Buffer, piece: Buffer): boolean {
  return last.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset;
}

function joined(last: Buffer, piece: Buffer): Buffer {
  return Buffer.from(last.buffer, last.byteOffset, last.length + piece.length);
}

/** The chunks of one upload: full ones go back to the pool when what is in them was handed out and is done with. */
function createChunks() {
  let chunk = chunks.take();
  let used = 0;
  /** Full, and not handed out yet. */
  let full: Buffer[] = [];
  let handedOut: Buffer[] = [];
  const free = () => {
    for (const each of handedOut.splice(0)) chunks.giveBack(each);
  };
  return {
    room(): Buffer {
      if (used === chunkBytes) {
        full.push(chunk);
        chunk = chunks.take();
        used = 0;
      }
      return chunk.subarray(used);
    },
    filled(bytes: number): void {
      used += bytes;
    },
    handOut(): void {
      handedOut = full;
      full = [];
    },
    free,
    close(): void {
      for (const each of [chunk, ...full.splice(0)]) chunks.giveBack(each);
      free();
    },
  };
}
