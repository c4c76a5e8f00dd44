// Faults of cameras, with everything real but the camera. After each, recording comes back by itself.

import t, { type Test } from 'tap';
import { freePort } from '../support/daemon.ts';
import {
  answerWith,
  description,
  type FakeCameraOptions,
  makeElementaryStream,
  rtpPacket,
  startFakeCamera,
} from '../support/fake-camera.ts';
import { backWithinMs, gapBetweenRuns, recorded } from './pulled.ts';
import { children, descriptors, elementaryStream } from './pulling.ts';

const larger = await makeElementaryStream('320x240');
const hevc = await makeElementaryStream('160x120', 'libx265');

// They wait for media most of the time.
t.jobs = 5;
const running: Promise<unknown>[] = [];
function fault(name: string, work: (t: Test) => Promise<void>): void {
  running.push(t.test(name, { buffered: true }, work));
}
const before = { descriptors: await descriptors(), children: await children() };

/** Records until there are two runs; answers why the second did not follow at once. */
async function recordedTwice(
  t: Test,
  camera: FakeCameraOptions,
  more: { maxBitsPerSecond?: number; audio?: boolean } = {},
) {
  await using fake = await startFakeCamera({ elementaryStream, ...camera });
  const recording = await recorded(t, { port: fake.port, ...more });
  await recording.recordingLines(1);
  await recording.recordingLines(2);
  await recording.waitForLog(({ msg }) => msg === 'recording', 2);
  const found = await recording.finish();
  const reason = gapBetweenRuns(t, found);
  const [first] = found.segments;
  const second = found.segments.find(({ run }) => run !== first?.run);
  t.ok((second?.startAt ?? 0) - (first?.endAt ?? 0) < backWithinMs, 'it is back soon');
  return { ...found, reason, first, second, requests: fake.requests, logged: recording.logged };
}

const firstOnly = (connection: number) => connection === 1;

fault('a camera that is not there at first', async t => {
  const port = await freePort();
  const recording = await recorded(t, { port });
  await recording.waitForLog(({ msg }) => msg === 'camera is not recorded');
  await using _camera = await startFakeCamera({ elementaryStream, port });
  await recording.recordingLines(1);
  const { gaps } = await recording.finish();
  t.ok(gaps.some(({ reason }) => reason === 'unreachable'));
});

fault('a camera that refuses the password for a while', async t => {
  let refusals = 0;
  await using camera = await startFakeCamera({
    elementaryStream,
    answer: request =>
      request.method === 'DESCRIBE' && refusals++ < 4
        ? answerWith(request, '401 Unauthorized', ['WWW-Authenticate: Digest realm="camera", nonce="abc"'])
        : undefined,
  });
  const recording = await recorded(t, { port: camera.port });
  await recording.recordingLines(1);
  const { gaps } = await recording.finish();
  t.ok(gaps.some(({ reason }) => reason === 'refused'));
});

fault('a camera that disappears', async t => {
  const { reason, first } = await recordedTwice(t, {
    sends(picture, socket, connection) {
      if (firstOnly(connection) && picture === 40) socket.destroy();
      return true;
    },
  });
  t.equal(reason, 'unreachable');
  t.equal(first?.endReason, 'disconnected');
  t.ok((first?.durationMs ?? 0) > 1500, 'what came before is kept');
});

fault('a camera that stalls without closing', async t => {
  const { reason, first } = await recordedTwice(t, {
    sends: (picture, _, connection) => !firstOnly(connection) || picture < 31,
  });
  t.equal(reason, 'stalled');
  t.equal(first?.endReason, 'stalled');
});

fault('a camera that sends no key frame', async t => {
  const keyless = Buffer.concat(unitsOf(elementaryStream).filter(unit => ((unit[4] as number) & 0x1f) === 1));
  await using camera = await startFakeCamera({
    elementaryStream,
    streamOf: connection => (firstOnly(connection) ? { bytes: keyless, codec: 'h264' } : undefined),
  });
  const recording = await recorded(t, { port: camera.port });
  await recording.recordingLines(1);
  const { gaps } = await recording.finish();
  t.match(gaps.at(-1), { reason: 'stalled' });
});

fault('a camera that goes on with another resolution', async t => {
  const { reason, first, second } = await recordedTwice(t, {
    streamOf: connection =>
      connection === 1
        ? { bytes: Buffer.concat([elementaryStream, larger]), codec: 'h264' }
        : { bytes: larger, codec: 'h264' },
  });
  t.equal(reason, 'restart');
  t.equal(first?.endReason, 'changed');
  t.strictSame([first?.width, second?.width], [160, 320]);
});

fault('a camera that comes back with another codec', async t => {
  const { reason, first, second } = await recordedTwice(t, {
    streamOf: connection => (connection === 1 ? undefined : { bytes: hevc, codec: 'hevc' }),
    sends(picture, socket, connection) {
      if (firstOnly(connection) && picture === 40) socket.destroy();
      return true;
    },
  });
  t.equal(reason, 'unreachable');
  t.strictSame([first?.codec, second?.codec], ['h264', 'hevc']);
});

