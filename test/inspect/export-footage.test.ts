import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  createFragmentReader,
  type Fragment,
  shiftFragment,
} from '../../src/domain/footage/fragment-reader.ts';
import { exportFootage } from '../../src/inspect/export/export-footage.ts';
import { makeFootage } from '../record/made-footage.ts';
import { ffprobe, makeCodedFootage, readBeeps, readPictures } from '../support/coded-footage.ts';
import { camera, noon, recordedArchive, secondsOf } from './recorded-archive.ts';

const footage = makeCodedFootage(40);
const sounding = makeCodedFootage(30, { sound: true });
// As G.711 of a camera becomes AAC: packets of 128 ms.
const telephone = makeCodedFootage(30, { sound: true, soundRate: 8000 });

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
  t.equal(facts?.missing.length, 1, 'told once');
  t.match(facts?.missing, [{ reason: 'not-yet' }]);
  t.equal(secondsOf(facts?.missing[0]?.startAt), 15);
  t.equal(secondsOf(facts?.missing[0]?.endAt), 15.5);
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

for (const [name, made] of Object.entries({ sounding, telephone }))
  t.test(
    `${name} footage stays in step with its pictures, over borders of segments and after a gap`,
    async t => {
      const archive = await recordedArchive(t);
      const first = archive.connect(made.init);
      first.bring(made.fragments);
      await first.end();
      archive.clock.pass(20_000);
      const second = archive.connect(made.init);
      const key = made.fragments.findIndex(({ startsWithKeyFrame }, at) => at > 5 && startsWithKeyFrame);
      second.bring(made.fragments.slice(key, key + 15));
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
      // Where sound is cut, so may be the beginning of a beep.
      const cuts = facts?.pieces
        .filter(({ startAt }, at) => at === 0 || Math.floor(secondsOf(startAt)) === 50)
        .map(({ positionMs }) => positionMs);
      for (const flash of flashes.filter(ms => !cuts?.some(cut => Math.abs(ms - cut) < 150))) {
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
      t.strictSame(
        [secondsOf(gap?.startAt), secondsOf(gap?.endAt)].map(Math.round),
        [30, 50],
        JSON.stringify(facts?.missing),
      );
    },
  );

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

t.test('H.265 is written as Apple calls it', async t => {
  const hevc = makeCodedFootage(12, { codec: 'hevc' });
  const archive = await recordedArchive(t);
  const connection = archive.connect(hevc.init);
  connection.bring(hevc.fragments);
  await connection.end();
  const out = join(archive.root, 'out.mp4');
  const facts = await archive.export(0, 12, out);
  t.strictSame(
    readPictures(out).map(({ number }) => number),
    numbers(0, 120),
  );
  t.strictSame(ffprobe(out, 'stream=codec_tag_string', 'v'), ['hvc1']);
  t.equal(facts?.codec, 'hevc');
});

t.test('two connections with the same form, one at once after the other, are one film', async t => {
  const archive = await recordedArchive(t);
  for (const half of [footage.fragments.slice(0, 10), footage.fragments.slice(10, 20)]) {
    const connection = archive.connect(footage.init);
    connection.bring(half);
    await connection.end();
  }
  const out = join(archive.root, 'out.mp4');
  const facts = await archive.export(0, 20, out);
  t.strictSame(
    readPictures(out).map(({ number }) => number),
    numbers(0, 200),
  );
  t.equal(facts?.durationMs, 20_000);
  t.strictSame(facts?.missing, []);
});

t.test('what is told of bit rates does not keep two connections apart', async t => {
  const archive = await recordedArchive(t);
  const bytes = Buffer.from(sounding.init.bytes);
  const esds = bytes.indexOf('esds');
  // Average and highest bit rate of the sound, in its decoder's description.
  const config = bytes.indexOf(Buffer.from([0x04, 0x80, 0x80, 0x80]), esds);
  bytes.writeUInt32BE(12_345, config + 10);
  bytes.writeUInt32BE(12_345, config + 14);
  for (const init of [sounding.init, { ...sounding.init, bytes }]) {
    const connection = archive.connect(init);
    connection.bring(sounding.fragments.slice(0, 6));
    await connection.end();
  }
  t.not(archive.segments()[0]?.initSha256, archive.segments()[1]?.initSha256);
  t.equal((await archive.export(0, 12))?.pieces.length, 2);
});

for (const [name, order] of Object.entries({
  'in the middle': [sounding, footage, sounding],
  'at the beginning and the end': [footage, sounding, footage],
  'after sound of long packets': [telephone, footage],
}))
  t.test(`footage without sound ${name} is one film with the rest, with silence, and in step`, async t => {
    const archive = await recordedArchive(t);
    for (const [index, { init, fragments }] of order.entries()) {
      const connection = archive.connect(init);
      const keyAt = (ms: number) =>
        fragments.findIndex(({ startsWithKeyFrame, startMs }) => startsWithKeyFrame && startMs > ms - 500);
      const end = keyAt((index + 1) * 10_000);
      connection.bring(fragments.slice(keyAt(index * 10_000), end === -1 ? undefined : end));
      await connection.end();
      // What a new connection takes, and more.
      archive.clock.pass(index === 0 ? 400 : 3000);
    }
    t.strictSame(archive.failures, []);
    const out = join(archive.root, 'out.mp4');
    const facts = await archive.export(0, 60, out);
    t.equal(facts?.audioCodec, 'aac');
    const byConnection = new Map(facts?.pieces.map(({ positionMs, silenced }) => [positionMs, silenced]));
    t.ok([...byConnection.values()].includes(true) && [...byConnection.values()].includes(false));
    const isSilent = (ms: number) =>
      [...byConnection].findLast(([positionMs]) => positionMs <= ms + 1)?.[1] ?? true;
    const pictures = readPictures(out);
    t.strictSame(
      pictures.map(({ number }) => number),
      numbers(0, order.length * 100),
    );
    // Where a connection ended, its sound may reach over its pictures, by two packets.
    for (const [index, { ms }] of pictures.entries())
      t.ok(Math.abs(ms - index * 100) < 260 * (order.length - 1), `${index}: ${ms}`);
    const beeps = readBeeps(out);
    const borders = [...byConnection.keys()];
    const flashes = pictures.filter(({ isFlash }) => isFlash).map(({ ms }) => ms);
    t.equal(flashes.length, order.length * 10);
    for (const flash of flashes.filter(ms => !borders.some(border => Math.abs(ms - border) < 150))) {
      const off = Math.min(...beeps.map(beep => Math.abs(beep - flash)));
      if (isSilent(flash)) t.ok(off > 500, `silence at ${flash}`);
      else t.ok(off < 50, `a flash at ${flash} ms has its beep ${off} ms away`);
    }
    const times = ffprobe(out, 'packet=pts_time', 'a').map(Number);
    const longestS = Math.max(...times.map((time, index) => time - (times[index - 1] ?? time)));
    const packetS = 1024 / (order.includes(telephone) ? 8000 : 16_000);
    t.ok(longestS < packetS * 2 + 0.01, `no hole in the sound: ${longestS}`);
    t.ok(Math.abs((times.at(-1) ?? 0) - order.length * 10) < 0.3, `sound up to the end: ${times.at(-1)}`);
  });

t.test('the sound that was recorded is in the film as it was, beside silence', async t => {
  const archive = await recordedArchive(t, { segmentMs: 60_000 });
  for (const { init, fragments } of [footage, sounding]) {
    const connection = archive.connect(init);
    connection.bring(fragments.slice(0, 10));
    await connection.end();
  }
  const out = join(archive.root, 'out.mp4');
  await archive.export(0, 20, out);
  const recorded = join(archive.dataDir, archive.segments()[1]?.path ?? '');
  const packets = (file: string) => {
    const args = ['-v', 'error', '-i', file, '-map', '0:a', '-c', 'copy', '-f', 'framehash', '-'];
    const lines = execFileSync('ffmpeg', args, { encoding: 'utf8' }).split('\n');
    return lines.filter(line => line !== '' && !line.startsWith('#')).map(line => line.split(',').at(-1));
  };
  const [heard, written] = [packets(recorded), packets(out)];
  t.ok(heard.length > 150);
  t.strictSame(written.slice(-heard.length), heard);
});

t.test('a file whose description was changed describes nothing of the film', async t => {
  const archive = await recordedArchive(t);
  for (const fragments of [footage.fragments.slice(0, 10), footage.fragments.slice(10, 20)]) {
    const connection = archive.connect(footage.init);
    connection.bring(fragments);
    await connection.end();
  }
  const [first] = archive.segments();
  const path = join(archive.dataDir, first?.path ?? '');
  const bytes = readFileSync(path);
  // The units of its times, then the box of its sample entry.
  for (const spoil of [
    () => bytes.writeUInt32BE(1000, bytes.indexOf('mdhd') + 16),
    () => bytes.write('free', bytes.indexOf('stsd')),
  ]) {
    spoil();
    chmodSync(path, 0o600);
    writeFileSync(path, bytes);
    const out = join(archive.root, `${bytes.indexOf('stsd')}.mp4`);
    const facts = await archive.export(0, 20, out);
    t.match(facts?.missing, [{ reason: 'file-changed', segmentId: first?.id }]);
    const pictures = readPictures(out);
    t.strictSame(
      pictures.map(({ number }) => number),
      numbers(100, 200),
    );
    for (const [index, { ms }] of pictures.entries())
      t.ok(Math.abs(ms - index * 100) < 1.5, `${index}: ${ms}`);
  }
});

t.test('sound of two forms is refused, and silence that cannot be made for it', async t => {
  const bytes = Buffer.from(sounding.init.bytes);
  const config = bytes.indexOf(Buffer.from('140856e500', 'hex'));
  t.ok(config > 0);
  // HE-AAC, by its type.
  bytes.writeUInt8(0x2c, config);
  for (const [first, second, message] of [
    [sounding, telephone, /h264 to 160x64 h264\), and one MP4 cannot hold both/],
    [footage, { ...sounding, init: { ...sounding.init, bytes } }, /h264 without sound to 160x64 h264\)/],
  ] as const) {
    const archive = await recordedArchive(t);
    for (const { init, fragments } of [first, second]) {
      const connection = archive.connect(init);
      connection.bring(fragments.slice(0, 10));
      await connection.end();
    }
    await t.rejects(archive.export(2, 18), { name: 'FailedError', message });
    t.strictSame(readdirSync(archive.root).sort(), ['data', 'state']);
  }
});

