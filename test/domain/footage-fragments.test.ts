import t from 'tap';
import {
  createFragmentReader,
  type Fragment,
  FragmentFormatError,
  maxPartBytes,
  maxReadBytes,
  shiftFragment,
} from '../../src/domain/footage/fragment-reader.ts';
import { makeFootage } from '../record/made-footage.ts';
import { seededRandom } from './seeded-random.ts';

const { init, fragments } = makeFootage(4, { sound: true });
const whole = Buffer.concat([init.bytes, ...fragments.map(({ bytes }) => bytes)]);

t.test('a description and fragments are the same in whatever pieces they come', async t => {
  t.strictSame(
    init.tracks.map(({ kind, format, width }) => [kind, format, width]),
    [
      ['video', 'avc1', 160],
      ['audio', 'mp4a', null],
    ],
  );
  const random = seededRandom(19);
  for (let round = 0; round < 20; round++) {
    const reader = createFragmentReader();
    const found: string[] = [];
    for (let at = 0; at < whole.length; ) {
      const end = at + 1 + random(round < 2 ? 7 : 3000);
      for (const part of reader.push(whole.subarray(at, end)))
        found.push('init' in part ? 'init' : `${part.fragment.startMs} ${part.fragment.bytes.length}`);
      at = end;
    }
    t.strictSame(found, ['init', ...fragments.map(({ startMs, bytes }) => `${startMs} ${bytes.length}`)]);
    t.equal(reader.wholeBytes(), whole.length);
  }
});

t.test('times that are shifted are read so again, and never go below zero', async t => {
  const fragment = fragments[2] as Fragment;
  const shiftedBy = (by: bigint) => {
    const all = new Map(fragment.tracks.map(({ trackId }) => [trackId, by]));
    const [, part] = createFragmentReader().push(Buffer.concat([init.bytes, shiftFragment(fragment, all)]));
    if (part === undefined || !('fragment' in part)) throw new Error('a fragment was expected');
    return part.fragment.tracks.map(({ baseTime }) => baseTime);
  };
  const before = fragment.tracks.map(({ baseTime }) => baseTime);
  t.strictSame(
    shiftedBy(5n),
    before.map(time => time - 5n),
  );
  t.strictSame(
    shiftedBy(1n << 40n),
    before.map(() => 0n),
  );
  t.strictSame(
    fragment.tracks.map(({ baseTime }) => baseTime),
    before,
    'what was given stays as it was',
  );
});

t.test('what was whole before something broken is answered first', async t => {
  const reader = createFragmentReader();
  const found = reader.push(Buffer.concat([whole, Buffer.from([0, 0, 0, 3, 1, 2, 3, 4])]));
  t.equal(found.length, fragments.length + 1);
  t.equal(reader.wholeBytes(), whole.length);
  t.throws(() => reader.push(Buffer.alloc(1)), FragmentFormatError);
});

t.test('a box may be so large', async t => {
  const box = (type: string, bytes: number) => {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(bytes);
    header.write(type, 4);
    return header;
  };
  for (const [type, limit] of [
    ['mdat', maxPartBytes],
    ['moov', maxReadBytes],
    ['moof', maxReadBytes],
  ] as const) {
    t.doesNotThrow(() => createFragmentReader().push(box(type, limit)));
    t.throws(() => createFragmentReader().push(box(type, limit + 1)), FragmentFormatError, type);
  }
});

t.test('a fragment has so many tracks, whatever is repeated in it', async t => {
  const { bytes } = fragments[0] as Fragment;
  const moofBytes = bytes.readUInt32BE(0);
  const trafAt = bytes.indexOf('traf') - 4;
  const traf = bytes.subarray(trafAt, trafAt + bytes.readUInt32BE(trafAt));
  const withTracks = (more: number) => {
    const head = Buffer.from(bytes.subarray(0, moofBytes));
    head.writeUInt32BE(moofBytes + more * traf.length);
    return Buffer.concat([init.bytes, head, ...Array<Buffer>(more).fill(traf), bytes.subarray(moofBytes)]);
  };
  t.equal(createFragmentReader().push(withTracks(6)).length, 2);
  const reader = createFragmentReader();
  t.equal(reader.push(withTracks(7)).length, 1);
  t.throws(() => reader.push(Buffer.alloc(1)), FragmentFormatError);
});

