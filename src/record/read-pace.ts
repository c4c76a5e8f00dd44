// When a camera is read: all of them in the same instant, in which what they brought is written, too.

import type { Socket } from 'node:net';

/**
 * While it plays, a camera is read so often: each time costs us and ffmpeg the same, however little it brings. The kernel holds
 * what comes meanwhile. One that has sent `restlessBytes`, the window that a connection begins with on Linux, is read on at
 * once: none is held back by this, and a flood is seen.
 */
const readEveryMs = 100;
const restlessBytes = 64 * 1024;

export type ReadPace = Readonly<{
  /** From now on it rests in between. */
  begin(): void;
  /** So many bytes came. */
  hasRead(bytes: number): void;
  /** True: nothing is read until it is told otherwise. */
  hold(held: boolean): void;
}>;

export function startReadPace(socket: Socket, ended: Promise<unknown>): ReadPace {
  let isPlaying = false;
  let isHeld = false;
  let isOver = false;
  let wake: NodeJS.Timeout | undefined;
  /** In this turn of the event loop. */
  let cameBytes = 0;
  const rest = () => {
    const isBusy = cameBytes >= restlessBytes;
    cameBytes = 0;
    if (isOver || isBusy) return;
    socket.pause();
    wake = setTimeout(
      () => {
        wake = undefined;
        if (!isHeld) socket.resume();
      },
      readEveryMs - (performance.now() % readEveryMs),
    );
  };
  void ended.then(() => {
    isOver = true;
    clearTimeout(wake);
  });
  return {
    begin() {
      isPlaying = true;
    },
    /** Everything that is there is read before it rests, however much. */
    hasRead(bytes: number) {
      if (!isPlaying || wake !== undefined) return;
      if (cameBytes === 0) setImmediate(rest);
      cameBytes += bytes;
    },
    hold(held: boolean) {
      isHeld = held;
      if (held) socket.pause();
      else if (wake === undefined) socket.resume();
    },
  };
}
