import t from 'tap';
import { escapeForTerminal, formatBytes, formatFacts, formatTable } from '../../src/cli/table.ts';

t.test('nothing in a name can move the cursor, end the line or turn the direction of writing', async t => {
  t.equal(escapeForTerminal('a\u001b[2Jb'), 'a\\u{1b}[2Jb');
  t.equal(escapeForTerminal('a\r\n\tb\u0000'), 'a\\u{d}\\u{a}\\u{9}b\\u{0}');
  t.equal(escapeForTerminal('\u009b31m'), '\\u{9b}31m', 'C1 controls begin sequences, too');
  t.equal(escapeForTerminal('evil\u202egpj.exe'), 'evil\\u{202e}gpj.exe');
  t.equal(escapeForTerminal('\u2066\u2069\u061c\u200f'), '\\u{2066}\\u{2069}\\u{61c}\\u{200f}');
  t.equal(escapeForTerminal('a\u2028b\u2029c'), 'a\\u{2028}b\\u{2029}c');
  t.equal(escapeForTerminal('\ud800'), '\\u{d800}', 'half of a character');
  t.equal(escapeForTerminal('Haustür 前門 🚪.mp4'), 'Haustür 前門 🚪.mp4', 'letters of all scripts stay');
});

t.test('columns line up, numbers flush right, wide characters counted as two', async t => {
  const table = formatTable(
    ['NAME', { title: 'SIZE', right: true }, 'KIND'],
    [
      ['前門', '7', 'video'],
      ['a', '1000', 'x\u001b'],
    ],
  );
  t.equal(table, ['NAME  SIZE  KIND', '前門     7  video', 'a     1000  x\\u{1b}'].join('\n'));
});

t.test('facts line up behind their names and are escaped', async t => {
  t.equal(
    formatFacts([
      ['id', 'a\n'],
      ['camera', 'den'],
    ]),
    'id      a\\u{a}\ncamera  den',
  );
});

t.test('sizes are short, and change their unit where three digits end', async t => {
  const sizes = [0, 999, 1000, 1499, 99_940, 99_960, 999_499, 999_500, 7_100_000, 2e15, 5e18];
  t.strictSame(sizes.map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 kB',
    '99.9 kB',
    '100 kB',
    '999 kB',
    '1.0 MB',
    '7.1 MB',
    '2.0 PB',
    '5000 PB',
  ]);
});
