/** After so long without use nothing is kept: an idle receiver is small. */
const keptMs = 5000;
/** More uploads than this at once make buffers of their own. */
const maxKept = 32;

export type BufferPool = Readonly<{
  take(): Buffer;
  /** Nobody else may read it or write to it any more: the next to take it may be another camera's upload. */
  giveBack(buffer: Buffer): void;
}>;

/** Buffers that are used again: a new one of this size costs a call and a page fault for each 4 KiB of it. */
export function createBufferPool(bytes: number): BufferPool {
  let kept: Buffer[] = [];
  let forget: NodeJS.Timeout | undefined;
  return {
    // Not from Node's own pool, which other things of this process lie in.
    take: () => kept.pop() ?? Buffer.allocUnsafeSlow(bytes),
    giveBack(buffer) {
      if (kept.length < maxKept) kept.push(buffer);
      forget ??= setTimeout(() => {
        kept = [];
      }, keptMs).unref();
      forget.refresh();
    },
  };
}
