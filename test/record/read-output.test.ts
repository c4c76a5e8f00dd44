// What ffmpeg writes, judged: by the amount.

import t from 'tap';
import { maxFragmentsInWindow, readOutput } from '../../src/record/read-output.ts';
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
