import t from 'tap';
import { type ClipNameRow, clipNameTable } from '../../src/domain/clip-name-table.ts';
import { type ClipTimeQuestion, maxFutureMs, readClipTime } from '../../src/domain/clip-time.ts';
import { formatInstant, readWallTime, wallTimeAt } from '../../src/domain/time-zone.ts';
import { seededRandom } from './seeded-random.ts';

const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
const dayMs = 86_400_000;
const at = (iso: string) => Date.parse(iso);

const read = (path: string, receivedAtMs: number, more: Partial<ClipTimeQuestion> = {}) =>
  readClipTime({ path, receivedAtMs, timeZone: 'Europe/Berlin', acceptanceDays: 7, ...more });

function instantOf(text: string, zone: string): number {
  const [year, month, day, hour, minute, second, ms] = text.split(/\D/).map(Number) as number[];
  const wall = { year, month, day, hour, minute, second, millisecond: ms ?? 0 };
  return readWallTime(wall as Parameters<typeof readWallTime>[0], zone).instants[0] as number;
}

t.test('89. every example of the table reads as it says, in each zone', async t => {
  for (const zone of zones) {
    for (const row of clipNameTable) {
      for (const { path, start, end } of row.examples) {
        const what = `${path} in ${zone}`;
        const isUnix = row.pattern.source.includes('<unix>');
        const startMs =
          start === null || start === 'invalid'
            ? at('2026-09-27T12:00:00Z')
            : instantOf(start, isUnix ? 'UTC' : zone);
        const time = read(path, startMs + 3000, { timeZone: zone });
        if (start === 'invalid' && row.isGuess) {
          t.strictSame([time.claimedAt, time.reason, time.row], [null, 'no-time-in-name', null], what);
          continue;
        }
        t.equal(time.row, row.row, what);
        t.equal(time.kindHint, row.kindHint ?? null, what);
        if (start === null || start === 'invalid') {
          t.equal(time.reason, start === null ? 'no-time-in-name' : 'impossible-time', what);
          t.strictSame(
            [time.claimedAt, time.startAtMs, time.timeSource],
            [null, startMs + 3000, 'arrival'],
            what,
          );
          continue;
        }
        t.strictSame(time.claimedAt, { epochMs: startMs, iso: formatInstant(startMs, zone) }, what);
        t.equal(
          time.claimedEndAt?.epochMs,
          end === undefined ? undefined : instantOf(end, zone),
          `end of ${what}`,
        );
        t.strictSame([time.reason, time.startAtMs, time.timeSource], ['believed', startMs, 'name'], what);
      }
    }
  }
});

t.test('89. all rows of the table of cameras are there', async t => {
  const rows = new Set(clipNameTable.map(row => row.row));
  // 3 and 9 are examples of other rows: the same pattern.
  for (let row = 1; row <= 20; row += 1) t.equal(rows.has(row), row !== 3 && row !== 9, `row ${row}`);
});

t.test('names that must not be read as a time', async t => {
  const receivedAtMs = at('2026-09-27T12:03:04Z');
  for (const path of [
    'MDAlarm_20261399-021400.jpg',
    'x_20261340214636.mp4',
    'Den_00_2026092714030.mp4',
    'SN20251229210421001.jpg',
    'Den_00_19700101000005.mp4',
    'Den_00_20000101000005.mp4',
    'Den_00_19691231190005.mp4',
    'Den_00_20260931140301.mp4',
    'Den_00_20260229140301.mp4',
    'Den_00_20260900140301.mp4',
    'Den_00_20260132140301.mp4',
    'Den_00_20260099140301.mp4',
    'Den_00_20260927240301.mp4',
    'Den_00_20260927146001.mp4',
    'Den_00_20260927140360.mp4',
    'Den_00_00000000000000.mp4',
    'Den_00_99991231235959.mp4',
    'clip.mp4',
    '',
    'a/b/c',
    '１２３４２０２６.mp4',
    'Den_00_20260927140301/clip.mp4',
    '20260927140301001.mp4',
    '12026092714030.mp4',
  ]) {
    const time = read(path, receivedAtMs);
    t.strictSame([time.claimedAt, time.startAtMs, time.timeSource], [null, receivedAtMs, 'arrival'], path);
    t.not(time.reason, 'believed', path);
  }
  t.equal(read('Den_00_19700101000005.mp4', receivedAtMs).reason, 'clock-not-set');
  t.equal(read('Den_00_20000101000005.mp4', receivedAtMs).reason, 'clock-not-set');
  t.equal(read('x_20261340214636.mp4', receivedAtMs).reason, 'impossible-time');
  t.equal(read('Den_00_20240229140301.mp4', at('2024-03-01T00:00:00Z')).reason, 'believed', 'a leap day');
});

