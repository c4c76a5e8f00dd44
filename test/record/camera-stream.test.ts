// The side that speaks to the camera, without ffmpeg behind it.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { mock } from 'node:test';
import { rootCertificates, setDefaultCACertificates } from 'node:tls';
import t from 'tap';
import { parseRtspAddress } from '../../src/domain/rtsp/rtsp-address.ts';
import { type CameraStream, openCameraStream, type StreamOptions } from '../../src/record/camera-stream.ts';
import { StreamError } from '../../src/record/stream-error.ts';
import {
  answerWith,
  description,
  type FakeCameraOptions,
  type FakeRequest,
  startFakeCamera,
} from '../support/fake-camera.ts';
import { makeCertificate } from './certificate.ts';

const password = 'the-Secret-of-this-camera';
const challenge = 'WWW-Authenticate: Digest realm="camera", nonce="';

function optionsFor(port: number, more: Partial<StreamOptions> & { url?: string } = {}): StreamOptions {
  const { address } = parseRtspAddress(more.url ?? `rtsp://admin@127.0.0.1:${port}/stream?a=1`);
  if (!address) throw new Error('an address was expected');
  return {
    address,
    credentials: { user: 'admin', password, allowBasic: false },
    fingerprint: null,
    wantsAudio: true,
    maxBitsPerSecond: 64e6,
    onPacket() {},
    ...more,
  };
}

/** What came of it, and what the camera was asked. */
async function opened(
  camera: FakeCameraOptions,
  more: Partial<StreamOptions> & { url?: string; play?: boolean } = {},
  look?: (stream: CameraStream) => Promise<unknown>,
) {
  await using fake = await startFakeCamera(camera);
  let error: StreamError | undefined;
  try {
    await using stream = await openCameraStream(optionsFor(fake.port, more));
    if (more.play !== false) await stream.play();
    await look?.(stream);
  } catch (thrown) {
    if (!(thrown instanceof StreamError)) throw thrown;
    error = thrown;
  }
  const heads = fake.requests.map(({ head }) => head).join('\n');
  if (`${heads}${error?.message}`.includes(password)) throw new Error('the password was shown');
  return { end: error?.end, message: error?.message ?? '', requests: fake.requests, heads };
}

async function thrownBy(opening: Promise<CameraStream>): Promise<StreamError> {
  const error = await opening.then(
    () => undefined,
    thrown => thrown,
  );
  if (!(error instanceof StreamError)) throw new Error('a StreamError was expected', { cause: error });
  return error;
}

const described = (request: FakeRequest, lines: readonly string[], headers: readonly string[] = []) =>
  request.method === 'DESCRIBE' ? answerWith(request, '200 OK', headers, lines.join('\r\n')) : undefined;

