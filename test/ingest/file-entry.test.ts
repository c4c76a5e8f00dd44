import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { idOf, nameFrom, type SmallArchive, smallArchive, video } from './small-archive.ts';

const unfileable = { name: 'UnfileableError' };
const never = async () => {
  throw new Error('must not be called');
};
const inboxOf = (archive: SmallArchive) => archive.files().filter(file => file.startsWith('inbox'));

t.test('an upload becomes one clip with its receipt, copy and thumbnail, and leaves the inbox', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'bytes', { path: `2026/${nameFrom(10)}` }));
  const [clip, ...more] = archive.clips();
  t.strictSame(more, []);
  t.match(clip, {
    id: idOf('a1'),
    camera: 'den',
    originalPath: /^2026\/Den_00_\d{14}\.mp4$/,
    bytes: 5,
    kind: 'video',
    completeness: 'whole',
    timeSource: 'name',
    timeZone: 'UTC',
    codec: 'h264',
    durationMs: 12_000,
    problem: null,
  });
  t.equal(clip?.startAt, clip?.claimedAt);
  t.equal(archive.read(clip?.path), 'bytes');
  t.equal(archive.read(clip?.thumbnail), 'small bytes');
  t.strictSame(inboxOf(archive), []);
  t.equal(archive.catalogue.receiptCount(idOf('a1')), 1);
});

t.test('an entry that is gone is no failure', async t => {
  const archive = await smallArchive(t);
  await archive.file({ camera: 'den', id: idOf('a1') });
  t.strictSame(archive.clips(), []);
});

t.test('nothing is opened or removed while the data directory is another one', async t => {
  const archive = await smallArchive(t);
  const entry = archive.upload('a1', 'bytes');
  writeFileSync(join(archive.dataDir, 'MARKER'), 'another');
  const before = archive.files();
  await t.rejects(archive.file(entry), { name: 'TransientError' });
  t.strictSame(archive.files(), before);
});

t.test('what no honest receiver leaves can never be filed', async t => {
  const archive = await smallArchive(t);
  const entry = archive.upload('a1', 'bytes', { bytes: 6 });
  await t.rejects(archive.file(entry), unfileable);
  mkdirSync(join(archive.dataDir, 'inbox', 'porch'));
  symlinkSync('/etc', join(archive.dataDir, 'inbox', 'porch', idOf('a2')));
  await t.rejects(archive.file({ camera: 'porch', id: idOf('a2') }), unfileable);
  t.strictSame(archive.clips(), []);
});

t.test('the same bytes under the same name are one clip with two receipts and one file', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'bytes', { completeness: 'partial', completenessBasis: 'none' }));
  const files = archive.files();
  await archive.file(
    archive.upload('a2', 'bytes', { completeness: 'unproven', completenessBasis: 'repeat' }),
  );
  t.match(archive.clips(), [{ id: idOf('a1'), completeness: 'unproven', completenessBasis: 'repeat' }]);
  t.equal(archive.catalogue.receiptCount(idOf('a1')), 2);
  t.strictSame(archive.files(), files);
});

t.test(
  'other bytes under the same name, and the same bytes under another name, are clips of their own',
  async t => {
    const archive = await smallArchive(t);
    await archive.file(archive.upload('a1', 'bytes'));
    await archive.file(archive.upload('a2', 'others'));
    await archive.file(archive.upload('a3', 'bytes', { path: 'other.mp4' }));
    t.equal(archive.clips().length, 3);
  },
);

t.test('a receipt that lies about the hash does not become a receipt of the clip that has it', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'bytes'));
  const lie = archive.upload('a2', 'forge', { sha256: archive.clip('a1')?.sha256 ?? '' });
  await t.rejects(archive.file(lie), unfileable);
  t.equal(archive.catalogue.receiptCount(idOf('a1')), 1);
  t.equal(inboxOf(archive).length, 2, 'it is there to be quarantined');
});

t.test('what an interrupted removal left is removed, unless the upload was never filed', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'bytes'));
  const again = archive.upload('a1', 'bytes');
  rmSync(join(archive.dataDir, 'inbox', 'den', again.id, 'media'));
  await archive.file(again);
  t.strictSame(inboxOf(archive), []);
  const lost = archive.upload('a2', 'others');
  rmSync(join(archive.dataDir, 'inbox', 'den', lost.id, 'media'));
  await t.rejects(archive.file(lost), unfileable);
});