/** Of the first fragment, as boxes: of the pictures, then of the sound. */
function trackBoxes(): { head: Buffer; trafs: [Buffer, Buffer]; rest: Buffer } {
  const bytes = Buffer.from((fragments[0] as Fragment).bytes);
  const moofBytes = bytes.readUInt32BE(0);
  const startAt = bytes.indexOf('traf') - 4;
  const secondAt = startAt + bytes.readUInt32BE(startAt);
  return {
    head: bytes.subarray(0, startAt),
    trafs: [bytes.subarray(startAt, secondAt), bytes.subarray(secondAt, moofBytes)],
    rest: bytes.subarray(moofBytes),
  };
}

function readOne(...pieces: Buffer[]): Fragment {
  const [, part] = createFragmentReader().push(Buffer.concat([init.bytes, ...pieces]));
  if (part === undefined || !('fragment' in part)) throw new Error('a fragment was expected');
  return part.fragment;
}

t.test('the pictures give a fragment its time, and alone can begin with a key frame', async t => {
  const { head, trafs, rest } = trackBoxes();
  const [pictures, sound] = trafs;
  const whole = readOne(head, pictures, sound, rest);
  t.equal(whole.startsWithKeyFrame, true);
  const turned = readOne(head, sound, pictures, rest);
  t.equal(turned.startMs, whole.startMs);
  t.equal(turned.durationMs, whole.durationMs);
  t.not(
    whole.durationMs,
    Number((whole.tracks[1]?.duration ?? 0n) * 1000n) / 48_000,
    'the sound has another',
  );
  // sample_depends_on and sample_is_non_sync_sample of the first picture, behind flags, count and offset.
  const trunAt = pictures.indexOf('trun') + 4;
  t.equal(pictures.readUInt32BE(trunAt) & 0x5, 0x5, 'it has flags of its own');
  pictures.writeUInt32BE(0x1010000, trunAt + 12);
  t.equal(readOne(head, pictures, sound, rest).startsWithKeyFrame, false, 'sound is no key frame');
});

t.test('media of a track that nobody described is no footage', async t => {
  const { head, trafs, rest } = trackBoxes();
  const [pictures, sound] = trafs;
  sound.writeUInt32BE(77, sound.indexOf('tfhd') + 8);
  const reader = createFragmentReader();
  t.equal(reader.push(Buffer.concat([init.bytes, head, pictures, sound, rest])).length, 1);
  t.throws(() => reader.push(Buffer.alloc(1)), { name: 'FragmentFormatError', message: /not described/ });
});

t.test('whatever bytes come, it answers or throws its own error', async t => {
  const random = seededRandom(23);
  let refused = 0;
  for (let round = 0; round < 6000; round++) {
    const bytes = Buffer.from(whole.subarray(0, 3000 + random(whole.length - 3000)));
    for (let count = 1 + random(6); count > 0; count--) {
      // Most of it among the boxes of the description and of the first fragment, where it is read.
      const at = random(3) ? random(init.bytes.length + 600) : random(bytes.length - 8);
      if (random(2)) bytes[at] = random(256);
      else bytes.writeUInt32BE([0, 1, 8, 0x7fffffff, 0xffffffff][random(5)] as number, at);
    }
    const reader = createFragmentReader();
    try {
      for (let at = 0; at < bytes.length; at += 2000) {
        for (const part of reader.push(bytes.subarray(at, at + 2000)))
          if ('fragment' in part && !Number.isFinite(part.fragment.startMs + part.fragment.durationMs))
            t.fail('times are numbers');
      }
    } catch (error) {
      if (!(error instanceof FragmentFormatError)) throw error;
      refused++;
    }
  }
  t.ok(refused > 500, `${refused} were refused`);
});
