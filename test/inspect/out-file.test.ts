// A file that was asked for by --out: there whole and durable, or not at all.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openOutFile, requireOutsideArchive } from '../../src/inspect/export/out-file.ts';
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

t.test('nothing is put into the archive, by whatever way it is named', async t => {
  const root = t.testdir({ data: { clips: {} }, data2: {}, link: t.fixture('symlink', 'data/clips') });
  const dataDir = join(root, 'data');
  const inside = ['data/x.mp4', 'data/clips/x.mp4', 'link/x.mp4', 'data2/../data/x.mp4', 'data/gone/x.mp4'];
  for (const path of inside)
    await t.rejects(
      requireOutsideArchive(dataDir, join(root, path)),
      { name: 'FailedError', message: /lies in the archive/ },
      path,
    );
  for (const path of ['x.mp4', 'data2/x.mp4', 'data.mp4', 'nowhere/x.mp4'])
    await t.resolves(requireOutsideArchive(dataDir, join(root, path)), path);
  await t.rejects(requireOutsideArchive(join(root, 'link'), join(root, 'data/clips/x.mp4')), {
    message: /lies in the archive/,
  });
});
