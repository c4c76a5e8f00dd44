// When a camera is read and when it rests: on a real socket, with timers that are the test's.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { startReadPace } from '../../src/record/read-pace.ts';

/** As read-pace.ts has them. */
const readEveryMs = 100;
const restlessBytes = 64 * 1024;

async function started(t: Test) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.resume();
  const [peer] = await once(server, 'connection');
  t.teardown(() => {
    peer.destroy();
    socket.destroy();
    server.close();
    mock.timers.reset();
  });
  mock.timers.enable({ apis: ['setTimeout'] });
  const ended = Promise.withResolvers<void>();
  const pace = startReadPace(socket, ended.promise);
  return {
    ...{ socket, pace, end: ended.resolve },
    /** What came in one turn of the event loop. */
    async read(...bytes: number[]) {
      for (const each of bytes) pace.hasRead(each);
      await new Promise(resolve => setImmediate(resolve));
    },
    rested: () => mock.timers.tick(readEveryMs),
  };
}

t.test('a camera rests when it was read, and is read again, as long as it plays', async t => {
  const { socket, pace, read, rested } = await started(t);
  await read(1000);
  t.equal(socket.isPaused(), false, 'it is still asked for its streams');
  pace.begin();
  for (let turn = 0; turn < 3; turn++) {
    await read(1000);
    t.equal(socket.isPaused(), true);
    rested();
    t.equal(socket.isPaused(), false, `turn ${turn}`);
  }
});

t.test('one that sends much is not held back', async t => {
  const { socket, pace, read, rested } = await started(t);
  pace.begin();
  await read(restlessBytes);
  t.equal(socket.isPaused(), false);
  await read(restlessBytes - 1000, 1000);
  t.equal(socket.isPaused(), false, 'in however many pieces');
  await read(restlessBytes - 1);
  t.equal(socket.isPaused(), true, 'what came before counts no more');
  rested();
  t.equal(socket.isPaused(), false);
});

t.test('while ffmpeg is behind nothing is read, and at once or after the rest when it is not', async t => {
  const { socket, pace, read, rested } = await started(t);
  pace.begin();
  pace.hold(true);
  t.equal(socket.isPaused(), true);
  pace.hold(false);
  t.equal(socket.isPaused(), false);
  await read(1000);
  pace.hold(true);
  rested();
  t.equal(socket.isPaused(), true, 'the rest is over, and ffmpeg is still behind');
  pace.hold(false);
  t.equal(socket.isPaused(), false);
  await read(1000);
  pace.hold(true);
  pace.hold(false);
  t.equal(socket.isPaused(), true, 'it rests');
  rested();
  t.equal(socket.isPaused(), false);
});

t.test('a connection that is over is not woken', async t => {
  const { socket, pace, read, rested, end } = await started(t);
  pace.begin();
  await read(1000);
  end();
  await new Promise(resolve => setImmediate(resolve));
  rested();
  t.equal(socket.isPaused(), true);
});
