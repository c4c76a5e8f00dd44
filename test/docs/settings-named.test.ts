// A page must not name a setting that nobody can set.

import t from 'tap';
import { settingKeys } from '../../src/settings/setting-keys.ts';
import { codeIn, filesEnding, read } from './documents.ts';

const keys = settingKeys().map(({ key }) => key);
const rooms = [...new Set(keys.filter(key => key.includes('.')).map(key => key.split('.')[0]))];
const named = new RegExp(`^(?:${rooms.join('|')})(?:\\.[a-z][A-Za-z]*)+(?=$|:| )`);

/** A section may be named for all that is in it. */
const isKnown = (name: string) => keys.some(key => key === name || key.startsWith(`${name}.`));

t.test('every setting that a page names is there', t => {
  let names = 0;
  for (const page of filesEnding('.md')) {
    for (const { text, isBlock } of codeIn(read(page))) {
      const name = isBlock ? undefined : named.exec(text)?.[0];
      if (name === undefined || name.endsWith('.ts')) continue;
      names++;
      t.ok(isKnown(name), `${page} names ${name}`);
    }
  }
  t.ok(names > 100, 'names were found');
  t.notOk(isKnown('ftps.limits.maxBytesPerYear'));
  t.end();
});
