import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { mock } from 'node:test';
import t from 'tap';
import { maxPictureBytes } from '../../src/domain/rtsp/hold-pictures.ts';
import type { OfferedTrack } from '../../src/domain/rtsp/session-description.ts';
import { maxKnocks, openFfmpegDoor } from '../../src/record/ffmpeg-door.ts';

const video: OfferedTrack = {
  ...{ kind: 'video', payloadType: 96, format: 'h264', encoding: 'H264', clockRate: 90_000, channels: 1 },
  ...{ parameters: new Map(), control: '"; DROP' },
};

async function opened(tracks: readonly OfferedTrack[] = [video]) {
  let drained = 0;
  const door = await openFfmpegDoor({ tracks, onDrain: () => drained++ });
  const { port, pathname } = new URL(door.url.replace('rtsp:', 'http:'));
  return { door, port: Number(port), path: pathname, drained: () => drained };
}

/** Says something, and answers what came back, up to `answers` empty lines or the end. */
async function said(socket: Socket, text: string, answers = 1): Promise<string> {
  let got = '';
  const enough = Promise.withResolvers<void>();
  const onData = (chunk: Buffer) => {
    got += chunk.toString('latin1');
    if (got.split('\r\n\r\n').length > answers) enough.resolve();
  };
  socket.on('data', onData);
  socket.write(text);
  await Promise.race([enough.promise, once(socket, 'close')]);
  socket.off('data', onData);
  return got;
}

async function knock(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** What sockets bring takes no timer; those may be the test's. */
async function comesTrue(holds: () => boolean): Promise<boolean> {
  const deadline = performance.now() + 10_000;
  while (!holds() && performance.now() < deadline) await new Promise(resolve => setImmediate(resolve));
  return holds();
}

const ask = (method: string, url: string, more = '') => `${method} ${url} RTSP/1.0\r\nCSeq: 1\r\n${more}\r\n`;

t.test('who knows the path gets our description and packets, on the channels that it names', async t => {
  const { door, port } = await opened();
  const socket = await knock(port);
  t.match(await said(socket, ask('OPTIONS', door.url)), /^RTSP\/1\.0 200 OK/);
  const description = await said(socket, ask('DESCRIBE', door.url));
  t.match(description, 'm=video 0 RTP/AVP 96');
  t.notMatch(description, 'DROP');
  const transport = 'Transport: RTP/AVP/TCP;unicast;interleaved=6-7\r\n';
  await said(socket, ask('SETUP', `${door.url}/trackID=0`, transport));
  const answered = said(socket, ask('PLAY', `${door.url}/`));
  await door.asked;
  door.play();
  t.match(await answered, '200 OK');
  const packets = once(socket, 'data');
  const packet = () => Buffer.from([0x24, 0, 0, 1, 0xaa]);
  t.equal(door.send({ track: 0, isControl: false, bytes: packet() }), true);
  door.send({ track: 0, isControl: true, bytes: packet() });
  t.equal(door.send({ track: 1, isControl: false, bytes: packet() }), true, 'a track of nobody');
  t.same((await packets)[0], Buffer.from([0x24, 6, 0, 1, 0xaa, 0x24, 7, 0, 1, 0xaa]));
  await door[Symbol.asyncDispose]();
  await door.left;
});

t.test('who does not know the path is closed without a word', async t => {
  const { door, port, path } = await opened();
  const half = path.slice(0, -1);
  for (const request of [
    ask('OPTIONS', `rtsp://127.0.0.1:${port}/`),
    ask('DESCRIBE', `rtsp://127.0.0.1:${port}${half}0`.replace(`${path}`, half)),
    ask('DESCRIBE', `rtsp://127.0.0.1:${port}${path}0`),
    ask('DESCRIBE', `rtsp://127.0.0.1:${port}/x${path}`),
    ask('DESCRIBE', '*', `X: ${door.url}\r\n`),
    `\u0001${'x'.repeat(20_000)}`,
  ]) {
    const socket = await knock(port);
    t.equal(await said(socket, request), '', request.slice(0, 20));
  }
  const right = await knock(port);
  t.match(await said(right, ask('OPTIONS', door.url)), '200 OK', 'and the right one is still let in');
  await door[Symbol.asyncDispose]();
});

t.test('the second client is closed, whatever it knows, and so are those that still knock', async t => {
  // Nobody is closed for having been silent.
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const { door, port } = await opened();
  const waiting = await knock(port);
  waiting.resume();
  const first = await knock(port);
  await said(first, ask('OPTIONS', door.url));
  t.ok(await comesTrue(() => waiting.closed), 'who still knocks is closed');
  const second = connect(port, '127.0.0.1');
  const [error] = await once(second, 'error');
  t.match(error.code, /ECONNREFUSED|ECONNRESET/);
  t.match(await said(first, ask('OPTIONS', door.url)), '200 OK', 'the first stays');
  await door[Symbol.asyncDispose]();
});

t.test('whoever knocks and says nothing keeps nobody out: the oldest goes', async t => {
  const { door, port } = await opened();
  const sockets: Socket[] = [];
  while (sockets.length < maxKnocks) sockets.push(await knock(port));
  const oldest = once(sockets[0] as Socket, 'close');
  const late = await knock(port);
  await oldest;
  t.equal(sockets.filter(({ closed }) => closed).length, 1, 'the others are given time to name the path');
  t.match(await said(late, ask('OPTIONS', door.url)), '200 OK');
  await door[Symbol.asyncDispose]();
});

t.test('whoever knocks has five seconds to name the path, and then may stay', async t => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const { door, port } = await opened();
  const silent = await knock(port);
  silent.resume();
  // Those that came before it have been accepted when the 33rd closes the first.
  const others: Socket[] = [];
  while (others.length < maxKnocks) others.push(await knock(port));
  for (const other of others) other.resume();
  t.ok(await comesTrue(() => silent.closed));
  mock.timers.tick(4999);
  const [second] = others as [Socket];
  t.match(await said(second, ask('OPTIONS', door.url)), '200 OK', 'just in time');
  mock.timers.tick(60_000);
  t.match(await said(second, ask('OPTIONS', door.url)), '200 OK', 'and for good');
  await door[Symbol.asyncDispose]();
  const late = await opened();
  const knocking = await knock(late.port);
  knocking.resume();
  t.ok(
    await comesTrue(() => {
      mock.timers.tick(5000);
      return knocking.closed;
    }),
    'who says nothing goes',
  );
  await late.door[Symbol.asyncDispose]();
});

