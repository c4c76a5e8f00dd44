import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ffprobe, makeCodedFootage, readBeeps, readPictures } from '../support/coded-footage.ts';
import { recordedArchive, secondsOf } from './recorded-archive.ts';

const footage = makeCodedFootage(40);
const sounding = makeCodedFootage(30, { sound: true });

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

t.test(
  'a span within one segment begins at the key frame before it and ends with the fragment that reaches its end',
  async t => {
    const archive = await recordedArchive(t, { segmentMs: 60_000 });
    const connection = archive.connect(footage.init);
    connection.bring(footage.fragments.slice(0, 30));
    await connection.end();
    // Key frames are two seconds apart, fragments one.
    for (const [from, to, first, last] of [
      [4, 7, 40, 70],
      [3.999, 7, 20, 70],
      [4.001, 7, 40, 70],
      [5.999, 6.999, 40, 70],
      [4, 7.001, 40, 80],
    ] as const) {
      const out = join(archive.root, `${from}-${to}.mp4`);
      const facts = await archive.export(from, to, out);
      t.strictSame(
        readPictures(out).map(({ number }) => number),
        numbers(first, last),
        `${from} to ${to}`,
      );
      t.equal(secondsOf(facts?.startAt), first / 10);
      t.equal(secondsOf(facts?.endAt), last / 10);
      t.equal(facts?.durationMs, (last - first) * 100);
      t.strictSame(facts?.missing, []);
    }
  },
);

t.test(
  'across three segments every picture is there once, in time, and the manifest says what came from where',
  async t => {
    const archive = await recordedArchive(t);
    const connection = archive.connect(footage.init);
    connection.bring(footage.fragments);
    await connection.end();
    const segments = archive.segments();
    t.ok(segments.length >= 4);
    const out = join(archive.root, 'out.mp4');
    const [, second, third] = segments;
    const from = ((second?.startAt ?? 0) - 1000 - archive.clock.now() + 40_000) / 1000;
    const facts = await archive.export(from, from + 22, out);
    const pictures = readPictures(out);
    const first = pictures[0]?.number ?? 0;
    t.strictSame(
      pictures.map(({ number }) => number),
      numbers(first, first + pictures.length),
    );
    for (const [index, { ms }] of pictures.entries())
      t.ok(Math.abs(ms - index * 100) < 1.5, `${index}: ${ms}`);
    const dts = ffprobe(out, 'packet=dts_time', 'v').map(Number);
    t.ok(dts.every((time, index) => index === 0 || time > (dts[index - 1] ?? 0)));
    t.ok((facts?.pieces.length ?? 0) >= 3);
    for (const { id, path, sha256, positionMs, startAt } of facts?.pieces ?? []) {
      const row = segments.find(segment => segment.id === id);
      t.match({ path, sha256 }, { path: row?.path, sha256: row?.sha256 });
      const shown = pictures.find(({ ms }) => Math.abs(ms - positionMs) < 2);
      t.equal(shown?.number, Math.round(secondsOf(startAt) * 10), 'what is shown there happened then');
    }
    t.equal(facts?.pieces[2]?.id, third?.id);
    const manifest = readFileSync(`${out}.json`, 'utf8');
    t.strictSame(JSON.parse(manifest), facts);
    t.equal(facts?.sha256, createHash('sha256').update(readFileSync(out)).digest('hex'));
    t.strictSame(readdirSync(archive.root).sort(), ['data', 'out.mp4', 'out.mp4.json', 'state']);
    const boxes = readFileSync(out).subarray(0, 64).toString('latin1');
    t.match(boxes, /ftyp.*moov/s, 'its tables come first');
  },
);

