import t from 'tap';
import {
  type ClockPeriod,
  type ClockSample,
  enoughUploads,
  estimateClock,
  isWrong,
  offsetForClaim,
  quarterHoursOff,
  tolerableMs,
} from '../../src/domain/clock-offset.ts';
import { seededRandom } from './seeded-random.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const start = Date.UTC(2026, 8, 27, 12);

/** An upload of something that began at `at`: the camera's clock is `offsetMs` ahead, the network takes `delayMs`. */
function upload(at: number, offsetMs: number, delayMs: number, durationMs = 10 * second): ClockSample {
  return { claimedAt: at + offsetMs, receivedAt: at + durationMs + delayMs, durationMs };
}

/** What is known after all of them came, one after the other, as the archive finds it. */
function afterAll(samples: readonly ClockSample[], known: ClockPeriod | null = null): ClockPeriod | null {
  const ordered = samples.toSorted((a, b) => a.receivedAt - b.receivedAt);
  return ordered.reduce<ClockPeriod | null>(
    (period, _sample, index) => estimateClock(ordered.slice(Math.max(0, index - 47), index + 1), period),
    known,
  );
}

function live(count: number, offsetMs: number, from = start, random = seededRandom(1)): ClockSample[] {
  return Array.from({ length: count }, (_, index) =>
    upload(from + index * 3 * minute, offsetMs, 500 + random(3500), random(20) * second),
  );
}

t.test(
  'four uploads say nothing, five are right to within the least delay among them, whatever the offset',
  async t => {
    const random = seededRandom(20261121);
    for (let round = 0; round < 500; round++) {
      const offsetMs = random(2 * 86_400_000) - 86_400_000;
      const delays = Array.from({ length: enoughUploads }, () => 500 + random(3500));
      const samples = delays.map((delay, index) =>
        upload(start + index * (10 + random(3000)) * second, offsetMs, delay, random(30) * second),
      );
      t.equal(afterAll(samples.slice(0, enoughUploads - 1)), null);
      const period = afterAll(samples);
      const error = offsetMs - (period?.offsetMs ?? Number.NaN);
      t.ok(error >= 0 && error <= Math.min(...delays), `off by ${error} of ${delays}`);
      t.ok(error <= (period?.uncertaintyMs ?? 0), 'and the uncertainty says so');
      t.equal(period?.since, Math.min(...samples.map(({ receivedAt }) => receivedAt)));
    }
  },
);

t.test('five uploads within seconds of each other are enough at first', async t => {
  const samples = [0, 800, 1500, 2300, 3100].map(at => upload(start + at, 3603 * second, 300, 2 * second));
  t.match(afterAll(samples), { offsetMs: 3603 * second - 300, uploads: 5 });
  t.equal(quarterHoursOff(afterAll(samples)?.offsetMs ?? 0), 4);
});

t.test('a backlog of five, filmed half a minute apart and sent within two seconds, says nothing', async t => {
  const samples = [0, 1, 2, 3, 4].map(index => ({
    claimedAt: start + index * 30 * second,
    receivedAt: start + 3 * hour + index * 400,
    durationMs: 5 * second,
  }));
  t.equal(afterAll(samples), null);
  const close = samples.map((sample, index) => ({ ...sample, claimedAt: start + index * 3 * second }));
  t.equal(afterAll(close), null, 'nor one that was filmed within seconds, and sent faster still');
});

t.test('a three-hour outage followed by forty late clips moves no offset, sent fast or slowly', async t => {
  for (const everyMs of [300, 2 * second, 20 * second])
    for (const offsetMs of [0, 47 * second, -hour]) {
      const before = live(20, offsetMs);
      const outage = start + 61 * minute;
      const late = Array.from({ length: 40 }, (_, index) => ({
        claimedAt: outage + index * 4.5 * minute + offsetMs,
        receivedAt: outage + 3 * hour + index * everyMs,
        durationMs: 10 * second,
      }));
      const known = afterAll(before);
      t.strictSame(afterAll([...before, ...late]), known);
      const after = live(20, offsetMs, outage + 3 * hour + minute, seededRandom(7));
      const period = afterAll([...before, ...late, ...after]);
      t.equal(period?.since, known?.since);
      t.ok(Math.abs((period?.offsetMs ?? 0) - offsetMs) <= 4 * second);
    }
});

