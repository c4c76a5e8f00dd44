import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { openClipFiles } from '../../src/archive/clip-files.ts';
import { checkedRelativePath, clipRelativePath, thumbnailRelativePath } from '../../src/archive/clip-path.ts';
import { newUploadId } from '../../src/archive/upload-id.ts';
import { makeArchive } from './sample-receipt.ts';

const bytes = randomBytes(2_500_000);
const expectedSha256 = createHash('sha256').update(bytes).digest('hex');
const at = Date.UTC(2026, 10, 21, 2, 14, 3, 999);

async function prepare(t: { testdir(): string; teardown(end: () => unknown): void }) {
  const directory = t.testdir();
  const archive = await makeArchive(directory);
  const source = join(directory, 'source');
  await writeFile(source, bytes);
  const media = await open(source, 'r');
  t.teardown(() => media.close());
  const relativePath = clipRelativePath({ camera: 'front', at, id: newUploadId(), extension: 'mp4' });
  const final = join(archive.dataDir, relativePath);
  const copy = { media, relativePath, bytes: bytes.length, expectedSha256 };
  return { ...archive, directory, source, files: openClipFiles(archive), copy, final };
}

t.test('paths are made of time in UTC, camera and id', async t => {
  const id = '0123456789abcdefghjkmnpqrs';
  const path = clipRelativePath({ camera: 'front-door', at, id, extension: 'mp4' });
  t.equal(path, `clips/front-door/2026/11/21/20261121T021403Z_front-door_${id}.mp4`);
  t.equal(
    thumbnailRelativePath(path),
    `thumbnails/front-door/2026/11/21/20261121T021403Z_front-door_${id}.jpg`,
  );
  const good = { camera: 'front', at, id, extension: 'mp4' };
  const bad = [
    { camera: '../x' },
    { id: `${id}x` },
    { id: '..' },
    { extension: '../x' },
    { extension: '' },
    { at: Number.NaN },
  ];
  for (const change of bad) t.throws(() => clipRelativePath({ ...good, ...change }), JSON.stringify(change));
  t.throws(() => clipRelativePath({ ...good, at: Date.UTC(10_000, 0) }));
  for (const text of [
    '../x',
    'clips/../../etc/passwd',
    `${path}/..`,
    `/${path}`,
    path.replace('front', 'back'),
  ])
    t.throws(() => checkedRelativePath(text, 'clips'), text);
  t.throws(() => checkedRelativePath(path, 'thumbnails'));
});

t.test('a clip is stored once, whole and read-only', async t => {
  const { files, copy, final, source } = await prepare(t);
  t.same(await files.copyIntoClips(copy), { state: 'stored' });
  t.same(await readFile(final), bytes);
  const { mode, nlink, ino } = await stat(final);
  t.equal(mode & 0o777, 0o400);
  t.equal(nlink, 1);
  t.not(ino, (await stat(source)).ino, 'never a hard link');
  t.same(await readdir(dirname(final)), [final.slice(dirname(final).length + 1)]);
  t.same(await files.copyIntoClips(copy), { state: 'stored' }, 'a second time');
  t.equal((await stat(final)).ino, ino, 'and it is the same file');
});

t.test('what an interrupted try left is replaced', async t => {
  const { files, copy, final } = await prepare(t);
  await mkdir(dirname(final), { recursive: true });
  await writeFile(`${final}.part`, 'half');
  t.same(await files.copyIntoClips(copy), { state: 'stored' });
  await writeFile(`${final}.part`, 'half');
  t.same(await files.copyIntoClips(copy), { state: 'stored' });
  t.same((await readdir(dirname(final))).length, 1);
});

t.test('bytes that are not those of the receipt are not stored', async t => {
  const { files, copy, final } = await prepare(t);
  for (const change of [
    { expectedSha256: '0'.repeat(64) },
    { bytes: bytes.length - 1 },
    { bytes: bytes.length + 1 },
    { bytes: 0 },
  ])
    t.match(await files.copyIntoClips({ ...copy, ...change }), { state: 'differs' }, JSON.stringify(change));
  t.same(await readdir(dirname(final)), []);
});

t.test('another file is never overwritten', async t => {
  const { files, copy, final } = await prepare(t);
  await mkdir(dirname(final), { recursive: true });
  for (const other of [Buffer.from('other'), randomBytes(bytes.length)]) {
    await writeFile(final, other);
    await t.rejects(files.copyIntoClips(copy), { name: 'FailedError' });
    t.same(await readFile(final), other);
  }
});

t.test('nor is one that appears while the clip is copied', async t => {
  const { files, copy, final } = await prepare(t);
  const media = Object.create(copy.media, {
    fd: { get: () => copy.media.fd },
    read: {
      value: async (...args: Parameters<typeof copy.media.read>) => {
        await writeFile(final, 'other');
        return copy.media.read(...args);
      },
    },
  }) as typeof copy.media;
  await t.rejects(files.copyIntoClips({ ...copy, media }), { name: 'FailedError', message: /appeared/ });
  t.equal(await readFile(final, 'utf8'), 'other');
  t.same((await readdir(dirname(final))).length, 1);
});

t.test('an aborted copy leaves nothing', async t => {
  const { files, copy, final } = await prepare(t);
  const reason = new Error('the daemon ends');
  await t.rejects(files.copyIntoClips({ ...copy, signal: AbortSignal.abort(reason) }), reason);
  t.same(await readdir(dirname(final)), []);
});

t.test('an empty file can be stored', async t => {
  const { files, copy, source } = await prepare(t);
  await writeFile(source, '');
  const sha256 = createHash('sha256').digest('hex');
  t.same(await files.copyIntoClips({ ...copy, bytes: 0, expectedSha256: sha256 }), { state: 'stored' });
});

t.test('without the marker nothing is stored', async t => {
  const { files, copy, dataDir } = await prepare(t);
  await rm(join(dataDir, 'MARKER'));
  await t.rejects(files.copyIntoClips(copy), { name: 'TransientError' });
  await t.rejects(files.writeThumbnail(thumbnailRelativePath(copy.relativePath), bytes), {
    name: 'TransientError',
  });
  t.same(await readdir(dataDir), []);
});

t.test('a thumbnail is written, and replaced by a later one', async t => {
  const { files, copy, dataDir } = await prepare(t);
  const path = thumbnailRelativePath(copy.relativePath);
  await files.writeThumbnail(path, Buffer.from('one'));
  await files.writeThumbnail(path, Buffer.from('two'));
  t.equal(await readFile(join(dataDir, path), 'utf8'), 'two');
  t.equal((await stat(join(dataDir, path))).mode & 0o777, 0o600);
  await t.rejects(files.writeThumbnail(copy.relativePath, bytes), /no path under thumbnails/);
});

t.test('an export is a copy, and overwrites nothing', async t => {
  const { files, copy, directory } = await prepare(t);
  await files.copyIntoClips(copy);
  const out = join(directory, 'out.mp4');
  await files.exportClip(copy.relativePath, out);
  t.same(await readFile(out), bytes);
  await t.rejects(files.exportClip(copy.relativePath, out), {
    name: 'FailedError',
    message: /exists already/,
  });
  await t.rejects(files.exportClip(copy.relativePath, join(directory, 'no', 'out.mp4')), {
    name: 'FailedError',
  });
  const missing = clipRelativePath({ camera: 'front', at, id: newUploadId(), extension: 'mp4' });
  await t.rejects(files.exportClip(missing, join(directory, 'new.mp4')), {
    name: 'FailedError',
    message: /cannot be read .* look whether its disk/,
  });
  t.notOk((await readdir(directory)).includes('new.mp4'));
});