t.test('another resolution inside the span is refused, with the moment and what to type', async t => {
  const archive = await recordedArchive(t);
  const other = makeFootage(10, { size: '320x240' });
  for (const { init, fragments } of [{ ...footage, fragments: footage.fragments.slice(0, 10) }, other]) {
    const connection = archive.connect(init);
    connection.bring(fragments);
    await connection.end();
  }
  const refused: Error = await archive.export(2, 18).then(
    () => t.fail('a refusal was expected'),
    error => error,
  );
  t.equal(refused.name, 'FailedError');
  t.match(
    refused.message,
    /12:00:10\.000\+00:00 \(160x64 h264 without sound to 320x240 h264 without sound\)/,
  );
  const spans = [...refused.message.matchAll(/--from (\S+) --to (\S+)/g)];
  t.equal(spans.length, 2);
  for (const [index, [, from, to]] of spans.entries()) {
    const facts = await archive.export(secondsOf(from), secondsOf(to), join(archive.root, `${index}.mp4`));
    t.equal(facts?.width, [160, 320][index]);
    t.strictSame(facts?.missing, []);
  }
  t.strictSame(readdirSync(archive.root).sort(), [
    '0.mp4',
    '0.mp4.json',
    '1.mp4',
    '1.mp4.json',
    'data',
    'state',
  ]);
});

