import type { Socket } from 'node:net';

/** Where a read goes next, and what is told of it: `onBytes` gets the part that was filled. `buffer` must have room. */
export type ReadTarget = Readonly<{ buffer(): Buffer; onBytes(bytes: Buffer): void }>;

type UserBufferHandle = { useUserBuffer?(buffer: Uint8Array): void };

/**
 * Lets a socket read into memory of ours, from now on: Node makes a new buffer for each read, and V8 takes what lies
 * outside of its heap for a reason to mark all of it (a third of the CPU of a large upload). The reads then make no 'data'.
 * It is called once for a socket, when nothing is left in its stream.
 *
 * Node offers this as `onread`, but only to sockets that it connects itself, so three fields of a socket and a method of
 * its handle are used that it does not document. Where one is missing the answer is false, and the socket is as it was: the
 * caller then listens for 'data'. A test tells when that happens.
 */
export function readInto(socket: Socket, { buffer, onBytes }: ReadTarget): boolean {
  const fields = socket as unknown as Record<symbol, unknown>;
  const handle = (socket as unknown as { _handle: UserBufferHandle | null })._handle;
  const [current, callback, next] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map(name =>
    Object.getOwnPropertySymbols(socket).find(({ description }) => description === name),
  );
  if (current === undefined || callback === undefined || next === undefined) return false;
  if (typeof handle?.useUserBuffer !== 'function') return false;
  const first = buffer();
  fields[current] = first;
  fields[callback] = (size: number, filled: Buffer) => onBytes(filled.subarray(0, size));
  fields[next] = buffer;
  handle.useUserBuffer(first);
  return true;
}
