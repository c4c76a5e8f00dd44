// Everything that check can name about footage, made by hand in an archive of two segments, and what --repair makes of it.

import { chmodSync, existsSync, mkdirSync, renameSync, symlinkSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { openFootageFiles } from '../../src/archive/footage-files.ts';
import { footageRelativePath } from '../../src/archive/footage-path.ts';
import { readArchiveId } from '../../src/archive/marker.ts';
import { randomId } from '../../src/base/random-id.ts';
import type { FindingCode } from '../../src/inspect/invariants/finding.ts';
import { sampleSegment } from '../catalogue/sample-segment.ts';
import { idOf } from '../ingest/small-archive.ts';
import { makeFootage } from '../record/made-footage.ts';
import { checkedArchive } from './checked-archive.ts';

const footage = makeFootage(3);
const start = Date.UTC(2026, 10, 20, 12);
const minute = 60_000;

type Archive = Awaited<ReturnType<typeof recorded>>;

/** The segments s1 and s2 of den. */
async function recorded(test: Test) {
  const archive = await checkedArchive(test);
  const { dataDir, stateDir, catalogue } = archive;
  const archiveId = await readArchiveId(stateDir);
  const files = openFootageFiles({ dataDir, archiveId });
  const pathAt = (word: string, startAt: number) =>
    footageRelativePath({ camera: 'den', id: idOf(word), startAt });
  /** As the recorder makes it; `leave`: it is not finished. */
  const write = async (path: string, leave = false) => {
    const file = await files.create(path);
    await file.append(footage.init.bytes);
    for (const { bytes } of footage.fragments) await file.append(bytes);
    if (!leave) return file.finish();
    await file.leave();
    return undefined;
  };
  const segment = async (word: string, startAt: number) => {
    const path = pathAt(word, startAt);
    const finished = await write(path);
    const row = sampleSegment(idOf(word), startAt, { camera: 'den', path, ...finished });
    catalogue.fileSegment(row, { gap: 'restart' });
    return row;
  };
  const s1 = await segment('s1', start);
  const s2 = await segment('s2', start + minute);
  return { ...archive, archiveId, pathAt, write, segment, s1, s2 };
}

const stray = footageRelativePath({ camera: 'den', id: idOf('c1'), startAt: start - minute });

const cases: ReadonlyArray<
  Readonly<{
    name: string;
    make(archive: Archive): unknown;
    codes: readonly FindingCode[];
    /** What is left after --repair. */
    left?: readonly FindingCode[];
    isRemark?: true;
  }>
> = [
  { name: 'nothing', make: () => {}, codes: [] },
  {
    name: 'a file that has another size',
    make(a) {
      chmodSync(a.at(a.s1.path), 0o600);
      truncateSync(a.at(a.s1.path), 100);
      chmodSync(a.at(a.s1.path), 0o400);
    },
    codes: ['wrong-size'],
    left: ['wrong-size'],
  },
  {
    name: 'a file that may be written to',
    make: a => chmodSync(a.at(a.s1.path), 0o600),
    codes: ['writable-file'],
  },
  {
    name: 'a link in the place of a file',
    make(a) {
      renameSync(a.at(a.s1.path), join(a.root, 'elsewhere'));
      symlinkSync(join(a.root, 'elsewhere'), a.at(a.s1.path));
    },
    codes: ['not-regular'],
    left: ['not-regular'],
  },
  {
    name: 'an hour that is a link',
    make(a) {
      const hour = dirname(a.at(a.s1.path));
      renameSync(hour, join(a.root, 'hour'));
      symlinkSync(join(a.root, 'hour'), hour);
    },
    codes: ['not-regular'],
    left: ['not-regular'],
  },
  { name: 'a file that is gone', make: a => a.remove(a.s1.path), codes: ['missing-file'] },
  { name: 'a file without a row', make: a => a.write(stray), codes: ['unknown-file'] },
  {
    name: 'a file that was being written, without a row',
    make: a => a.write(stray, true),
    codes: ['unknown-file'],
  },
  {
    name: 'a file without a row that is no footage',
    make: a => a.put(stray, 'a letter'),
    codes: ['unknown-file'],
    left: ['unknown-file'],
  },
  {
    name: 'a file without a row with something behind it',
    async make(a) {
      await a.write(stray);
      chmodSync(a.at(stray), 0o600);
      truncateSync(a.at(stray), footage.init.bytes.length + 1000);
    },
    codes: ['unknown-file'],
    left: ['unknown-file'],
  },
  {
    name: 'one that was being written and holds nothing whole',
    make: a => a.put(`${stray}.open`, 'nothing'),
    codes: ['unknown-file'],
    left: ['unknown-file'],
  },
  {
    name: 'a file at another time than its row says',
    make(a) {
      const path = a.pathAt('s1', start + 5000);
      renameSync(a.at(a.s1.path), a.at(path));
    },
    codes: ['missing-file', 'unknown-file'],
    left: ['deleted-file'],
  },
  {
    name: 'the row of another file',
    make: a => a.sql('UPDATE segment SET path = ? WHERE id = ?', '../../etc/hosts', a.s1.id),
    codes: ['bad-path', 'unknown-file'],
    left: ['bad-path', 'unknown-file'],
  },
  {
    name: 'something foreign among the segments, and a camera that there cannot be',
    make(a) {
      a.put(join(dirname(a.s1.path), 'notes.txt'), 'mine');
      mkdirSync(a.at('footage/Not a Camera'));
    },
    codes: ['foreign-file', 'foreign-file'],
    isRemark: true,
    left: ['foreign-file', 'foreign-file'],
  },
  {
    name: 'a row without an entry in the chain',
    make: a => a.sql('DELETE FROM chain_entry WHERE subject = ?', a.s1.id),
    codes: ['segment-without-entry'],
    left: ['segment-without-entry'],
  },
  {
    name: 'a row that was taken away by hand, with its file',
    make(a) {
      a.remove(a.s2.path);
      a.sql('DELETE FROM segment WHERE id = ?', a.s2.id);
    },
    codes: ['entry-without-clip'],
    left: ['entry-without-clip'],
  },
  {
    name: 'two segments of one time, and two of one camera and another',
    async make(a) {
      await a.segment('s3', start + 30_000);
      a.sql('UPDATE segment SET end_at = end_at + 4000 WHERE id = ?', a.s2.id);
    },
    codes: ['segment-overlap', 'segment-overlap'],
    isRemark: true,
    left: ['segment-overlap', 'segment-overlap'],
  },
  {
    name: 'two gaps of one time',
    make: a =>
      a.sql(
        "INSERT INTO gap (camera, start_at, end_at, reason) VALUES ('den', ?, ?, 'off')",
        start,
        start + 1e9,
      ),
    codes: ['gap-overlap'],
    left: ['gap-overlap'],
  },
  {
    name: 'what a recorder that died left open',
    async make(a) {
      await a.write(stray, true);
      const open = { camera: 'den', id: idOf('c1'), run: randomId(), path: stray };
      a.catalogue.addOpenSegment({ ...open, startAt: start, endAt: start, writtenAt: start });
    },
    codes: ['open-left'],
    isRemark: true,
    left: ['open-left'],
  },
];

for (const { name, make, codes, left = [], isRemark } of cases) {
  t.test(`found by name: ${name}`, async t => {
    const archive = await recorded(t);
    await make(archive);
    const before = await archive.look();
    t.strictSame(before.codes, codes, JSON.stringify(before.found, null, 1));
    if (isRemark) t.equal(before.summary.violations, 0);
    for (const { text, remedy } of before.found) t.ok(text.endsWith('.') && remedy.endsWith('.'));
    await archive.look({ repair: true });
    const after = await archive.look();
    t.strictSame(after.codes, left, JSON.stringify(after.found, null, 1));
  });
}

t.test('a file that is taken in is footage of its camera and time, and in the chain', async t => {
  const archive = await recorded(t);
  await archive.write(stray, true);
  const { found } = await archive.look({ repair: true });
  t.match(found, [{ outcome: 'repaired', did: /taken in as segment c1/ }]);
  t.match(archive.catalogue.segment(idOf('c1')), {
    ...{
      camera: 'den',
      path: stray,
      startAt: start - minute,
      endReason: 'crash',
      codec: 'h264',
      durationMs: 3000,
    },
  });
  t.ok(archive.catalogue.keptNumber(idOf('c1')));
  t.notOk(existsSync(archive.at(`${stray}.open`)));
  t.match((await archive.look()).summary, { segments: 3, violations: 0, remarks: 0 });
});

t.test('what is being written is left alone, also when it is finished while it is looked at', async t => {
  const archive = await recorded(t);
  const { catalogue } = archive;
  await archive.write(stray, true);
  const open = { camera: 'den', id: idOf('c1'), run: randomId(), path: stray };
  catalogue.addOpenSegment({ ...open, startAt: start, endAt: start, writtenAt: Date.now() });
  t.strictSame((await archive.look({ isPlayed: () => true })).codes, []);
  // It gets its name and its row after the listing has seen it.
  const files = openFootageFiles(archive);
  const finishing = {
    ...catalogue,
    isOpenSegment(path: string) {
      catalogue.fileSegment(sampleSegment(idOf('c1'), start - minute, { camera: 'den', path, ...finished }), {
        gap: 'restart',
      });
      return catalogue.isOpenSegment(path);
    },
  };
  const finished = await files.recover(stray);
  const { init, durationMs, ...digest } = finished as NonNullable<typeof finished>;
  t.ok(init && durationMs);
  Object.assign(finished as object, digest);
  t.strictSame((await archive.look({ isPlayed: () => true, catalogue: finishing })).codes, []);
  t.ok(catalogue.segment(idOf('c1')));
});

t.test('a recorder that runs and has not written for an hour is told', async t => {
  const archive = await recorded(t);
  const open = { camera: 'den', id: idOf('c1'), run: randomId(), path: stray };
  archive.catalogue.addOpenSegment({ ...open, startAt: start, endAt: start, writtenAt: start });
  const at = (now: number) =>
    archive.look({ isPlayed: () => true, clock: { now: () => now, monotonicMs: () => 0 } });
  t.strictSame((await at(start + 60 * minute)).codes, []);
  t.match(await at(start + 60 * minute + 1), { codes: ['open-left'], summary: { violations: 1 } });
});

t.test('what is on hold is not dropped, and not more than half of a camera (I9)', async t => {
  const archive = await recorded(t);
  const { catalogue } = archive;
  const hold = { id: 'h', camera: 'den', event: null, reason: null, addedAt: 1 };
  archive.remove(archive.s1.path);
  catalogue.addHold({ ...hold, fromAt: start, toAt: start + 1 }, 9);
  t.match((await archive.look({ repair: true })).found, [{ outcome: 'failed', did: /on hold/ }]);
  catalogue.removeHold('h');
  archive.remove(archive.s2.path);
  t.match((await archive.look({ repair: true })).found, [
    { did: /2 of the 2 files/ },
    { did: /2 of the 2 files/ },
  ]);
  t.ok(catalogue.segment(archive.s1.id) && catalogue.segment(archive.s2.id));
  await archive.clip('a1');
  t.match(
    (await archive.look({ repair: true })).summary,
    { violations: 2 },
    'clips are not counted with footage',
  );
  t.match((await archive.look({ repair: true, dropMost: true })).summary, { repaired: 2, violations: 0 });
  t.ok(catalogue.hasTombstone(archive.s1.id));
});

t.test('what retention has begun to delete is finished; what is put back after that is told', async t => {
  const archive = await recorded(t);
  const { catalogue, s1 } = archive;
  const { id, camera, bytes, keptFrom } = s1;
  catalogue.makeGarbage([{ id, camera, bytes, keptFrom, mediaClass: 'footage', reason: 'age' }], start);
  t.match((await archive.look({ repair: true })).found, [{ code: 'garbage-left', outcome: 'repaired' }]);
  t.notOk(existsSync(archive.at(s1.path)));
  await archive.write(s1.path);
  t.strictSame((await archive.look({ repair: true })).codes, ['deleted-file']);
});