t.test('a week of clips from a card, between live ones, moves no offset', async t => {
  const known = afterAll(live(20, 0));
  const from = start + 61 * minute;
  const card = Array.from({ length: 400 }, (_, index) => ({
    claimedAt: start - 7 * 86_400_000 + index * 20 * minute,
    receivedAt: from + index * 3 * second,
    durationMs: 30 * second,
  }));
  const period = afterAll([...live(20, 0), ...card, ...live(6, 0, from + 1500)]);
  t.equal(period?.since, known?.since);
  t.ok(Math.abs(period?.offsetMs ?? Number.NaN) <= 4 * second);
});

t.test('up to four forged uploads drag no offset, wherever they claim to be from', async t => {
  const random = seededRandom(3);
  for (let round = 0; round < 200; round++) {
    const offsetMs = (random(7200) - 3600) * second;
    const honest = live(20, offsetMs, start, random);
    const known = afterAll(honest);
    const forged = Array.from({ length: 1 + random(4) }, (_, index) =>
      upload(
        start + 70 * minute + index * minute,
        offsetMs + (random(100_000) - 50_000) * second,
        random(3000),
      ),
    );
    const period = afterAll([...honest, ...forged]);
    t.equal(period?.since, known?.since);
    t.ok(Math.abs((period?.offsetMs ?? 0) - (known?.offsetMs ?? 0)) <= 5 * second);
  }
});

t.test('a forged upload among the first six does not spoil the first estimate', async t => {
  const forged = upload(start + 4 * minute, 5 * hour, 100);
  const period = afterAll([...live(5, 10 * second), forged]);
  t.ok(Math.abs((period?.offsetMs ?? 0) - 10 * second) <= 4 * second);
});

t.test(
  'a clock that was set forward or back is noticed after five uploads, and from its first one on',
  async t => {
    for (const [before, after] of [
      [0, hour],
      [hour, 0],
      [0, -hour],
      [3 * minute, 0],
      [0, 3 * minute],
      [-2 * hour, 20 * second],
      [0, -90 * second],
    ] as const) {
      const set = start + 61 * minute;
      const samples = live(20, before);
      const newOnes = live(5, after, set, seededRandom(11));
      const known = afterAll(samples);
      t.equal(afterAll([...samples, ...newOnes.slice(0, 4)])?.since, known?.since, 'four are not enough');
      const period = afterAll([...samples, ...newOnes]);
      t.equal(period?.since, newOnes[0]?.receivedAt);
      t.ok(Math.abs((period?.offsetMs ?? 0) - after) <= 4 * second, `${before} to ${after}`);
    }
  },
);

t.test('five pictures of one moment, all late by forty minutes and some, are no clock', async t => {
  const known = afterAll(live(20, 0));
  const pictures = (lateMs: number) =>
    [0, 1, 2, 3, 4].map(index => upload(start + 61 * minute + index * second, 0, lateMs, 0));
  t.strictSame(afterAll([...live(20, 0), ...pictures(40 * minute)]), known);
  t.strictSame(
    afterAll([...live(20, 0), ...pictures(hour + second)]),
    known,
    'nor by a whole hour, since an outage may be as long',
  );
  const between = upload(start + 2 * hour, 0, 800, 0);
  const set = [1, 2, 3, 4, 5].map(index => upload(start + 2 * hour + index * minute, -hour, 900, 0));
  const period = afterAll([...live(20, 0), between, ...set]);
  t.equal(period?.since, set[0]?.receivedAt, 'unless one that came at once shows that there was none');
});

t.test('a drifting clock is followed without a step', async t => {
  const samples = Array.from({ length: 200 }, (_, index) =>
    upload(start + index * 10 * minute, index * 120, 1000 + ((index * 37) % 900), 5 * second),
  );
  const period = afterAll(samples);
  t.equal(period?.since, samples[0]?.receivedAt);
  t.ok(Math.abs((period?.offsetMs ?? 0) - 199 * 120) <= 5 * second, String(period?.offsetMs));
});

