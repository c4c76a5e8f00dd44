// The bytes of an upload as they come, gathered: Node hands TLS data over in pieces of 16 KiB, and while one batch is
// written the next one collects, so that writes grow with the load instead of their number.

import type { TLSSocket } from 'node:tls';

/** Above this much unwritten data the socket is paused, and with it the client (TCP's window). */
const maxGatheredBytes = 1024 * 1024;
/** A piece has a cost of its own, however small: TLS records of one byte are legal. */
const maxGatheredPieces = 4096;

export type BytesEnd = 'ended' | 'reset' | 'stalled' | 'too-slow';

export type IncomingBytes = Readonly<{
  /** Everything that has come since the last call, at least one piece; null after the last. Rejects with the signal's reason. */
  next(): Promise<Buffer[] | null>;
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
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    bytes += piece.length;
    bytesInSpan += piece.length;
    stall.refresh();
    if (bytes >= maxGatheredBytes || pieces.length >= maxGatheredPieces) {
      wasHeldBack = true;
      socket.pause();
    }
    wake?.();
  });
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
      if (end === null) stall.refresh();
      if (socket.isPaused()) socket.resume();
      return batch;
    },
    end: () => end ?? 'reset',
  };
}
