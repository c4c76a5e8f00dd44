import { execFile, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import { createSoundMemory } from '../../src/record/sound-memory.ts';
import { answerWith, makeElementaryStream, rtpPacket, startFakeCamera } from '../support/fake-camera.ts';
import { elementaryStream, password, pull, short, withCamera } from './pulling.ts';

// Most of these wait for a second of media, or for a limit.
t.jobs = 6;
const atOnce = { buffered: true };

t.test('a camera is pulled until it is stopped, and what comes plays', { ...atOnce }, async t => {
  const { error, inits, fragments } = await withCamera({}, { fragments: 3 });
  t.equal(error.end, 'stopped');
  t.equal(inits[0]?.tracks[0]?.format, 'avc1');
  t.equal(inits[0]?.tracks[0]?.width, 160);
  t.equal(fragments[0]?.startsWithKeyFrame, true);
  const file = join(t.testdir(), 'footage.mp4');
  await writeFile(file, Buffer.concat([inits[0]?.bytes ?? Buffer.alloc(0), ...fragments.map(f => f.bytes)]));
  const { stderr } = await promisify(execFile)('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-']);
  t.equal(stderr, '');
});

// Strict players complain about a file whose last picture is a delimiter, or a part of a slice.
for (const [where, sent] of [
  ['behind its delimiter', () => 1],
  ['before its last packet', (count: number) => count - 1],
] as const)
  t.test(`a picture that is cut off ${where} is not kept`, { ...atOnce }, async t => {
    const marked = await makeElementaryStream('640x480', 'libx264', ':aud=1');
    const keyFrameEach = 15;
    const cut = 3 * keyFrameEach;
    const { error, inits, fragments } = await withCamera({
      elementaryStream: marked,
      packetsOf(picture, count) {
        if (picture === cut && count < 3) throw new Error('a picture of several packets was expected');
        return picture === cut ? sent(count) : undefined;
      },
    });
    t.equal(error.end, 'disconnected');
    const file = join(t.testdir(), 'footage.mp4');
    await writeFile(
      file,
      Buffer.concat([inits[0]?.bytes ?? Buffer.alloc(0), ...fragments.map(f => f.bytes)]),
    );
    const { stdout } = await promisify(execFile)('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-xerror', '-i', file, '-f', 'framehash', '-hash', 'crc32', '-'],
    ]);
    const pictures = stdout.split('\n').filter(line => /^0,/.test(line)).length;
    // The first second may have gone into finding out what comes.
    t.equal(pictures, cut - (pictures < cut ? keyFrameEach : 0), 'every whole picture, and no other');
  });

t.test('a camera that is not there is unreachable', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  t.equal((await pull(port)).error.end, 'unreachable');
});

t.test('a camera that refuses the password is asked no third time', async t => {
  const challenge = ['WWW-Authenticate: Digest realm="camera", nonce="abc"'];
  const { error, requests } = await withCamera({
    answer: request => answerWith(request, '401 Unauthorized', challenge),
  });
  t.equal(error.end, 'refused');
  t.equal(requests.length, 2);
});

t.test('a camera that asks for Basic gets no password', async t => {
  const { error, requests } = await withCamera({
    answer: request => answerWith(request, '401 Unauthorized', ['WWW-Authenticate: Basic realm="camera"']),
  });
  t.equal(error.end, 'refused');
  t.notMatch(requests.map(({ head }) => head).join(), /Authorization/);
});

t.test('a redirect to a host that asks for Basic reaches nobody', async t => {
  await using other = await startFakeCamera({
    answer: request => answerWith(request, '401 Unauthorized', ['WWW-Authenticate: Basic realm="x"']),
  });
  const { error, requests } = await withCamera(
    {
      answer: request =>
        answerWith(request, '302 Found', [`Location: rtsp://127.0.0.1:${other.port}/stream`]),
    },
    { credentials: { user: 'admin', password, allowBasic: true } },
  );
  t.equal(error.end, 'redirect');
  t.equal(other.requests.length, 0);
  t.notMatch(requests.map(({ head }) => head).join(), /Authorization/);
});

t.test('a camera that disappears is disconnected, and its last pictures are kept', { ...atOnce }, async t => {
  const { error, fragments } = await withCamera({
    sends(picture, socket) {
      if (picture === 40) socket.destroy();
      return picture < 40;
    },
  });
  t.equal(error.end, 'disconnected');
  const lastMs = Math.max(...fragments.map(({ startMs, durationMs }) => startMs + durationMs));
  // The second that had begun; the first may have gone into finding out what comes.
  t.ok(lastMs % 1000 > 600, `media until ${lastMs} ms`);
});

t.test('a camera that falls silent is stalled', { ...atOnce }, async t => {
  const { error, fragments } = await withCamera({ sends: picture => picture < 31 });
  t.equal(error.end, 'stalled');
  t.ok(fragments.length > 0);
});

