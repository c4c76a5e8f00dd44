// Repairs that take rows out, and those that take files in.

import { statSync } from 'node:fs';
import t from 'tap';
import { FailedError } from '../../src/base/errors.ts';
import { idOf } from '../ingest/small-archive.ts';
import { checkedArchive, pathOf, strayPath } from './checked-archive.ts';

t.test('rows of missing files go up to half of a camera, and beyond only when that is said', async t => {
  for (const { missing, goes } of [
    { missing: 1, goes: true },
    { missing: 2, goes: true },
    { missing: 3, goes: false },
  ])
    await t.test(`${missing} of 4`, async t => {
      const archive = await checkedArchive(t);
      for (const [at, word] of ['a1', 'a2', 'a3', 'a4'].entries())
        await archive.clip(word, { secondsAgo: 4000 - at * 600 });
      // The files of another camera do not count.
      for (const word of ['b1', 'b2', 'b3']) await archive.clip(word, { camera: 'porch' });
      const lost = ['a1', 'a2', 'a3'].slice(0, missing).map(word => pathOf(archive, word));
      for (const path of lost) archive.remove(path);
      const codes = lost.map(() => 'missing-file');
      t.match(await archive.look(), { codes, summary: { violations: missing, clips: 7 } });
      const mended = await archive.look({ repair: true });
      t.match(mended, { codes, summary: { repaired: goes ? missing : 0, violations: goes ? 0 : missing } });
      if (!goes) {
        t.match(mended.found[0]?.did, '3 of the 4 files of den are missing');
        t.match(await archive.look({ repair: true, dropMost: true }), { summary: { repaired: missing } });
      }
      t.same((await archive.look()).codes, []);
      t.equal(archive.clips().length, 7 - missing);
      const gone = archive.catalogue.chainRows(0, 100).filter(({ type }) => type === 'gone');
      t.equal(gone.length, missing, 'each leaves a tombstone');
      t.ok(gone.every(({ line }) => line.endsWith(' missing')));
      for (const path of lost) archive.put(path, 'back again');
      t.same(
        (await archive.look({ repair: true })).codes,
        lost.map(() => 'deleted-file'),
      );
    });
});

t.test('a row of a missing file stays as long as it is on hold', async t => {
  const archive = await checkedArchive(t);
  const { event, startAt } = await archive.clip('a1', { secondsAgo: 4000 });
  await archive.clip('a2', { secondsAgo: 600 });
  archive.remove(pathOf(archive, 'a1'));
  const hold = { id: idOf('h1'), camera: 'den', reason: null, addedAt: 1 };
  for (const what of [
    { event, fromAt: null, toAt: null },
    { event: null, fromAt: startAt, toAt: startAt + 1 },
  ]) {
    archive.catalogue.addHold({ ...hold, ...what }, 1);
    const { found, summary } = await archive.look({ repair: true, dropMost: true });
    t.match(found, [{ code: 'missing-file', outcome: 'failed', did: /on hold/ }]);
    t.match(summary, { violations: 1, repaired: 0 });
    archive.catalogue.removeHold(hold.id);
  }
  t.match(await archive.look({ repair: true }), { summary: { repaired: 1, violations: 0 } });
});

t.test('garbage that was left is finished, files first', async t => {
  const archive = await checkedArchive(t);
  const { id, path, thumbnail } = await archive.clip('a1', { secondsAgo: 4000 });
  await archive.clip('a2');
  const at = Date.now();
  // The row goes with a tombstone, as retention does it.
  t.equal(archive.catalogue.dropMissing(id, at), 'dropped');
  archive.sql(
    "INSERT INTO garbage (id, camera, type, path, thumbnail, bytes, reason, at) VALUES (?, 'den', 'clip', ?, ?, 1, 'age', ?)",
    ...[id, path, thumbnail, at],
  );
  const isPlayed = () => true;
  const hour = 60 * 60_000;
  const clock = (ms: number) => ({ now: () => at + ms, monotonicMs: () => 0 });
  t.same((await archive.look({ isPlayed, clock: clock(hour) })).codes, [], 'somebody is at it');
  t.match(await archive.look({ isPlayed, clock: clock(hour + 1) }), { summary: { violations: 1 } });
  t.match((await archive.look()).found, [{ code: 'garbage-left', level: 'remark', id, path }]);
  t.match(await archive.look({ repair: true }), { summary: { repaired: 1 } });
  t.same((await archive.look()).codes, []);
  t.notOk(archive.files().includes(path) || archive.files().includes(thumbnail ?? ''));
});

