import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { markerHolds, openMarker, openMarkerLook, requireMarker } from '../../src/archive/marker.ts';

const place = (t: { testdir(): string }) => {
  const directory = t.testdir();
  return { dataDir: join(directory, 'media', 'data'), stateDir: join(directory, 'state') };
};

t.test('the first start makes marker and id, the second finds them', async t => {
  const dirs = place(t);
  const id = await openMarker(dirs);
  t.match(id, /^[0-9a-f-]{36}$/);
  t.equal(await openMarker(dirs), id);
  t.ok(await markerHolds(dirs.dataDir, id));
  t.notOk(await markerHolds(dirs.dataDir, `${id}x`));
  await writeFile(join(dirs.dataDir, 'MARKER'), '');
  t.notOk(await markerHolds(dirs.dataDir, ''), "an empty marker is nobody's");
});

t.test('a first start that was interrupted after the id is completed by the next', async t => {
  const dirs = place(t);
  const id = await openMarker(dirs);
  for (const dataDir of ['removed', 'only with empty directories of ours', 'with a marker half written']) {
    await writeFile(join(dirs.stateDir, 'archive-id'), `${id}\n`);
    await rm(dirs.dataDir, { recursive: true });
    if (dataDir.startsWith('only'))
      for (const name of ['incoming', 'footage', 'lost+found'])
        await mkdir(join(dirs.dataDir, name), { recursive: true });
    if (dataDir.startsWith('with')) {
      await mkdir(dirs.dataDir);
      await writeFile(join(dirs.dataDir, 'MARKER.new'), id.slice(0, 9));
    }
    t.equal(await openMarker(dirs), id, dataDir);
    t.ok(await markerHolds(dirs.dataDir, id), dataDir);
  }
});

t.test('one that was interrupted after the marker too', async t => {
  const dirs = place(t);
  const id = await openMarker(dirs);
  await writeFile(join(dirs.stateDir, 'archive-id'), `${id}\n`);
  await mkdir(join(dirs.dataDir, 'clips', 'front'), { recursive: true });
  t.equal(await openMarker(dirs), id);
  t.equal(await readFile(join(dirs.stateDir, 'archive-id'), 'utf8'), `${id} sealed\n`);
});

t.test('a disk that is not mounted any more is never taken for a first start', async t => {
  const dirs = place(t);
  const id = await openMarker(dirs);
  await rm(dirs.dataDir, { recursive: true });
  await mkdir(dirs.dataDir);
  t.equal(await openMarker(dirs), id, 'the daemon runs, and answers 452');
  t.notOk(await markerHolds(dirs.dataDir, id), 'no marker was made');
  await t.rejects(requireMarker({ dataDir: dirs.dataDir, archiveId: id }), { name: 'TransientError' });
});

t.test('a data directory with anything in it is not taken over', async t => {
  for (const name of ['holiday.jpg', 'clips/front/x']) {
    const dirs = place(t);
    await mkdir(join(dirs.dataDir, name), { recursive: true });
    await t.rejects(openMarker(dirs), { name: 'SettingsError', message: /another archive/ });
  }
  const known = place(t);
  const id = await openMarker(known);
  await writeFile(join(known.stateDir, 'archive-id'), `${id}\n`);
  await writeFile(join(known.dataDir, 'MARKER'), 'another\n');
  await t.rejects(openMarker(known), { name: 'SettingsError' });
});

t.test('a marker without an archive-id belongs to a state that is not here', async t => {
  const dirs = place(t);
  await openMarker(dirs);
  await rm(dirs.stateDir, { recursive: true });
  await t.rejects(openMarker(dirs), { name: 'SettingsError' });
});

t.test('a damaged archive-id is not guessed at', async t => {
  const dirs = place(t);
  await openMarker(dirs);
  for (const text of ['', 'nonsense\n', '../../etc sealed\n']) {
    await writeFile(join(dirs.stateDir, 'archive-id'), text);
    await t.rejects(openMarker(dirs), { name: 'SettingsError', message: /backup/ });
  }
});

t.test('who looks again and again sees whatever becomes of the marker', async t => {
  const dirs = place(t);
  const id = await openMarker(dirs);
  const marker = join(dirs.dataDir, 'MARKER');
  const look = openMarkerLook({ ...dirs, archiveId: id });
  const holds = async (sentence: string) => {
    await look.require();
    await look.require();
    t.pass(sentence);
  };
  const isGone = async (sentence: string) => {
    await t.rejects(look.require(), { name: 'TransientError' }, sentence);
    await t.rejects(look.require(), { name: 'TransientError' }, `${sentence}, asked again`);
  };
  const text = await readFile(marker, 'utf8');
  /** In place and of the same length: only the time tells, which some kernels count in steps of 10 ms. */
  const rewrite = async (content: string) => {
    const { ctimeMs } = await stat(marker);
    do await writeFile(marker, content);
    while ((await stat(marker)).ctimeMs === ctimeMs);
  };
  await holds('it is there');
  await rewrite(text.replace(/[0-9a-f]/, digit => (digit === '0' ? '1' : '0')));
  await isGone('it was rewritten');
  await rewrite(text);
  await holds('it is right again');
  await rename(marker, `${marker}.aside`);
  await isGone('it was renamed');
  await symlink(`${marker}.aside`, marker);
  await isGone('a link leads to it');
  await rename(`${marker}.aside`, marker);
  await holds('it is back');
  await rename(dirs.dataDir, `${dirs.dataDir}.aside`);
  await isGone('the data directory is gone');
  await mkdir(dirs.dataDir);
  await isGone('an empty one is in its place');
  await writeFile(marker, text.slice(1));
  await isGone('a foreign one is');
  await rm(dirs.dataDir, { recursive: true });
  await rename(`${dirs.dataDir}.aside`, dirs.dataDir);
  await holds('the data directory is back');
});