t.test('a camera of which only the sound goes on is stalled', { ...atOnce }, async t => {
  const limits = { ...short, fragmentMs: 4000 };
  const { error, fragments } = await withCamera(
    {
      audio: ['m=audio 0 RTP/AVP 0', 'a=control:audio'],
      sound: picture => picture * 533,
      soundOnly: picture => picture >= 45,
    },
    { limits, fragments: 20 },
  );
  t.equal(error.message, `no video came for ${limits.fragmentMs} ms`);
  t.ok(fragments.length > 2, 'the sound came meanwhile');
});

for (const [name, pictures] of [
  ['never sends anything', 0],
  ['stops before its first fragment is whole', 4],
] as const)
  t.test(`a camera that ${name} is not waited for as if it sent no key frame`, { ...atOnce }, async t => {
    const limits = { ...short, firstFragmentMs: 60_000 };
    const { error } = await withCamera({ sends: picture => picture < pictures }, { limits });
    t.equal(error.end, 'stalled');
    t.equal(error.message, `no video came for ${short.fragmentMs} ms`);
  });

t.test(
  'a connection that ends before its first picture says nothing about the sound',
  { ...atOnce },
  async t => {
    const sound = createSoundMemory(systemClock);
    const { error, requests } = await withCamera(
      {
        audio: ['m=audio 0 RTP/AVP 0', 'a=control:audio'],
        sound: picture => picture * 533,
        packetsOf: picture => (picture === 3 ? 0 : undefined),
      },
      { sound },
    );
    t.equal(error.end, 'disconnected');
    t.equal(sound.fault(), null);
    t.equal(requests.filter(({ method }) => method === 'DESCRIBE').length, 1, 'it is not tried without');
  },
);

t.test('sound whose times jump once is asked for again, and not a second time', { ...atOnce }, async t => {
  const sound = createSoundMemory(systemClock);
  let jumps = true;
  await using camera = await startFakeCamera({
    elementaryStream,
    audio: ['m=audio 0 RTP/AVP 0', 'a=control:audio'],
    sound: picture => picture * 533 + (jumps && picture >= 45 ? 3600 * 8000 : 0),
  });
  t.equal((await pull(camera.port, { sound })).error.end, 'jumped');
  t.equal(sound.fault(), null);
  jumps = false;
  const good = await pull(camera.port, { sound, fragments: 2 });
  t.equal(good.inits[0]?.tracks.length, 2, 'with sound');
  jumps = true;
  const { inits, lost } = await pull(camera.port, { sound, fragments: 8 });
  t.equal(inits.at(-1)?.tracks.length, 1, 'without');
  t.equal(lost.length, 1);
});

t.test('a camera that takes its time to begin is waited for every other time', { ...atOnce }, async t => {
  const limits = { ...short, firstFragmentMs: 10_000 };
  const start = { wasSilent: false, wasKeyless: false };
  await using camera = await startFakeCamera({
    elementaryStream,
    audio: ['m=audio 0 RTP/AVP 0', 'a=control:audio'],
    sound: picture => picture * 533,
    skips: picture => picture < 40,
  });
  t.match((await pull(camera.port, { limits, start })).error.message, 'no video came for');
  const { fragments, lost } = await pull(camera.port, { limits, start, fragments: 2 });
  t.ok(fragments.length >= 2);
  t.strictSame(lost, []);
  t.equal(start.wasSilent, false);
  t.match((await pull(camera.port, { limits, start })).error.message, 'no video came for');
});

for (const [name, ticks] of [
  ['an hour ahead', 3600 * 90_000],
  ['back by a minute', -60 * 90_000],
] as const)
  t.test(`times that jump ${name} end the run`, { ...atOnce }, async t => {
    const { error } = await withCamera({ shift: picture => (picture < 31 ? 0 : ticks) });
    t.equal(error.end, 'jumped');
  });

t.test('a camera that changes its picture size ends the run', { ...atOnce }, async t => {
  const larger = await makeElementaryStream('320x240');
  const { error, inits } = await withCamera({ elementaryStream: Buffer.concat([elementaryStream, larger]) });
  t.equal(error.end, 'changed');
  t.equal(inits.length, 1);
});

t.test('a camera that floods is cut off', async t => {
  const junk = rtpPacket({ sequence: 0, timestamp: 0, marker: false }, Buffer.alloc(60_000, 1));
  // A channel of nobody: ffmpeg does not see it.
  junk[1] = 9;
  const { error } = await withCamera(
    {
      sends(_, socket) {
        for (let count = 0; count < 20; count++) socket.write(junk);
        return true;
      },
    },
    { maxBitsPerSecond: 4e6 },
  );
  t.equal(error.end, 'flood');
});

t.test('a camera that talks nonsense is malformed', async t => {
  t.equal((await withCamera({ answer: () => 'RTSP/1.0 \u0001\r\n\r\n' })).error.end, 'malformed');
});