t.test('a claim is believed up to five minutes in the future and back to the acceptance window', async t => {
  const claimedMs = at('2026-09-27T12:03:01Z');
  const path = 'Den_00_20260927140301.mp4';
  for (const [receivedAtMs, reason] of [
    [claimedMs - maxFutureMs + 1, 'believed'],
    [claimedMs - maxFutureMs, 'believed'],
    [claimedMs - maxFutureMs - 1, 'in-the-future'],
    [claimedMs + 7 * dayMs - 1, 'believed'],
    [claimedMs + 7 * dayMs, 'believed'],
    [claimedMs + 7 * dayMs + 1, 'before-acceptance-window'],
  ] as const) {
    const time = read(path, receivedAtMs);
    t.equal(time.reason, reason);
    t.equal(time.claimedAt?.epochMs, claimedMs, 'shown, believed or not');
    t.equal(time.startAtMs, reason === 'believed' ? claimedMs : receivedAtMs);
    t.equal(time.timeSource, reason === 'believed' ? 'name' : 'arrival');
  }
  t.equal(read(path, claimedMs + 20 * dayMs, { acceptanceDays: 30 }).reason, 'believed');
});

t.test('the window is laid around the corrected time, and the claim stays as it was', async t => {
  const claimedMs = at('2026-09-27T12:03:01Z');
  const ahead = 3_600_000;
  const time = read('Den_00_20260927140301.mp4', claimedMs - ahead + 2000, { clockOffsetMs: ahead });
  t.equal(time.claimedAt?.iso, '2026-09-27T14:03:01.000+02:00');
  t.strictSame([time.startAtMs, time.timeSource, time.reason], [claimedMs - ahead, 'corrected', 'believed']);
  for (const [late, reason] of [
    [-1, 'in-the-future'],
    [0, 'believed'],
    [1, 'believed'],
  ] as const)
    t.equal(
      read('Den_00_20260927140301.mp4', claimedMs - ahead - maxFutureMs + late, { clockOffsetMs: ahead })
        .reason,
      reason,
    );
  for (const clockOffsetMs of [null, 0])
    t.equal(read('Den_00_20260927140301.mp4', claimedMs, { clockOffsetMs }).timeSource, 'name');
  t.equal(read('Den_00_20260927140301.mp4', claimedMs, { clockOffsetMs: -2000 }).startAtMs, claimedMs + 2000);
});

t.test('a guess counts only within the window, otherwise it is as if nothing had been found', async t => {
  const claimedMs = at('2025-12-29T20:04:21Z');
  for (const path of ['2025-12-29_21-04-21.jpg', '20251229T210421', '20251229T200421Z', '1767038661.jpg']) {
    for (const receivedAtMs of [claimedMs - maxFutureMs, claimedMs + 7 * dayMs])
      t.strictSame(
        [read(path, receivedAtMs).claimedAt?.epochMs, read(path, receivedAtMs).row],
        [claimedMs, 20],
        path,
      );
    for (const receivedAtMs of [claimedMs - maxFutureMs - 1, claimedMs + 7 * dayMs + 1]) {
      const time = read(path, receivedAtMs);
      t.strictSame([time.claimedAt, time.row, time.reason], [null, null, 'no-time-in-name'], path);
      t.equal(time.startAtMs, receivedAtMs);
    }
  }
});