t.test('an export up to now holds what was written a moment ago, also what was not synced', async t => {
  const archive = await recordedArchive(t, { segmentMs: 60_000 });
  const connection = archive.connect(footage.init);
  connection.bring(footage.fragments.slice(0, 15));
  await connection.written();
  const out = join(archive.root, 'out.mp4');
  const facts = await archive.export(6, 15.5, out);
  t.strictSame(
    readPictures(out).map(({ number }) => number),
    numbers(60, 150),
  );
  t.match(facts?.pieces, [{ open: true }]);
  const path = join(archive.dataDir, `${facts?.pieces[0]?.path}.open`);
  const whole = readFileSync(path).subarray(0, facts?.pieces[0]?.bytes);
  t.equal(createHash('sha256').update(whole).digest('hex'), facts?.pieces[0]?.sha256);
  t.match(facts?.missing, [{ reason: 'not-yet' }]);
  t.equal(secondsOf(facts?.missing[0]?.startAt), 15);
  await connection.end();
});

t.test('over the end of a finished segment into the open one nothing is lost', async t => {
  const archive = await recordedArchive(t);
  const connection = archive.connect(footage.init);
  connection.bring(footage.fragments);
  await connection.written();
  const [open] = archive.catalogue.openSegments();
  const borderS = ((open?.startAt ?? 0) - archive.clock.now() + 40_000) / 1000;
  const out = join(archive.root, 'out.mp4');
  const facts = await archive.export(borderS - 3, 40, out);
  t.strictSame(
    facts?.pieces.map(piece => piece.open),
    [false, true],
  );
  const seen = readPictures(out).map(({ number }) => number);
  t.strictSame(seen, numbers(seen[0] ?? 0, 400));
  t.strictSame(facts?.missing, []);
  await connection.end();
});

t.test('sound stays in step with the pictures, over borders of segments and after a gap', async t => {
  const archive = await recordedArchive(t);
  const first = archive.connect(sounding.init);
  first.bring(sounding.fragments);
  await first.end();
  archive.clock.pass(20_000);
  const second = archive.connect(sounding.init);
  second.bring(sounding.fragments.slice(5, 20));
  await second.end();
  t.strictSame(archive.failures, []);
  const out = join(archive.root, 'out.mp4');
  const facts = await archive.export(2, 62, out);
  t.ok((facts?.pieces.length ?? 0) >= 5);
  const flashes = readPictures(out)
    .filter(({ isFlash }) => isFlash)
    .map(({ ms }) => ms);
  const beeps = readBeeps(out);
  t.ok(flashes.length >= 40);
  // A beep may be cut in two where the gap is closed up.
  for (const flash of flashes.slice(1)) {
    const off = Math.min(...beeps.map(beep => Math.abs(beep - flash)));
    t.ok(off < 50, `a flash at ${flash} ms has its beep ${off} ms away`);
  }
  for (const stream of ['v', 'a']) {
    const dts = ffprobe(out, 'packet=dts_time', stream).map(Number);
    t.ok(
      dts.every((time, index) => index === 0 || time > (dts[index - 1] ?? 0)),
      stream,
    );
  }
  t.match(facts?.missing, [{ reason: 'unreachable' }]);
  const [gap] = facts?.missing ?? [];
  t.ok(Math.abs(secondsOf(gap?.startAt) - 30) < 0.1 && Math.abs(secondsOf(gap?.endAt) - 50) < 0.1);
});

t.test('a gap is closed up, and the manifest says where the picture jumps', async t => {
  const archive = await recordedArchive(t);
  const first = archive.connect(footage.init);
  first.bring(footage.fragments.slice(0, 12));
  await first.end();
  archive.clock.pass(18_000);
  const second = archive.connect(footage.init);
  second.bring(footage.fragments.slice(20, 30));
  await second.end();
  const out = join(archive.root, 'out.mp4');
  const facts = await archive.export(0, 40, out);
  const pictures = readPictures(out);
  t.strictSame(
    pictures.map(({ number }) => number),
    [...numbers(0, 120), ...numbers(200, 300)],
  );
  for (const [index, { ms }] of pictures.entries()) t.ok(Math.abs(ms - index * 100) < 1.5, `${index}: ${ms}`);
  const jump = facts?.pieces.find(({ startAt }) => secondsOf(startAt) === 30);
  t.equal(jump?.positionMs, 12_000);
  t.equal(facts?.durationMs, 22_000);
  t.match(
    facts?.missing.map(({ startAt, endAt, reason }) => [secondsOf(startAt), secondsOf(endAt), reason]),
    [[12, 30, 'unreachable']],
  );
});
