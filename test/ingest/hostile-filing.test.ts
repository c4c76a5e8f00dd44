// Hostile media through real filing: queue, ffmpeg, files, catalogue. Each is filed as what it is, within its limits, and the
// clip behind it is unharmed. What a decoder may reach is tested in test/media/hostile.test.ts.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { silentLog } from '../../src/base/log.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import { fileEntry } from '../../src/ingest/file-entry.ts';
import { startIngest } from '../../src/ingest/ingest.ts';
import { openMedia } from '../../src/media/media.ts';
import { makeJpeg, makeMp4, makeRaw } from '../support/media.ts';
import { smallArchive } from './small-archive.ts';

const bytesOf = async (path: Promise<string>) => Buffer.from(readFileSync(await path));

async function jpegBomb(): Promise<Buffer> {
  const jpeg = await bytesOf(makeJpeg());
  // The frame header: FF C0, length, precision, height, width.
  const header = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  jpeg.writeUInt16BE(65_500, header + 5);
  jpeg.writeUInt16BE(65_500, header + 7);
  return jpeg;
}

/** tkhd holds the size as 16.16 after 76 bytes, avc1 as 16 bits after 28; mvhd, tkhd and mdhd hold durations. */
async function absurdMp4(what: 'size' | 'duration'): Promise<Buffer> {
  const mp4 = await bytesOf(makeMp4());
  if (what === 'size') {
    mp4.fill(0xff, mp4.indexOf('tkhd') + 80, mp4.indexOf('tkhd') + 88);
    mp4.fill(0xff, mp4.indexOf('avc1') + 28, mp4.indexOf('avc1') + 32);
    return mp4;
  }
  mp4.fill(0x7f, mp4.indexOf('mvhd') + 20, mp4.indexOf('mvhd') + 24);
  mp4.fill(0x7f, mp4.indexOf('mdhd') + 20, mp4.indexOf('mdhd') + 24);
  mp4.fill(0x7f, mp4.indexOf('tkhd') + 24, mp4.indexOf('tkhd') + 28);
  return mp4;
}

function tinyBoxes(): Buffer {
  const box = Buffer.from('\0\0\0\x08free', 'latin1');
  return Buffer.concat([
    Buffer.from('\0\0\0\x10ftypisom\0\0\0\0', 'latin1'),
    ...Array<Buffer>(100_000).fill(box),
  ]);
}

type Hostile = Readonly<{ path: string; media: Buffer; expected: Partial<Record<keyof Clip, unknown>> }>;

async function hostileMedia(url: string): Promise<readonly Hostile[]> {
  const text = { kind: 'other', codec: null, width: null, durationMs: null, thumbnail: null };
  const jpeg = await bytesOf(makeJpeg());
  const hevc = await bytesOf(makeRaw('hevc'));
  const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${url}\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n`;
  const list = `ffconcat version 1.0\nfile ${url}\nfile /etc/passwd\n`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="${url}"/></svg>`;
  return [
    { path: 'playlist.mp4', media: Buffer.from(playlist), expected: text },
    { path: 'list.mp4', media: Buffer.from(list), expected: text },
    { path: 'picture.jpg', media: Buffer.from(svg), expected: text },
    { path: 'empty.mp4', media: Buffer.alloc(0), expected: { ...text, bytes: 0, problem: /empty/ } },
    {
      path: 'bomb.jpg',
      media: await jpegBomb(),
      expected: { kind: 'image', width: null, height: null, thumbnail: null, problem: String },
    },
    // Its start says what it is: a picture, with a web page, an archive and a video behind it.
    {
      path: 'polyglot.mp4',
      media: Buffer.concat([
        jpeg,
        Buffer.from(`<script src="${url}"></script>PK\x03\x04`),
        await bytesOf(makeMp4()),
      ]),
      expected: { kind: 'image', codec: 'mjpeg', path: /\.jpg$/, thumbnail: String },
    },
    {
      path: 'wide.mp4',
      media: await absurdMp4('size'),
      expected: { kind: 'video' },
    },
    {
      path: 'for-ever.mp4',
      media: await absurdMp4('duration'),
      expected: { kind: 'video' },
    },
    {
      path: 'cut.mp4',
      media: hevc.subarray(0, Math.floor(hevc.length / 2)),
      expected: { kind: 'video', codec: 'hevc', path: /\.h265$/ },
    },
    {
      path: 'boxes.mp4',
      media: tinyBoxes(),
      expected: { kind: 'video', width: null, thumbnail: null, problem: String },
    },
  ];
}

t.test(
  'hostile media is filed as what it is, one after the other, and the clip behind each is unharmed',
  async t => {
    let visits = 0;
    const server = createServer(socket => {
      visits++;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;

    const archive = await smallArchive(t);
    const parts = { ...archive.parts, media: await openMedia({ log: silentLog() }) };
    const quarantined: unknown[] = [];
    let slowestMs = 0;
    await using ingest = startIngest({
      log: silentLog(),
      fileEntry: async (entry, signal) => {
        const startedAt = performance.now();
        await fileEntry(parts, entry, signal);
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      },
      quarantineEntry: async (entry, reason) => void quarantined.push([entry, reason]),
      onRoom: () => undefined,
    });

    const good = await bytesOf(makeMp4({ seconds: 1 }));
    const hostile = await hostileMedia(`http://127.0.0.1:${port}/x.ts`);
    const memoryBefore = process.memoryUsage.rss();
    for (const [index, { path, media }] of hostile.entries()) {
      for (const entry of [
        archive.upload(`a${index}`, media, { path }),
        archive.upload(`b${index}`, good, { path: `good-${index}.mp4` }),
      ])
        ingest.offer(entry.camera, entry.id);
    }
    await ingest.idle();

    t.strictSame(quarantined, []);
    for (const [index, { path, media, expected }] of hostile.entries()) {
      const clip = archive.clip(`a${index}`);
      t.match(clip, { ...expected, originalPath: path, bytes: media.length }, path);
      t.ok(readFileSync(`${archive.dataDir}/${clip?.path}`).equals(media), `${path} is kept as it came`);
      t.ok(
        clip?.width == null || (clip.width <= 8192 && (clip.height ?? 0) <= 8192),
        `${path} has a size that can be`,
      );
      t.ok(clip?.durationMs == null || clip.durationMs <= 36 * 3_600_000, `${path} lasts as long as can be`);
      t.match(archive.clip(`b${index}`), { kind: 'video', width: 640, problem: null, thumbnail: String });
    }
    t.equal(archive.clips().length, 2 * hostile.length);
    t.equal(visits, 0, 'nobody was called');
    // Two programs, each with a deadline of ten seconds and more; none of these comes near to it.
    t.ok(slowestMs < 20_000, `${slowestMs} ms`);
    t.ok(process.memoryUsage.rss() - memoryBefore < 300 * 1024 * 1024);
    t.strictSame(
      archive.files().filter(file => file.startsWith('inbox') || file.endsWith('.part')),
      [],
    );
  },
);
