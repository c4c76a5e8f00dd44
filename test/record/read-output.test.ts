// What ffmpeg writes, judged: by the amount, the times and the form.

import t from 'tap';
import { type Fragment, shiftFragment } from '../../src/domain/footage/fragment-reader.ts';
import { maxFragmentsInWindow, maxSoundApartMs, readOutput } from '../../src/record/read-output.ts';
import type { StreamError } from '../../src/record/stream-error.ts';
import { handClock, makeFootage } from './made-footage.ts';

const { init, fragments } = makeFootage(1);
const fragment = fragments[0]?.bytes ?? Buffer.alloc(0);

t.test('so many fragments may come in five seconds, and again in the next', async t => {
  const clock = handClock(0);
  const ends: StreamError[] = [];
  let taken = 0;
  const push = readOutput(
    { clock },
    {
      onInit() {},
      onFragment: () => void taken++,
      onEnd: why => void ends.push(why),
    },
  );
  const bring = (count: number) => {
    for (let each = 0; each < count; each++) push(fragment);
  };
  push(init.bytes);
  bring(maxFragmentsInWindow);
  clock.pass(5000);
  bring(maxFragmentsInWindow);
  t.equal(taken, 2 * maxFragmentsInWindow);
  t.strictSame(ends, []);
  clock.pass(4999);
  bring(2);
  t.match(ends, [{ end: 'flood' }]);
  t.equal(taken, 2 * maxFragmentsInWindow, 'and nothing is taken after that');
});

function reading() {
  const seen: string[] = [];
  const push = readOutput(
    { clock: handClock(0) },
    {
      onInit: () => void seen.push('init'),
      onFragment: ({ tracks }) => void seen.push(`fragment of ${tracks.length}`),
      onEnd: ({ end }, isSound) => void seen.push(`${end}${isSound ? ' by its sound' : ''}`),
    },
  );
  return { push, seen };
}

t.test('a second description ends it, and nothing is taken after that', async t => {
  const { push, seen } = reading();
  push(Buffer.concat([init.bytes, fragment, init.bytes, fragment]));
  push(fragment);
  t.strictSame(seen, ['init', 'fragment of 1', 'changed']);
});

t.test('what is no MP4 is told once, behind what was whole', async t => {
  const { push, seen } = reading();
  push(Buffer.concat([init.bytes, fragment, Buffer.from('not a box')]));
  push(fragment);
  push(fragment);
  t.strictSame(seen, ['init', 'fragment of 1', 'malformed']);
});

t.test('sound may be so far from its pictures, either way', async t => {
  const both = makeFootage(1, { sound: true });
  const [pictures, sound] = both.init.tracks;
  const first = both.fragments[0] as Fragment;
  if (!pictures || !sound) throw new Error('two tracks were expected');
  const apart = (pictureMs: number, soundMs: number) => {
    const to = new Map([
      [pictures.id, (BigInt(pictureMs) * BigInt(pictures.timescale)) / 1000n],
      [sound.id, (BigInt(soundMs) * BigInt(sound.timescale)) / 1000n],
    ]);
    const by = new Map(
      first.tracks.map(({ trackId, baseTime }) => [trackId, baseTime - (to.get(trackId) ?? 0n)]),
    );
    const { push, seen } = reading();
    push(Buffer.concat([both.init.bytes, shiftFragment(first, by)]));
    return seen.at(-1);
  };
  for (const startMs of [0, 3_600_000]) {
    t.equal(apart(startMs, startMs + maxSoundApartMs), 'fragment of 2');
    t.equal(apart(startMs, startMs + maxSoundApartMs + 1), 'jumped by its sound');
    t.equal(apart(startMs + maxSoundApartMs, startMs), 'fragment of 2');
    t.equal(apart(startMs + maxSoundApartMs + 1, startMs), 'jumped by its sound');
  }
});
