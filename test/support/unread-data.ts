// A data connection of a client that never reads from it once the handshake is done, as simple cameras do: whatever the
// server sends then stays in the kernel, and close() with unread bytes turns into a reset.

import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export type UnreadData = {
  /** Sends all bytes, then closes like `SSL_shutdown(); close();`, or without the former. */
  finish(bytes: Uint8Array, options: { closeNotify: boolean }): Promise<void>;
};

export async function connectUnread(port: number, options: ConnectionOptions): Promise<UnreadData> {
  let isReading = true;
  const raw = connectTcp({
    host: '127.0.0.1',
    port,
    // Reads into this buffer, and not at all once the answer was false: nothing is buffered behind our back.
    onread: {
      buffer: Buffer.alloc(65_536),
      callback: (count: number, buffer: Uint8Array) => {
        wire.push(Buffer.from(buffer.subarray(0, count)));
        return isReading;
      },
    },
  });
  raw.on('error', () => {});
  const wire = new Duplex({
    read() {},
    write: (chunk, _encoding, done) => void raw.write(chunk, () => done()),
    final: done => done(),
  });
  await once(raw, 'connect');
  const tls = connectTls({ ...options, socket: wire as never, rejectUnauthorized: false });
  tls.on('error', () => {});
  await once(tls, 'secureConnect');
  isReading = false;
  raw.pause();
  return {
    async finish(bytes, { closeNotify }) {
      await new Promise<void>(resolve => tls.write(bytes, () => resolve()));
      if (closeNotify) {
        tls.end();
        await once(wire, 'finish');
      }
      const closed = once(raw, 'close');
      raw.destroy();
      await closed;
    },
  };
}