t.test('a clock is wrong when it is so wherever in its uncertainty the truth lies', async t => {
  for (const [offsetMs, wrong] of [
    [tolerableMs, false],
    [tolerableMs + 1, true],
    [0, false],
    [-tolerableMs - 4000, false],
    [-tolerableMs - 4001, true],
  ] as const)
    t.equal(isWrong({ offsetMs, uncertaintyMs: 4000 }), wrong, `${offsetMs}`);
});

t.test('a claim is corrected by the clock that made it, also when it comes after that was set', async t => {
  const set = start + hour;
  const periods = [
    { since: set, offsetMs: 0, uncertaintyMs: 4000, uploads: 5, estimatedAt: set },
    { since: start, offsetMs: hour, uncertaintyMs: 4000, uploads: 5, estimatedAt: set },
  ];
  t.equal(offsetForClaim(set + minute, periods), null);
  t.equal(offsetForClaim(start + 30 * minute, periods), hour, 'from a card, filmed before');
  t.equal(offsetForClaim(start - 86_400_000, periods), hour, 'older than all that is known');
  t.equal(offsetForClaim(start, []), null);
});

t.test('whole quarter hours are recognised within a minute', async t => {
  for (const [offsetMs, quarters] of [
    [0, 0],
    [hour, 4],
    [hour + minute, 4],
    [hour + minute + 1, 0],
    [-hour - minute, -4],
    [5.75 * hour - 3 * second, 23],
    [47 * second, 0],
  ] as const)
    t.equal(quarterHoursOff(offsetMs), quarters);
});

/** Live uploads, then what `make` says happens at `from`, then live ones again: the offset must not be moved by it. */
function disturbed(
  seed: number,
  make: (from: number, random: (below: number) => number) => ClockSample[],
): { known: ClockPeriod | null; period: ClockPeriod | null } {
  const random = seededRandom(seed);
  const before = live(20, 0, start, random);
  const middle = make(start + 61 * minute, random);
  const last = Math.max(...middle.map(({ receivedAt }) => receivedAt));
  const after = live(12, 0, last + minute, random);
  return { known: afterAll(before), period: afterAll([...before, ...middle, ...after]) };
}

/** Clips that follow each other closely, with long pauses between: every few of them agree for a moment. */
function bunched(count: number, from: number, random: (below: number) => number): number[] {
  let at = from;
  return Array.from({ length: count }, () => {
    at += random(4) === 0 ? random(15 * minute) : 5 * second + random(20 * second);
    return at;
  });
}

t.test('no backlog moves an offset, however its clips are bunched and however fast they come', async t => {
  const disturbances: Record<string, (from: number, random: (below: number) => number) => ClockSample[]> = {
    'an outage of three hours, forty late clips': (from, random) => {
      let sent = from + 3 * hour;
      return bunched(40, from, random).map(claimedAt => {
        sent = Math.max(sent, claimedAt) + 5500 + random(30_000);
        return { claimedAt, receivedAt: sent, durationMs: 5 * second };
      });
    },
    'a week from a card, with live clips between': (from, random) => {
      let sent = from;
      return bunched(200, from - 7 * 86_400_000, random).flatMap(claimedAt => {
        sent += 1000 + random(20_000);
        const late = { claimedAt, receivedAt: sent, durationMs: 5 * second };
        return random(6) === 0 ? [late, upload(sent - 8 * second, 0, 2500, 5 * second)] : [late];
      });
    },
    'a queue that drains hardly faster than it is filled': (from, random) =>
      Array.from({ length: 40 }, (_, index) => {
        const claimedAt = from + index * 15 * second;
        return {
          claimedAt,
          receivedAt: claimedAt + 10 * minute - index * 4 * second + random(2000),
          durationMs: 10 * second,
        };
      }),
    'pictures every two seconds through a break of two minutes': (from, random) =>
      Array.from({ length: 60 }, (_, index) => ({
        claimedAt: from + index * 2 * second,
        receivedAt: from + 2 * minute + index * (200 + random(300)),
        durationMs: 0,
      })),
    'a network that falls behind by a minute and a half, and catches up': (from, random) =>
      Array.from({ length: 30 }, (_, index) =>
        upload(from + index * 20 * second, 0, Math.min(90_000, index * 12_000) + random(4000), 15 * second),
      ),
  };
  for (const [name, make] of Object.entries(disturbances)) {
    for (let seed = 1; seed <= 60; seed++) {
      const { known, period } = disturbed(seed, make);
      if (period?.since !== known?.since || Math.abs(period?.offsetMs ?? Number.NaN) > 5 * second)
        return t.fail(`${name}, seed ${seed}: ${JSON.stringify(period)}`);
    }
    t.pass(name);
  }
});

