import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { requireMarker } from '../../src/archive/marker.ts';
import { idOf } from '../ingest/small-archive.ts';
import { checkedArchive, pathOf, strayPath } from './checked-archive.ts';

t.test('a healthy archive with everything in it is green, and --repair has nothing to do', async t => {
  const archive = await checkedArchive(t);
  await archive.clip('a1', { secondsAgo: 4000 });
  await archive.clip('a2', { secondsAgo: 3990 });
  await archive.clip('a3', { camera: 'den-2' });
  await archive.clip('a4', { camera: 'den', secondsAgo: 60 });
  const repeat = archive.clips().find(clip => clip.id === idOf('a4'))?.originalPath ?? '';
  await archive.file(archive.upload('a5', 'media of a4', { path: repeat }));
  await archive.file(archive.withdraw('a6', 'a4'));
  await archive.quarantine.quarantineEntry(archive.upload('b1', 'odd'), 'odd', new Date());
  archive.catalogue.addQuarantined({ camera: 'den', id: idOf('b1'), reason: 'odd', at: 1 });
  const empty = { repaired: 0, violations: 0, remarks: 0, unknown: 0, clips: 4 };
  t.match(await archive.look(), { codes: [], summary: empty });
  const files = archive.files();
  t.match(await archive.look({ repair: true }), { codes: [], summary: empty });
  t.same(archive.files(), files);
});

t.test('an event that is on hold may be empty', async t => {
  const archive = await checkedArchive(t);
  const { event } = await archive.clip('a1');
  archive.sql('UPDATE clip SET kind = ?, event = NULL WHERE id = ?', 'other', idOf('a1'));
  t.same((await archive.look()).codes, ['event-without-clip']);
  const hold = { id: idOf('h1'), camera: 'den', event, fromAt: null, toAt: null, reason: null, addedAt: 1 };
  archive.catalogue.addHold(hold, 1);
  t.same((await archive.look({ repair: true })).codes, []);
  t.ok(archive.catalogue.event(event ?? ''));
});

t.test('an empty archive is green', async t => {
  const archive = await checkedArchive(t);
  t.match(await archive.look(), { codes: [], summary: { clips: 0, violations: 0 } });
});

t.test('what is being filed is no violation, at any step', async t => {
  const archive = await checkedArchive(t);
  const clip = await archive.clip('a1');
  // After the copy, before the row: file, thumbnail, leftovers and the entry are there, the row is not.
  archive.put(`${strayPath}.part`, 'half');
  archive.put(strayPath, 'whole');
  archive.put(strayPath.replace('clips/', 'thumbnails/').replace('.mp4', '.jpg'), 'x');
  archive.put(`inbox/den/${idOf('c1')}/receipt.json`, '{}');
  // An entry that is put aside is written down before it is moved.
  archive.catalogue.addQuarantined({ camera: 'den', id: idOf('c1'), reason: 'odd', at: 1 });
  t.same((await archive.look()).codes, []);
  t.same((await archive.look({ repair: true })).codes, []);
  archive.remove(`inbox/den/${idOf('c1')}`);
  t.same((await archive.look()).codes, [
    'part-file',
    'quarantine-row-without-entry',
    'unknown-file',
    'unknown-thumbnail',
  ]);
  t.same(readFileSync(archive.at(clip.path), 'utf8'), 'media of a1');
});

t.test('a clip that is filed, and one that is deleted, between the two looks are no violations', async t => {
  const archive = await checkedArchive(t);
  const filed = await archive.clip('a1', { camera: 'aaa' });
  const deleted = await archive.clip('z1', { camera: 'zzz' });
  // At the first look, one has no row yet, and the other no file any more.
  archive.sql('CREATE TABLE clip_aside AS SELECT * FROM clip WHERE id = ?', filed.id);
  archive.sql('CREATE TABLE receipt_aside AS SELECT * FROM receipt WHERE clip = ?', filed.id);
  archive.sql('DELETE FROM receipt WHERE clip = ?', filed.id);
  archive.sql('DELETE FROM clip WHERE id = ?', filed.id);
  archive.remove(deleted.path);
  let calls = 0;
  const { codes } = await archive.look({
    // Called at the start, and then between the look at files and the look at rows.
    requireMarker: async () => {
      if (++calls !== 2) return;
      for (const table of ['clip', 'receipt'])
        archive.sql(`INSERT INTO ${table} SELECT * FROM ${table}_aside`);
      archive.sql('DELETE FROM receipt WHERE clip = ?', deleted.id);
      archive.sql('DELETE FROM clip WHERE id = ?', deleted.id);
      archive.sql('DELETE FROM event WHERE camera = ?', 'zzz');
      archive.sql(
        "INSERT INTO garbage (id, camera, type, path, thumbnail, bytes, reason, at) VALUES (?, 'zzz', 'clip', ?, ?, 1, 'age', ?)",
        ...[deleted.id, deleted.path, deleted.thumbnail, Date.now()],
      );
    },
    isPlayed: () => true,
  });
  t.ok(calls > 2);
  t.same(codes, []);
});

t.test('a file whose deletion is not finished is garbage, and no unknown file', async t => {
  const archive = await checkedArchive(t);
  const { path, thumbnail } = await archive.clip('a1');
  for (const table of ['receipt', 'clip', 'event']) archive.sql(`DELETE FROM ${table}`);
  archive.sql(
    "INSERT INTO garbage (id, camera, type, path, thumbnail, bytes, reason, at) VALUES (?, 'den', 'clip', ?, ?, 1, 'age', 1)",
    ...[idOf('a1'), path, thumbnail],
  );
  t.same((await archive.look()).codes, ['garbage-left']);
});