t.test('a stream is asked for, and its session is ended', async t => {
  const { end, requests } = await opened({});
  t.equal(end, undefined);
  t.strictSame(
    requests.map(({ head }) => head.split('\r\n', 1)[0]?.replace(/:\d+\//, '/')),
    [
      'DESCRIBE rtsp://127.0.0.1/stream?a=1 RTSP/1.0',
      'SETUP rtsp://127.0.0.1/stream?a=1/video RTSP/1.0',
      'PLAY rtsp://127.0.0.1/stream?a=1 RTSP/1.0',
    ],
  );
  t.notMatch(requests.map(({ head }) => head).join(), 'admin', 'nobody asked who it is');
});

t.test('of the sound that a camera offers, the first that can be taken is asked for, or none', async t => {
  const unknown = ['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 SPEEX/16000', 'a=control:speex'];
  const known = ['m=audio 0 RTP/AVP 0', 'a=control:pcmu'];
  for (const [audio, wantsAudio, formats, unknownAudio, controls] of [
    [unknown, true, ['h264'], 'SPEEX', ['video']],
    [[...unknown, ...known], true, ['h264', 'pcmu'], null, ['video', 'pcmu']],
    [[...known, ...unknown], true, ['h264', 'pcmu'], null, ['video', 'pcmu']],
    [known, false, ['h264'], null, ['video']],
    [[], true, ['h264'], null, ['video']],
  ] as const) {
    const { end, requests } = await opened({ audio: [...audio] }, { wantsAudio }, async stream => {
      t.strictSame(
        stream.tracks.map(({ format }) => format),
        formats,
      );
      t.equal(stream.unknownAudio, unknownAudio);
    });
    t.equal(end, undefined);
    const asked = requests.filter(({ method }) => method === 'SETUP');
    t.strictSame(
      asked.map(({ head }) => /\/(\w+) RTSP/.exec(head)?.[1]),
      controls,
    );
  }
});

t.test('every redirecting answer is refused, at every step', async t => {
  await using other = await startFakeCamera();
  for (const status of [
    '300 Choices',
    '301 Moved',
    '302 Found',
    '303 Other',
    '305 Proxy',
    '307 Temporary',
    '399 x',
  ])
    for (const method of ['DESCRIBE', 'SETUP', 'PLAY']) {
      const { end } = await opened({
        answer: request =>
          request.method === method
            ? answerWith(request, status, [`Location: rtsp://127.0.0.1:${other.port}/stream`])
            : undefined,
      });
      t.equal(end, 'redirect', `${status} to ${method}`);
    }
  t.strictSame(other.requests, []);
});

t.test('a camera that redirects with a request of its own is refused', async t => {
  const { end } = await opened(
    {
      answer: request =>
        request.method === 'PLAY'
          ? `${answerWith(request, '200 OK')}REDIRECT rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://h/\r\n\r\n`
          : undefined,
    },
    {},
    async stream => {
      throw await stream.ended;
    },
  );
  t.equal(end, 'redirect');
});

t.test('no packet is passed on that comes after the end', async t => {
  const packet = '$\u0000\u0000\u0004abcd';
  const passed: number[] = [];
  const { end } = await opened(
    {
      answer: request =>
        request.method === 'PLAY'
          ? `${packet}${answerWith(request, '200 OK')}REDIRECT rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n${packet}`
          : undefined,
    },
    { onPacket: ({ bytes }) => void passed.push(bytes.length) },
    async stream => {
      throw await stream.ended;
    },
  );
  t.equal(end, 'redirect');
  t.strictSame(passed, [8]);
});

t.test('no connection is left open of a stream that cannot be had', async t => {
  for (const answer of [
    (request: FakeRequest) => answerWith(request, '404 Not Found'),
    (request: FakeRequest) => answerWith(request, '401 x', ['WWW-Authenticate: Basic realm="r"']),
    (request: FakeRequest) => described(request, ['v=0', '']),
    (request: FakeRequest) => described(request, ['<html>']),
    (request: FakeRequest) => (request.method === 'SETUP' ? answerWith(request, '200 OK') : undefined),
    (request: FakeRequest) => (request.method === 'SETUP' ? answerWith(request, '454 x') : undefined),
  ]) {
    await using fake = await startFakeCamera({ answer });
    await thrownBy(openCameraStream(optionsFor(fake.port)));
    await until(() => fake.sockets.size === 0);
  }
  t.pass();
});

t.test('a camera is told when its session is not wanted any more', async t => {
  await using fake = await startFakeCamera();
  const stream = await openCameraStream(optionsFor(fake.port));
  await stream.play();
  await stream[Symbol.asyncDispose]();
  await until(() => fake.sockets.size === 0);
  t.match(fake.requests.at(-1)?.head, /^TEARDOWN rtsp:\/\/127\.0\.0\.1:\d+\/stream\?a=1 RTSP.*Session: \S/s);
});

t.test('addresses in what a camera writes are read for their path only', async t => {
  const evil = createServer(() => t.fail('it was connected to')).listen(0, '127.0.0.1');
  await once(evil, 'listening');
  const { port } = evil.address() as { port: number };
  for (const [headers, sessionControl, trackControl, expected] of [
    [[`Content-Base: rtsp://127.0.0.1:${port}/other/`], '*', 'track1', '/other/track1'],
    [[], `rtsp://127.0.0.1:${port}/session`, 'track1', '/session/track1'],
    [[], '*', `rtsp://admin:x@127.0.0.1:${port}/track1`, '/track1'],
    [[], '*', 'rtsp://h/a$&b$1', '/a$&b$1'],
    [[], '*', 'a"b"', '/stream?a=1/ab'],
    [[`Content-Base: rtsp://h/a b"c`], 'rtsp://h/\u0001', '/x', '/stream?a=1/x'],
  ] as const) {
    const { end, requests } = await opened({
      answer: request =>
        described(
          request,
          [
            ...['v=0', `a=control:${sessionControl}`, 'm=video 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000'],
            ...[`a=control:${trackControl}`, ''],
          ],
          headers,
        ),
    });
    t.equal(end, undefined, expected);
    const line = requests.find(({ method }) => method === 'SETUP')?.head.split('\r\n', 1)[0] ?? '';
    t.match(line, /^SETUP rtsp:\/\/127\.0\.0\.1:\d+\/[\x21\x23-\x7e]* RTSP\/1\.0$/);
    t.equal(line.replace(/^SETUP rtsp:\/\/127\.0\.0\.1:\d+/, '').replace(' RTSP/1.0', ''), expected);
  }
  evil.close();
});

t.test('quotes and control characters in what a camera writes end nowhere', async t => {
  const { end, message } = await opened({
    answer: request =>
      described(request, [
        'v=0',
        's="\u001b]0;owned\u0007',
        'm=video 0 RTP/AVP 96',
        'a=rtpmap:96 VP\u001b8/90000',
        '',
      ]),
  });
  t.equal(end, 'malformed');
  t.notMatch(message, /[^\x20-\x7e]/);
});

for (const [what, answer] of [
  [
    'headers without end',
    (sequence: string) => `RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nX: ${'a'.repeat(20_000)}`,
  ],
  [
    'too many headers',
    (sequence: string) => `RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\n${'X: a\r\n'.repeat(100)}\r\n`,
  ],
  [
    'a body without end',
    (sequence: string) => `RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nContent-Length: 999999999\r\n\r\n`,
  ],
  [
    'two lengths',
    (sequence: string) =>
      `RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
  ],
  [
    'no session',
    (sequence: string) =>
      `RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n`,
  ],
  [
    'no description',
    (sequence: string) => `RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nContent-Length: 6\r\n\r\n<html>`,
  ],
] as const)
  t.test(`${what}: malformed`, async t => {
    const wanted = what === 'no session' ? 'SETUP' : 'DESCRIBE';
    const { end } = await opened({
      answer: request => (request.method === wanted ? answer(request.sequence) : undefined),
    });
    t.equal(end, 'malformed');
  });

t.test('channels that there are not, or that are taken, are malformed', async t => {
  const sound = ['m=audio 0 RTP/AVP 0', 'a=control:audio'];
  for (const [expected, ...channels] of [
    ['malformed', '256-257'],
    ['malformed', '255-256'],
    ['malformed', '255'],
    ['malformed', '3-3'],
    ['malformed', ''],
    ['malformed', '0-1', '0-1'],
    ['malformed', '0-1', '1-2'],
    [undefined, '254-255'],
    [undefined, '254'],
    [undefined, '3-2'],
    [undefined, '0-1', '2-3'],
  ] as const) {
    let asked = 0;
    const { end } = await opened({
      audio: channels.length > 1 ? sound : [],
      answer: request =>
        request.method === 'SETUP'
          ? answerWith(request, '200 OK', [
              ...['Session: 1', `Transport: RTP/AVP/TCP;interleaved=${channels[asked++]}`],
            ])
          : undefined,
    });
    t.equal(end, expected, channels.join(', '));
  }
});

t.test('a nonce that is stale, or new after it was right, is answered once', async t => {
  for (const [stale, refusals, expected] of [
    ['', 1, undefined],
    [', stale=true', 1, undefined],
    ['', 2, 'refused'],
    [', stale=TRUE', 2, 'refused'],
  ] as const) {
    let left = refusals as number;
    const { end, requests } = await opened({
      answer: request => {
        if (!request.head.includes('Authorization')) return answerWith(request, '401 x', [`${challenge}1"`]);
        const isOld = request.head.includes('nonce="1"');
        if (request.method !== 'PLAY' || (!isOld && left <= 0)) return undefined;
        left--;
        return isOld || left >= 0 ? answerWith(request, '401 x', [`${challenge}2"${stale}`]) : undefined;
      },
    });
    t.equal(end, expected, `${stale} ${refusals}`);
    t.equal(requests.filter(({ method }) => method === 'PLAY').length, 2);
  }
});

