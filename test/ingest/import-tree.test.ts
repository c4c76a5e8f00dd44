import { appendFileSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import type { ImportReceipt } from '../../src/archive/import-receipt.ts';
import { openSourceTree } from '../../src/archive/source-tree.ts';
import { systemClock } from '../../src/base/clock.ts';
import { TransientError } from '../../src/base/errors.ts';
import { examineFile, type ImportParts, importFile } from '../../src/ingest/import-file.ts';
import { type ImportReport, importTree } from '../../src/ingest/import-tree.ts';
import { makeMp4 } from '../support/media.ts';
import { nameFrom, openSmallArchive, smallArchive, video } from './small-archive.ts';

const hour = 3_600_000;
const host = { name: 'old-server', user: 1000, version: '1.2.3' };

/** An archive beside a tree; `run` imports it and answers what was told of each file. */
async function importing(test: Test) {
  const archive = await smallArchive(test);
  const directory = join(archive.root, 'tree');
  mkdirSync(directory);
  const receipts: ImportReceipt[] = [];
  const parts: ImportParts = {
    ...archive.parts,
    catalogue: {
      ...archive.catalogue,
      fileClip(clip, receipt, ...more) {
        receipts.push(JSON.parse(receipt.body));
        return archive.catalogue.fileClip(clip, receipt, ...more);
      },
    },
    clock: systemClock,
    freeBytes: async () => 1000,
    minFreeBytes: 0,
    maxFileBytes: 1000,
    host,
  };
  const target = { camera: 'den', directory };
  const signal = new AbortController().signal;
  const collect = async (work: Parameters<typeof importTree>[1]) => {
    const tree = await openSourceTree({ directory, ours: [archive.dataDir] });
    const reports: ImportReport[] = [];
    for await (const report of importTree(tree, work, { signal, retryDelaysMs: [0, 0] }))
      reports.push(report);
    return reports;
  };
  return {
    ...archive,
    directory,
    parts,
    /** A file of the tree, last changed so long ago. */
    put(path: string, bytes: string | Uint8Array, ageMs = hour) {
      const file = join(directory, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      const at = new Date(Date.now() - ageMs);
      utimesSync(file, at, at);
      return { file, changedAt: changeOf(file) };
    },
    run: (more: Partial<ImportParts> = {}) =>
      collect((file, aborted) => importFile({ ...parts, ...more }, target, file, aborted)),
    examine: () => collect((file, aborted) => examineFile(parts, target, file, aborted)),
    receipts,
  };
}

/** In whole milliseconds; a number cannot tell the nanoseconds. */
function changeOf(file: string): number {
  return Number(statSync(file, { bigint: true }).mtimeNs / 1_000_000n);
}

const outcomes = (reports: readonly ImportReport[]) =>
  reports.map(({ path, outcome }) => `${path} ${outcome}`);

t.test('a file becomes a clip as if it had been uploaded when it was last changed', async t => {
  const archive = await importing(t);
  const path = `2026/09/27/${nameFrom(3610)}`;
  const { changedAt } = archive.put(path, 'bytes');
  const before = Date.now();
  const [report] = await archive.run();
  t.match(report, {
    path,
    outcome: 'filed',
    bytes: 5,
    completeness: 'unproven',
    time: { timeSource: 'name' },
  });
  const [clip] = archive.clips();
  t.match(clip, {
    originalPath: path,
    camera: 'den',
    bytes: 5,
    kind: 'video',
    timeSource: 'name',
    receivedAt: changedAt,
    completeness: 'unproven',
    completenessBasis: 'none',
    thumbnail: String,
  });
  t.ok((clip?.keptFrom ?? 0) >= before, 'retention counts from now');
  t.equal(archive.read(clip?.path), 'bytes');
  t.equal(statSync(join(archive.dataDir, clip?.path ?? '')).nlink, 1, 'a copy, not a link');
  t.equal(readFileSync(join(archive.directory, path), 'utf8'), 'bytes', 'the source is as it was');
  t.equal(changeOf(join(archive.directory, path)), changedAt);
});

t.test('its receipt says that it was imported, from where, when and by whom', async t => {
  const archive = await importing(t);
  const { file, changedAt } = archive.put('a/clip.mp4', 'bytes');
  await archive.run();
  const [clip] = archive.clips();
  const [receipt] = archive.receipts;
  t.match(receipt, {
    version: 1,
    type: 'import',
    id: clip?.id,
    camera: 'den',
    path: 'a/clip.mp4',
    bytes: 5,
    sha256: clip?.sha256,
    source: {
      directory: archive.directory,
      exactPath: null,
      modifiedNs: String(statSync(file, { bigint: true }).mtimeNs),
    },
    receivedAt: new Date(changedAt).toISOString(),
    host,
    completeness: 'unproven',
  });
  t.ok(Math.abs(Date.parse(receipt?.importedAt ?? '') - Date.now()) < 60_000);
});

t.test(
  'what its own format proves is whole, what it denies is partial, and nothing is close-notify',
  async t => {
    const archive = await importing(t);
    const mp4 = readFileSync(await makeMp4());
    archive.put('cut.mp4', mp4.subarray(0, mp4.length - 1));
    archive.put('empty.mp4', '');
    archive.put('raw.dav', 'DHAV, of which nobody can tell');
    archive.put('whole.mp4', mp4);
    await archive.run({ maxFileBytes: mp4.length, freeBytes: async () => mp4.length });
    t.strictSame(
      archive
        .clips()
        .map(clip => [clip.originalPath, clip.completeness, clip.completenessBasis])
        .sort(),
      [
        ['cut.mp4', 'partial', 'none'],
        ['empty.mp4', 'partial', 'none'],
        ['raw.dav', 'unproven', 'none'],
        ['whole.mp4', 'whole', 'container'],
      ],
    );
  },
);

t.test('running it again imports what is new and does not read what is there', async t => {
  const archive = await importing(t);
  archive.put('a.mp4', 'first');
  t.strictSame(outcomes(await archive.run()), ['a.mp4 filed']);
  const files = archive.files();
  const reading = { media: { look: t.fail, thumbnail: t.fail } } as unknown as Partial<ImportParts>;
  t.strictSame(outcomes(await archive.run(reading)), ['a.mp4 known']);
  t.strictSame(archive.files(), files);
  archive.put('b.mp4', 'second');
  t.strictSame(outcomes(await archive.run()), ['a.mp4 known', 'b.mp4 filed']);
  t.equal(archive.clips().length, 2);
});

t.test('another size, another time of change, another camera: another file', async t => {
  const archive = await importing(t);
  archive.put('a.mp4', 'first', 2 * hour);
  await archive.run();
  archive.put('a.mp4', 'other', hour);
  t.strictSame(outcomes(await archive.run()), ['a.mp4 filed'], 'other bytes are another clip');
  archive.put('a.mp4', 'other', hour / 2);
  t.strictSame(outcomes(await archive.run()), ['a.mp4 repeat'], 'the same bytes are one more receipt');
  t.equal(archive.clips().length, 2);
});

t.test('what a camera uploaded before is a repeat of that clip', async t => {
  const archive = await importing(t);
  await archive.file(archive.upload('a1', 'bytes', { path: 'x/clip.mp4' }));
  archive.put('x/clip.mp4', 'bytes');
  t.strictSame(outcomes(await archive.run()), ['x/clip.mp4 repeat']);
  t.match(archive.clips(), [{ completeness: 'whole', completenessBasis: 'close-notify' }]);
});

t.test('an imported whole supersedes the partial that the camera left', async t => {
  const archive = await importing(t);
  const mp4 = readFileSync(await makeMp4());
  const partial = { completeness: 'partial', completenessBasis: 'none', path: 'clip.mp4' } as const;
  await archive.file(archive.upload('a1', mp4.subarray(0, 1000), partial));
  archive.put('clip.mp4', mp4);
  await archive.run({ maxFileBytes: mp4.length, freeBytes: async () => mp4.length });
  t.equal(archive.clip('a1')?.supersededBy, archive.clips().find(clip => clip.completeness === 'whole')?.id);
});

t.test('a time of change in the future counts as the kernel knows better', async t => {
  const archive = await importing(t);
  archive.put('a.mp4', 'bytes', -100 * 24 * hour);
  archive.put('b.mp4', 'before there were cameras', Date.now() + 1000);
  await archive.run();
  const received = new Map(archive.clips().map(clip => [clip.originalPath, clip.receivedAt]));
  t.ok(Math.abs((received.get('a.mp4') ?? 0) - Date.now()) < 60_000);
  t.equal(received.get('b.mp4'), 0);
});

t.test('a file that grows while it is read is told and not filed, and nothing of it stays', async t => {
  const archive = await importing(t);
  const { file } = archive.put('a.mp4', 'bytes');
  archive.put('b.mp4', 'others');
  const before = archive.files();
  const growing = (at: 'look' | 'thumbnail') => ({
    media: {
      ...archive.parts.media,
      look: async (path: string) => {
        if (at === 'look' && archive.read('../tree/a.mp4') === 'bytes') appendFileSync(file, '!');
        return archive.parts.media.look(path);
      },
    },
  });
  t.strictSame(outcomes(await archive.run(growing('look'))), ['a.mp4 changed', 'b.mp4 filed']);
  t.strictSame(
    archive.clips().map(clip => clip.originalPath),
    ['b.mp4'],
  );
  t.equal(archive.files().length, before.length + 2, 'the clip of b and its thumbnail');
  t.strictSame(outcomes(await archive.run()), ['a.mp4 filed', 'b.mp4 known'], 'the next run takes it');
});

t.test('a file may have as many bytes as an upload, and not one more', async t => {
  const archive = await importing(t);
  archive.put('a', 'x'.repeat(9));
  archive.put('b', 'x'.repeat(10));
  archive.put('c', 'x'.repeat(11));
  const reports = await archive.run({ maxFileBytes: 10 });
  t.strictSame(outcomes(reports), ['a filed', 'b filed', 'c too-large']);
  t.match(reports[2], { why: /11 bytes/ });
});

t.test('what would leave less room than is to stay free ends the import with a sentence', async t => {
  const archive = await importing(t);
  archive.put('a', 'x'.repeat(10));
  const room = (freeBytes: number) => ({ minFreeBytes: 100, freeBytes: async () => freeBytes });
  await t.rejects(archive.run(room(109)), { name: 'NoRoomError', message: /109 bytes free, and 100/ });
  t.strictSame(archive.clips(), []);
  t.strictSame(outcomes(await archive.run(room(110))), ['a filed']);
  t.strictSame(outcomes(await archive.run(room(0))), ['a known'], 'what is there needs no room');
});

t.test('what may pass is tried again, and then ends the import with a sentence that says where', async t => {
  const archive = await importing(t);
  archive.put('a', 'bytes');
  let tries = 0;
  const busy = (times: number) => ({
    catalogue: {
      ...archive.catalogue,
      fileClip: (...args: Parameters<typeof archive.catalogue.fileClip>) => {
        if (++tries <= times) throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
        return archive.catalogue.fileClip(...args);
      },
    },
  });
  t.strictSame(outcomes(await archive.run(busy(2))), ['a filed']);
  t.equal(tries, 3);
  tries = 0;
  archive.put('b', 'others');
  await t.rejects(archive.run(busy(3)), {
    name: 'FailedError',
    message: /stopped at "b" \(database is locked\): .* goes on there/,
  });
  const gone = { requireMarker: () => Promise.reject(new TransientError('The disk is not there.')) };
  await t.rejects(archive.run(gone), { name: 'FailedError', message: /The disk is not there/ });
  const full = {
    clipFiles: {
      ...archive.parts.clipFiles,
      copyIntoClips: () => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })),
    },
  };
  await t.rejects(archive.run(full), { name: 'FailedError', message: /EIO/ }, 'our disk is every file’s');
});

