// A file that was asked for by --out: there whole and durable, or not at all.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openOutFile } from '../../src/inspect/export/out-file.ts';
import { onEverySync } from '../support/every-sync.ts';

t.test('what has its name is durable, and so is the name', async t => {
  const directory = t.testdir({});
  const path = join(directory, 'out.mp4');
  const synced: string[] = [];
  t.teardown(
    await onEverySync((_, at) => {
      synced.push(`${at === directory ? 'directory' : 'file'}${existsSync(path) ? ', named' : ''}`);
    }),
  );
  {
    await using out = await openOutFile(path);
    await out.file.writeFile('all of it');
    t.notOk(existsSync(path));
    await out.publish();
  }
  t.strictSame(synced, ['file', 'directory, named']);
  t.equal(readFileSync(path, 'utf8'), 'all of it');
  t.strictSame(readdirSync(directory), ['out.mp4']);
});

t.test('what is there stays as it is, also when it comes while ours is made', async t => {
  const directory = t.testdir({ 'there.mp4': 'theirs' });
  const there = join(directory, 'there.mp4');
  await t.rejects(openOutFile(there), { name: 'FailedError', message: /exists already/ });
  const later = join(directory, 'later.mp4');
  {
    await using out = await openOutFile(later);
    await out.file.writeFile('ours');
    writeFileSync(later, 'theirs');
    await t.rejects(out.publish(), { name: 'FailedError', message: /exists already/ });
  }
  for (const path of [there, later]) t.equal(readFileSync(path, 'utf8'), 'theirs');
  t.strictSame(readdirSync(directory).sort(), ['later.mp4', 'there.mp4']);
});

t.test('what is not published leaves nothing, and so does what is withdrawn', async t => {
  const directory = t.testdir({});
  const path = join(directory, 'out.mp4');
  {
    await using out = await openOutFile(path);
    await out.file.writeFile('half');
  }
  t.strictSame(readdirSync(directory), []);
  {
    await using out = await openOutFile(path);
    await out.publish();
    await out.withdraw();
  }
  t.strictSame(readdirSync(directory), []);
});
