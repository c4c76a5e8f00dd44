import t from 'tap';
import { type ForecastCamera, forecastRetention } from '../../src/domain/retention-forecast.ts';
import { dayMs } from '../../src/domain/retention-plan.ts';
import { heldSentence, promiseSentence, unmetSentence } from '../../src/domain/retention-sentence.ts';
import { divideRoom, settleRoom } from '../../src/domain/retention-shares.ts';
import { seededRandom } from './seeded-random.ts';

const now = Date.UTC(2026, 10, 21);
const week = { now, sinceAt: now - 7 * dayMs, minAgeDays: 3 };
const camera = (name: string, perDay: number, facts: Partial<ForecastCamera> = {}): ForecastCamera => ({
  camera: name,
  askedDays: 30,
  maxBytes: null,
  ...{ media: 'clips', bytes: 0, heldBytes: 0 },
  recentBytes: perDay * 7,
  firstAt: now - 100 * dayMs,
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
  const young = camera('a', 0, { recentBytes: 240, firstAt: now - dayMs / 2 });
  t.match(forecastRetention([young], { ...week, roomBytes: 4800 }), [{ bytesPerDay: 480, fitDays: 10 }]);
  const minute = camera('a', 0, { recentBytes: 10, firstAt: now - 60_000 });
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

t.test('what is on hold is not there for what arrives', async t => {
  const cameras = (heldBytes: number) => [camera('a', 100, { heldBytes })];
  t.match(forecastRetention(cameras(0), { ...week, roomBytes: 3000 }), [{ fitDays: 30, isKept: true }]);
  t.match(forecastRetention(cameras(1000), { ...week, roomBytes: 3000 }), [{ fitDays: 20, isKept: false }]);
  t.match(forecastRetention(cameras(4000), { ...week, roomBytes: 3000 }), [{ fitDays: 0, isKept: false }]);
});

t.test('a camera that was given bytes has them before others have an equal part', async t => {
  const cameras = [
    camera('a', 100, { askedDays: null, maxBytes: 2000 }),
    camera('b', 100, { askedDays: null }),
  ];
  t.match(forecastRetention(cameras, { ...week, roomBytes: 2500 }), [{ fitDays: 20 }, { fitDays: 5 }]);
  const lavish = [camera('a', 10, { maxBytes: 2000 }), camera('b', 100)];
  t.match(
    forecastRetention(lavish, { ...week, roomBytes: 2500 }),
    [{ fitDays: 30 }, { fitDays: 22 }],
    'what it does not need is for others',
  );
});

t.test(
  'whatever the needs: nobody settles above what he needs, all of the room is used or nobody wants more',
  async t => {
    const random = seededRandom(7);
    for (let round = 0; round < 500; round++) {
      const cameras = Array.from({ length: 1 + random(5) }, () => ({
        neededBytes: random(2) === 0 ? random(1000) : Number.POSITIVE_INFINITY,
        maxBytes: random(2) === 0 ? 1 + random(1000) : null,
      }));
      const roomBytes = random(3000);
      const taken = settleRoom(cameras, roomBytes);
      const shares = divideRoom(cameras, roomBytes);
      const sum = taken.reduce((all, each) => all + each, 0);
      t.ok(sum <= roomBytes + 1e-6);
      t.ok(
        Math.abs(sum - roomBytes) < 1e-6 ||
          taken.every((each, index) => each === cameras[index]?.neededBytes),
      );
      for (const [index, each] of taken.entries()) {
        const { neededBytes } = cameras[index] as (typeof cameras)[number];
        t.ok(each <= neededBytes);
        t.ok(each >= Math.min(neededBytes, shares[index] ?? 0) - 1e-6, 'its share, if it needs it');
      }
    }
  },
);

t.test('what one does not need is divided evenly among those who want more', async t => {
  const wanting = { neededBytes: Number.POSITIVE_INFINITY, maxBytes: null };
  t.strictSame(settleRoom([{ neededBytes: 0, maxBytes: 200 }, wanting, wanting], 800), [0, 400, 400]);
  t.strictSame(
    settleRoom([{ neededBytes: 0, maxBytes: 200 }, { ...wanting, neededBytes: 340 }, wanting], 800),
    [0, 340, 460],
  );
  t.strictSame(settleRoom([], 800), []);
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
  const fits = (fitDays: number, isKept = false, media: 'clips' | 'footage' = 'clips') => ({
    ...{ camera: 'den', media, bytesPerDay: 1, measuredDays: 7, askedDays: 30, fitDays, isKept },
  });
  t.match(promiseSentence(fits(11.9)), /^den: 30 days asked, 11 fit at the present rate: .+\.$/);
  t.match(promiseSentence(fits(2, false, 'footage')), /^den: 30 days of footage asked, 2 fit/);
  t.equal(promiseSentence(fits(30, true)), undefined);
  t.match(heldSentence(6e9, 8e9), /^75 % of the media is on hold \(6.0 GB of 8.0 GB\)/);
  for (const unmet of [
    { promise: 'free-disk', shortfallBytes: 5e6 },
    { promise: 'bytes', shortfallBytes: 5e9 },
    { promise: 'camera-bytes', camera: 'den', shortfallBytes: 1 },
    { promise: 'floor-too-high', minFreeBytes: 5e9, totalBytes: 1e9, floorBytes: 2.5e8 },
    { promise: 'clock', jumpMs: 5 * dayMs },
  ] as const)
    t.match(unmetSentence(unmet), /: .+\.$/s);
});
