import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { open, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { openClipFiles } from '../../src/archive/clip-files.ts';
import { clipRelativePath, thumbnailRelativePath } from '../../src/archive/clip-path.ts';
import { openFootageFiles } from '../../src/archive/footage-files.ts';
import { footageRelativePath } from '../../src/archive/footage-path.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { removeMedia } from '../../src/archive/removal.ts';

const day = Date.UTC(2026, 10, 21, 2, 14, 3);
const idOf = (word: string) => word.padEnd(26, '0');

async function storedMedia(t: Test) {
  const root = t.testdir({});
  const dataDir = join(root, 'data');
  const archiveId = await openMarker({ dataDir, stateDir: join(root, 'state') });
  const ours = { dataDir, archiveId };
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(dataDir, path)), { recursive: true });
    writeFileSync(join(dataDir, path), text, { mode: 0o400 });
  };
  return {
    ...ours,
    root,
    put,
    at: (path: string) => join(dataDir, path),
    has: (path: string) => existsSync(join(dataDir, path)),
    clip(word: string, at = day, camera = 'den') {
      const path = clipRelativePath({ camera, id: idOf(word), at, extension: 'mp4' });
      const thumbnail = thumbnailRelativePath(path);
      put(path, `media of ${word}`);
      put(thumbnail, `small ${word}`);
      return { id: idOf(word), camera, type: 'clip' as const, path, thumbnail };
    },
    segment(word: string, startAt: number, suffix = '') {
      const path = footageRelativePath({ camera: 'den', id: idOf(word), startAt });
      put(`${path}${suffix}`, `footage ${word}`);
      return { id: idOf(word), camera: 'den', type: 'segment' as const, path, thumbnail: null };
    },
    remove: (...media: Parameters<typeof removeMedia>[1]) => removeMedia(ours, media),
  };
}

t.test('a clip and its thumbnail go, and the directories that are empty then', async t => {
  const archive = await storedMedia(t);
  const old = archive.clip('a', day - 40 * 86_400_000);
  const [one, other] = [archive.clip('b'), archive.clip('c')];
  const elsewhere = archive.clip('d', day, 'porch');
  t.equal((await archive.remove(old, one, elsewhere)).size, 0);
  for (const { path, thumbnail } of [old, one, elsewhere])
    for (const each of [path, thumbnail]) t.notOk(archive.has(each), each);
  t.ok(archive.has(other.path) && archive.has(other.thumbnail), 'its neighbour stays');
  t.notOk(archive.has('clips/den/2026/10'), 'the month before is empty');
  t.notOk(archive.has('clips/porch') || archive.has('thumbnails/porch'), 'so is the other camera');
  await archive.remove(other);
  t.same(readdirSync(archive.dataDir).sort(), ['MARKER', 'clips', 'thumbnails']);
  t.same(readdirSync(archive.at('clips')), []);
});

t.test('what is gone already is fine, wherever an interruption has left it', async t => {
  const archive = await storedMedia(t);
  const clip = archive.clip('a');
  unlinkSync(archive.at(clip.path));
  t.equal((await archive.remove(clip)).size, 0, 'the file');
  t.notOk(archive.has('clips/den'), 'and the directories are tidied up');
  archive.clip('a');
  unlinkSync(archive.at(clip.path));
  rmdirSync(archive.at(dirname(clip.path)));
  t.equal((await archive.remove(clip)).size, 0, 'its directory');
  t.notOk(archive.has('clips/den'), 'and those above it');
  rmSync(archive.at('clips'), { recursive: true });
  t.equal((await archive.remove(clip)).size, 0, 'all of it');
});

t.test('without the marker, or with another one, nothing goes', async t => {
  const archive = await storedMedia(t);
  const clip = archive.clip('a');
  const refused = { name: 'TransientError', message: /does not hold the marker/ };
  writeFileSync(archive.at('MARKER'), '00000000-0000-4000-8000-000000000000\n');
  await t.rejects(archive.remove(clip), refused);
  rmSync(archive.at('MARKER'));
  await t.rejects(archive.remove(clip), refused);
  t.ok(archive.has(clip.path) && archive.has(clip.thumbnail));
  renameSync(archive.dataDir, `${archive.dataDir}-away`);
  await t.rejects(archive.remove(clip), refused, 'nor where there is no directory at all');
});