t.test('sound that ffmpeg cannot take is lost, and the video is not', { ...atOnce }, async t => {
  const audio = ['m=audio 0 RTP/AVP 97', 'a=rtpmap:97 MPEG4-GENERIC/16000/1', 'a=control:audio'];
  const { error, fragments, lost } = await withCamera({ audio }, { fragments: 2 });
  t.equal(error.end, 'stopped');
  t.equal(fragments.length >= 2, true);
  t.equal(lost.length, 1);
});

t.test('key frames that are further apart than is waited for are no hindrance', { ...atOnce }, async t => {
  const elementaryStream = await makeElementaryStream('160x120', 'libx264', ':keyint=900:min-keyint=900');
  const start = { wasSilent: false, wasKeyless: false };
  // Three seconds of pictures, and then pictures without a key frame.
  await using camera = await startFakeCamera({ elementaryStream });
  const limits = { ...short, firstFragmentMs: 2500 };
  const first = await pull(camera.port, { limits, start, fragments: 1 });
  t.equal(first.error.end, 'stalled', first.error.message);
  const second = await pull(camera.port, { limits, start, fragments: 2 });
  t.equal(second.error.end, 'stopped', second.error.message);
  t.equal(second.fragments[0]?.startsWithKeyFrame, true);
  t.equal(start.wasKeyless, true);
  await withCamera({}, { start, fragments: 2 });
  t.equal(start.wasKeyless, false, 'as with others, where key frames come often');
});

t.test('sound with holes that ends ffmpeg each time is done without', { ...atOnce }, async t => {
  const sound = createSoundMemory(systemClock);
  const limits = { ...short, firstFragmentMs: 15_000 };
  await using camera = await startFakeCamera({
    elementaryStream,
    audio: ['m=audio 0 RTP/AVP 0', 'a=control:audio'],
    // A fifteenth of each second.
    sound: picture => (picture % 15 === 0 ? (picture * 8000) / 15 : undefined),
  });
  const first = await pull(camera.port, { sound, limits, fragments: 8 });
  t.equal(first.error.end, 'ffmpeg', first.error.message);
  const second = await pull(camera.port, { sound, limits, fragments: 8 });
  t.equal(second.error.end, 'stopped', second.error.message);
  t.equal(second.inits.at(-1)?.tracks.length, 1, 'without');
  t.match(second.lost, [/SIGABRT/]);
  const third = await pull(camera.port, { sound, limits, fragments: 2 });
  t.equal(third.inits.length, 1, 'it is not tried again');
});

t.test('rtsps is taken from the certificate that was set, and from no other', { ...atOnce }, async t => {
  const directory = t.testdir();
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=camera', '-keyout', key, '-out', cert],
  ]);
  const tls = { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  const fingerprint = new X509Certificate(tls.cert).fingerprint256.replaceAll(':', '').toLowerCase();
  const right = await withCamera({ tls }, { scheme: 'rtsps', fingerprint, fragments: 1 });
  t.equal(right.error.end, 'stopped');
  const wrong = await withCamera({ tls }, { scheme: 'rtsps', fingerprint: '0'.repeat(64) });
  t.equal(wrong.error.end, 'certificate');
  t.equal(wrong.requests.length, 0);
  t.equal((await withCamera({ tls }, { scheme: 'rtsps' })).error.end, 'certificate');
});

const gstProblem = await promisify(execFile)('/usr/bin/python3', [
  '-c',
  'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import Gst, GstRtspServer; Gst.init(None); assert Gst.ElementFactory.find("x264enc") and Gst.ElementFactory.find("x265enc") and Gst.ElementFactory.find("avenc_aac") and Gst.ElementFactory.find("timeoverlay")',
]).then(
  () => false as const,
  () => 'gst-rtsp-server with its plug-ins is not installed',
);

for (const [codec, audio, formats] of [
  ['h264', 'aac', ['avc1', 'mp4a']],
  ['h264', 'pcmu', ['avc1', 'mp4a']],
  ['h264', 'pcma', ['avc1', 'mp4a']],
  ['h265', null, ['hvc1']],
] as const)
  t.test(
    `${codec} with ${audio ?? 'no sound'} is taken with Digest`,
    { ...atOnce, skip: gstProblem },
    async t => {
      const settings = JSON.stringify({ codec, audio, user: 'admin', password });
      const script = join(import.meta.dirname, '../support/rtsp-camera.py');
      const camera = spawn('/usr/bin/python3', [script, settings], { stdio: ['pipe', 'pipe', 'ignore'] });
      const isOver = once(camera, 'close');
      t.teardown(() => {
        camera.kill();
        return isOver;
      });
      const [line] = await once(camera.stdout, 'data');
      const { port } = JSON.parse(String(line));
      const { error, inits, lost } = await pull(port, {
        fragments: 3,
        limits: { ...short, firstFragmentMs: 30_000, fragmentMs: 10_000 },
      });
      t.equal(error.end, 'stopped', error.message);
      t.same(
        inits[0]?.tracks.map(({ format }) => format),
        formats,
      );
      t.same(lost, []);
    },
  );