t.test(
  'a file that is gone or changed is left out and told; one that retention took is no damage',
  async t => {
    const archive = await recordedArchive(t, { segmentMs: 4000 });
    const connection = archive.connect(footage.init);
    connection.bring(footage.fragments.slice(0, 24));
    await connection.end();
    const segments = archive.segments();
    t.ok(segments.length >= 5);
    const [, gone, changed, deleted] = segments;
    const fileOf = (path = '') => join(archive.dataDir, path);
    rmSync(fileOf(gone?.path));
    const bytes = readFileSync(fileOf(changed?.path));
    bytes[bytes.length - 1000] = (bytes[bytes.length - 1000] ?? 0) ^ 1;
    chmodSync(fileOf(changed?.path), 0o600);
    writeFileSync(fileOf(changed?.path), bytes);
    rmSync(fileOf(deleted?.path));
    // As if it went between the look at the rows and the reading.
    const catalogue = {
      ...archive.catalogue,
      segment: (id: string) => (id === deleted?.id ? undefined : archive.catalogue.segment(id)),
    };
    const out = join(archive.root, 'out.mp4');
    const { facts } = await exportFootage(
      { ...archive.parts, catalogue },
      { camera, from: noon, to: noon + 24_000, out, event: null },
      new AbortController().signal,
    );
    t.strictSame(
      facts?.missing.map(({ reason, segmentId }) => [reason, segmentId]),
      [
        ['file-missing', gone?.id],
        ['file-changed', changed?.id],
        ['deleted', deleted?.id],
      ],
    );
    const lost = [gone, changed, deleted].map(row =>
      [row?.startAt ?? 0, row?.endAt ?? 0].map(at => (at - noon) / 100),
    );
    t.strictSame(
      readPictures(out).map(({ number }) => number),
      numbers(0, 240).filter(each => !lost.some(([from = 0, to = 0]) => each >= from && each < to)),
    );
  },
);

