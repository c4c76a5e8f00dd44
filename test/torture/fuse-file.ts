// One file, served to the kernel from this process by FUSE. The mount is the file itself (the kernel allows a root that is no
// directory), so of the protocol (linux/fuse.h, 7.31) only what reading, writing and syncing one file takes is here. All
// numbers are little-endian as on the machines that this runs on.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, read, writeSync } from 'node:fs';

/** What the file is made of. Throwing is an I/O error for whoever reads or writes. */
export type Served = Readonly<{
  bytes: number;
  read(offset: number, length: number): Uint8Array;
  write(offset: number, data: Uint8Array): void;
  sync(): void;
}>;

const operations = {
  ...{ forget: 2, getattr: 3, setattr: 4, open: 14, read: 15, write: 16, release: 18, fsync: 20, flush: 25 },
  ...{ init: 26, interrupt: 36, destroy: 38, batchForget: 42 },
} as const;
const noReply = new Set<number>([operations.forget, operations.interrupt, operations.batchForget]);
const errors = { EIO: 5, ENOSYS: 38 } as const;
const headerBytes = 40;
const maxWriteBytes = 128 * 1024;
const openDirectIo = 1;
const initBigWrites = 1 << 5;
const regularFile = 0o100600;

/**
 * Mounts on `path`, an existing file; root only. Resolves when it is mounted. `ended` resolves when it was unmounted: the
 * caller does that.
 */
export async function serveFile(path: string, served: Served): Promise<Readonly<{ ended: Promise<void> }>> {
  const device = openSync('/dev/fuse', 'r+');
  // The number is that of the descriptor in the program that mounts.
  const options = `fd=3,rootmode=${regularFile.toString(8)},user_id=0,group_id=0`;
  const mount = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'clipward-test', path], {
    stdio: ['ignore', 'inherit', 'inherit', device],
  });
  // The device has nothing to read before it is mounted, and mounting waits for no answer.
  const [code] = await once(mount, 'close');
  if (code !== 0) {
    closeSync(device);
    throw new Error(`mount of FUSE ended with ${code}`);
  }
  return { ended: answerAll(device, served).finally(() => closeSync(device)) };
}

function answerAll(device: number, served: Served): Promise<void> {
  const request = Buffer.alloc(headerBytes + 4096 + maxWriteBytes);
  return new Promise((resolve, reject) => {
    const next = () =>
      read(device, request, 0, request.length, null, (error, length) => {
        // ENODEV: unmounted. ENOENT: a request was taken back before it was read.
        if (error?.code === 'ENODEV') return resolve();
        if (error && error.code !== 'ENOENT' && error.code !== 'EINTR') return reject(error);
        try {
          if (!error) answer(device, request.subarray(0, length), served);
        } catch (failure) {
          return reject(failure);
        }
        next();
      });
    next();
  });
}

function answer(device: number, request: Buffer, served: Served): void {
  const opcode = request.readUInt32LE(4);
  if (noReply.has(opcode)) return;
  const unique = request.subarray(8, 16);
  const reply = (body: Uint8Array, error = 0) => {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(16 + body.length, 0);
    header.writeInt32LE(-error, 4);
    unique.copy(header, 8);
    try {
      writeSync(device, Buffer.concat([header, body]));
    } catch (failure) {
      // Nobody waits for it any more.
      if ((failure as NodeJS.ErrnoException).code !== 'ENOENT') throw failure;
    }
  };
  const outcome = outcomeOf(opcode, request, served);
  if (typeof outcome === 'number') reply(Buffer.alloc(0), outcome);
  else reply(outcome);
}

/** The body of the reply, or the number of an error. */
function outcomeOf(opcode: number, request: Buffer, served: Served): Uint8Array | number {
  try {
    return bodyOf(opcode, request, served) ?? errors.ENOSYS;
  } catch {
    return errors.EIO;
  }
}

/** Undefined for what is not known here. */
function bodyOf(opcode: number, request: Buffer, served: Served): Uint8Array | undefined {
  const body = request.subarray(headerBytes);
  const nothing = Buffer.alloc(0);
  switch (opcode) {
    case operations.init:
      return initReply();
    case operations.getattr:
    case operations.setattr:
      return attributes(served.bytes);
    case operations.open:
      return openReply();
    case operations.read:
      return served.read(Number(body.readBigUInt64LE(8)), body.readUInt32LE(16));
    case operations.write: {
      const length = body.readUInt32LE(16);
      served.write(Number(body.readBigUInt64LE(8)), body.subarray(40, 40 + length));
      const written = Buffer.alloc(8);
      written.writeUInt32LE(length, 0);
      return written;
    }
    case operations.fsync:
      served.sync();
      return nothing;
    case operations.flush:
    case operations.release:
    case operations.destroy:
      return nothing;
    default:
      return undefined;
  }
}

function initReply(): Buffer {
  const reply = Buffer.alloc(64);
  reply.writeUInt32LE(7, 0);
  reply.writeUInt32LE(31, 4);
  reply.writeUInt32LE(initBigWrites, 12);
  reply.writeUInt32LE(maxWriteBytes, 20);
  reply.writeUInt32LE(1, 24);
  return reply;
}

function attributes(bytes: number): Buffer {
  const reply = Buffer.alloc(104);
  // Valid for an hour: nobody else changes them.
  reply.writeBigUInt64LE(3600n, 0);
  const attr = reply.subarray(16);
  attr.writeBigUInt64LE(1n, 0);
  attr.writeBigUInt64LE(BigInt(bytes), 8);
  attr.writeBigUInt64LE(BigInt(bytes / 512), 16);
  attr.writeUInt32LE(regularFile, 60);
  attr.writeUInt32LE(1, 64);
  attr.writeUInt32LE(4096, 80);
  return reply;
}

/** Nothing is kept in the page cache between the loop device and us: what it writes is here at once, and in its order. */
function openReply(): Buffer {
  const reply = Buffer.alloc(16);
  reply.writeUInt32LE(openDirectIo, 8);
  return reply;
}
