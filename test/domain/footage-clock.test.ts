// Where a fragment lies on the time line, and when media time or our clock is not to be believed any more.

import t from 'tap';
import {
  type Arrival,
  clockSetMs,
  lateForMs,
  maxDisagreementMs,
  startRunClock,
} from '../../src/domain/footage/segment-clock.ts';

const began = 1_800_000_000_000;
const first: Arrival = { mediaMs: 0, durationMs: 1000, arrivedAt: began + 1000, monotonicMs: 0 };

/** Media of that second; both our clocks are `lateMs` further on than they should be. */
function second(number: number, lateMs = 0): Arrival {
  const passedMs = number * 1000 + lateMs;
  return {
    mediaMs: number * 1000,
    durationMs: 1000,
    arrivedAt: first.arrivedAt + passedMs,
    monotonicMs: passedMs,
  };
}

t.test('a run begins when its first fragment happened, but not before what is there already', async t => {
  t.strictSame(startRunClock(first).place(first), { startAt: began });
  t.strictSame(startRunClock(first, began - 1).place(first), { startAt: began });
  t.strictSame(startRunClock(first, began + 700).place(first), { startAt: began + 700 });
  t.strictSame(startRunClock(first, began + 700).place(second(1)), { startAt: began + 1700 });
});

t.test('one fragment that is late moves the time line by nothing that could be seen', async t => {
  const clock = startRunClock(first);
  clock.place(first);
  for (const lateMs of [1500, 0, maxDisagreementMs]) {
    const number = lateMs + 1;
    const placed = clock.place({ ...second(1, lateMs), mediaMs: 1000 });
    t.match(placed, { startAt: Number }, `${number}`);
    t.ok('startAt' in placed && Math.abs(placed.startAt - began - 1000) <= 1, `${lateMs}`);
  }
});

t.test(
  'when all was late for so long, media time is wrong; one that is in time begins that anew',
  async t => {
    const lateMs = maxDisagreementMs + 500;
    const run = (onTimeAt?: number) => {
      const clock = startRunClock(first);
      clock.place(first);
      // Nothing of it is late by chance: the time line is drawn by less than a tenth of that.
      for (let number = 1; number <= 60; number++)
        if ('newRun' in clock.place(second(number, number === onTimeAt ? 0 : lateMs))) return number;
      return undefined;
    };
    const after = lateForMs / 1000;
    t.equal(run(), 1 + after + 1, 'at the limit it is still placed');
    const exact = startRunClock(first);
    exact.place(first);
    exact.place(second(1, lateMs));
    const at = (ms: number) => ({
      ...second(1 + after, lateMs),
      monotonicMs: 1000 + lateMs + lateForMs + ms,
      arrivedAt: first.arrivedAt + 1000 + lateMs + lateForMs + ms,
    });
    t.match(exact.place(at(0)), { startAt: Number });
    t.strictSame(exact.place(at(1)), { newRun: 'late' });
  },
);

t.test('our clock was set where it parts from the monotonic one by more than half a second', async t => {
  for (const sign of [1, -1]) {
    const placed = (partMs: number) =>
      startRunClock(first).place({ ...second(1), arrivedAt: second(1).arrivedAt + sign * partMs });
    t.match(placed(clockSetMs), { startAt: Number });
    t.strictSame(placed(clockSetMs + 1), { newRun: 'clock-set' });
  }
});

t.test('a clock that is drawn slowly, as time servers do it, was not set', async t => {
  const clock = startRunClock(first);
  const drawn = 400e-6;
  for (let number = 0; number < 3600; number++) {
    const arrival = second(number);
    const placed = clock.place({
      ...arrival,
      arrivedAt: Math.round(arrival.arrivedAt + number * 1000 * drawn),
    });
    if (!('startAt' in placed)) return t.fail(`a new run after ${number} s: ${placed.newRun}`);
  }
  t.ok(3600 * 1000 * drawn > 2 * clockSetMs, 'in all it is more than a step would be');
});
