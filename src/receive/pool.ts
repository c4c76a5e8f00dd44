/** After so long without use nothing is kept: an idle receiver is small. */
const keptMs = 5000;
/** More than this at once are made anew. */
const maxKept = 32;

export type Pool<T> = Readonly<{
  take(): T;
  /** Nobody else may use it any more: the next to take it may be another camera's session. */
  giveBack(thing: T): void;
  /** What is kept is not what is wanted any more. */
  clear(): void;
}>;

/** Things that cost something to make, and are used again. */
export function createPool<T>(make: () => T): Pool<T> {
  let kept: T[] = [];
  let forget: NodeJS.Timeout | undefined;
  const clear = () => {
    kept = [];
  };
  return {
    take: () => kept.pop() ?? make(),
    giveBack(thing) {
      if (kept.length < maxKept) kept.push(thing);
      forget ??= setTimeout(clear, keptMs).unref();
      forget.refresh();
    },
    clear,
  };
}

/** A new buffer costs a call and a page fault for each 4 KiB of it. Not from Node's own pool, which other things lie in. */
export function createBufferPool(bytes: number): Pool<Buffer> {
  return createPool(() => Buffer.allocUnsafeSlow(bytes));
}
