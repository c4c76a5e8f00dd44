import t from 'tap';
import { coverageOf, type Gap, mergeSpans, spansBetween } from '../../src/domain/footage/coverage.ts';
import { isRecordedAt, parseRecordSchedule } from '../../src/domain/footage/record-schedule.ts';
import { maxDisagreementMs, startRunClock } from '../../src/domain/footage/segment-clock.ts';
import { firstSegmentMs, placeOf } from '../../src/domain/footage/stagger.ts';
import { seededRandom } from './seeded-random.ts';

t.test('a schedule is on, off or hours', async t => {
  t.strictSame(parseRecordSchedule('on'), { kind: 'on' });
  t.strictSame(parseRecordSchedule('off'), { kind: 'off' });
  t.strictSame(parseRecordSchedule('22:00-06:30'), { kind: 'hours', fromMinute: 1320, toMinute: 390 });
  t.strictSame(parseRecordSchedule('00:00-24:00'), { kind: 'hours', fromMinute: 0, toMinute: 1440 });
  for (const text of [
    '',
    'ON',
    '24:00-06:00',
    '06:00-24:01',
    '06:00-06:00',
    '6:00-7:00',
    '06:60-07:00',
    '06:00-07:00 ',
  ])
    t.equal(parseRecordSchedule(text), undefined, text);
});

t.test('hours begin with their first minute, end before their last, and go over midnight', async t => {
  const at = (time: string) => Date.parse(`2026-11-21T${time}Z`);
  const recorded = (schedule: string, time: string) => {
    const parsed = parseRecordSchedule(schedule);
    return parsed && isRecordedAt(parsed, at(time), 'UTC');
  };
  t.equal(recorded('08:00-17:00', '07:59:59.999'), false);
  t.equal(recorded('08:00-17:00', '08:00:00'), true);
  t.equal(recorded('08:00-17:00', '16:59:59.999'), true);
  t.equal(recorded('08:00-17:00', '17:00:00'), false);
  t.equal(recorded('22:00-06:00', '23:59:59'), true);
  t.equal(recorded('22:00-06:00', '00:00:00'), true);
  t.equal(recorded('22:00-06:00', '06:00:00'), false);
  t.equal(recorded('22:00-06:00', '21:59:59'), false);
  t.equal(recorded('00:00-24:00', '23:59:59'), true);
});

t.test('hours are what clocks in the zone of the camera show, also when they are changed', async t => {
  const night = parseRecordSchedule('02:00-03:00');
  if (!night) throw new Error('a schedule was expected');
  const minutes = (day: string) => {
    let count = 0;
    for (let minute = 0; minute < 1440; minute++)
      if (isRecordedAt(night, Date.parse(`${day}T00:00:00Z`) + minute * 60_000, 'Europe/Berlin')) count += 1;
    return count;
  };
  t.equal(minutes('2026-06-01'), 60);
  t.equal(minutes('2026-03-29'), 0, 'the hour that is skipped');
  t.equal(minutes('2026-10-25'), 120, 'the hour that comes twice');
});

t.test('a camera whose clock is 200 ppm off stays within half a second for 24 hours', async t => {
  for (const ppm of [200, -200]) {
    const random = seededRandom(5);
    let worstMs = 0;
    let lastAt = 0;
    let clock: ReturnType<typeof startRunClock> | undefined;
    for (let second = 0; second < 86_400; second++) {
      // A second of the camera takes less, or more, than ours; the network adds up to 300 ms.
      const trueAt = 1_800_000_000_000 + (second * 1000) / (1 + ppm / 1e6);
      const arrivedAt = Math.round(trueAt + 1000 + random(300));
      const arrival = { mediaMs: second * 1000, durationMs: 1000, arrivedAt, monotonicMs: arrivedAt };
      clock ??= startRunClock(arrival);
      const placed = clock.place(arrival);
      if (!('startAt' in placed)) throw new Error(`a new run after ${second} s: ${placed.newRun}`);
      if (placed.startAt < lastAt) throw new Error('the time line went back');
      lastAt = placed.startAt;
      worstMs = Math.max(worstMs, Math.abs(placed.startAt - trueAt));
    }
    t.ok(worstMs <= 500, `${ppm} ppm: ${worstMs} ms`);
  }
});

t.test('what arrives before it can have happened begins a new run', async t => {
  const placed = (mediaMs: number) => {
    const first = { mediaMs: 0, durationMs: 1000, arrivedAt: 1e12, monotonicMs: 0 };
    const later = { mediaMs, durationMs: 1000, arrivedAt: 1e12 + 1000, monotonicMs: 1000 };
    return startRunClock(first).place(later);
  };
  t.match(placed(1000 + maxDisagreementMs - 1), { startAt: Number });
  t.match(placed(1000 + maxDisagreementMs), { startAt: Number });
  t.strictSame(placed(1000 + maxDisagreementMs + 1), { newRun: 'early' });
});

t.test('every moment of a span is in a span or between two, and in one only', async t => {
  const random = seededRandom(7);
  for (let round = 0; round < 300; round++) {
    const spans = Array.from({ length: random(8) }, () => {
      const startAt = random(100) - 10;
      return { startAt, endAt: startAt + random(20) };
    });
    const within = { startAt: random(30), endAt: 40 + random(50) };
    const all = [...mergeSpans(spans, within), ...spansBetween(spans, within)];
    for (let at = within.startAt; at < within.endAt; at++) {
      const holding = all.filter(({ startAt, endAt }) => startAt <= at && at < endAt);
      if (holding.length !== 1) t.fail(`${at} of round ${round} is in ${holding.length} spans`);
    }
  }
  t.pass();
});

t.test('coverage is what was recorded of what was to be', async t => {
  const day = { startAt: 0, endAt: 1000 };
  const recorded = [
    { startAt: -50, endAt: 100 },
    { startAt: 90, endAt: 400 },
  ];
  const gaps: Gap[] = [
    { startAt: 400, endAt: 500, reason: 'stalled' },
    { startAt: 300, endAt: 600, reason: 'off' },
  ];
  t.strictSame(coverageOf(day, { recorded, gaps }), {
    recordedMs: 400,
    offMs: 200,
    missingMs: 400,
    share: 0.5,
  });
  t.equal(coverageOf(day, { recorded: [], gaps: [{ ...day, reason: 'off' }] }).share, null);
  t.equal(coverageOf({ startAt: 5, endAt: 5 }, { recorded, gaps }).share, null);
});

t.test('the first segment brings a camera to its own place in the minute, and cameras lie apart', async t => {
  const segmentMs = 60_000;
  for (const startAt of [0, 1, 29_999, 30_000, 30_001, 59_999, 1_800_000_123_456]) {
    for (const place of [0, 0.25, 0.5, 0.999]) {
      const firstMs = firstSegmentMs({ startAt, segmentMs, place });
      t.ok(firstMs >= 30_000 && firstMs < 90_000, `${firstMs}`);
      t.ok(Math.abs(((startAt + firstMs) % segmentMs) - place * segmentMs) < 0.01);
    }
  }
  const tenths = new Set(
    Array.from({ length: 100 }, (_, index) => Math.floor(placeOf(`camera-${index}`) * 10)),
  );
  t.equal(tenths.size, 10, 'a hundred names are in every tenth of the minute');
});
