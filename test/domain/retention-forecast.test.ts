import t from 'tap';
import { type ForecastCamera, forecastRetention } from '../../src/domain/retention-forecast.ts';
import { dayMs } from '../../src/domain/retention-plan.ts';
import { daysSentence, unmetSentence } from '../../src/domain/retention-sentence.ts';

const now = Date.UTC(2026, 10, 21);
const week = { now, sinceAt: now - 7 * dayMs };
const camera = (name: string, perDay: number, facts: Partial<ForecastCamera> = {}): ForecastCamera => ({
  camera: name,
  askedDays: 30,
  maxBytes: null,
  bytes: 0,
  recentBytes: perDay * 7,
  oldestAt: now - 100 * dayMs,
  ...facts,
});

t.test('the days that fit are the room by the rate of the last week', async t => {
  t.match(forecastRetention([camera('a', 100)], { ...week, roomBytes: 1100 }), [
    { bytesPerDay: 100, askedDays: 30, fitDays: 11, isKept: false },
  ]);
  for (const [roomBytes, isKept] of [
    [2900, false],
    [3000, true],
    [3001, true],
  ] as const)
    t.match(forecastRetention([camera('a', 100)], { ...week, roomBytes }), [{ isKept }]);
});

t.test('a young archive is measured over the time that it has, and no shorter than an hour', async t => {
  const young = camera('a', 0, { recentBytes: 240, oldestAt: now - dayMs / 2 });
  t.match(forecastRetention([young], { ...week, roomBytes: 4800 }), [{ bytesPerDay: 480, fitDays: 10 }]);
  const minute = camera('a', 0, { recentBytes: 10, oldestAt: now - 60_000 });
  t.match(forecastRetention([minute], { ...week, roomBytes: 240 }), [{ bytesPerDay: 240, fitDays: 1 }]);
});

t.test('who needs less leaves the rest to the others; who sends nothing has no end in sight', async t => {
  const cameras = [camera('small', 1), camera('large', 100), camera('silent', 0)];
  t.match(forecastRetention(cameras, { ...week, roomBytes: 1030 }), [
    { camera: 'small', fitDays: 30, isKept: true },
    { camera: 'large', fitDays: 10, isKept: false },
    { camera: 'silent', fitDays: null, isKept: true },
  ]);
});

t.test('without a promise none is broken, and a camera has no more than its bytes', async t => {
  const cameras = [
    camera('a', 100, { askedDays: null, maxBytes: 500 }),
    camera('b', 100, { askedDays: null }),
  ];
  t.match(forecastRetention(cameras, { ...week, roomBytes: 2000 }), [
    { fitDays: 5, isKept: true },
    { fitDays: 15, isKept: true },
  ]);
});

t.test('every promise that cannot be kept has a sentence that says what to do', async t => {
  t.equal(daysSentence(30, 11.9), '30 days asked, 11 fit');
  for (const unmet of [
    { promise: 'free-disk', shortfallBytes: 5e6 },
    { promise: 'bytes', shortfallBytes: 5e9 },
    { promise: 'camera-bytes', camera: 'den', shortfallBytes: 1 },
    { promise: 'floor-too-high', minFreeBytes: 5e9, totalBytes: 1e9 },
    { promise: 'clock', jumpMs: 5 * dayMs },
  ] as const)
    t.match(unmetSentence(unmet), /: .+\.$/s);
});