t.test(
  'what retention took behind the last piece is not promised for later because the camera records',
  async t => {
    const archive = await recordedArchive(t, { segmentMs: 4000 });
    const connection = archive.connect(footage.init);
    connection.bring(footage.fragments.slice(0, 24));
    await connection.written();
    const [first, second] = archive.segments();
    const [open] = archive.catalogue.openSegments();
    t.ok(open !== undefined && first !== undefined && second !== undefined && second.endAt < open.startAt);
    // As when the second was deleted by its age, and the first belongs to an event that is kept.
    const missingTo = async (to: number, name: string) => {
      const rows = [first, second].filter(row => row !== undefined).slice(0, 1);
      const catalogue = { ...archive.catalogue, segmentsBetween: () => rows };
      const request = { camera, from: noon, to, out: join(archive.root, name), event: null };
      const parts = { ...archive.parts, catalogue };
      const { facts } = await exportFootage(parts, request, new AbortController().signal);
      return facts?.missing.map(({ startAt, endAt, reason }) => [
        secondsOf(startAt),
        secondsOf(endAt),
        reason,
      ]);
    };
    const [firstEndS, secondEndS] = [first, second].map(row => ((row?.endAt ?? 0) - noon) / 1000);
    t.strictSame(await missingTo(second?.endAt ?? 0, 'past.mp4'), [[firstEndS, secondEndS, 'no-record']]);
    await connection.end();
  },
);

t.test('a segment that is a link, or whose row leads elsewhere, is not read', async t => {
  const archive = await recordedArchive(t, { segmentMs: 60_000 });
  const connection = archive.connect(footage.init);
  connection.bring(footage.fragments.slice(0, 10));
  await connection.end();
  const [segment] = archive.segments();
  const file = join(archive.dataDir, segment?.path ?? '');
  renameSync(file, join(archive.root, 'elsewhere.mp4'));
  symlinkSync(join(archive.root, 'elsewhere.mp4'), file);
  t.equal(await archive.export(0, 10), undefined);
  const catalogue = {
    ...archive.catalogue,
    segmentsBetween: () => (segment ? [{ ...segment, path: '../elsewhere.mp4' }] : []),
  };
  const request = { camera, from: noon, to: noon + 10_000, out: join(archive.root, 'out.mp4'), event: null };
  const nobody = new AbortController().signal;
  t.match(await exportFootage({ ...archive.parts, catalogue }, request, nobody), {
    facts: undefined,
    lost: [{ id: segment?.id, reason: 'file-unreadable' }],
  });
  t.strictSame(readdirSync(archive.root).sort(), ['data', 'elsewhere.mp4', 'state']);
});

t.test('nothing is ever overwritten, and what was interrupted leaves nothing', async t => {
  const archive = await recordedArchive(t);
  const connection = archive.connect(footage.init);
  connection.bring(footage.fragments);
  await connection.end();
  const before = ['data', 'directory', 'file.mp4', 'other.mp4.json', 'state'];
  mkdirSync(join(archive.root, 'directory'));
  writeFileSync(join(archive.root, 'file.mp4'), 'mine');
  writeFileSync(join(archive.root, 'other.mp4.json'), 'mine');
  for (const name of ['directory', 'file.mp4', 'other.mp4'])
    await t.rejects(archive.export(0, 10, join(archive.root, name)), {
      name: 'FailedError',
      message: /exists already/,
    });
  await t.rejects(archive.export(0, 10, join(archive.root, 'none', 'out.mp4')), {
    name: 'FailedError',
    message: /cannot be made \(ENOENT\)/,
  });
  const stop = new AbortController();
  const parts = { ...archive.parts, onProgress: () => stop.abort() };
  const request = { camera, from: noon, to: noon + 40_000, out: join(archive.root, 'out.mp4'), event: null };
  await t.rejects(exportFootage(parts, request, stop.signal), { name: 'AbortError' });
  // Something takes the name while it is being made.
  const late = { ...archive.parts, onProgress: () => writeFileSync(request.out, 'late') };
  await t.rejects(exportFootage(late, request, new AbortController().signal), { message: /exists already/ });
  t.equal(readFileSync(request.out, 'utf8'), 'late');
  rmSync(request.out);
  t.strictSame(readdirSync(archive.root).sort(), before);
  t.equal(await archive.export(-100, -50), undefined, 'and where there is no footage');
  t.equal(await archive.export(41, 60), undefined);
  t.strictSame(readdirSync(archive.root).sort(), before);
});