t.test('an import that is under way is a remark, and --repair leaves it alone', async t => {
  const archive = await checkedArchive(t);
  archive.put(strayPath, 'whole');
  archive.put(`${strayPath}.part`, 'half');
  const isImporting = () => true;
  const { summary, codes } = await archive.look({ isImporting, repair: true });
  t.same(codes, ['part-file', 'unknown-file']);
  t.match(summary, { violations: 0, remarks: 2, repaired: 0 });
});

t.test(
  'what the next start of the daemon does by itself is a remark without one, and a violation beside one',
  async t => {
    const archive = await checkedArchive(t);
    archive.put(`incoming/${idOf('d1')}/media`, 'half');
    const hour = 60 * 60_000;
    const changedAt = Math.floor(statSync(archive.at(`incoming/${idOf('d1')}/media`)).ctimeMs);
    const at = (ms: number) => ({ now: () => changedAt + ms, monotonicMs: () => 0 });
    t.match((await archive.look()).found, [{ code: 'incoming-left', level: 'remark' }]);
    const isPlayed = () => true;
    t.same((await archive.look({ isPlayed, clock: at(hour - 1) })).codes, []);
    t.same((await archive.look({ isPlayed, clock: at(hour) })).codes, []);
    t.match((await archive.look({ isPlayed, clock: at(hour + 1) })).found, [
      { code: 'incoming-left', level: 'violation', repairable: false },
    ]);
  },
);

t.test('without its marker nothing is compared and nothing is repaired', async t => {
  const archive = await checkedArchive(t);
  await archive.clip('a1');
  const away = join(archive.root, 'away');
  renameSync(archive.dataDir, away);
  mkdirSync(archive.dataDir);
  for (const marker of [undefined, 'another\n']) {
    if (marker !== undefined) writeFileSync(archive.at('MARKER'), marker);
    const { codes, summary } = await archive.look({ repair: true, dropMost: true });
    t.same(codes, ['marker']);
    t.match(summary, { violations: 1, repaired: 0 });
  }
  t.ok(archive.catalogue.clip(idOf('a1')), 'the row is still there');
  rmSync(archive.dataDir, { recursive: true });
  renameSync(away, archive.dataDir);
  t.same((await archive.look()).codes, []);
});

t.test('a disk that goes away while it is looked at has lost nothing', async t => {
  const archive = await checkedArchive(t);
  const clip = await archive.clip('a1');
  archive.remove(clip.path);
  const archiveId = readFileSync(archive.at('MARKER'), 'utf8').trim();
  let calls = 0;
  const { codes, summary } = await archive.look({
    ...{ repair: true, dropMost: true },
    requireMarker: () => {
      if (++calls === 2) archive.remove('MARKER');
      return requireMarker({ dataDir: archive.dataDir, archiveId });
    },
  });
  t.same(codes, ['marker']);
  t.match(summary, { violations: 1, repaired: 0 });
  t.ok(archive.catalogue.clip(idOf('a1')));
});

t.test('what cannot be read is named, and what lies below it is not called missing', async t => {
  const archive = await checkedArchive(t);
  const { path, camera } = await archive.clip('a1');
  await archive.clip('a2', { camera: 'den-2' });
  // A directory that cannot be opened, for root too: something else is in its place.
  archive.remove(`clips/${camera}`);
  writeFileSync(archive.at(`clips/${camera}`), 'x');
  const { codes, summary, found } = await archive.look({ repair: true, dropMost: true });
  t.same(codes, ['not-regular']);
  t.equal(found[0]?.path, 'clips/den');
  t.match(summary, { unknown: 1, repaired: 0 });
  t.ok(archive.catalogue.clipAtPath(path));
});

t.test('a directory that may not be read is a finding', { skip: process.getuid?.() === 0 }, async t => {
  const archive = await checkedArchive(t);
  const { path } = await archive.clip('a1');
  chmodSync(dirname(archive.at(path)), 0o000);
  t.teardown(() => chmodSync(dirname(archive.at(path)), 0o700));
  t.match(await archive.look(), { codes: ['unreadable'], summary: { unknown: 1 } });
});

t.test('names that are no text, and names of another alphabet, are foreign and end nothing', async t => {
  const archive = await checkedArchive(t);
  const { path } = await archive.clip('a1');
  const directory = Buffer.from(`${dirname(archive.at(path))}/`);
  for (const name of [Buffer.from([0x2d, 0xff, 0xfe]), Buffer.from('Überwachung'), Buffer.from('🎥.mp4')])
    writeFileSync(Buffer.concat([directory, name]), 'x');
  const { codes } = await archive.look({ repair: true });
  t.same(codes, ['foreign-file', 'foreign-file', 'foreign-file']);
});

t.test('cameras whose names begin alike are compared in the order of their paths', async t => {
  const archive = await checkedArchive(t);
  const cameras = ['a', 'a-1', 'a0', 'aa', 'a-', 'a1-b', 'b'];
  for (const [at, camera] of cameras.entries()) await archive.clip(`a${at}`, { camera });
  t.same((await archive.look()).codes, []);
  archive.remove(pathOf(archive, 'a1'));
  const { found } = await archive.look();
  t.match(found, [{ code: 'missing-file', camera: 'a-1', id: idOf('a1') }]);
});
