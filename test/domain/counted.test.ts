import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { counted } from '../../src/domain/counted.ts';

t.test('one is told in the singular, none and many are not', t => {
  t.same(
    [0, 1, 2, 11].map(count => counted(count, 'clip')),
    ['0 clips', '1 clip', '2 clips', '11 clips'],
  );
  t.equal(counted(1, 'entry', 'entries'), '1 entry');
  t.equal(counted(0, 'entry', 'entries'), '0 entries');
  t.end();
});

/** What a person reads a number of. */
const nouns =
  'alerts|cameras|cases|clips|days|entries|events|files|findings|gaps|hours|minutes|remarks|rows|seconds|segments|uploads|violations|things';
/** Never one where they are told, or no number. */
const exceptions = ['maxEntriesPerId', 'maxSources', 'wrong.length', 'wrong.size', 'camera.name'];

t.test('no text of the program puts a plural behind a number by itself', t => {
  const source = fileURLToPath(new URL('../../src/', import.meta.url));
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const text = readFileSync(join(source, name), 'utf8');
    const found = text.matchAll(new RegExp(`\\$\\{([^{}]*)\\} (?:more |other )?(?:${nouns})\\b[^\n]*`, 'g'));
    for (const [line, expression = ''] of found) {
      if (!exceptions.includes(expression)) t.fail(`${name}: ${line}`);
    }
  }
  t.end();
});