t.test('two hours cost no more memory than two minutes', async t => {
  const archive = await recordedArchive(t, { segmentMs: 60_000 });
  const connection = archive.connect(footage.init);
  const minutes = 120;
  for (let minute = 0; minute < minutes; minute++) {
    connection.bring(longFragments(minute * 60, 60));
    await connection.written();
  }
  await connection.end();
  t.strictSame(archive.failures, []);
  const before = process.memoryUsage().rss;
  let most = 0;
  const parts = {
    ...archive.parts,
    onProgress: () => {
      most = Math.max(most, process.memoryUsage().rss);
    },
  };
  const request = { camera, from: noon, to: noon + minutes * 60_000, out: join(archive.root, 'out.mp4') };
  const { facts } = await exportFootage(parts, { ...request, event: null }, new AbortController().signal);
  t.equal(facts?.durationMs, minutes * 60_000);
  t.ok((facts?.pieces.length ?? 0) >= minutes);
  t.ok(most - before < 100 * 1024 * 1024, `${most - before} bytes more`);
  t.equal(ffprobe(request.out, 'packet=dts_time', 'v').length, minutes * 60 * 10);
});

/** Two seconds of footage over and over, each fragment as long as those of a camera with 250 kbit/s. */
function longFragments(fromS: number, seconds: number): Fragment[] {
  const track = footage.init.tracks[0];
  const padding = Buffer.alloc(32 * 1024);
  padding.writeUInt32BE(padding.length, 0);
  padding.write('free', 4);
  const reader = createFragmentReader();
  reader.push(footage.init.bytes);
  return Array.from({ length: seconds }, (_, index) => {
    const at = fromS + index;
    const fragment = footage.fragments[at % 2] as Fragment;
    const laterS = at - (at % 2);
    const shift = new Map([[track?.id ?? 0, BigInt(-laterS * (track?.timescale ?? 1))]]);
    const [part] = reader.push(Buffer.concat([padding, shiftFragment(fragment, shift)]));
    if (part === undefined || !('fragment' in part)) throw new Error('a fragment was expected');
    return part.fragment;
  });
}

const noMount = whyNoTmpfs();

t.test('a disk that is too small, or that fills up meanwhile, gets nothing', { skip: noMount }, async t => {
  const archive = await recordedArchive(t);
  const connection = archive.connect(footage.init);
  for (let at = 0; at < 40; at += 10) {
    connection.bring(longFragments(at, 10));
    await connection.written();
  }
  await connection.end();
  for (const sizeMiB of [1, 8]) {
    const disk = join(archive.root, `${sizeMiB}`);
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'none', disk]);
    try {
      const parts = {
        ...archive.parts,
        onProgress: () => {
          if (!existsSync(join(disk, 'foreign'))) fill(join(disk, 'foreign'));
        },
      };
      const request = { camera, from: noon, to: noon + 40_000, out: join(disk, 'out.mp4'), event: null };
      await t.rejects(exportFootage(parts, request, new AbortController().signal), {
        name: 'FailedError',
        message: /not enough room/,
      });
      t.strictSame(
        readdirSync(disk).filter(name => name !== 'foreign'),
        [],
      );
    } finally {
      execFileSync('umount', [disk]);
    }
  }
});

function fill(path: string): void {
  try {
    for (;;) appendFileSync(path, Buffer.alloc(4096, 1));
  } catch {
    // There is no room left, as it should be.
  }
}

function whyNoTmpfs(): string | false {
  const directory = mkdtempSync(join(tmpdir(), 'clipward-tmpfs-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', directory], { stdio: 'ignore' });
    execFileSync('umount', [directory]);
    return false;
  } catch {
    return 'to mount a small file system needs root';
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
