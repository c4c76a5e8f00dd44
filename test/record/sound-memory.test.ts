import t from 'tap';
import { createSoundMemory, soundRetryMs } from '../../src/record/sound-memory.ts';
import { handClock } from './made-footage.ts';

t.test('sound that was never there is done without for an hour, and then asked for again', async t => {
  const clock = handClock(0);
  const sound = createSoundMemory(clock);
  t.equal(sound.fault(), null);
  t.equal(sound.foundFault('none comes', { hadSound: false }), true);
  clock.pass(soundRetryMs - 1);
  t.equal(sound.fault(), 'none comes');
  clock.pass(1);
  t.equal(sound.fault(), null);
});

t.test('sound that was recorded is asked for again once in an hour', async t => {
  const clock = handClock(0);
  const sound = createSoundMemory(clock);
  t.equal(sound.foundFault('it parts', { hadSound: true }), false);
  t.equal(sound.fault(), null);
  clock.pass(soundRetryMs - 1);
  t.equal(sound.foundFault('it parts', { hadSound: true }), true, 'it parts again');
  t.equal(sound.fault(), 'it parts');
  clock.pass(1);
  t.equal(sound.foundFault('it parts', { hadSound: true }), false, 'the first was an hour ago');
});

t.test('a loss is told once, and again when another reason or the sound was there in between', async t => {
  const sound = createSoundMemory(handClock(0));
  t.strictSame([sound.isNews('one'), sound.isNews('one'), sound.isNews('other')], [true, false, true]);
  sound.foundFault('other', { hadSound: false });
  sound.works();
  t.equal(sound.fault(), null);
  t.equal(sound.isNews('other'), true);
});
