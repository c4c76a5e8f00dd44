import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { openLog } from '../../src/base/log.ts';
import type { CameraArrivals } from '../../src/catalogue/retention-queries.ts';
import { dayMs } from '../../src/domain/retention-plan.ts';
import { startPromiseWarnings } from '../../src/inspect/announce-promises.ts';
import type { Settings } from '../../src/settings/settings.ts';

const now = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;

/** An archive that says what a test wants, and the lines that it is told. */
function watched(test: Test) {
  const state = {
    arrivals: [] as CameraArrivals[],
    heldBytes: 0,
    freeBytes: 2000,
    looks: new PassThrough({ objectMode: true }),
  };
  const lines: Array<Record<string, unknown>> = [];
  mock.timers.enable({ apis: ['setInterval'] });
  test.teardown(() => mock.timers.reset());
  const start = () =>
    startPromiseWarnings({
      catalogue: {
        holdings: () => [{ camera: 'den', clips: 1, segments: 0, bytes: 1000, footageBytes: 0 }],
        arrivals: () => state.arrivals,
        heldBytes: () => state.heldBytes,
      },
      accounts: { cameras: () => [] },
      settings: {
        dataDir: '/data',
        retention: { keepClipsDays: 30, maxBytes: null, minFreeBytes: 1000 } as Settings['retention'],
        ftps: { limits: { minFreeBytes: 0 } },
      },
      clock: { now: () => now, monotonicMs: () => 0 },
      log: openLog({ level: 'info', stream: { write: line => void lines.push(JSON.parse(line)) } }),
      measure: async () => {
        state.looks.write('looked');
        if (state.freeBytes < 0) throw new Error('EIO');
        return { freeBytes: state.freeBytes, totalBytes: 1e6 };
      },
    });
  /** The next look, and what follows it in the same turn. */
  const looked = async (begin: () => void) => {
    const look = once(state.looks, 'data');
    begin();
    await look;
    await new Promise(resolve => setImmediate(resolve));
  };
  return { state, lines, start, looked, nextHour: () => looked(() => mock.timers.tick(hourMs)) };
}

const den = (recentBytes: number, firstAt = now - 30 * dayMs) => ({
  ...({ camera: 'den', media: 'clips', recentBytes, firstAt } as const),
});

t.test('days that do not fit are told once, and again when they fitted in between', async t => {
  const { state, lines, start, looked, nextHour } = watched(t);
  state.arrivals = [den(7 * 100)];
  let announcing: Disposable | undefined;
  await looked(() => {
    announcing = start();
  });
  t.match(lines, [
    {
      ...{ level: 40, msg: 'days asked for do not fit', camera: 'den', askedDays: 30, fitDays: 20 },
      sentence: /^den: 30 days asked, 20 fit/,
    },
  ]);
  await nextHour();
  t.equal(lines.length, 1);
  state.arrivals = [den(7 * 50)];
  await nextHour();
  state.arrivals = [den(7 * 100)];
  await nextHour();
  t.equal(lines.length, 2);
  announcing?.[Symbol.dispose]();
  state.arrivals = [];
  mock.timers.tick(hourMs);
  t.equal(lines.length, 2);
});

t.test('the rate of less than a day is not told of', async t => {
  const { state, lines, start, looked, nextHour } = watched(t);
  state.arrivals = [den(100, now - dayMs + 1)];
  await looked(() => {
    const announcing = start();
    t.teardown(() => announcing[Symbol.dispose]());
  });
  t.strictSame(lines, []);
  state.arrivals = [den(100, now - dayMs)];
  await nextHour();
  t.equal(lines.length, 1);
});

t.test('too much on hold is told once; a disk that cannot be measured stops nobody', async t => {
  const { state, lines, start, looked, nextHour } = watched(t);
  state.heldBytes = 501;
  let announcing: Disposable | undefined;
  await looked(() => {
    announcing = start();
  });
  t.teardown(() => announcing?.[Symbol.dispose]());
  await nextHour();
  t.match(lines, [{ level: 40, msg: 'more than half is on hold', heldBytes: 501, mediaBytes: 1000 }]);
  state.freeBytes = -1;
  await nextHour();
  t.match(lines.slice(1), [{ level: 40, msg: 'room for clips cannot be foretold', error: 'EIO' }]);
  state.freeBytes = 2000;
  state.heldBytes = 500;
  await nextHour();
  state.heldBytes = 501;
  await nextHour();
  t.equal(lines.length, 3);
});