t.test('an end before its start lies on the next day, at the end of the year too', async t => {
  const end = (path: string, receivedAt: string) => read(path, at(receivedAt)).claimedEndAt?.iso;
  t.equal(
    end('RecM03_20261231_235930_000130_6D28808_1A468F9.mp4', '2026-12-31T23:02:00Z'),
    '2027-01-01T00:01:30.000+01:00',
  );
  t.equal(
    end('RecM03_20260918_235930_235930_6D28808_1A468F9.mp4', '2026-09-18T22:02:00Z'),
    '2026-09-18T23:59:30.000+02:00',
    'no length at all',
  );
  t.equal(
    end('a_20260918235930_20260918235929.dav', '2026-09-18T22:02:00Z'),
    undefined,
    'with a date of its own',
  );
  t.equal(
    end('a_20260918235930_20260919235930.dav', '2026-09-18T22:02:00Z'),
    '2026-09-19T23:59:30.000+02:00',
  );
  t.equal(end('a_20260918235930_20260919235931.dav', '2026-09-18T22:02:00Z'), undefined, 'more than a day');
  t.equal(
    end('RecM03_20261025_025930_020010_6D28808_1A468F9.mp4', '2026-10-25T01:00:30Z'),
    '2026-10-25T02:00:10.000+01:00',
    'from the first pass of the repeated hour into the second',
  );
});