t.test('a link in the place of a directory is not followed, on no level', async t => {
  for (const planted of [
    'clips',
    'clips/den',
    'clips/den/2026',
    'clips/den/2026/11',
    'clips/den/2026/11/21',
  ]) {
    const archive = await storedMedia(t);
    const clip = archive.clip('a');
    const safe = archive.clip('b', day, 'porch');
    const outside = join(archive.root, `outside${planted.replaceAll('/', '-')}`);
    renameSync(archive.at(planted), outside);
    symlinkSync(outside, archive.at(planted));
    const failed = await archive.remove(clip, safe);
    t.match(failed.get(clip.id), /ELOOP|ENOTDIR/, planted);
    t.ok(existsSync(join(outside, clip.path.slice(planted.length + 1))), 'it is untouched');
    t.equal(existsSync(archive.at(safe.path)), planted === 'clips', 'the others are not kept waiting');
    rmSync(outside, { recursive: true });
  }
});

t.test('what is no regular file is left alone, and where a link leads too', async t => {
  const archive = await storedMedia(t);
  const [linked, directory, good] = [archive.clip('a'), archive.clip('b'), archive.clip('c')];
  const target = join(archive.root, 'precious');
  writeFileSync(target, 'precious');
  unlinkSync(archive.at(linked.path));
  symlinkSync(target, archive.at(linked.path));
  unlinkSync(archive.at(directory.path));
  mkdirSync(archive.at(directory.path));
  const failed = await archive.remove(linked, directory, good);
  t.same(
    [...failed],
    [
      [linked.id, 'it is not a regular file'],
      [directory.id, 'it is not a regular file'],
    ],
  );
  t.equal(readFileSync(target, 'utf8'), 'precious');
  t.ok(archive.has(linked.path) && archive.has(directory.path));
  t.notOk(archive.has(good.path));
});

t.test('a row that names a file that is not its own deletes nothing', async t => {
  const archive = await storedMedia(t);
  const [own, other] = [archive.clip('a'), archive.clip('b')];
  const elsewhere = archive.clip('a', day, 'porch');
  writeFileSync(join(archive.root, 'precious.mp4'), 'precious');
  const edited: Partial<typeof own>[] = [
    { path: other.path },
    { path: elsewhere.path },
    { thumbnail: other.thumbnail },
    { thumbnail: other.path },
    { path: '../precious.mp4' },
    { path: `clips/den/2026/11/21/../../../../../../precious.mp4` },
    { path: 'MARKER' },
    { path: own.thumbnail },
    { camera: 'porch' },
    { id: idOf('b') },
  ];
  for (const row of edited) {
    const failed = await archive.remove({ ...own, ...row });
    t.match([...failed.values()], ['the row names a file that is not its own'], JSON.stringify(row));
  }
  for (const { path, thumbnail } of [own, other, elsewhere])
    t.ok(archive.has(path) && archive.has(thumbnail));
  t.ok(existsSync(join(archive.root, 'precious.mp4')) && archive.has('MARKER'));
});

t.test('a file that may not be unlinked is told, and the others go', { skip: whyNotImmutable() }, async t => {
  const archive = await storedMedia(t);
  const [stuck, good] = [archive.clip('a'), archive.clip('b')];
  chattr('+i', archive.at(stuck.path));
  t.teardown(() => archive.has(stuck.path) && chattr('-i', archive.at(stuck.path)));
  t.same([...(await archive.remove(stuck, good))], [[stuck.id, 'EPERM']]);
  t.ok(archive.has(stuck.path));
  t.notOk(archive.has(good.path));
  chattr('-i', archive.at(stuck.path));
  t.equal((await archive.remove(stuck)).size, 0);
  t.notOk(archive.has(stuck.path));
});

