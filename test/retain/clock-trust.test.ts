import t from 'tap';
import { startClockTrust } from '../../src/retain/clock-trust.ts';

const dayMs = 86_400_000;

function clocked() {
  const clock = { at: Date.UTC(2026, 10, 21), monotonicMs: 5000 };
  const jumpSince = startClockTrust({ now: () => clock.at, monotonicMs: () => clock.monotonicMs });
  return {
    jumpSince,
    clock,
    /** Both run on; `setMs`: and the clock is set by so much. */
    pass(ms: number, setMs = 0) {
      clock.at += ms + setMs;
      clock.monotonicMs += ms;
    },
  };
}

t.test('a clock that has jumped is trusted when it has run on for a day', async t => {
  const { jumpSince, clock, pass } = clocked();
  const lastPassAt = clock.at;
  pass(60_000, 365 * dayMs);
  t.equal(jumpSince(lastPassAt), 365 * dayMs + 60_000);
  pass(dayMs - 1);
  t.not(jumpSince(lastPassAt), null);
  pass(1);
  t.equal(jumpSince(lastPassAt), null);
});

t.test('one that is set once more begins anew, and one that is set back is trusted at once', async t => {
  const { jumpSince, clock, pass } = clocked();
  const lastPassAt = clock.at;
  pass(0, 365 * dayMs);
  t.not(jumpSince(lastPassAt), null);
  pass(dayMs - 1, 60_001);
  t.not(jumpSince(lastPassAt), null);
  pass(dayMs - 1);
  t.not(jumpSince(lastPassAt), null, 'the day counts from there');
  pass(0, -365 * dayMs);
  t.equal(jumpSince(lastPassAt), null);
  pass(0, 365 * dayMs);
  t.not(jumpSince(lastPassAt), null, 'and what came before does not count for the next time');
});

t.test('a clock that drifts on that day has not been set', async t => {
  const { jumpSince, clock, pass } = clocked();
  const lastPassAt = clock.at;
  pass(0, 10 * dayMs);
  jumpSince(lastPassAt);
  pass(dayMs / 2, 30_000);
  t.not(jumpSince(lastPassAt), null);
  pass(dayMs / 2, 30_000);
  t.equal(jumpSince(lastPassAt), null);
});

t.test(
  'a clock that is set ahead step by step is noticed when the steps come to more than one may',
  async t => {
    const { jumpSince, clock, pass } = clocked();
    jumpSince(null);
    const step = () => {
      const lastPassAt = clock.at;
      pass(60_000, dayMs);
      return jumpSince(lastPassAt);
    };
    t.strictSame([step(), step(), step()], [null, null, null]);
    t.equal(step(), 4 * dayMs);
    pass(dayMs);
    t.equal(jumpSince(clock.at - 60_000), null, 'it has run on for a day');
    t.equal(step(), null, 'and what came before does not count any more');
    pass(0, -2 * dayMs);
    jumpSince(clock.at);
    t.strictSame([step(), step(), step()], [null, null, null]);
    t.equal(step(), 4 * dayMs);
  },
);
