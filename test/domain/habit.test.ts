import t from 'tap';
import {
  habitMs,
  heardMs,
  isOddlySilent,
  leastHistoryMs,
  leastSigns,
  leastSilenceMs,
} from '../../src/domain/habit.ts';
import { seededRandom } from './seeded-random.ts';

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];
/** A Monday. */
const monday = Date.UTC(2026, 9, 5);

/** A sign wherever `isBusy` says so, asked every ten minutes of six weeks. */
function signsOf(isBusy: (hour: number, weekday: number, day: number) => boolean): number[] {
  const signs: number[] = [];
  for (let at = monday; at < monday + habitMs; at += 10 * minuteMs) {
    const day = Math.floor((at - monday) / dayMs);
    if (isBusy(Math.floor((at % dayMs) / hourMs), day % 7, day)) signs.push(at);
  }
  return signs;
}

const judge = (signs: readonly number[], now: number, deaf: { from: number; until: number }[] = []) =>
  isOddlySilent({ firstAt: signs[0] ?? 0, signs, deaf }, now);

/** How long after the last sign the silence becomes odd, in steps of ten minutes. */
function noticedAfterMs(signs: readonly number[], deaf: { from: number; until: number }[] = []): number {
  const lastAt = signs.at(-1) as number;
  for (let ms = 0; ms < 60 * dayMs; ms += 10 * minuteMs) if (judge(signs, lastAt + ms, deaf)) return ms;
  return Number.POSITIVE_INFINITY;
}

t.test('a camera that is busy all the time is missed after an hour and some', t => {
  const ms = noticedAfterMs(signsOf(() => true));
  t.ok(ms >= leastSilenceMs && ms <= 3 * hourMs, `${ms / hourMs} h`);
  t.end();
});

t.test('a shop is not missed over night nor over a Sunday, but on the morning after', t => {
  const isOpen = (hour: number, weekday: number) => weekday < 6 && hour >= 8 && hour < 18;
  const signs = signsOf(isOpen);
  const lastAt = signs.at(-1) as number;
  t.equal(new Date(lastAt).getUTCDay(), 6, 'the last sign is on a Saturday');
  const monday8 = monday + habitMs + 8 * hourMs;
  t.equal(judge(signs, monday8), false, 'Sunday and the night went by');
  t.equal(judge(signs, monday8 + 5 * hourMs), true, 'on Monday at one somebody is told');
  // It dies on a Tuesday at noon.
  const died = signs.filter(at => at < monday + 36 * dayMs + 12 * hourMs);
  t.ok(noticedAfterMs(died) < 4 * hourMs);
  t.end();
});

t.test('a camera that sends once a day at no fixed hour is missed after two days and not before', t => {
  const random = seededRandom(7);
  const hours = Array.from({ length: 42 }, () => random(24));
  const signs = hours.map((hour, day) => monday + day * dayMs + hour * hourMs);
  const ms = noticedAfterMs(signs);
  t.ok(ms > dayMs && ms < 5 * dayMs, `${ms / dayMs} days`);
  t.end();
});

t.test('without a habit nothing is odd: too new, or too few', t => {
  const every = (count: number, stepMs: number) =>
    Array.from({ length: count }, (_, n) => monday + n * stepMs);
  const judged = (signs: number[], firstAt = monday) =>
    isOddlySilent({ firstAt, signs, deaf: [] }, (signs.at(-1) ?? 0) + 300 * dayMs);
  const step = leastHistoryMs / (leastSigns - 1);
  t.equal(judged(every(leastSigns, step)), true, 'at both limits');
  t.equal(judged(every(leastSigns - 1, leastHistoryMs / (leastSigns - 2))), null, 'a sign less');
  t.equal(judged(every(leastSigns, step), monday + 1), null, 'a moment less');
  t.equal(judged([]), null);
  t.end();
});

t.test('a silence once it is odd stays so, however long a camera is dead', t => {
  const random = seededRandom(3);
  for (const isBusy of [
    (hour: number) => hour > 6 && random(3) === 0,
    (hour: number, weekday: number) => weekday < 5 && hour === 12,
    () => random(40) === 0,
  ]) {
    const signs = signsOf(isBusy);
    const since = noticedAfterMs(signs);
    t.ok(since < 30 * dayMs);
    const lastAt = signs.at(-1) as number;
    for (const more of [hourMs, 12 * hourMs, 3 * dayMs, 30 * dayMs, 400 * dayMs])
      t.equal(judge(signs, lastAt + since + more), true, `${since / hourMs} h and ${more / hourMs} h more`);
  }
  t.end();
});

t.test('time in which nobody listened is no silence, in as many pieces as there were', t => {
  const signs = signsOf(() => true);
  const lastAt = signs.at(-1) as number;
  const deaf = [
    { from: lastAt, until: lastAt + 5 * hourMs },
    { from: lastAt + 5 * hourMs + 10 * minuteMs, until: lastAt + 40 * hourMs },
  ];
  t.equal(judge(signs, lastAt + 40 * hourMs + 49 * minuteMs, deaf), false);
  t.ok(noticedAfterMs(signs, deaf) >= 40 * hourMs + 50 * minuteMs);
  t.ok(noticedAfterMs(signs, deaf) < 44 * hourMs);
  t.end();
});

t.test('what was heard is what is left of a time, however the pieces overlap', t => {
  const random = seededRandom(11);
  for (let round = 0; round < 300; round++) {
    const deaf = Array.from({ length: random(5) }, () => {
      const from = random(100);
      return { from, until: from + random(40) };
    });
    const whole = { from: random(50), until: 50 + random(50) };
    let expected = 0;
    for (let at = whole.from; at < whole.until; at++)
      if (!deaf.some(({ from, until }) => at >= from && at < until)) expected++;
    t.equal(heardMs(whole, deaf), expected, JSON.stringify({ whole, deaf }));
  }
  t.end();
});

t.test('cameras that send at random are seldom called silent: a few times in a hundred years', t => {
  const random = seededRandom(5);
  // Each day of a year is judged at the end of every silence, for cameras from four signs a day to sixty.
  let [alarms, cameraYears] = [0, 0];
  for (const perDay of [4, 12, 30, 60]) {
    const all: number[] = [];
    for (let at = 0; at < 365 * dayMs; at += 10 * minuteMs) {
      // Nights are quiet.
      const hour = Math.floor((at % dayMs) / hourMs);
      if (hour >= 7 && hour < 22 && random(90) < perDay) all.push(at);
    }
    cameraYears++;
    for (const [index, at] of all.entries()) {
      const next = all[index + 1];
      if (at < 6 * 7 * dayMs || next === undefined || next - at < leastSilenceMs) continue;
      const signs = all.slice(0, index + 1).filter(sign => sign >= at - habitMs);
      if (isOddlySilent({ firstAt: 0, signs, deaf: [] }, next)) alarms++;
    }
  }
  t.ok(alarms <= 2 * cameraYears, `${alarms} alarms in ${cameraYears} years of cameras`);
  t.end();
});