t.test('a client that asks and does not read the answers is cut off', async t => {
  const { door, port } = await opened();
  const socket = await knock(port);
  await said(socket, ask('OPTIONS', door.url));
  socket.pause();
  const many = ask('DESCRIBE', door.url).repeat(1000);
  const fill = () => {
    while (socket.writable && socket.write(many));
  };
  socket.on('drain', fill);
  fill();
  await door.left;
  t.pass();
  await door[Symbol.asyncDispose]();
});

t.test('a client that asks while a whole picture waits for it is answered', async t => {
  const { door, port } = await opened();
  const socket = await knock(port);
  await said(socket, ask('SETUP', `${door.url}/trackID=0`, 'Transport: x;interleaved=0-1\r\n'));
  socket.pause();
  const bytes = Buffer.alloc(60_004);
  // As much as the kernel takes; then a picture, before the request is read.
  while (door.send({ track: 0, isControl: false, bytes }));
  socket.write(ask('OPTIONS', door.url));
  for (let sent = 0; sent < maxPictureBytes; sent += bytes.length)
    door.send({ track: 0, isControl: false, bytes });
  let tail = '';
  let isAnswered = false;
  socket.on('data', chunk => {
    const text = tail + chunk.toString('latin1');
    isAnswered ||= text.includes('Public: OPTIONS');
    tail = text.slice(-100);
    if (isAnswered) socket.end();
  });
  socket.resume();
  await once(socket, 'close');
  t.ok(isAnswered);
  await door[Symbol.asyncDispose]();
});

t.test('a track that there is not is not set up', async t => {
  const { door, port } = await opened();
  const transport = 'Transport: x;interleaved=0-1\r\n';
  const socket = await knock(port);
  t.match(await said(socket, ask('SETUP', `${door.url}/trackID=0`, transport)), '200 OK');
  t.equal(await said(socket, ask('SETUP', `${door.url}/trackID=1`, transport)), '');
  await door[Symbol.asyncDispose]();
});