t.test(
  'a segment goes with the directories that are empty then, and never one that is being written',
  async t => {
    const archive = await storedMedia(t);
    const old = archive.segment('a', day);
    const [one, other] = [archive.segment('b', day + 3_600_000), archive.segment('c', day + 3_600_001)];
    const open = archive.segment('w', day + 7_200_000, '.open');
    const opened = { ...open, path: `${open.path}.open` };
    t.same([...(await archive.remove(old, one, open, opened)).keys()], [opened.id]);
    t.notOk(archive.has(old.path) || archive.has(dirname(old.path)) || archive.has(one.path));
    t.ok(archive.has(other.path) && archive.has(opened.path));
    const foreign = { ...other, id: idOf('x') };
    const clip = archive.clip('d');
    const twisted = [foreign, { ...other, type: 'clip' as const }, { ...clip, type: 'segment' as const }];
    for (const each of twisted) t.equal((await archive.remove(each)).size, 1, `${each.type} ${each.path}`);
    t.equal((await archive.remove({ ...other, thumbnail: clip.thumbnail })).size, 1);
    t.ok(archive.has(other.path) && archive.has(clip.path) && archive.has(clip.thumbnail));
    await archive.remove(other);
    t.same(readdirSync(archive.at('footage')), ['den'], 'what is being written keeps its directory');
  },
);

t.test('a segment is begun also when its directory is removed before it is in it', async t => {
  const archive = await storedMedia(t);
  const files = openFootageFiles(archive);
  let removals = 0;
  for (let round = 0; round < 20; round++) {
    const path = footageRelativePath({ camera: 'den', id: idOf(`b${round}`), startAt: day });
    let isCreated = false;
    const pruned = (async () => {
      // A deletion in this hour, again and again.
      while (!isCreated) {
        const gone = { id: idOf('gone'), camera: 'den', type: 'segment' as const, thumbnail: null };
        await archive.remove({ ...gone, path: path.replace(idOf(`b${round}`), idOf('gone')) });
        removals++;
      }
    })();
    const file = await files.create(path).finally(() => {
      isCreated = true;
    });
    await pruned;
    await file.append(Buffer.from('x'));
    await file.finish();
    t.ok(archive.has(path));
    await archive.remove({ id: idOf(`b${round}`), camera: 'den', type: 'segment', path, thumbnail: null });
  }
  t.ok(removals > 20, `${removals}`);
});

t.test('a clip is stored also when its directory is removed before it is in it', async t => {
  const archive = await storedMedia(t);
  const clipFiles = openClipFiles(archive);
  const source = join(archive.root, 'source');
  writeFileSync(source, 'x');
  const expectedSha256 = createHash('sha256').update('x').digest('hex');
  let removals = 0;
  for (let round = 0; round < 10; round++) {
    const id = idOf(`b${round}`);
    const path = clipRelativePath({ camera: 'den', id, at: day, extension: 'mp4' });
    const thumbnail = thumbnailRelativePath(path);
    const coming = { id, camera: 'den', type: 'clip' as const, path, thumbnail };
    let isStored = false;
    const pruned = (async () => {
      for (const directory of [dirname(coming.path), dirname(coming.thumbnail)])
        while (!isStored && !(await isRemoved(archive.at(directory))));
    })();
    try {
      await using media = await open(source);
      await clipFiles.copyIntoClips({ media, relativePath: path, bytes: 1, expectedSha256 });
      await clipFiles.writeThumbnail(coming.thumbnail, Buffer.from('small'));
    } finally {
      isStored = true;
      await pruned;
    }
    t.ok(archive.has(path) && archive.has(coming.thumbnail));
    await archive.remove(coming);
    t.same(readdirSync(archive.at('clips')), []);
  }
  t.ok(removals > 0, `${removals} directories were removed under a clip`);

  async function isRemoved(path: string): Promise<boolean> {
    try {
      await rmdir(path);
      removals++;
      return true;
    } catch {
      return false;
    }
  }
});

function chattr(flag: '+i' | '-i', path: string): void {
  execFileSync('chattr', [flag, path], { stdio: 'ignore' });
}

function whyNotImmutable(): string | false {
  const file = join(mkdtempSync(join(tmpdir(), 'clipward-immutable-')), 'file');
  writeFileSync(file, '');
  try {
    chattr('+i', file);
    chattr('-i', file);
    return false;
  } catch {
    return 'an immutable file needs root, and a file system that knows it';
  } finally {
    rmSync(dirname(file), { recursive: true });
  }
}
