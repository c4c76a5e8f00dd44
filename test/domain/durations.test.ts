import t from 'tap';
import { formatDuration, parseDuration } from '../../src/domain/duration.ts';
import { crashLoop, type RoleStart } from '../../src/domain/role-starts.ts';

const minuteMs = 60_000;

t.test('durations are read as people type them, and shown in the largest unit that fits', t => {
  for (const [text, minutes, shown] of [
    ['90m', 90, '90m'],
    ['60m', 60, '1h'],
    ['36h', 2160, '36h'],
    ['48h', 2880, '2d'],
    ['1w', 10_080, '7d'],
    ['0m', 0, '0m'],
  ] as const) {
    t.equal(parseDuration(text), minutes * minuteMs, text);
    t.equal(formatDuration(minutes * minuteMs), shown);
  }
  for (const text of ['', '5', 'm', '1.5h', '-1h', '1H', ' 1h', '1h ', '1234567m', '1h30m'])
    t.equal(parseDuration(text), undefined, JSON.stringify(text));
  t.end();
});

t.test('a crash is a start that a start follows without an end between them', t => {
  const now = 100 * minuteMs;
  const starts = (...rows: [agoMinutes: number, ended: boolean][]): RoleStart[] =>
    rows.map(([ago, ended]) => ({ at: now - ago * minuteMs, endedAt: ended ? now : null }));
  t.equal(crashLoop([], now), 0);
  t.equal(crashLoop(starts([1, false], [2, false], [3, false], [4, false]), now), 3);
  t.equal(crashLoop(starts([1, false], [2, false], [3, false]), now), 0, 'two, and one that runs');
  t.equal(crashLoop(starts([1, false], [2, true], [3, false], [4, false]), now), 0, 'one ended in order');
  t.equal(crashLoop(starts([1, false], [2, false], [14, false], [90, false]), now), 3);
  t.equal(crashLoop(starts([1, false], [2, false], [15, false], [90, false]), now), 0, 'it was too long ago');
  t.equal(crashLoop(starts([-1, false], [-2, false], [-3, false], [-4, false]), now), 0, 'from the future');
  t.end();
});