t.test(
  'what comes in many turns of the event loop leaves in one piece, and when the door closes at once',
  async t => {
    const { door, port } = await opened();
    const socket = await knock(port);
    await said(socket, ask('SETUP', `${door.url}/trackID=0`, 'Transport: x;interleaved=0-1\r\n'));
    const pieces: Buffer[] = [];
    socket.on('data', piece => pieces.push(piece));
    const bytes = Buffer.alloc(1004);
    const until = performance.now() + 20;
    let sent = 0;
    for (; performance.now() < until && sent < 100; sent++) {
      door.send({ track: 0, isControl: false, bytes });
      await stat('.');
    }
    const closed = once(socket, 'end');
    socket.on('end', () => socket.end());
    await door[Symbol.asyncDispose]();
    await closed;
    t.equal(Buffer.concat(pieces).length, sent * bytes.length);
    t.ok(pieces.length <= 2, `${pieces.length} pieces: the instant may lie in between`);
  },
);

t.test('a client that is behind is told, and when it is no more', async t => {
  const { door, port, drained } = await opened();
  const socket = await knock(port);
  await said(socket, ask('SETUP', `${door.url}/trackID=0`, 'Transport: x;interleaved=0-1\r\n'));
  socket.pause();
  const bytes = Buffer.alloc(60_004);
  let sent = 0;
  while (door.send({ track: 0, isControl: false, bytes }) && sent < 10_000) sent++;
  t.ok(sent < 10_000, 'it was told');
  socket.resume();
  const deadline = performance.now() + 10_000;
  while (drained() === 0 && performance.now() < deadline) await new Promise(resolve => setImmediate(resolve));
  t.equal(drained(), 1);
  await door[Symbol.asyncDispose]();
});

t.test('a client that was behind gets every byte of what it was sent', async t => {
  const { door, port } = await opened();
  const socket = await knock(port);
  await said(socket, ask('SETUP', `${door.url}/trackID=0`, 'Transport: x;interleaved=0-1\r\n'));
  socket.pause();
  const sent = createHash('sha256');
  let bytes = 0;
  const send = () => {
    // Each is another, and of another length; none fits to the end of what is gathered.
    const packet = Buffer.alloc(40_000 + (bytes % 977), `packet at ${bytes}, `);
    packet[1] = 0;
    sent.update(packet);
    bytes += packet.length;
    return door.send({ track: 0, isControl: false, bytes: packet });
  };
  while (send());
  for (let more = 0; more < 40; more++) send();
  const got = createHash('sha256');
  let left = bytes;
  const whole = Promise.withResolvers<void>();
  socket.on('data', chunk => {
    got.update(chunk);
    left -= chunk.length;
    if (left <= 0) whole.resolve();
  });
  socket.resume();
  await Promise.race([whole.promise, once(socket, 'close')]);
  t.equal(left, 0);
  t.equal(got.digest('hex'), sent.digest('hex'));
  await door[Symbol.asyncDispose]();
});

t.test('the door is on loopback, and on no other address', async t => {
  const { door, port } = await opened();
  // Of this machine as well; a door on all addresses would open.
  const elsewhere = connect(port, '127.0.0.2');
  const outcome = await new Promise(resolve => {
    elsewhere.once('connect', () => resolve('connected'));
    elsewhere.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
  });
  t.equal(outcome, 'ECONNREFUSED');
  elsewhere.destroy();
  await door[Symbol.asyncDispose]();
});

t.test('a door that nobody came to closes with everybody who knocks', async t => {
  // Nobody is closed for having been silent.
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const { door, port } = await opened();
  const socket = await knock(port);
  socket.resume();
  let isClosed = false;
  const closing = door[Symbol.asyncDispose]().then(() => {
    isClosed = true;
  });
  t.ok(await comesTrue(() => isClosed && socket.closed));
  socket.destroy();
  await closing;
  const late = connect(port, '127.0.0.1');
  const [error] = await once(late, 'error');
  t.equal(error.code, 'ECONNREFUSED');
});