t.test('the first refusal of a password is the last try, whatever the nonce', async t => {
  let count = 0;
  const { end, requests } = await opened({
    answer: request => answerWith(request, '401 x', [`${challenge}${count++}"`]),
  });
  t.equal(end, 'refused');
  t.equal(requests.length, 2);
});

t.test('without a user, a camera that asks for one is refused', async t => {
  const { end, message } = await opened(
    { answer: request => answerWith(request, '401 x', [`${challenge}1"`]) },
    { credentials: null },
  );
  t.equal(end, 'refused');
  t.match(message, /none is set/);
});

t.test('Basic is sent only when it is allowed', async t => {
  const answer = (request: FakeRequest) =>
    request.head.includes('Authorization: Basic')
      ? undefined
      : answerWith(request, '401 x', ['WWW-Authenticate: Basic realm="r"']);
  t.equal((await opened({ answer })).end, 'refused');
  const allowed = await opened({ answer }, { credentials: { user: 'admin', password, allowBasic: true } });
  t.equal(allowed.end, undefined);
});

t.test('100 Continue is no answer yet', async t => {
  const { end } = await opened({
    answer: request =>
      `RTSP/1.0 100 Continue\r\nCSeq: ${request.sequence}\r\n\r\n${described(request, description().split('\r\n')) ?? ''}${request.method === 'SETUP' ? answerWith(request, '200 OK', ['Session: 1', 'Transport: x;interleaved=0-1']) : request.method === 'PLAY' ? answerWith(request, '200 OK') : ''}`,
  });
  t.equal(end, undefined);
});

