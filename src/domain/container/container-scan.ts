/**
 * What a file's own structure says about its end. `whole`: everything that it announces is there. `cut`: it announces
 * more than is there. `unknown`: it has no end of its own, or does not follow its format.
 */
export type ContainerVerdict = 'whole' | 'cut' | 'unknown';

/** Reads an upload in order, in pieces of any size, with constant memory; `verdict` is for the bytes so far. */
export type ContainerScan = Readonly<{
  push(bytes: Uint8Array): void;
  verdict(): ContainerVerdict;
}>;
