// The bytes of an upload as they come, gathered: Node hands TLS data over in pieces of 16 KiB, and while one batch is
// written the next one collects, so that writes grow with the load instead of their number.

import type { TLSSocket } from 'node:tls';

/** Above this much unwritten data the socket is paused, and with it the client (TCP's window). */
const maxGatheredBytes = 1024 * 1024;

export type BytesEnd = 'ended' | 'reset' | 'stalled';

export type IncomingBytes = Readonly<{
  /** Everything that has come since the last call, at least one piece; null after the last. Rejects with the signal's reason. */
  next(): Promise<Buffer[] | null>;
  /** How it ended; meaningful once `next` has answered null. */
  end(): BytesEnd;
}>;

/** Starts reading. `stallTimeoutMs` counts from the last byte, so a slow camera is fine and a silent one is not. */
export function gatherBytes(
  socket: TLSSocket,
  options: { stallTimeoutMs: number; signal: AbortSignal },
): IncomingBytes {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let end: BytesEnd | null = null;
  let wake: (() => void) | null = null;

  const finish = (how: BytesEnd) => {
    end ??= how;
    clearTimeout(stall);
    wake?.();
  };
  const stall = setTimeout(() => finish('stalled'), options.stallTimeoutMs);
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    bytes += piece.length;
    stall.refresh();
    if (bytes >= maxGatheredBytes) socket.pause();
    wake?.();
  });
  socket.once('end', () => finish('ended'));
  socket.once('error', () => finish('reset'));
  socket.once('close', () => finish('reset'));
  options.signal.addEventListener('abort', () => finish('reset'), { once: true });

  return {
    async next() {
      if (pieces.length === 0 && end === null) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
        wake = null;
      }
      options.signal.throwIfAborted();
      if (pieces.length === 0) return null;
      const batch = pieces;
      pieces = [];
      bytes = 0;
      stall.refresh();
      if (socket.isPaused()) socket.resume();
      return batch;
    },
    end: () => end ?? 'reset',
  };
}