t.test('in the repeated hour an upload that comes at once is of the pass that it came in', async t => {
  const path = 'Den_00_20261025023000.mp4';
  const [first, second] = [at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z')];
  for (const [receivedAtMs, claimedMs] of [
    [first, first],
    [first + 3000, first],
    [second - maxFutureMs - 1, first],
    [second - maxFutureMs, second],
    [second + 3000, second],
    [second + 1_799_999, second],
    [second + 1_800_000, first],
  ] as const) {
    const time = read(path, receivedAtMs);
    t.strictSame(
      [time.claimedAt?.epochMs, time.localTime],
      [claimedMs, 'twice'],
      new Date(receivedAtMs).toISOString(),
    );
  }
  t.equal(read(path, second + 3000).claimedAt?.iso, '2026-10-25T02:30:00.000+01:00');
  t.equal(
    read(path, second + 3000 - 2_400_000, { clockOffsetMs: 2_400_000 }).claimedAt?.epochMs,
    second,
    'near after correction',
  );
});

t.test('the same name again in a backlog is the second pass of the repeated hour', async t => {
  const path = 'Den_00_20261025023000.mp4';
  const [first, second] = [at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z')];
  const late = second + dayMs;
  t.equal(read(path, late).claimedAt?.epochMs, first);
  t.equal(read(path, late, { earlierClaimsMs: [first] }).claimedAt?.epochMs, second);
  t.equal(read(path, late, { earlierClaimsMs: [second] }).claimedAt?.epochMs, first);
  t.equal(read(path, late, { earlierClaimsMs: [first, second] }).claimedAt?.epochMs, first);
  t.equal(
    read(path, first + 60_000, { earlierClaimsMs: [first] }).claimedAt?.epochMs,
    first,
    'the second pass has not come yet',
  );
});

t.test('a time that the clock leapt over is read as if daylight saving time had not begun', async t => {
  const time = read('Den_00_20260329023000.mp4', at('2026-03-29T01:30:03Z'));
  t.strictSame([time.claimedAt?.iso, time.localTime], ['2026-03-29T03:30:00.000+02:00', 'never']);
  t.equal(read('Den_00_20260329033000.mp4', at('2026-03-29T01:30:03Z')).localTime, 'once');
});

/** An example of the row with another time in it, digit by digit, separators kept. */
function exampleAt(row: ClipNameRow, epochMs: number, zone: string): string | undefined {
  const example = row.examples.find(({ start }) => start !== null && start !== 'invalid');
  if (!example) return undefined;
  const match = new RegExp(row.pattern.source, `${row.pattern.flags}d`).exec(example.path);
  const groups = match?.groups as Record<string, string | undefined>;
  const spans = match?.indices?.groups as Record<string, [number, number] | undefined>;
  const wall = wallTimeAt(epochMs, zone);
  const digits = (value: number, length: number) => String(value).padStart(length, '0');
  const clock = digits(wall.hour, 2) + digits(wall.minute, 2) + digits(wall.second, 2);
  const values: Record<string, string> = {
    date: digits(wall.year, 4) + digits(wall.month, 2) + digits(wall.day, 2),
    hour: clock.slice(0, 2),
    time: groups.hour === undefined ? clock : clock.slice(2),
    ms: digits(wall.millisecond, 3),
    unix: digits(epochMs / 1000, 10),
  };
  const path = [...example.path];
  for (const [name, span] of Object.entries(spans)) {
    const rest = [...(values[name] ?? '')];
    for (let index = span?.[0] ?? 0; rest.length > 0 && index < (span?.[1] ?? 0); index += 1)
      if (/\d/.test(path[index] as string)) path[index] = rest.shift() as string;
  }
  return path.join('');
}

t.test('89. any time written as a camera writes it reads back, when it arrives seconds later', async t => {
  const random = seededRandom(90);
  for (const zone of zones) {
    for (const row of clipNameTable) {
      for (let round = 0; round < 60; round += 1) {
        // Half of them within a day of a change of the clock in 2026, where it is hard.
        const changes = ['2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01'];
        const near = at(`${changes[random(changes.length)]}T00:00:00Z`) + (random(172_800) - 86_400) * 1000;
        const wholeMs = round % 2 ? near : at('2001-09-10T00:00:00Z') + random(3_000_000_000) * 1000;
        const epochMs = row.row === 13 ? wholeMs + random(1000) : wholeMs;
        const path = exampleAt(row, epochMs, zone);
        if (path === undefined) break;
        const time = read(path, epochMs + 2000, { timeZone: zone });
        if (time.claimedAt?.epochMs !== epochMs)
          return t.fail(`${path} in ${zone}: ${time.claimedAt?.iso}, not ${formatInstant(epochMs, zone)}`);
      }
    }
    t.pass(zone);
  }
});

t.test(
  'patterns are linear: nothing that repeats is repeated again, and a wildcard stays within its component',
  async t => {
    for (const { pattern, isGuess } of clipNameTable) {
      const { source } = pattern;
      t.notMatch(source, /\+|\{\d+,\}/, 'one kind of wildcard, the star');
      t.notMatch(source, /\)\*|\)\{/, 'no group is repeated');
      const plain = source.replace(/\\./g, 'e');
      const wildcards = plain.match(/(?:\[[^\]]*\]|.)\*/g) ?? [];
      for (const wildcard of wildcards) t.match(wildcard, /^\[(?:\^e?\/|[a-z0-9_-]*)\]\*$/i, source);
      t.notMatch(plain, /\*(?:\[[^\]]*\]|.)\*/, 'no wildcard next to another');
      if (!isGuess) t.match(source, /^\(\?:\^\|\\?\/\)/, 'begins at a component');
      t.notMatch(pattern.flags, /[gy]/, 'keeps no position between two names');
    }
  },
);

t.test('long hostile names are read like any other', async t => {
  const receivedAtMs = at('2040-01-01T00:00:00Z');
  for (const piece of [
    '_',
    '20260927',
    '_20260927140301',
    '2026-09-27_',
    '[M][0@0]',
    '/2026-09-27/a/jpg',
    'ch1_',
    '1',
    '/',
    'a_00_',
  ])
    t.equal(
      read(piece.repeat(4096 / piece.length).slice(0, 4096), receivedAtMs).timeSource,
      'arrival',
      piece,
    );
});
