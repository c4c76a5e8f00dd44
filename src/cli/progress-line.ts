import { clearLine, cursorTo } from 'node:readline';
import { systemClock } from '../base/clock.ts';
import { canMoveCursor } from '../base/terminal.ts';
import { escapeForTerminal } from './table.ts';

/** Disposing it clears the line, so that what is printed next stands alone. */
export type ProgressLine = Disposable &
  Readonly<{
    show(text: () => string): void;
    /** Before something else is printed; what is shown next stands below it. */
    clear(): void;
  }>;

/** Nobody reads faster, and a terminal across the world must not slow the work down. */
const intervalMs = 200;

/** One line on standard error that is written over and over; nothing at all where that is no terminal. */
export function openProgressLine(
  stream: NodeJS.WriteStream = process.stderr,
  environment: NodeJS.ProcessEnv = process.env,
): ProgressLine {
  if (!canMoveCursor(stream, environment)) return { show() {}, clear() {}, [Symbol.dispose]() {} };
  let isShown = false;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  const clear = () => {
    if (!isShown) return;
    isShown = false;
    cursorTo(stream, 0);
    clearLine(stream, 0);
  };
  return {
    show(text) {
      const nowMs = systemClock.monotonicMs();
      if (nowMs - shownAtMs < intervalMs) return;
      shownAtMs = nowMs;
      clear();
      isShown = true;
      stream.write(escapeForTerminal(text()).slice(0, Math.max(20, (stream.columns || 80) - 1)));
    },
    clear,
    [Symbol.dispose]: clear,
  };
}