t.test('a clip without a thumbnail is filed all the same, and says why', async t => {
  const archive = await smallArchive(t);
  const thumbnail = async () => {
    throw new Error('ffmpeg ended with 1');
  };
  await archive.file(archive.upload('a1', 'bytes'), { media: { ...archive.parts.media, thumbnail } });
  t.match(archive.clips(), [{ kind: 'video', thumbnail: null, problem: /ffmpeg ended with 1/ }]);
});

t.test(
  'what cannot be decoded is filed as what it is: by its name a test or a sentinel, else other',
  async t => {
    const archive = await smallArchive(t);
    const look = async () => ({ ...video, kind: 'other' as const, problem: 'No media.' });
    const media = { look, thumbnail: never };
    await archive.file(archive.upload('a1', 'a', { path: 'Den_00_20260927144657.txt' }), { media });
    await archive.file(archive.upload('a2', 'b', { path: 'a/DVRWorkDirectory' }), { media });
    await archive.file(archive.upload('a3', 'c', { path: 'clip.mp4' }), { media });
    await archive.file(archive.upload('a4', 'd', { path: 'Den_00_20260927144658.txt' }));
    t.strictSame(
      ['a1', 'a2', 'a3', 'a4'].map(word => archive.clip(word)?.kind),
      ['test', 'sentinel', 'other', 'video'],
    );
    t.match(archive.clip('a3'), { thumbnail: null, problem: 'No media.' });
  },
);

t.test('an empty file is filed without being probed or decoded', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', ''), { media: { look: never, thumbnail: never } });
  t.match(archive.clips(), [{ bytes: 0, kind: 'other', thumbnail: null, problem: /empty/ }]);
});

t.test('a claim that is not believed is kept and shown, and the arrival counts', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'bytes', { path: nameFrom(30 * 86_400) }));
  const clip = archive.clip('a1');
  t.equal(clip?.timeSource, 'arrival');
  t.equal(clip?.startAt, clip?.receivedAt);
  t.type(clip?.claimedAt, 'number');
});

t.test('the same name with other bytes in the repeated hour is the second pass', async t => {
  const archive = await smallArchive(t);
  // The last Sunday of October 2025, 02:30 in Berlin: 00:30 and 01:30 UTC. A window wide enough to reach it from any day.
  const cameraTime = () => ({ timeZone: 'Europe/Berlin', acceptanceDays: 100_000 });
  const path = 'Den_00_20251026023000.mp4';
  await archive.file(archive.upload('a1', 'first', { path }), { cameraTime });
  await archive.file(archive.upload('a2', 'second', { path }), { cameraTime });
  const claims = ['a1', 'a2'].map(word => archive.clip(word)?.claimedAt);
  t.strictSame(claims.sort(), [Date.UTC(2025, 9, 26, 0, 30), Date.UTC(2025, 9, 26, 1, 30)]);
});

t.test(
  'a rename gives the clip its last name and the time in it, whichever of the two comes first',
  async t => {
    const archive = await smallArchive(t);
    const [first, second] = [nameFrom(30), nameFrom(40)];
    await archive.file(archive.upload('a1', 'bytes', { path: 'temporary' }));
    t.match(archive.clip('a1'), { originalPath: 'temporary', timeSource: 'arrival' });
    await archive.file(archive.rename('b1', 'a1', first));

    await archive.file(archive.rename('b2', 'a2', second));
    await archive.file(archive.upload('a2', 'others', { path: 'temporary' }));
    for (const [word, originalPath] of [
      ['a1', first],
      ['a2', second],
    ] as const) {
      const clip = archive.clip(word);
      t.match(clip, { originalPath, timeSource: 'name' });
      t.type(clip?.claimedAt, 'number');
      t.equal(clip?.startAt, clip?.claimedAt);
    }
    t.strictSame(inboxOf(archive), []);
  },
);

t.test('an upload that the client deleted again stays stored and is marked as withdrawn', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'bytes'));
  await archive.file(archive.withdraw('b1', 'a1'));
  const clip = archive.clip('a1');
  t.type(clip?.withdrawnAt, 'number');
  t.equal(archive.read(clip?.path), 'bytes');
  t.match(clip, { originalPath: 'clip.mp4', timeSource: 'arrival' });
});

t.test('a note of one camera changes nothing about a clip of another', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'bytes'));
  const foreign = archive.rename('b1', 'a1', 'renamed.mp4', { camera: 'porch' });
  await t.rejects(archive.file(foreign), unfileable);
  await archive.file(archive.rename('b2', 'a2', 'renamed.mp4', { camera: 'porch' }));
  await archive.file(archive.upload('a2', 'others'));
  t.strictSame(
    archive.clips().map(clip => clip.originalPath),
    ['clip.mp4', 'clip.mp4'],
  );
});
