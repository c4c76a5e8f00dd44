import { readFile } from 'node:fs/promises';
import t from 'tap';
import { sniff, sniffBytes } from '../../src/media/sniff.ts';
import { makeAvi, makeJpeg, makeMkv, makeMov, makeMp4, makePng, makeRaw, makeTs } from '../support/media.ts';

t.test('what ffmpeg makes is recognised by its bytes', async t => {
  const cases = [
    [makeMp4(), 'mp4', 'mp4'],
    [makeMp4({ codec: 'hevc', fragmented: true }), 'mp4', 'mp4'],
    [makeMov(), 'mov', 'mov'],
    [makeMkv(), 'matroska', 'mkv'],
    [makeAvi(), 'avi', 'avi'],
    [makeTs(), 'mpegts', 'ts'],
    [makeRaw('h264'), 'h264', 'h264'],
    [makeRaw('hevc'), 'hevc', 'h265'],
    [makeJpeg(), 'jpeg', 'jpg'],
    [makePng(), 'png', 'png'],
  ] as const;
  for (const [made, container, extension] of cases)
    t.same(sniff((await readFile(await made)).subarray(0, sniffBytes)), { container, extension });
});

t.test('what is no media is text, empty or unknown', async t => {
  const text = (content: string) => sniff(Buffer.from(content)).container;
  t.equal(text(''), 'empty');
  t.equal(text('camera test äöü\r\n'), 'text');
  t.equal(text('#EXTM3U\nhttp://127.0.0.1/\n'), 'text');
  t.equal(text('ffconcat version 1.0\nfile /etc/passwd\n'), 'text');
  t.equal(text('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'text');
  t.equal(text('a\0b'), 'unknown');
  t.equal(sniff(Buffer.from([0xff, 0xfe, 0x41])).container, 'unknown');
  t.equal(sniff(Buffer.from('DHAV\xfd\0\0\0', 'latin1')).container, 'dav');
});

t.test('a character cut in two at the limit is still text', async t => {
  const text = Buffer.from(`${'a'.repeat(sniffBytes - 1)}ä`);
  t.equal(sniff(text.subarray(0, sniffBytes)).container, 'text');
});

t.test('a start code alone is no video, and a sync byte alone no transport stream', async t => {
  t.equal(sniff(Buffer.from([0, 0, 1, 0x06, 0x05])).container, 'unknown');
  t.equal(sniff(Buffer.from([9, 9, 0, 0, 1, 0x67])).container, 'unknown');
  const stream = Buffer.alloc(188 * 2 + 1);
  for (const offset of [0, 188, 376]) stream[offset] = 0x47;
  t.equal(sniff(stream).container, 'mpegts');
  t.equal(sniff(stream.subarray(0, 189)).container, 'mpegts');
  t.equal(sniff(stream.subarray(0, 188)).container, 'unknown');
  stream[188] = 0;
  t.equal(sniff(stream).container, 'unknown');
});

t.test('a polyglot is what its start says', async t => {
  const jpeg = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from('ftypisom#EXTM3U\n')]);
  t.equal(sniff(jpeg).container, 'jpeg');
});
