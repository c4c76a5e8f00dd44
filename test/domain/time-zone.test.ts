import t from 'tap';
import {
  formatInstant,
  isTimeZone,
  offsetAt,
  readWallTime,
  type WallTime,
  wallTimeAt,
} from '../../src/domain/time-zone.ts';
import { seededRandom } from './seeded-random.ts';

const wall = (text: string): WallTime => {
  const [year, month, day, hour, minute, second] = text.split(/\D/).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { year, month, day, hour, minute, second, millisecond: 0 };
};
const instants = (text: string, zone: string) =>
  readWallTime(wall(text), zone).instants.map(epochMs => formatInstant(epochMs, zone));

t.test('zone names are those of the IANA list', async t => {
  for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'Asia/Kolkata'])
    t.equal(isTimeZone(name), true, name);
  for (const name of [
    '',
    ' ',
    '+02:00',
    '-05',
    'Europe/Atlantis',
    'Berlin',
    '../etc/passwd',
    'UTC\n',
    'x'.repeat(999),
  ])
    t.equal(isTimeZone(name), false, JSON.stringify(name));
});

t.test('an instant is written with the offset of its zone', async t => {
  const at = Date.UTC(2026, 8, 27, 12, 3, 1, 5);
  t.equal(formatInstant(at, 'Europe/Berlin'), '2026-09-27T14:03:01.005+02:00');
  t.equal(formatInstant(at, 'UTC'), '2026-09-27T12:03:01.005+00:00');
  t.equal(formatInstant(at, 'Asia/Kolkata'), '2026-09-27T17:33:01.005+05:30');
  t.equal(formatInstant(at, 'America/St_Johns'), '2026-09-27T09:33:01.005-02:30');
  t.equal(formatInstant(Date.UTC(2026, 11, 31, 23), 'Pacific/Kiritimati'), '2027-01-01T13:00:00.000+14:00');
});

t.test('an offset with seconds is rounded in the text, and the instant stays', async t => {
  t.equal(offsetAt(0, 'Africa/Monrovia'), -(44 * 60 + 30) * 1000);
  t.equal(Date.parse(formatInstant(0, 'Africa/Monrovia')), 0);
});

t.test('an ordinary wall time is one instant', async t => {
  t.strictSame(instants('2026-01-05 12:00:00', 'Europe/Berlin'), ['2026-01-05T12:00:00.000+01:00']);
  t.strictSame(instants('2026-07-05 12:00:00', 'America/New_York'), ['2026-07-05T12:00:00.000-04:00']);
});

t.test('a wall time in the repeated hour is two instants, just outside of it one', async t => {
  t.strictSame(instants('2026-10-25 01:59:59', 'Europe/Berlin'), ['2026-10-25T01:59:59.000+02:00']);
  for (const time of ['02:00:00', '02:59:59'])
    t.strictSame(instants(`2026-10-25 ${time}`, 'Europe/Berlin'), [
      `2026-10-25T${time}.000+02:00`,
      `2026-10-25T${time}.000+01:00`,
    ]);
  t.strictSame(instants('2026-10-25 03:00:00', 'Europe/Berlin'), ['2026-10-25T03:00:00.000+01:00']);
  t.strictSame(instants('2026-04-05 01:45:00', 'Australia/Lord_Howe'), [
    '2026-04-05T01:45:00.000+11:00',
    '2026-04-05T01:45:00.000+10:30',
  ]);
  t.equal(instants('2026-04-05 01:29:59', 'Australia/Lord_Howe').length, 1);
});

t.test('a wall time that the clock leaps over is read as if it had not leapt yet', async t => {
  const berlin = readWallTime(wall('2026-03-29 02:30:00'), 'Europe/Berlin');
  t.equal(berlin.isSkipped, true);
  t.strictSame(instants('2026-03-29 02:30:00', 'Europe/Berlin'), ['2026-03-29T03:30:00.000+02:00']);
  t.equal(readWallTime(wall('2026-03-29 01:59:59'), 'Europe/Berlin').isSkipped, false);
  t.equal(readWallTime(wall('2026-03-29 03:00:00'), 'Europe/Berlin').isSkipped, false);
  t.strictSame(instants('2026-03-08 02:00:00', 'America/New_York'), ['2026-03-08T03:00:00.000-04:00']);
  t.strictSame(instants('2026-10-04 02:15:00', 'Australia/Lord_Howe'), ['2026-10-04T02:45:00.000+11:00']);
  t.equal(readWallTime(wall('2011-12-30 12:00:00'), 'Pacific/Apia').isSkipped, true, 'a whole day');
});

t.test('whatever a clock shows at an instant reads back as that instant', async t => {
  const random = seededRandom(89);
  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kolkata',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
    'America/Sao_Paulo',
    'Pacific/Apia',
    'Asia/Tehran',
    'Antarctica/Troll',
    'UTC',
  ];
  for (const zone of zones) {
    for (let round = 0; round < 1500; round += 1) {
      const epochMs = Date.UTC(1990, 0) + random(3_400_000_000) * 1000 + random(1000);
      const reading = readWallTime(wallTimeAt(epochMs, zone), zone);
      if (!reading.instants.includes(epochMs) || reading.isSkipped)
        return t.fail(`${zone} ${formatInstant(epochMs, zone)} read as ${reading.instants}`);
      if (Date.parse(formatInstant(epochMs, zone)) !== epochMs) return t.fail(formatInstant(epochMs, zone));
    }
    t.pass(zone);
  }
});
