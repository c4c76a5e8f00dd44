import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import t from 'tap';
import { silentLog } from '../../src/base/log.ts';
import { inputPath, openConfinement } from '../../src/media/confine.ts';
import { openMedia } from '../../src/media/media.ts';
import { probe } from '../../src/media/probe.ts';
import type { Container } from '../../src/media/sniff.ts';
import { makeThumbnail } from '../../src/media/thumbnail.ts';
import { makeJpeg, makeMp4, makeTs } from '../support/media.ts';

const log = silentLog();
const media = await openMedia({ log });
const strong = await openConfinement({ log });
const landlocked = await openConfinement({ log, bubblewrap: false });
const weak = await openConfinement({ log, bubblewrap: false, landlock: false });

/** A listener that counts who comes. */
async function listen(t: { teardown(end: () => unknown): void }) {
  let visits = 0;
  const server = createServer(socket => {
    visits++;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port, visits: () => visits };
}

t.test('a text that lists addresses and files opens none of them, whatever it is taken for', async t => {
  const server = await listen(t);
  const url = `http://127.0.0.1:${server.port}/x.ts`;
  const texts = {
    'playlist.mp4': `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${url}\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n`,
    'list.mp4': `ffconcat version 1.0\nfile ${url}\nfile /etc/passwd\n`,
    'picture.jpg': `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="${url}"/></svg>`,
  };
  for (const [name, text] of Object.entries(texts)) {
    const file = join(t.testdir(), name);
    await writeFile(file, text);
    const facts = await media.look(file);
    t.match(facts, { container: 'text', kind: 'other', extension: 'txt', codec: null, width: null });
    t.match(await media.thumbnail(file, facts.container), { jpeg: null });
    // Should the first bytes ever be misjudged, the forced demuxer still holds, with and without bubblewrap.
    for (const confinement of [strong, weak]) {
      for (const container of ['mp4', 'jpeg', 'mpegts', 'hevc'] as Container[]) {
        const probed = await probe(confinement, file, container);
        t.equal(probed.width, null);
        t.match(await makeThumbnail(confinement, file, container), { jpeg: null });
      }
    }
  }
  t.equal(server.visits(), 0, 'nobody came');
});

t.test('the playlist does reach out when nothing confines ffmpeg', async t => {
  const server = await listen(t);
  const file = join(t.testdir(), 'playlist.mp4');
  await writeFile(file, `#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:${server.port}/x.ts\n#EXT-X-ENDLIST\n`);
  const run = ['-v', 'quiet', '-f', 'hls', '-protocol_whitelist', 'file,http,tcp', '-i', file];
  const { spawn } = await import('node:child_process');
  await once(spawn('ffprobe', run, { stdio: 'ignore', timeout: 10_000 }), 'close');
  t.ok(server.visits() > 0, 'so the test above can fail');
});

t.test('a picture of absurd size is refused without its memory', async t => {
  const jpeg = Buffer.from(await readFile(await makeJpeg()));
  // The frame header: FF C0, length, precision, height, width.
  const header = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  jpeg.writeUInt16BE(65_500, header + 5);
  jpeg.writeUInt16BE(65_500, header + 7);
  const file = join(t.testdir(), 'bomb.jpg');
  await writeFile(file, jpeg);
  const facts = await media.look(file);
  t.match(facts, { kind: 'image', container: 'jpeg', width: null, height: null });
  t.type(facts.problem, 'string');
  t.match(await media.thumbnail(file, 'jpeg'), { jpeg: null });
});

t.test('a picture may have 64 megapixels and not a row more', async t => {
  const largest = await makeJpeg({ width: 8192, height: 8192 });
  t.match(await media.look(largest), { width: 8192, height: 8192, problem: null });
  t.match(await media.thumbnail(largest, 'jpeg'), { width: 480, height: 480 });
  const larger = await makeJpeg({ width: 8192, height: 8193 });
  t.match(await media.look(larger), { kind: 'image', width: null, height: null });
  t.match(await media.thumbnail(larger, 'jpeg'), { jpeg: null });
});

t.test('a playlist that names a video on this machine does not show it', async t => {
  const file = join(t.testdir(), 'playlist.mp4');
  await writeFile(
    file,
    `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:2,\nfile://${await makeTs()}\n#EXT-X-ENDLIST\n`,
  );
  for (const confinement of [strong, weak]) {
    for (const container of ['mp4', 'mpegts', 'matroska'] as Container[]) {
      t.equal((await probe(confinement, file, container)).width, null);
      t.match(await makeThumbnail(confinement, file, container), { jpeg: null });
    }
  }
});

t.test('durations and sizes that cannot be are null', async t => {
  const mp4 = Buffer.from(await readFile(await makeMp4()));
  // tkhd holds the size as 16.16 after 76 bytes, avc1 as 16 bits after 24; mvhd, tkhd and mdhd the durations.
  mp4.fill(0x7f, mp4.indexOf('mvhd') + 20, mp4.indexOf('mvhd') + 24);
  mp4.fill(0x7f, mp4.indexOf('mdhd') + 20, mp4.indexOf('mdhd') + 24);
  mp4.fill(0x7f, mp4.indexOf('tkhd') + 24, mp4.indexOf('tkhd') + 28);
  const file = join(t.testdir(), 'absurd.mp4');
  await writeFile(file, mp4);
  const facts = await media.look(file);
  t.equal(facts.kind, 'video');
  t.ok(facts.durationMs === null || facts.durationMs <= 36 * 3_600_000);
});

t.test('random bytes behind any magic are filed as what they start like, with a problem', async t => {
  const noise = Buffer.alloc(100_000);
  let state = 1;
  for (let index = 0; index < noise.length; index++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    noise[index] = state >> 16;
  }
  const heads: [string, string][] = [
    ['\xff\xd8\xff\xe0', 'image'],
    ['\x89PNG\r\n\x1a\n', 'image'],
    ['\0\0\0\x18ftypisom', 'video'],
    ['\x1aE\xdf\xa3', 'video'],
    ['RIFF\0\0\0\0AVI ', 'video'],
    ['DHAV\xfd\0\0\0', 'video'],
    ['\0\0\0\x01\x40\x01', 'video'],
    ['\0\0\0\x01\x67', 'video'],
    ['', 'other'],
  ];
  for (const [head, kind] of heads) {
    const file = join(t.testdir(), 'noise');
    await writeFile(file, Buffer.concat([Buffer.from(head, 'latin1'), noise]));
    const facts = await media.look(file);
    t.equal(facts.kind, kind, JSON.stringify(head));
    const thumbnail = await media.thumbnail(file, facts.container);
    t.ok(thumbnail.jpeg === null || (thumbnail.width <= 480 && thumbnail.height <= 960));
  }
});

t.test('an empty file is nothing to see', async t => {
  const file = join(t.testdir(), 'empty.mp4');
  await writeFile(file, '');
  t.match(await media.look(file), { container: 'empty', kind: 'other', extension: 'bin', problem: null });
});

t.test('a hundred thousand tiny boxes cost no more than the deadline', async t => {
  const box = Buffer.from('\0\0\0\x08free', 'latin1');
  const boxes = Buffer.concat([
    Buffer.from('\0\0\0\x10ftypisom\0\0\0\0', 'latin1'),
    ...Array(100_000).fill(box),
  ]);
  const file = join(t.testdir(), 'boxes.mp4');
  await writeFile(file, boxes);
  const startedAt = performance.now();
  t.match(await media.look(file), { kind: 'video', width: null });
  t.ok(performance.now() - startedAt < 10_000);
});

t.test('a decoder sees no network, no other file and no environment', async t => {
  const file = await makeJpeg();
  for (const confinement of [strong, weak]) {
    const inside = (path: string) =>
      confinement.run({
        tool: 'ffmpeg',
        file,
        args: [
          '-nostdin',
          '-v',
          'error',
          '-f',
          'data',
          '-i',
          path,
          '-map',
          '0',
          '-c',
          'copy',
          '-f',
          'data',
          'pipe:1',
        ],
        deadlineMs: 10_000,
        maxOutputBytes: 1_000_000,
      });
    const environment = (await inside('/proc/self/environ')).output.toString();
    const names = environment
      .split('\0')
      .filter(Boolean)
      .map(line => line.replace(/=.*/s, ''));
    // PWD is bubblewrap's, the others are what tap gives to every process that a test starts.
    const own = names.filter(name => !/^(PWD|NODE_OPTIONS|_TAPJS_.*)$/.test(name));
    t.same(own.sort(), ['HOME', 'LANG', 'PATH']);
    t.same((await inside(inputPath)).output, await readFile(file), 'the one file is readable');
    if (confinement.level !== 'bubblewrap') continue;
    t.equal((await inside('/etc/passwd')).end, 'failed');
    t.equal((await inside(file)).end, 'failed', 'also not under its own name');
    const interfaces = (await inside('/proc/self/net/dev')).output.toString().match(/^ *\w+:/gm);
    t.same(
      interfaces?.map(line => line.trim()),
      ['lo:'],
    );
  }
});

t.test(
  'where there is no bubblewrap, Landlock takes files, network and other processes away',
  { skip: landlocked.level === 'landlock' ? false : 'this kernel has no Landlock' },
  async t => {
    const server = await listen(t);
    const tried = (confinement: typeof weak, ...args: string[]) =>
      confinement.run({
        tool: 'ffmpeg',
        file: '/etc/hostname',
        args: [
          '-nostdin',
          '-v',
          'error',
          '-f',
          'data',
          ...args,
          '-map',
          '0',
          '-c',
          'copy',
          '-f',
          'data',
          'pipe:1',
        ],
        deadlineMs: 10_000,
        maxOutputBytes: 1_000_000,
      });
    const attempts = ['/etc/passwd', '/proc/self/environ', `/proc/${process.pid}/maps`].map(path => [
      '-i',
      path,
    ]);
    for (const args of attempts) {
      t.equal((await tried(landlocked, ...args)).end, 'failed', `${args[1]}`);
      t.equal((await tried(weak, ...args)).end, 'ok', `${args[1]}: so this test can fail`);
    }
    t.equal((await tried(landlocked, '-i', inputPath)).end, 'ok', 'the one file is readable');
    const outside = ['-protocol_whitelist', 'tcp', '-i', `tcp://127.0.0.1:${server.port}`];
    await tried(landlocked, ...outside);
    t.equal(server.visits(), 0, 'nobody came (Linux 6.7 and newer)');
    await tried(weak, ...outside);
    t.equal(server.visits(), 1);
  },
);

t.test('nothing can be written', async t => {
  for (const confinement of [strong, landlocked, weak]) {
    const target = join(t.testdir(), 'written.bin');
    const { end } = await confinement.run({
      tool: 'ffmpeg',
      file: await makeJpeg(),
      args: [
        '-nostdin',
        '-v',
        'error',
        '-f',
        'data',
        '-i',
        inputPath,
        '-map',
        '0',
        '-c',
        'copy',
        '-f',
        'data',
        target,
      ],
      deadlineMs: 10_000,
      maxOutputBytes: 1000,
    });
    t.equal(end, 'failed');
    const written = await readFile(target).catch(() => Buffer.alloc(0));
    t.equal(written.length, 0);
  }
});

const endless = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=64x64', '-f', 'rawvideo'];

t.test('a decoder that does not end is killed at the deadline, with all that it started', async t => {
  for (const confinement of [strong, landlocked, weak]) {
    const startedAt = performance.now();
    const { end } = await confinement.run({
      tool: 'ffmpeg',
      file: await makeJpeg(),
      args: ['-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', 'anullsrc', '-f', 'null', '-'],
      deadlineMs: 300,
      maxOutputBytes: 1000,
    });
    t.equal(end, 'deadline');
    t.ok(performance.now() - startedAt < 3000);
    t.notMatch(execFileSync('ps', ['-eo', 'args']).toString(), /ffmpeg .*anullsrc/);
  }
});

t.test('output is cut at its limit', async t => {
  for (const confinement of [strong, landlocked, weak]) {
    const { end, output } = await confinement.run({
      tool: 'ffmpeg',
      file: await makeJpeg(),
      args: [...endless, 'pipe:1'],
      deadlineMs: 10_000,
      maxOutputBytes: 100_000,
    });
    t.equal(end, 'too-much');
    t.ok(output.length <= 100_000);
  }
});

t.test('memory, processor time, files and core dumps are limited', async t => {
  for (const confinement of [strong, weak]) {
    const { output } = await confinement.run({
      tool: 'ffmpeg',
      file: await makeJpeg(),
      args: [
        '-v',
        'error',
        '-f',
        'data',
        '-i',
        '/proc/self/limits',
        '-c',
        'copy',
        '-map',
        '0',
        '-f',
        'data',
        'pipe:1',
      ],
      deadlineMs: 10_000,
      maxOutputBytes: 10_000,
    });
    const limits = output.toString();
    t.match(limits, /^Max address space +1073741824 +1073741824 /m);
    t.match(limits, /^Max cpu time +30 +30 /m);
    t.match(limits, /^Max open files +64 +64 /m);
    t.match(limits, /^Max file size +0 +0 /m);
    t.match(limits, /^Max core file size +0 +0 /m);
  }
});

t.test('an aborted run rejects with the reason', async t => {
  const ending = new AbortController();
  const running = strong.run({
    tool: 'ffmpeg',
    file: await makeJpeg(),
    args: [...endless, 'pipe:1'],
    deadlineMs: 10_000,
    maxOutputBytes: 100_000_000,
    signal: ending.signal,
    onOutput: () => {
      ending.abort(new Error('the daemon ends'));
      return 'more';
    },
  });
  await t.rejects(running, { message: 'the daemon ends' });
});

t.test('only regular files are opened', async t => {
  const fifo = join(t.testdir(), 'fifo');
  execFileSync('mkfifo', [fifo]);
  await t.rejects(probe(strong, fifo, 'mp4'), { name: 'FailedError' });
  await t.rejects(probe(strong, '/dev/zero', 'mp4'), { name: 'FailedError' });
});

t.test('sharp cannot load any file format', async t => {
  const jpeg = await readFile(await makeJpeg());
  await t.rejects(sharp(jpeg).metadata());
  await t.rejects(
    sharp(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')).metadata(),
  );
});