t.test('a camera that uploads minutes late, now more and now less, has no clock that is behind', async t => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const samples = Array.from({ length: 60 }, (_, index) =>
      upload(start + index * 5 * minute, 0, 120_000 + random(180_000)),
    );
    const period = afterAll(samples);
    t.notOk(period !== null && isWrong(period), `seed ${seed}: ${JSON.stringify(period)}`);
  }
});

t.test('a camera that names clips by their end is not ahead by their length', async t => {
  const random = seededRandom(5);
  const samples = Array.from({ length: 60 }, (_, index) => {
    const durationMs = (5 + (index % 12) * 5) * second;
    return upload(start + index * 5 * minute, durationMs, 500 + random(3500), durationMs);
  });
  const period = afterAll(samples);
  t.ok(Math.abs(period?.offsetMs ?? Number.NaN) <= 4 * second, JSON.stringify(period));
  // And one that is ahead by as much as its clips last is: they last alike, so nothing else can be said of it.
  const ahead = samples.map((_, index) => upload(start + index * 5 * minute, 20 * second, 1000, 20 * second));
  t.equal(afterAll(ahead)?.offsetMs, 19 * second);
});

t.test(
  'late uploads speak of a clock when they kept pace for ten minutes, and not a moment before',
  async t => {
    const late = (span: number) =>
      Array.from({ length: 6 }, (_, index) =>
        upload(start + 62 * minute + (index * span) / 5, -100 * second, 1000, 0),
      );
    const before = [...live(20, 0), upload(start + 62 * minute - 1000, 0, 900, 0)];
    const known = afterAll(before);
    t.equal(afterAll([...before, ...late(10 * minute - 5)])?.since, known?.since);
    t.not(afterAll([...before, ...late(10 * minute)])?.since, known?.since);
  },
);

t.test('a clock that is right again is known by that at once, also after a long silence', async t => {
  const aheadMs = 1003 * second;
  const again = [0, 1, 2, 3, 4].map(index => upload(start + 9 * hour + index * 900, 0, 700, 800));
  const period = afterAll([...live(20, aheadMs), ...again]);
  t.match(period, { since: again[0]?.receivedAt, offsetMs: -700 });
});

t.test('a clock that loses time is followed, and a network that grows slower is not', async t => {
  for (const everyMs of [10 * minute, hour, 8 * hour]) {
    const lost = (index: number) => Math.floor((-5 * second * index * everyMs) / 86_400_000);
    const samples = Array.from({ length: 200 }, (_, index) =>
      upload(start + index * everyMs, lost(index), 500 + ((index * 37) % 900), 5 * second),
    );
    const period = afterAll(samples);
    const error = Math.abs((period?.offsetMs ?? Number.NaN) - lost(199));
    // Of three clips a day, five are from two days: then it is as if the clock had been set now and then.
    const isRare = everyMs === 8 * hour;
    if (!isRare) t.equal(period?.since, samples[0]?.receivedAt);
    t.ok(error <= (isRare ? 20 : 10) * second, `every ${everyMs}: ${error}`);
  }
  const slower = Array.from({ length: 300 }, (_, index) =>
    upload(start + index * 20 * second, 0, 500 + index * 200, 5 * second),
  );
  const period = afterAll(slower);
  t.equal(period?.since, slower[0]?.receivedAt);
  t.ok(Math.abs(period?.offsetMs ?? Number.NaN) <= 2 * second, JSON.stringify(period));
});
