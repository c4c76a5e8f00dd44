import { execFileSync } from 'node:child_process';
import t from 'tap';
import {
  type ContainerVerdict,
  judgeCompleteness,
  startContainerScan,
} from '../../src/domain/completeness.ts';
import { seededRandom } from './seeded-random.ts';

function verdictOf(bytes: Uint8Array, pieceBytes = bytes.length): ContainerVerdict {
  const scan = startContainerScan();
  for (let at = 0; at < bytes.length; at += pieceBytes) scan.push(bytes.subarray(at, at + pieceBytes));
  return scan.verdict();
}

/** What the scan says of every beginning of a file, the whole file left out: verdicts and how many there are of each. */
function verdictsOfBeginnings(file: Uint8Array): Map<ContainerVerdict, number> {
  const scan = startContainerScan();
  const found = new Map<ContainerVerdict, number>();
  for (let at = 0; at < file.length; at += 1) {
    const verdict = scan.verdict();
    found.set(verdict, (found.get(verdict) ?? 0) + 1);
    scan.push(file.subarray(at, at + 1));
  }
  return found;
}

const bytes = (...parts: (string | number | Uint8Array | number[])[]): Buffer =>
  Buffer.concat(
    parts.map(part => {
      if (typeof part === 'string') return Buffer.from(part, 'latin1');
      return typeof part === 'number' ? Buffer.alloc(part, 0x55) : Buffer.from(part);
    }),
  );