t.test("an answer to something else is nobody's", async t => {
  const { end } = await opened({
    answer: request => {
      const usual = described(request, description().split('\r\n'));
      const foreign = 'RTSP/1.0 302 Found\r\nCSeq: 77\r\nLocation: rtsp://h/\r\n\r\n';
      return request.method === 'DESCRIBE' ? `${foreign}RTSP/1.0 404 x\r\n\r\n${usual}` : undefined;
    },
  });
  t.equal(end, undefined);
});

/** What the sockets bring takes no timer; the timers of our own are the test's. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise(resolve => setImmediate(resolve));
  }
}

for (const answers of ['501 Not Implemented', undefined])
  t.test(`a session is kept alive when the camera answers ${answers ?? 'nothing'}`, async t => {
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    t.teardown(() => mock.timers.reset());
    const words: string[] = [];
    await opened(
      {
        answer: request => {
          if (request.method === 'SETUP')
            return answerWith(request, '200 OK', ['Session: 1; timeout=20', 'Transport: x;interleaved=0-1']);
          if (request.method !== 'GET_PARAMETER') return undefined;
          words.push(request.head);
          return answers ? answerWith(request, answers) : '';
        },
      },
      {},
      async stream => {
        let isOver = false;
        void stream.ended.then(() => {
          isOver = true;
        });
        for (let count = 1; count <= 3; count++) {
          mock.timers.tick(9999);
          t.equal(words.length, count - 1);
          mock.timers.tick(1);
          await until(() => words.length === count);
        }
        t.match(words[0], /^Session: 1$/m);
        t.equal(isOver, false);
      },
    );
  });

for (const [said, afterMs] of [
  ['', 30_000],
  [';timeout=60', 30_000],
  [';timeout=10', 5000],
  [';timeout=9', 5000],
  [';timeout=0', 5000],
] as const)
  t.test(`a session ${said} is kept alive every ${afterMs} ms, and no sooner`, async t => {
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    t.teardown(() => mock.timers.reset());
    let words = 0;
    await opened(
      {
        answer: request => {
          if (request.method === 'GET_PARAMETER') words++;
          return request.method === 'SETUP'
            ? answerWith(request, '200 OK', [`Session: 1${said}`, 'Transport: x;interleaved=0-1'])
            : undefined;
        },
      },
      {},
      async () => {
        mock.timers.tick(afterMs - 1);
        // One that was sent would have been there by now.
        for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve));
        t.equal(words, 0);
        mock.timers.tick(1);
        await until(() => words === 1);
      },
    );
  });

t.test('a camera that redirects a session that runs is refused', async t => {
  mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const { end } = await opened(
    {
      answer: request =>
        request.method === 'GET_PARAMETER'
          ? answerWith(request, '302 Found', ['Location: rtsp://127.0.0.1:9/stream'])
          : undefined,
    },
    {},
    async stream => {
      let over: StreamError | undefined;
      void stream.ended.then(error => {
        over = error;
      });
      mock.timers.tick(30_000);
      await until(() => over !== undefined);
      throw over;
    },
  );
  t.equal(end, 'redirect');
});

t.test('a camera that does not shake hands is unreachable after five seconds', async t => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  let isConnected = false;
  let isClosed = false;
  const mute = createServer(socket => {
    isConnected = true;
    socket
      .on('error', () => {})
      .on('close', () => {
        isClosed = true;
      });
    socket.resume();
  }).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as { port: number };
  let over: StreamError | undefined;
  void thrownBy(openCameraStream(optionsFor(port, { url: `rtsps://127.0.0.1:${port}/` }))).then(error => {
    over = error;
  });
  await until(() => isConnected);
  mock.timers.tick(4999);
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve));
  t.equal(over, undefined);
  mock.timers.tick(1);
  await until(() => over !== undefined && isClosed);
  t.equal(over?.end, 'unreachable');
  mute.close();
});

t.test('a camera that refuses the log-in of a session that runs is not asked twice each time', async t => {
  mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  t.teardown(() => mock.timers.reset());
  let asked = 0;
  await opened(
    {
      answer: request => {
        const isKept = request.method === 'GET_PARAMETER';
        if (isKept) asked++;
        return isKept || !request.head.includes('Authorization')
          ? answerWith(request, '401 x', [`${challenge}1"`])
          : undefined;
      },
    },
    {},
    async () => {
      for (const expected of [2, 3, 4]) {
        mock.timers.tick(30_000);
        await until(() => asked >= expected);
        // It reads ten times a second: an answer to one more would have been there by now.
        for (let read = 0; read < 5; read++) {
          mock.timers.tick(100);
          for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
        }
        t.equal(asked, expected);
      }
    },
  );
});

t.test('a camera that does not answer is unreachable after five seconds', async t => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  await using fake = await startFakeCamera({ answer: () => '' });
  const opening = openCameraStream(optionsFor(fake.port));
  await until(() => fake.requests.length === 1);
  mock.timers.tick(4999);
  mock.timers.tick(1);
  t.equal((await thrownBy(opening)).end, 'unreachable');
  await until(() => fake.sockets.size === 0);
});

t.test('connecting can be given up, also while nobody answers', async t => {
  await using fake = await startFakeCamera({ answer: () => '' });
  const stopping = new AbortController();
  const opening = openCameraStream(optionsFor(fake.port, { signal: stopping.signal }));
  await until(() => fake.requests.length === 1);
  stopping.abort();
  t.equal((await thrownBy(opening)).end, 'stopped');
  const again = openCameraStream(optionsFor(fake.port, { signal: stopping.signal }));
  t.equal((await thrownBy(again)).end, 'stopped');
  await until(() => fake.sockets.size === 0);
});

t.test('a camera may send so much, in few packets or in many', async t => {
  for (const [what, bytes] of [
    ['few', Buffer.concat([Buffer.from([0x24, 9, 0xea, 0x60]), Buffer.alloc(60_000)])],
    ['many', Buffer.from([0x24, 9, 0, 0])],
    ['no packet at all', Buffer.from('\r\n')],
    ['requests', Buffer.from('OPTIONS * RTSP/1.0\r\nX: 1\r\n\r\n')],
  ] as const) {
    await using fake = await startFakeCamera();
    await using stream = await openCameraStream(optionsFor(fake.port, { maxBitsPerSecond: 1e6 }));
    const [socket] = fake.sockets;
    const all = Buffer.concat(Array<Buffer>(Math.ceil(4000 / bytes.length)).fill(bytes));
    const timer = setInterval(() => socket?.write(all), 1);
    const { end } = await stream.ended;
    clearInterval(timer);
    t.equal(end, 'flood', what);
  }
});

t.test('a camera that sends as much as it may is not cut off, however long that goes on', async t => {
  const windowMs = 5000;
  const { now } = performance;
  let laterMs = 0;
  mock.method(performance, 'now', () => now.call(performance) + laterMs);
  t.teardown(() => mock.restoreAll());
  await using fake = await startFakeCamera();
  let cameBytes = 0;
  let over: StreamError | undefined;
  await using stream = await openCameraStream(
    optionsFor(fake.port, {
      // 625 000 bytes in five seconds.
      maxBitsPerSecond: 1e6,
      onPacket({ bytes }) {
        cameBytes += bytes.length;
      },
    }),
  );
  void stream.ended.then(error => {
    over = error;
  });
  const [socket] = fake.sockets;
  const packet = Buffer.concat([Buffer.from([0x24, 0, 0xea, 0x60]), Buffer.alloc(60_000)]);
  const send = async (count: number) => {
    const expected = cameBytes + count * packet.length;
    for (let sent = 0; sent < count; sent++) socket?.write(packet);
    await until(() => cameBytes >= expected || over !== undefined);
  };
  for (let window = 0; window < 6; window++) {
    await send(9);
    t.equal(over, undefined, `window ${window}`);
    laterMs += windowMs + 1000;
  }
  await send(9);
  await send(9);
  t.equal((await stream.ended).end, 'flood', 'but not twice as much');
});

t.test('a camera that asks and does not read the answers is cut off', async t => {
  await using fake = await startFakeCamera();
  await using stream = await openCameraStream(optionsFor(fake.port, { maxBitsPerSecond: 1e12 }));
  const [socket] = fake.sockets;
  socket?.pause();
  const many = 'OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n'.repeat(20_000);
  const fill = () => {
    while (socket?.writable && socket.write(many));
  };
  socket?.on('drain', fill);
  fill();
  const { end } = await stream.ended;
  t.equal(end, 'malformed');
});

t.test('rtsps: the certificate is for the address that was configured, or has the fingerprint', async t => {
  const right = makeCertificate('IP:127.0.0.1');
  const local = makeCertificate('DNS:localhost');
  setDefaultCACertificates([...rootCertificates, right.cert, local.cert]);
  const over = (tls: { key: string; cert: string }, host: string, fingerprint: string | null = null) =>
    withTls(tls, host, fingerprint);
  t.equal(await over(right, '127.0.0.1'), undefined);
  t.equal(await over(local, '127.0.0.1'), 'certificate', 'one for another name is not enough');
  t.equal(await over(local, 'localhost'), undefined);
  t.equal(await over(right, 'localhost'), 'certificate');
  t.equal(await over(local, '127.0.0.1', local.fingerprint), undefined);
  t.equal(await over(right, '127.0.0.1', local.fingerprint), 'certificate', 'the fingerprint decides alone');
  const lastDigit = local.fingerprint.endsWith('0') ? '1' : '0';
  for (const almost of [`${local.fingerprint.slice(0, -1)}${lastDigit}`, local.fingerprint.slice(0, -1), ''])
    t.equal(await over(local, '127.0.0.1', almost), 'certificate', 'all of it');
  setDefaultCACertificates([...rootCertificates]);
  t.equal(await over(right, '127.0.0.1'), 'certificate');
});

async function withTls(tls: { key: string; cert: string }, host: string, fingerprint: string | null) {
  await using fake = await startFakeCamera({ tls });
  try {
    await using stream = await openCameraStream(
      optionsFor(fake.port, { url: `rtsps://${host}:${fake.port}/`, fingerprint }),
    );
    await stream.play();
    return undefined;
  } catch (error) {
    if (fake.requests.length > 0) throw new Error('something was sent', { cause: error });
    return (error as StreamError).end;
  }
}
