import t from 'tap';
import { createRestWatch, startSparingMemory } from '../../src/base/spare-memory.ts';

const intervalMs = 10_000;

t.test('a thread is given time to start, and is looked through when it rests', async t => {
  const isTime = createRestWatch(intervalMs);
  t.notOk(isTime(500), 'the first look cannot tell');
  t.notOk(isTime(601), 'more than a hundredth of the time');
  t.ok(isTime(701), 'a hundredth');
});

t.test('a thread that rests is not looked through again before it has worked', async t => {
  const isTime = createRestWatch(intervalMs);
  isTime(0);
  t.ok(isTime(100));
  for (const cpuMs of [200, 300, 300]) t.notOk(isTime(cpuMs));
  t.notOk(isTime(3000), 'it works');
  t.notOk(isTime(3099), 'it rests, and has worked just too little');
  t.ok(isTime(3100));
  t.notOk(isTime(3200));
});

t.test('what is not used any more goes while the thread rests', async t => {
  const gone = Promise.withResolvers<string>();
  const registry = new FinalizationRegistry<string>(gone.resolve);
  (() => registry.register({ large: Buffer.alloc(1_000_000) }, 'gone'))();
  using _sparing = startSparingMemory({ intervalMs: 2000 });
  // The timers of the sparing keep no process alive, and no other does here.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  t.equal(await gone.promise, 'gone');
});