const u32 = (value: number) => bytes([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
const u32le = (value: number) => u32(value).reverse();
const box = (type: string, payload: Uint8Array | number = 0) => {
  const body = bytes(payload);
  return bytes(u32(body.length + 8), type, body);
};
const largeBox = (type: string, payload: number, size = BigInt(payload + 16)) => {
  const header = Buffer.alloc(8);
  header.writeBigUInt64BE(size);
  return bytes(u32(1), type, header, payload);
};

t.test('files that ffmpeg made are whole, and no beginning of them is', async t => {
  const video = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=5', '-t', '1'];
  const still = ['-f', 'lavfi', '-i', 'testsrc=size=64x48', '-frames:v', '1'];
  const dir = t.testdir();
  const formats: Record<string, string[]> = {
    'plain.mp4': video,
    'faststart.mp4': [...video, '-movflags', '+faststart'],
    'fragmented.mp4': [...video, '-g', '1', '-movflags', '+frag_keyframe+empty_moov'],
    'quicktime.mov': video,
    'video.avi': [...video, '-c:v', 'mpeg4'],
    'video.mkv': [...video, '-c:v', 'mpeg4'],
    'video.webm': [...video, '-c:v', 'libvpx'],
    'still.jpg': still,
    'still.png': still,
  };
  for (const [name, args] of Object.entries(formats)) {
    const path = `${dir}/${name}`;
    execFileSync('ffmpeg', ['-v', 'error', '-y', ...args, path]);
    const file = execFileSync('cat', [path], { maxBuffer: 1 << 26 });
    for (const piece of [1, 7, 4096, file.length])
      t.equal(verdictOf(file, piece), 'whole', `${name} by ${piece}`);
    const beginnings = verdictsOfBeginnings(file);
    t.notOk(beginnings.has('whole'), `no beginning of ${name} is whole`);
    // Fewer bytes than tell the format, and the ends of fragments, are all that may be unknown.
    t.ok((beginnings.get('unknown') ?? 0) <= 20, `${name} cut somewhere is cut`);
    t.not(verdictOf(bytes(file, 'trailing text')), 'whole', `${name} with something behind it`);
  }
});

t.test('streams without an end of their own are unknown, cut or not', async t => {
  const source = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=5', '-t', '1'];
  for (const format of [
    ['-f', 'mpegts'],
    ['-f', 'h264'],
    ['-f', 'matroska'],
    ['-f', 'avi', '-c:v', 'mpeg4'],
  ]) {
    const stream = execFileSync('ffmpeg', [...source, ...format, 'pipe:1'], { maxBuffer: 1 << 26 });
    const half = stream.subarray(0, stream.length / 2);
    t.strictSame([verdictOf(stream), verdictOf(half)], ['unknown', 'unknown'], format.join(' '));
  }
  for (const text of ['', 'DHAV', 'a test file of a camera\r\n', '#EXTM3U\nhttp://192.0.2.1/x\n'])
    t.equal(verdictOf(bytes(text)), 'unknown', JSON.stringify(text));
});

t.test('MP4: boxes have to add up, with index and media', async t => {
  const ftyp = box('ftyp', 16);
  const [moov, mdat] = [box('moov', 50), box('mdat', 500)];
  const fragment = bytes(box('moof', 20), box('mdat', 200));
  const cases: [string, Uint8Array, ContainerVerdict][] = [
    ['in either order', bytes(ftyp, mdat, moov), 'whole'],
    ['without ftyp, as old QuickTime', bytes(box('wide'), mdat, moov), 'whole'],
    ['with a 64-bit size', bytes(ftyp, moov, largeBox('mdat', 100)), 'whole'],
    ['one byte missing', bytes(ftyp, moov, mdat).subarray(0, -1), 'cut'],
    ['in the header of a box', bytes(ftyp, moov, mdat, [0, 0, 0]), 'cut'],
    ['no index yet', bytes(ftyp, mdat), 'cut'],
    ['no media', bytes(ftyp, moov), 'cut'],
    ['the last box lasts to the end', bytes(ftyp, moov, u32(0), 'mdat', 100), 'unknown'],
    [
      'fragments with their index at the end',
      bytes(ftyp, moov, fragment, fragment, box('mfra', 30)),
      'whole',
    ],
    ['fragments that may go on', bytes(ftyp, moov, fragment, fragment), 'unknown'],
    ['a fragment without its media', bytes(ftyp, moov, fragment, box('moof', 20)), 'unknown'],
    ['a box smaller than its header', bytes(ftyp, moov, u32(7), 'mdat', 20), 'unknown'],
    ['a 64-bit box smaller than its header', bytes(ftyp, moov, largeBox('mdat', 5, 15n)), 'unknown'],
    ['a size beyond 2^53', bytes(ftyp, moov, largeBox('mdat', 5, 1n << 63n)), 'unknown'],
    ['a size of 2^64 - 1', bytes(ftyp, moov, largeBox('mdat', 5, (1n << 64n) - 1n)), 'unknown'],
    ['4 GiB announced', bytes(ftyp, moov, u32(0xffffffff), 'mdat', 5), 'cut'],
    ['a type that is none', bytes(ftyp, moov, box('\u0001\u0002\u0003\u0004')), 'unknown'],
  ];
  for (const [what, file, verdict] of cases)
    for (const piece of [1, 5, file.length]) t.equal(verdictOf(file, piece), verdict, `${what}, by ${piece}`);
});

t.test('100,000 tiny boxes are walked, and their headers alone are looked at', async t => {
  const file = bytes(
    box('ftyp', 4),
    Buffer.concat(Array(100_000).fill(box('free'))),
    box('moov', 4),
    box('mdat', 4),
  );
  t.equal(verdictOf(file, 16_384), 'whole');
  t.equal(verdictOf(file.subarray(0, -1), 16_384), 'cut');
});

t.test('JPEG: from the first marker to its own end marker', async t => {
  const thumbnail = [0xff, 0xd8, 0xff, 0xda, 0, 2, 1, 2, 0xff, 0xd9];
  const app1 = bytes([0xff, 0xe1, 0, 2 + thumbnail.length], thumbnail);
  const scan = bytes([0xff, 0xda, 0, 4, 9, 9], 100, [0xff, 0x00, 0xff, 0xd3, 0x11]);
  const image = bytes([0xff, 0xd8], app1, [0xff, 0xff, 0xdb, 0, 3, 7], scan, scan, [0xff, 0xff, 0xd9]);
  const cases: [string, Uint8Array, ContainerVerdict][] = [
    ['with a thumbnail, fill bytes, restarts and two scans', image, 'whole'],
    ['cut at the end marker of the thumbnail', image.subarray(0, 2 + app1.length), 'cut'],
    ['without the last byte', image.subarray(0, -1), 'cut'],
    ['without the end marker', image.subarray(0, -2), 'cut'],
    ['with zeros behind it', bytes(image, Buffer.alloc(1000)), 'whole'],
    ['with a second picture behind it', bytes(image, image), 'whole'],
    ['with a second picture cut short', bytes(image, image.subarray(0, -1)), 'cut'],
    ['with a trailer of unknown length', bytes(image, 'SEFT'), 'unknown'],
    ['with something behind the zeros', bytes(image, Buffer.alloc(9), 'x'), 'unknown'],
    ['with half a marker behind it', bytes(image, [0xff]), 'unknown'],
    ['with bytes between segments', bytes([0xff, 0xd8, 0xff, 0xe0, 0, 2], 'garbage'), 'unknown'],
    ['with a segment shorter than its length', bytes([0xff, 0xd8, 0xff, 0xe0, 0, 1, 0xff, 0xd9]), 'unknown'],
  ];
  for (const [what, file, verdict] of cases)
    for (const piece of [1, 5, file.length]) t.equal(verdictOf(file, piece), verdict, `${what}, by ${piece}`);
});

t.test('PNG: chunks up to IEND', async t => {
  const chunk = (type: string, payload: number) => bytes(u32(payload), type, payload, 4);
  const start = bytes([0x89], 'PNG\r\n', [0x1a, 0x0a], chunk('IHDR', 13), chunk('IDAT', 300));
  t.equal(verdictOf(bytes(start, chunk('IEND', 0))), 'whole');
  t.equal(verdictOf(bytes(start, chunk('IEND', 0)).subarray(0, -1)), 'cut');
  t.equal(verdictOf(start), 'cut', 'at the end of a chunk');
  t.equal(verdictOf(bytes(start, chunk('IEND', 0), 'abc')), 'unknown');
  t.equal(verdictOf(bytes(start, chunk('IEND', 0), chunk('IDAT', 3))), 'unknown');
  t.equal(verdictOf(bytes(start, u32(0x80000000), 'IDAT')), 'unknown');
});

t.test('AVI: one RIFF or several, each with chunks that add up', async t => {
  const chunk = (type: string, payload: Uint8Array | number) => {
    const body = bytes(payload);
    return bytes(type, u32le(body.length), body, body.length % 2 ? [0] : []);
  };
  const list = (type: string, payload: number) => chunk('LIST', bytes(type, payload));
  const riff = (form: string, ...parts: Uint8Array[]) => chunk('RIFF', bytes(form, ...parts));
  const file = riff('AVI ', list('hdrl', 20), chunk('JUNK', 3), list('movi', 100), chunk('idx1', 16));
  const more = riff('AVIX', list('movi', 50));
  const withSize = (size: number) => bytes(file.subarray(0, 4), u32le(size), file.subarray(8));
  const cases: [string, Uint8Array, ContainerVerdict][] = [
    ['one', file, 'whole'],
    ['two', bytes(file, more), 'whole'],
    ['the second cut', bytes(file, more).subarray(0, -1), 'cut'],
    ['cut', file.subarray(0, -1), 'cut'],
    ['cut between chunks', file.subarray(0, -24), 'cut'],
    ['never finished by its writer', withSize(0), 'cut'],
    ['a stream of unknown size', withSize(0xffffffff), 'unknown'],
    ['a chunk that is longer than what holds it', withSize(file.length - 10), 'unknown'],
    ['no frames', riff('AVI ', list('hdrl', 20)), 'cut'],
    ['a first part that is no AVI', more, 'unknown'],
    ['text behind it', bytes(file, 'twelve bytes'), 'unknown'],
  ];
  for (const [what, avi, verdict] of cases)
    for (const piece of [1, 5, avi.length]) t.equal(verdictOf(avi, piece), verdict, `${what}, by ${piece}`);
});

t.test('Matroska: top elements of known size add up', async t => {
  const header = bytes([0x1a, 0x45, 0xdf, 0xa3, 0x84], 4);
  const segment = bytes([0x18, 0x53, 0x80, 0x67, 0x40, 100], 100);
  const cases: [string, Uint8Array, ContainerVerdict][] = [
    ['a segment', bytes(header, segment), 'whole'],
    ['and padding', bytes(header, segment, [0xec, 0x83], 3), 'whole'],
    ['cut', bytes(header, segment).subarray(0, -1), 'cut'],
    ['no segment', bytes(header, [0xec, 0x88], 8), 'cut'],
    ['unknown size', bytes(header, [0x18, 0x53, 0x80, 0x67, 0x01, ...Array(7).fill(0xff)], 100), 'unknown'],
    ['unknown size in one byte', bytes(header, [0x18, 0x53, 0x80, 0x67, 0xff], 127), 'unknown'],
    ['2^56 - 2', bytes(header, [0x18, 0x53, 0x80, 0x67, 0x01, ...Array(6).fill(0xff), 0xfe], 100), 'unknown'],
    ['an element that has no place there', bytes(header, segment, [0x42, 0x86, 0x81, 1]), 'unknown'],
    ['a size without an end', bytes(header, [0x18, 0x53, 0x80, 0x67, 0x00], 20), 'unknown'],
  ];
  for (const [what, file, verdict] of cases)
    for (const piece of [1, 5, file.length]) t.equal(verdictOf(file, piece), verdict, `${what}, by ${piece}`);
});

t.test('random bytes behind each signature never break the scan, however they are cut up', async t => {
  const random = seededRandom(62);
  const found = new Set<ContainerVerdict>();
  const signatures = [
    [0xff, 0xd8, 0xff],
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    [0x1a, 0x45, 0xdf, 0xa3],
    [...bytes('RIFF', 4, 'AVI ')],
    [...bytes(4, 'ftyp')],
  ];
  for (let round = 0; round < 4000; round += 1) {
    const values = random(2) ? 256 : 4;
    const noise = Array.from({ length: random(200) }, () => random(values));
    const file = bytes(signatures[round % signatures.length] as number[], noise);
    const verdict = verdictOf(file);
    found.add(verdict);
    const piece = 1 + random(9);
    if (verdictOf(file, piece) !== verdict) return t.fail(`${file.toString('hex')} by ${piece}`);
  }
  t.ok(found.has('cut') && found.has('unknown'), 'the noise got beyond the signatures');
});

t.test('[62, 78] every combination of what is known about an end gets its reply', async t => {
  const judge = (
    closeNotify: boolean,
    container: ContainerVerdict,
    truncation: 'container' | 'strict',
    repeat: boolean,
    size: number,
  ) => {
    const { completeness, basis, reply } = judgeCompleteness({
      closeNotify,
      container,
      truncation,
      repeat,
      bytes: size,
    });
    return `${completeness} ${basis} ${reply}`;
  };
  for (const container of ['whole', 'cut', 'unknown'] as const) {
    for (const repeat of [false, true]) {
      for (const size of [0, 1]) {
        for (const truncation of ['container', 'strict'] as const)
          t.equal(judge(true, container, truncation, repeat, size), 'whole close-notify 226');
        t.equal(judge(false, container, 'strict', repeat, size), 'partial none 426', 'strict');
      }
    }
  }
  for (const repeat of [false, true]) {
    t.equal(judge(false, 'whole', 'container', repeat, 9), 'whole container 226');
    t.equal(judge(false, 'cut', 'container', repeat, 9), 'partial none 426', 'a file that says it was cut');
    t.equal(judge(false, 'unknown', 'container', repeat, 0), 'partial none 426', 'nothing, twice');
  }
  t.equal(judge(false, 'unknown', 'container', false, 1), 'partial none 426');
  t.equal(judge(false, 'unknown', 'container', true, 1), 'unproven repeat 226');
});
