import t from 'tap';
import { parsePictures } from '../../src/media/ppm.ts';

const limits = { maxWidth: 4, maxHeight: 3 };
const ppm = (width: number, height: number, fill = 7) =>
  Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.alloc(width * height * 3, fill)]);

t.test('whole pictures are taken, an unfinished one is waited for', async t => {
  const stream = Buffer.concat([ppm(4, 3), ppm(1, 1, 9)]);
  t.match(parsePictures(stream, limits), [
    { width: 4, height: 3 },
    { width: 1, height: 1 },
  ]);
  t.same(parsePictures(stream, limits)?.[1]?.pixels, Buffer.from([9, 9, 9]));
  for (let length = 0; length < ppm(4, 3).length; length++)
    t.same(parsePictures(stream.subarray(0, length), limits), [], `${length} bytes`);
  t.equal(parsePictures(stream.subarray(0, stream.length - 1), limits)?.length, 1);
});

t.test('anything else is no picture', async t => {
  const broken = [
    'P5\n1 1\n255\n',
    'P6\n1 1\n65535\n',
    'P6 1 1 255 ',
    'P6\n0 1\n255\n',
    'P6\n-1 1\n255\n',
    '\xff\xd8\xff',
  ];
  for (const text of broken)
    t.equal(
      parsePictures(Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(40)]), limits),
      undefined,
      text,
    );
});

t.test('a picture larger than allowed is none', async t => {
  t.equal(parsePictures(ppm(4, 3), limits)?.length, 1);
  t.equal(parsePictures(ppm(5, 3), limits), undefined);
  t.equal(parsePictures(ppm(4, 4), limits), undefined);
});