t.test('what trips over one file concerns that file alone', async t => {
  const archive = await importing(t);
  archive.put('a', 'bytes');
  archive.put('b', 'others');
  const media = {
    ...archive.parts.media,
    look: async (path: string) => {
      if (readFileSync(path, 'utf8') === 'bytes') throw new TypeError('x is undefined');
      return video;
    },
  };
  const reports = await archive.run({ media });
  t.match(reports, [
    { path: 'a', outcome: 'failed', why: 'x is undefined' },
    { path: 'b', outcome: 'filed' },
  ]);
});

t.test('a dry run tells the same and writes nothing', async t => {
  const archive = await importing(t);
  await archive.file(archive.upload('a1', 'bytes', { path: 'b' }));
  archive.put('b', 'bytes');
  archive.put(`c/${nameFrom(3610)}`, 'bytes');
  const before = archive.files();
  const reports = await archive.examine();
  t.strictSame(archive.files(), before);
  t.equal(archive.clips().length, 1);
  t.strictSame(reports, (await archive.run()) as unknown, 'and the import then does just that');
});

t.test('an import that was killed between any two steps is continued as if nothing had happened', async t => {
  const steps = ['look', 'copyIntoClips', 'thumbnail', 'writeThumbnail', 'fileClip'] as const;
  for (const step of steps) {
    const archive = await importing(t);
    archive.put('a', 'first');
    archive.put('b', 'second');
    let isDead = false;
    class Killed extends Error {
      readonly code = 'EKILLED';
    }
    const dying = <A extends unknown[], R>(name: string, work: (...args: A) => R) =>
      ((...args: A) => {
        if (isDead) throw new Killed();
        const done = work(...args);
        if (name !== step) return done;
        isDead = true;
        if (!(done instanceof Promise)) throw new Killed();
        return done.then(() => Promise.reject(new Killed()));
      }) as (...args: A) => R;
    const { media, clipFiles, catalogue } = archive.parts;
    await t.rejects(
      archive.run({
        media: { look: dying('look', media.look), thumbnail: dying('thumbnail', media.thumbnail) },
        clipFiles: {
          ...clipFiles,
          copyIntoClips: dying('copyIntoClips', clipFiles.copyIntoClips),
          writeThumbnail: dying('writeThumbnail', clipFiles.writeThumbnail),
        },
        catalogue: { ...catalogue, fileClip: dying('fileClip', catalogue.fileClip) },
      }),
      { name: 'FailedError' },
      step,
    );
    await archive.run();
    t.strictSame(
      archive
        .clips()
        .map(clip => clip.originalPath)
        .sort(),
      ['a', 'b'],
      step,
    );
    const kept = archive.files().filter(file => /^(clips|thumbnails)/.test(file));
    t.equal(kept.length, 4, `${step}: a clip and a thumbnail each`);
    t.ok(archive.clips().every(clip => archive.read(clip.path).length === clip.bytes));
  }
});

t.test('a signal ends it in the middle of a file, with nothing half filed', async t => {
  const archive = await importing(t);
  archive.put('a', 'first');
  archive.put('b', 'second');
  const ending = new AbortController();
  const tree = await openSourceTree({ directory: archive.directory, ours: [] });
  const parts = {
    ...archive.parts,
    media: {
      ...archive.parts.media,
      thumbnail: async () => {
        ending.abort(new Error('enough'));
        return { jpeg: null, problem: 'none' };
      },
    },
  };
  const reports: ImportReport[] = [];
  await t.rejects(
    (async () => {
      const work = importTree(
        tree,
        (file, signal) => importFile(parts, { camera: 'den', directory: '' }, file, signal),
        { signal: ending.signal },
      );
      for await (const report of work) reports.push(report);
    })(),
    { message: 'enough' },
  );
  t.strictSame(reports, []);
  t.strictSame(archive.clips(), []);
  t.strictSame(outcomes(await archive.run()), ['a filed', 'b filed']);
  t.equal((await openSmallArchive(t, archive.root)).clips().length, 2);
});
