import t from 'tap';
import { UsageError } from '../../src/base/errors.ts';
import { parseWhen } from '../../src/inspect/instants.ts';

t.test('now, how long ago, and ISO 8601 with or without an offset, are understood', async t => {
  const now = Date.UTC(2026, 8, 27, 12);
  t.equal(parseWhen('now', '--to', now), now);
  t.equal(parseWhen('90m', '--since', now), now - 90 * 60_000);
  t.equal(parseWhen('3d', '--since', now), now - 3 * 86_400_000);
  t.equal(parseWhen('2026-09-27T14:03:00+02:00', '--since', now), Date.UTC(2026, 8, 27, 12, 3));
  t.equal(parseWhen('2026-09-27T14:03Z', '--since', now), Date.UTC(2026, 8, 27, 14, 3));
  t.equal(parseWhen('2026-09-27T14:03', '--since', now), new Date(2026, 8, 27, 14, 3).getTime());
  t.equal(parseWhen('2026-09-27', '--since', now), new Date(2026, 8, 27).getTime());
  t.equal(parseWhen('2024-02-29', '--since', now), new Date(2024, 1, 29).getTime());
});

t.test('what is no time is refused by a sentence that names the option', async t => {
  for (const text of [
    '',
    'yesterday',
    'Now',
    '2026-13-01',
    '2026-02-30',
    '2026-09-27T25:00',
    '5',
    '2h ',
    '-2h',
    '27.09.2026',
  ])
    t.throws(() => parseWhen(text, '--since', 0), { constructor: UsageError, message: /^--since / }, text);
});