t.test('a file is taken in with what it says itself, and marked', async t => {
  const archive = await checkedArchive(t);
  archive.put(strayPath, 'nobody knows');
  t.match(await archive.look({ repair: true }), { summary: { repaired: 1, violations: 0 } });
  const clip = archive.catalogue.clip(idOf('c1'));
  t.match(clip, {
    ...{ camera: 'den', path: strayPath, originalPath: strayPath.split('/').at(-1) },
    ...{ bytes: 12, kind: 'video', completeness: 'unproven', completenessBasis: 'none' },
    ...{ claimedAt: null, timeSource: 'arrival', receivedAt: Date.UTC(2026, 3, 5, 6, 7, 8) },
    problem: /^Recovered/,
  });
  t.equal(statSync(archive.at(strayPath)).mode & 0o777, 0o400);
  t.ok(Math.abs((clip?.keptFrom ?? 0) - Date.now()) < 60_000, 'retention counts from now');
  t.equal(archive.read(clip?.thumbnail), 'small nobody knows');
  t.match(archive.catalogue.chainRows(0, 10), [{ type: 'kept', subject: idOf('c1') }]);
  t.same((await archive.look()).codes, []);
});

t.test(
  'a file whose row was lost is taken in with the bytes that the chain knows, and with no other',
  async t => {
    const archive = await checkedArchive(t);
    const { path } = await archive.clip('a1');
    for (const table of ['receipt', 'clip', 'event']) archive.sql(`DELETE FROM ${table}`);
    t.same((await archive.look()).codes, ['entry-without-clip', 'unknown-file', 'unknown-thumbnail']);
    archive.overwrite(path, 'other bytes');
    const { found } = await archive.look({ repair: true });
    t.match(
      found.find(({ code }) => code === 'unknown-file'),
      { outcome: 'failed', did: /with other bytes/ },
    );
    t.equal(archive.catalogue.clip(idOf('a1')), undefined);
    archive.overwrite(path, 'media of a1');
    await archive.look({ repair: true });
    t.match(archive.catalogue.clip(idOf('a1')), { path, problem: /^Recovered/ });
    t.same((await archive.look()).codes, []);
  },
);

t.test('without ffmpeg nothing is taken in and nothing is lost', async t => {
  const archive = await checkedArchive(t);
  archive.put(strayPath, 'nobody knows');
  const media = () => Promise.reject(new FailedError('ffmpeg is missing.'));
  const { found } = await archive.look({ repair: true, media });
  t.match(found, [{ code: 'unknown-file', outcome: 'failed', did: 'ffmpeg is missing.' }]);
  t.equal(archive.read(strayPath), 'nobody knows');
});

t.test('a disk that goes away between counting and dropping takes no rows along', async t => {
  const archive = await checkedArchive(t);
  const clips = await Promise.all(
    ['a1', 'a2', 'a3', 'a4', 'a5'].map((word, index) =>
      archive.clip(word, { secondsAgo: 600 + index * 100 }),
    ),
  );
  archive.remove((clips[2] as { path: string }).path);
  let looks = 0;
  const requireMarker = async () => {
    // The second look at what the first walk has found: the second walk comes after it.
    if (++looks === 2) archive.remove('clips/den');
  };
  const { found } = await archive.look({ repair: true, requireMarker });
  const missing = found.filter(({ code }) => code === 'missing-file');
  t.equal(missing.length, 5);
  t.equal(missing.filter(({ outcome }) => outcome === 'repaired').length, 1, 'no more than were counted');
  t.match(
    missing.filter(({ outcome }) => outcome === 'failed'),
    Array.from({ length: 4 }, () => ({ did: /gone missing while it was checked/ })),
  );
  t.equal(archive.catalogue.clipCount(), 4);
});
