// Pieces of footage as one stream: where each track of a piece begins in it.

import t, { type Test } from 'tap';
import {
  createFragmentReader,
  type Fragment,
  shiftFragment,
} from '../../src/domain/footage/fragment-reader.ts';
import { createJoiner } from '../../src/domain/footage/join-fragments.ts';
import { makeFootage } from '../record/made-footage.ts';

const { init, fragments } = makeFootage(2, { sound: true });
const [video, audio] = init.tracks;
const template = fragments.find(({ tracks }) => tracks.length === 2);
if (!video || !audio || !template) throw new Error('pictures and sound were expected');
const timescales = new Map([video, audio].map(({ id, timescale }) => [id, timescale]));
const msOf = (trackId: number, units: bigint) => (Number(units) * 1000) / (timescales.get(trackId) ?? 1);

function read(bytes: Buffer): Fragment {
  const [, part] = createFragmentReader().push(Buffer.concat([init.bytes, bytes]));
  if (part === undefined || !('fragment' in part)) throw new Error('a fragment was expected');
  return part.fragment;
}

/** Where each track begins and ends, by the numbers in the file. */
function places(fragment: Fragment) {
  const [pictures, sound] = [video, audio].map(track => {
    const times = fragment.tracks.find(({ trackId }) => trackId === track?.id);
    if (!times) throw new Error('both tracks were expected');
    const startMs = msOf(times.trackId, times.baseTime);
    return { startMs, endMs: startMs + msOf(times.trackId, times.duration) };
  });
  if (!pictures || !sound) throw new Error('both tracks were expected');
  return { pictures, sound };
}

/** A fragment whose pictures and sound begin then. */
function beginning(pictureMs: number, soundMs: number): Fragment {
  const by = new Map(
    (template as Fragment).tracks.map(({ trackId, baseTime }) => {
      const ms = trackId === video?.id ? pictureMs : soundMs;
      return [trackId, baseTime - BigInt(Math.round((ms * (timescales.get(trackId) ?? 1)) / 1000))];
    }),
  );
  return read(shiftFragment(template as Fragment, by));
}

const { pictures, sound } = places(beginning(0, 0));
const near = (t: Test, found: number, expected: number, what: string) =>
  t.ok(Math.abs(found - expected) < 1, `${what}: ${found} instead of ${expected}`);

t.test('the first piece begins at zero, its tracks as far apart as they were', async t => {
  for (const [pictureMs, soundMs] of [
    [5000, 4900],
    [4900, 5000],
    [0, 0],
  ] as const) {
    const { bytes, positionMs } = createJoiner(init).add(beginning(pictureMs, soundMs), {
      ...{ begins: true, continues: false },
    });
    const found = places(read(bytes));
    const firstMs = Math.min(pictureMs, soundMs);
    near(t, found.pictures.startMs, pictureMs - firstMs, 'pictures');
    near(t, found.sound.startMs, soundMs - firstMs, 'sound');
    near(t, positionMs, pictureMs - firstMs, 'what is said of it');
  }
});

t.test('behind a hole nothing begins before all of it has ended', async t => {
  for (const [pictureMs, soundMs] of [
    [0, 200],
    [200, 0],
    [7000, 7000],
  ] as const)
    for (const lateMs of [0, 300]) {
      const joiner = createJoiner(init);
      const one = places(read(joiner.add(beginning(0, lateMs), { begins: true, continues: false }).bytes));
      const { bytes, positionMs } = joiner.add(beginning(pictureMs, soundMs), {
        ...{ begins: true, continues: false },
      });
      const two = places(read(bytes));
      const endMs = Math.max(one.pictures.endMs, one.sound.endMs);
      near(t, Math.min(two.pictures.startMs, two.sound.startMs), endMs, 'the earlier of both');
      near(t, two.pictures.startMs - two.sound.startMs, pictureMs - soundMs, 'in step');
      near(t, positionMs, two.pictures.startMs, 'what is said of it');
    }
});

t.test('where footage goes on, pictures follow pictures at once, if the sound allows it', async t => {
  const follow = (soundMs: number) => {
    const joiner = createJoiner(init);
    joiner.add(beginning(0, 0), { begins: true, continues: false });
    return places(read(joiner.add(beginning(1000, 1000 + soundMs), { begins: true, continues: true }).bytes));
  };
  // With this start the sound of the second would begin just where that of the first ends.
  const fitsMs = sound.endMs - pictures.endMs;
  for (const moreMs of [500, 100, 0, -9]) {
    const { pictures: later } = follow(fitsMs + moreMs);
    near(t, later.startMs, pictures.endMs, `${moreMs} ms`);
  }
  for (const moreMs of [-11, -100]) {
    const found = follow(fitsMs + moreMs);
    const firstMs = Math.min(found.pictures.startMs, found.sound.startMs);
    near(t, firstMs, Math.max(pictures.endMs, sound.endMs), `${moreMs} ms: all of it later`);
  }
});

t.test('fragments within a piece stay as they are', async t => {
  const joiner = createJoiner(init);
  joiner.add(beginning(0, 0), { begins: true, continues: false });
  const one = places(read(joiner.add(beginning(3000, 3050), { begins: true, continues: false }).bytes));
  const two = places(read(joiner.add(beginning(4500, 4600), { begins: false, continues: false }).bytes));
  near(t, two.pictures.startMs - one.pictures.startMs, 1500, 'pictures');
  near(t, two.sound.startMs - one.sound.startMs, 1550, 'sound');
});
