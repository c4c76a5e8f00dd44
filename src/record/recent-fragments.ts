// The last seconds of a camera in memory, for whoever in this process shows them: one pull serves everybody. A reader that is
// too slow loses what fell out of the ring, and goes on at a key frame; the recorder never waits for it.

import type { FootageInit, Fragment } from '../domain/footage/fragment-reader.ts';

export type RecentFragment = Readonly<{
  /** The same object for as long as the description is the same. */
  init: FootageInit;
  fragment: Fragment;
  startAt: number;
}>;

export type FragmentReading = Disposable & AsyncIterableIterator<RecentFragment>;

export type RecentFragments = Readonly<{
  add(recent: RecentFragment): void;
  /** What begins with the newest key frame; undefined when there is none. */
  newestKeyFrame(): RecentFragment | undefined;
  /** From the newest key frame on; ends when it is disposed, or with `end`. */
  subscribe(): FragmentReading;
  /** Forgets what there is: nobody is to see a picture of a camera that is off now. Readers stay. */
  clear(): void;
  /** How many read. */
  readerCount(): number;
  /** Nothing follows. Readers get what they have not had, and end. */
  end(): void;
}>;

/** Some seconds of a camera at 10 Mbit/s, with a key frame among them. */
export const recentLimits = { maxBytes: 16 * 1024 * 1024, maxMs: 15_000 } as const;

export function createRecentFragments(
  limits: { maxBytes: number; maxMs: number } = recentLimits,
): RecentFragments {
  let ring: RecentFragment[] = [];
  /** Of the first in the ring, counted from the beginning. */
  let firstNumber = 0;
  let bytes = 0;
  let isOver = false;
  const waiting = new Set<() => void>();
  let readers = 0;

  const wakeAll = () => {
    for (const wake of waiting) wake();
    waiting.clear();
  };
  const drop = () => {
    const newest = ring.at(-1) as RecentFragment;
    // Whoever begins to read, begins at the newest key frame.
    const unread = readers > 0 ? 0 : ring.findLastIndex(({ fragment }) => fragment.startsWithKeyFrame);
    let count = 0;
    for (const { fragment, startAt } of ring.slice(0, -1)) {
      if (count >= unread && bytes <= limits.maxBytes && newest.startAt - startAt <= limits.maxMs) break;
      bytes -= fragment.bytes.length;
      count += 1;
    }
    if (count > 0) ring = ring.slice(count);
    firstNumber += count;
  };
  const newestKeyNumber = () => {
    const index = ring.findLastIndex(({ fragment }) => fragment.startsWithKeyFrame);
    return index < 0 ? undefined : firstNumber + index;
  };
  return {
    add(recent) {
      if (isOver) return;
      ring.push(recent);
      bytes += recent.fragment.bytes.length;
      drop();
      wakeAll();
    },
    newestKeyFrame() {
      const number = newestKeyNumber();
      return number === undefined ? undefined : ring[number - firstNumber];
    },
    subscribe() {
      let next: number | undefined;
      let isClosed = false;
      readers += 1;
      const close = () => {
        if (isClosed) return;
        isClosed = true;
        readers -= 1;
        wakeAll();
      };
      const take = (): RecentFragment | undefined => {
        if (next === undefined || next < firstNumber) next = newestKeyNumber();
        const found = next === undefined ? undefined : ring[next - firstNumber];
        if (found !== undefined && next !== undefined) next += 1;
        return found;
      };
      return {
        async next() {
          for (;;) {
            if (isClosed) return { done: true, value: undefined };
            const value = take();
            if (value !== undefined) return { done: false, value };
            if (isOver) return { done: true, value: undefined };
            await new Promise<void>(resolve => void waiting.add(resolve));
          }
        },
        async return() {
          close();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]() {
          return this;
        },
        [Symbol.dispose]: close,
      };
    },
    clear() {
      firstNumber += ring.length;
      ring = [];
      bytes = 0;
    },
    readerCount: () => readers,
    end() {
      isOver = true;
      wakeAll();
    },
  };
}