for (const [name, ticks] of [
  ['jumps by an hour', 3600 * 90_000],
  ['goes back by a minute', -60 * 90_000],
] as const)
  fault(`a camera whose time ${name}`, async t => {
    const { reason, first } = await recordedTwice(t, {
      shift: (picture, connection) => (firstOnly(connection) && picture >= 31 ? ticks : 0),
    });
    t.equal(reason, 'clock');
    t.equal(first?.endReason, 'changed');
  });

fault('a camera that floods', async t => {
  const junk = rtpPacket({ sequence: 0, timestamp: 0, marker: false }, Buffer.alloc(60_000, 1));
  junk[1] = 9;
  const { reason } = await recordedTwice(
    t,
    {
      sends(picture, socket, connection) {
        if (firstOnly(connection) && picture > 40)
          for (let count = 0; count < 20; count++) socket.write(junk);
        return true;
      },
    },
    { maxBitsPerSecond: 8e6 },
  );
  t.equal(reason, 'refused');
});

fault('a camera that redirects to a host that asks for Basic', async t => {
  await using other = await startFakeCamera({
    answer: request => answerWith(request, '401 Unauthorized', ['WWW-Authenticate: Basic realm="x"']),
  });
  await using camera = await startFakeCamera({
    elementaryStream,
    answer: (request, connection) =>
      firstOnly(connection)
        ? answerWith(request, '302 Found', [`Location: rtsp://127.0.0.1:${other.port}/stream`])
        : undefined,
  });
  const recording = await recorded(t, { port: camera.port });
  await recording.recordingLines(1);
  const { gaps } = await recording.finish();
  t.match(gaps.at(-1), { reason: 'refused' });
  t.strictSame(other.requests, [], 'nobody knocked there');
});

fault('quotes and control characters in a description', async t => {
  const nasty = description()
    .replace('s=camera', 's="\u001b]0;owned\u0007\u0000\'`$(reboot)"')
    .replace('packetization-mode=1', 'packetization-mode=1;sprop-parameter-sets="\u001b;a=x";evil="')
    .replace('a=control:video', 'a=control:vi"de\'o');
  await using camera = await startFakeCamera({
    elementaryStream,
    answer: request => (request.method === 'DESCRIBE' ? answerWith(request, '200 OK', [], nasty) : undefined),
  });
  const recording = await recorded(t, { port: camera.port });
  await recording.recordingLines(1);
  const { segments } = await recording.finish();
  t.equal(segments[0]?.codec, 'h264');
});

const g711 = ['m=audio 0 RTP/AVP 0', 'a=control:audio'];

fault('sound that stops does not hold the video back', async t => {
  await using camera = await startFakeCamera({
    elementaryStream,
    audio: g711,
    sound: picture => (picture < 30 ? picture * 533 : undefined),
  });
  const recording = await recorded(t, { port: camera.port });
  await recording.recordingLines(1);
  const reading = recording.recorders.recent('den')?.subscribe();
  for (let count = 0; count < 6; count++) await reading?.next();
  const { segments } = await recording.finish();
  t.equal(segments[0]?.audioCodec, 'aac');
  t.ok((segments[0]?.durationMs ?? 0) > 4000);
  t.equal(new Set(segments.map(({ run }) => run)).size, 1);
});

fault(
  'sound that is offered and not sent is dropped, and told once however often the camera reconnects',
  async t => {
    const { second, requests, logged } = await recordedTwice(t, {
      audio: g711,
      sends(picture, socket, connection) {
        if (connection === 2 && picture === 40) socket.destroy();
        return true;
      },
    });
    t.equal(second?.audioCodec, null);
    t.equal(logged.filter(({ msg }) => msg === 'sound is not recorded').length, 1);
    const setUps = requests.filter(({ method, head }) => method === 'SETUP' && head.includes('/audio'));
    t.equal(setUps.length, 1, 'and is not tried each time');
  },
);

fault('sound of another time than the pictures is dropped, and the video goes on', async t => {
  await using camera = await startFakeCamera({
    elementaryStream,
    audio: g711,
    sound: picture => picture * 533 + (picture < 45 ? 0 : 3600 * 8000),
  });
  const recording = await recorded(t, { port: camera.port });
  await recording.waitForLog(({ msg }) => msg === 'sound is not recorded');
  const { segments } = await recording.finish();
  t.strictSame([...new Set(segments.map(({ audioCodec }) => audioCodec))], ['aac', null]);
});

await Promise.all(running);

t.test('nothing is left open of all of these', async t => {
  t.strictSame(await children(), before.children, 'no process');
  // Ends of connections are heard of a moment later.
  const deadline = performance.now() + 5000;
  while ((await descriptors()) > before.descriptors && performance.now() < deadline)
    await new Promise(resolve => setImmediate(resolve));
  t.ok((await descriptors()) <= before.descriptors, 'no descriptor');
});

function unitsOf(stream: Buffer): Buffer[] {
  const units: Buffer[] = [];
  const mark = Buffer.from([0, 0, 0, 1]);
  const text = Buffer.from(
    stream.toString('latin1').replaceAll(/\u0000?\u0000\u0000\u0001/g, '\u0000\u0000\u0000\u0001'),
    'latin1',
  );
  for (let at = text.indexOf(mark); at >= 0; ) {
    const next = text.indexOf(mark, at + 4);
    units.push(text.subarray(at, next < 0 ? text.length : next));
    at = next;
  }
  return units;
}
