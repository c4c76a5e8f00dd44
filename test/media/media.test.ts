import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import t from 'tap';
import { silentLog } from '../../src/base/log.ts';
import { openMedia } from '../../src/media/media.ts';
import { makeAvi, makeJpeg, makeMkv, makeMov, makeMp4, makePng, makeRaw, makeTs } from '../support/media.ts';

const media = await openMedia({ log: silentLog() });
// The room blocks all loaders; a test may look at what it made.
const pixelsOf = async (jpeg: Buffer) => {
  sharp.unblock({ operation: ['VipsForeignLoadJpeg'] });
  try {
    return await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  } finally {
    sharp.block({ operation: ['VipsForeignLoad'] });
  }
};
type Rgb = [number, number, number];
const isNear = (found: Rgb, wanted: Rgb) =>
  found.every((value, index) => Math.abs(value - (wanted[index] ?? 0)) < 40);

async function showsRedAndBlue(t: Tap.Test, file: string, size: { width: number; height: number }) {
  const { container } = await media.look(file);
  const thumbnail = await media.thumbnail(file, container);
  if (thumbnail.jpeg === null) return t.fail(thumbnail.problem);
  const { data, info } = await pixelsOf(thumbnail.jpeg);
  t.same({ width: info.width, height: info.height, channels: info.channels }, { ...size, channels: 3 });
  const at = (x: number, y: number): Rgb => {
    const index = (y * info.width + x) * 3;
    return [data[index] ?? -1, data[index + 1] ?? -1, data[index + 2] ?? -1];
  };
  const middle = Math.floor(size.height / 2);
  t.ok(isNear(at(Math.floor(size.width / 4), middle), [255, 0, 0]), 'red on the left');
  t.ok(isNear(at(Math.floor((size.width * 3) / 4), middle), [0, 0, 255]), 'blue on the right');
}

declare namespace Tap {
  type Test = {
    fail(message: string): boolean;
    ok(value: unknown, message: string): boolean;
    same(a: unknown, b: unknown): boolean;
  };
}

t.test('facts of a video are what it was made with', async t => {
  const createdAt = '2026-11-21T02:14:03.000Z';
  const made = { seconds: 3, width: 320, height: 240, audio: true, createdAt };
  const facts = {
    kind: 'video',
    audioCodec: 'aac',
    durationMs: 3000,
    width: 320,
    height: 240,
    problem: null,
  };
  const h264 = await media.look(await makeMp4(made));
  t.match(h264, {
    ...facts,
    codec: 'h264',
    container: 'mp4',
    extension: 'mp4',
    containerCreatedAt: createdAt,
  });
  const hevc = await media.look(await makeMp4({ ...made, codec: 'hevc', faststart: true }));
  t.match(hevc, { ...facts, codec: 'hevc', containerCreatedAt: createdAt });
});

t.test('each container that cameras send has its facts and its thumbnail', async t => {
  const cases = [
    [makeMp4({ codec: 'hevc' }), 'hevc', 2000],
    [makeMp4({ fragmented: true }), 'h264', 2000],
    [makeMov(), 'h264', 2000],
    [makeMkv(), 'h264', 2000],
    [makeAvi(), 'mpeg4', 2000],
    [makeTs(), 'h264', 2000],
    [makeRaw('h264'), 'h264', null],
    [makeRaw('hevc'), 'hevc', null],
  ] as const;
  for (const [made, codec, durationMs] of cases) {
    const file = await made;
    t.match(await media.look(file), {
      kind: 'video',
      codec,
      durationMs,
      width: 640,
      height: 360,
      problem: null,
    });
    await showsRedAndBlue(t, file, { width: 480, height: 270 });
  }
});

t.test('pictures have facts and thumbnails, never made larger', async t => {
  t.match(await media.look(await makeJpeg()), {
    kind: 'image',
    codec: 'mjpeg',
    width: 640,
    height: 360,
    durationMs: null,
  });
  await showsRedAndBlue(t, await makeJpeg(), { width: 480, height: 270 });
  await showsRedAndBlue(t, await makePng({ width: 480, height: 100 }), { width: 480, height: 100 });
  await showsRedAndBlue(t, await makeJpeg({ width: 478, height: 100 }), { width: 478, height: 100 });
  await showsRedAndBlue(t, await makeJpeg({ width: 482, height: 482 }), { width: 480, height: 480 });
  await showsRedAndBlue(t, await makePng({ width: 1000, height: 4000 }), { width: 240, height: 960 });
});

t.test('a black first key frame is passed over for a clear one', async t => {
  await showsRedAndBlue(t, await makeMp4({ picture: 'late', seconds: 3 }), { width: 480, height: 270 });
});

t.test('where all key frames are plain there is still a thumbnail', async t => {
  const file = await makeMp4({ picture: 'late', seconds: 1 });
  const thumbnail = await media.thumbnail(file, 'mp4');
  t.not(thumbnail.jpeg, null);
});

t.test('4K H.265 stays within the memory that it is given', async t => {
  const file = await makeMp4({ codec: 'hevc', width: 3840, height: 2160, seconds: 1, picture: 'moving' });
  t.match(await media.look(file), { codec: 'hevc', width: 3840, height: 2160 });
  const thumbnail = await media.thumbnail(file, 'mp4');
  t.match(thumbnail, { width: 480, height: 270 });
});

t.test('a clip that was cut short has the thumbnail of what is there', async t => {
  const whole = await readFile(await makeMp4({ codec: 'hevc', faststart: true, picture: 'moving' }));
  const file = join(t.testdir(), 'cut.mp4');
  await writeFile(file, whole.subarray(0, Math.floor(whole.length * 0.6)));
  const facts = await media.look(file);
  t.match(facts, { kind: 'video', codec: 'hevc', width: 640 });
  t.match(await media.thumbnail(file, facts.container), { width: 480, height: 270 });
});

t.test('a clip without its index is a video with a problem', async t => {
  const whole = await readFile(await makeMp4());
  const file = join(t.testdir(), 'cut.mp4');
  await writeFile(file, whole.subarray(0, Math.floor(whole.length * 0.6)));
  const facts = await media.look(file);
  t.match(facts, { kind: 'video', codec: null, durationMs: null, width: null, extension: 'mp4' });
  t.match(facts.problem, /moov atom not found/);
  t.notMatch(facts.problem, /\/proc\/|0x/);
  t.same(await media.thumbnail(file, facts.container), {
    jpeg: null,
    problem: 'No picture could be decoded.',
  });
});
