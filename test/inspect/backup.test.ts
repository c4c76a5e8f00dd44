// A backup of an archive in which things happen at the worst moment: each is made to happen while a certain file is copied.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import t, { type Test } from 'tap';
import { type Copier, openCopier } from '../../src/archive/copy-out.ts';
import { footageRelativePath } from '../../src/archive/footage-path.ts';
import { readArchiveId } from '../../src/archive/marker.ts';
import { removeMedia } from '../../src/archive/removal.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { backupMedia, settleCatalogue } from '../../src/inspect/backup/backup.ts';
import { openTarget } from '../../src/inspect/backup/target.ts';
import { sampleSegment } from '../catalogue/sample-segment.ts';
import { idOf } from '../ingest/small-archive.ts';
import { checkedArchive, pathOf } from './checked-archive.ts';

type Happening = (path: string) => Promise<void> | void;

async function archiveToBackUp(t: Test) {
  const archive = await checkedArchive(t);
  const { root, dataDir, stateDir, catalogue } = archive;
  const archiveId = await readArchiveId(stateDir);
  const out = join(root, 'backup');
  const backUp = async (
    more: Readonly<{ before?: Happening; resume?: boolean; signal?: AbortSignal }> = {},
  ) => {
    await using target = await openTarget({
      ...{ out, resume: more.resume ?? false, archiveId, ours: [dataDir, stateDir] },
    });
    const copied: string[] = [];
    const report = await backupMedia({
      ...{ dataDir, stateDir, archiveId, target, live: catalogue, signal: more.signal },
      copier: watched(join(out, 'data'), copied, more.before),
      maxUploadBytes: 1_000_000,
      onProgress() {},
    });
    await settleCatalogue(target);
    return { ...report, copied };
  };
  return {
    ...archive,
    ...{ archiveId, out, backUp },
    /** As retention does it: row to garbage, file away, garbage forgotten. */
    async deleteClip(word: string) {
      const row = catalogue.clip(idOf(word));
      if (row === undefined) throw new Error('the clip was to be there');
      const garbage = catalogue.makeGarbage([{ ...row, mediaClass: 'clip', reason: 'age' }], Date.now());
      if (garbage.length !== 1) throw new Error('it was to become garbage');
      await removeMedia({ dataDir, archiveId }, garbage);
      catalogue.forgetGarbage(garbage.map(({ id }) => id));
    },
    /** What is in the backup: the rows, and the files below clips/ and thumbnails/. */
    found: () => contentsOf(out),
  };
}

function watched(dataDir: string, copied: string[], before: Happening = () => {}): Copier {
  const copier = openCopier();
  return {
    ...copier,
    async copy(task) {
      const path = relative(dataDir, task.to);
      await before(path);
      const result = await copier.copy(task);
      if (result.state === 'copied' || result.state === 'shared') copied.push(path);
      return result;
    },
  };
}

function contentsOf(out: string) {
  using catalogue = openCatalogue({ file: join(out, 'state', 'catalogue.db'), readOnly: true });
  const rows = [...catalogue.keptFiles()];
  const names = readdirSync(join(out, 'data'), { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => relative(join(out, 'data'), join(entry.parentPath, entry.name)));
  const inTree = (top: string) => names.filter(name => name.startsWith(`${top}/`)).sort();
  return {
    ids: rows.map(({ id }) => id).sort(),
    paths: rows.map(({ path }) => path).sort(),
    thumbnails: rows.flatMap(({ thumbnail }) => (thumbnail === null ? [] : [thumbnail])).sort(),
    clipFiles: inTree('clips'),
    thumbnailFiles: inTree('thumbnails'),
    inboxFiles: inTree('inbox'),
    quarantineFiles: inTree('quarantine'),
  };
}

/** Happens once, before the first file whose path has this in it is copied. */
function once(part: string, work: Happening): Happening {
  let isDone = false;
  return async path => {
    if (isDone || !path.includes(part)) return;
    isDone = true;
    await work(path);
  };
}

type Found = ReturnType<typeof contentsOf>;

/** Every row has its file and its thumbnail, and nothing else is there. */
function isWhole(t: Test, found: Found): void {
  t.same(found.clipFiles, found.paths, 'files are those of the rows');
  t.same(found.thumbnailFiles, found.thumbnails, 'thumbnails too');
}

t.test('a quiet archive is copied as it is, for its owner alone', async t => {
  const archive = await archiveToBackUp(t);
  for (const word of ['a1', 'a2', 'a3']) await archive.clip(word);
  const report = await archive.backUp();
  const found = archive.found();
  isWhole(t, found);
  t.same(found.ids, ['a1', 'a2', 'a3'].map(idOf));
  t.match(report, { clips: 3, segments: 0, waiting: 0, quarantined: 0, findings: [] });
  t.match(report.head, /^3-[0-9a-f]{64}$/);
  for (const path of found.clipFiles)
    t.same(readFileSync(join(archive.out, 'data', path)), readFileSync(archive.at(path)));
  const names = readdirSync(archive.out, { recursive: true }) as string[];
  for (const path of ['', ...names]) t.equal(statSync(join(archive.out, path)).mode & 0o077, 0, path);
});

t.test('what is filed while the rest is being copied is in the backup', async t => {
  const archive = await archiveToBackUp(t);
  await archive.clip('a1');
  // Sorted before and after what is copied at that moment.
  await archive.backUp({
    before: once('clips/', async () => {
      await archive.clip('b1', { secondsAgo: 3000 });
      await archive.clip('b2', { secondsAgo: 1 });
    }),
  });
  isWhole(t, archive.found());
  t.same(archive.found().ids, ['a1', 'b1', 'b2'].map(idOf));
});

t.test('what retention deletes before the catalogue is copied is not in the backup', async t => {
  const archive = await archiveToBackUp(t);
  await archive.clip('a1');
  await archive.clip('a2');
  const path = pathOf(archive, 'a1');
  let isCopied = false;
  const { copied } = await archive.backUp({
    before: async file => {
      if (file === path) isCopied = true;
      else if (isCopied && archive.catalogue.clip(idOf('a1'))) await archive.deleteClip('a1');
    },
  });
  t.ok(copied.includes(path), 'it had been copied by then');
  isWhole(t, archive.found());
  t.same(archive.found().ids, [idOf('a2')]);
});

t.test('what retention deletes after the catalogue is copied is in the backup with its file', async t => {
  const archive = await archiveToBackUp(t);
  await archive.clip('a1');
  await archive.clip('a2');
  let looks = 0;
  await archive.backUp({
    before: async file => {
      // The second look is after the catalogue was copied.
      if (file === pathOf(archive, 'a1') && ++looks === 2) await archive.deleteClip('a1');
    },
  });
  t.equal(looks, 2);
  t.notOk(existsSync(archive.at(archive.found().paths[0] ?? '')), 'it is gone from the archive');
  isWhole(t, archive.found());
  t.same(archive.found().ids, ['a1', 'a2'].map(idOf));
});

t.test(
  'a clip that is filed and deleted again within the backup makes it take the catalogue again',
  async t => {
    const archive = await archiveToBackUp(t);
    await archive.clip('a1');
    let isFiled = false;
    await archive.backUp({
      before: async file => {
        if (!isFiled) {
          isFiled = true;
          await archive.clip('b1', { secondsAgo: 1000, media: 'short-lived' });
          return;
        }
        // It was not there when the media was copied, so this is after the catalogue.
        if (file === pathOf(archive, 'b1')) await archive.deleteClip('b1');
      },
    });
    isWhole(t, archive.found());
    t.same(archive.found().ids, [idOf('a1')]);
  },
);

t.test('an upload that waits is in the backup, also when it is filed meanwhile', async t => {
  const archive = await archiveToBackUp(t);
  await archive.clip('a1');
  archive.upload('c1', 'waits');
  archive.upload('c2', 'is filed');
  const report = await archive.backUp({
    before: once(`inbox/den/${idOf('c2')}/`, () =>
      archive.file({ camera: 'den', id: idOf('c2') }).then(() => {}),
    ),
  });
  const found = archive.found();
  isWhole(t, found);
  t.ok(found.inboxFiles.includes(`inbox/den/${idOf('c1')}/media`));
  t.ok(found.ids.includes(idOf('c2')), 'filed between the inbox and the catalogue');
  t.notOk(
    found.inboxFiles.some(path => path.includes(idOf('c2'))),
    'no entry that is half one',
  );
  t.equal(report.findings.length, 0);
});

t.test(
  'what a receiver that was taken over left in the inbox is not followed, waited for or blown up',
  async t => {
    const archive = await archiveToBackUp(t);
    await archive.clip('a1');
    archive.upload('c1', 'honest');
    const entry = join(archive.dataDir, 'inbox', 'den', idOf('c3'));
    mkdirSync(entry);
    symlinkSync('/etc/passwd', join(entry, 'receipt.json'));
    execFileSync('mkfifo', [join(entry, 'media')]);
    writeFileSync(join(entry, 'hole'), '');
    truncateSync(join(entry, 'hole'), 1_000_001);
    writeFileSync(join(entry, 'allowed'), '');
    truncateSync(join(entry, 'allowed'), 1_000_000);
    symlinkSync('/etc', join(archive.dataDir, 'inbox', 'den', idOf('c4')));
    writeFileSync(join(archive.dataDir, 'inbox', 'stray'), 'x');
    const report = await archive.backUp();
    t.same(archive.found().inboxFiles, [
      `inbox/den/${idOf('c1')}/media`,
      `inbox/den/${idOf('c1')}/receipt.json`,
      `inbox/den/${idOf('c3')}/allowed`,
    ]);
    t.same(report.findings.map(({ path }) => path).sort(), [
      'inbox/./stray',
      ...['hole', 'media', 'receipt.json'].map(name => `inbox/den/${idOf('c3')}/${name}`),
    ]);
  },
);

t.test(
  'cases of the quarantine come with their rows, and one that was just put aside with neither',
  async t => {
    const archive = await archiveToBackUp(t);
    const putAside = async (word: string) => {
      const entry = archive.upload(word, 'odd');
      archive.catalogue.addQuarantined({ ...entry, reason: 'odd', at: Date.now() });
      await archive.quarantine.quarantineEntry(entry, 'odd', new Date());
    };
    await archive.clip('a1');
    await putAside('d1');
    let looks = 0;
    const report = await archive.backUp({
      before: async path => {
        if (path === pathOf(archive, 'a1') && ++looks === 2) await putAside('d2');
      },
    });
    t.equal(report.quarantined, 1);
    t.ok(archive.found().quarantineFiles.includes(`quarantine/den/${idOf('d1')}/entry/media`));
    t.notOk(archive.found().quarantineFiles.some(path => path.includes(idOf('d2'))));
  },
);

t.test('footage comes with its rows, and what is being written as far as it is written', async t => {
  const archive = await archiveToBackUp(t);
  const { catalogue } = archive;
  const segment = (word: string, startAt: number) => {
    const id = idOf(word);
    const path = footageRelativePath({ camera: 'den', startAt, id });
    const bytes = Buffer.from(`footage of ${word}`);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { bytes, row: sampleSegment(id, startAt, { camera: 'den', path, bytes: bytes.length, sha256 }) };
  };
  const open = (word: string, startAt: number) => {
    const { row, bytes } = segment(word, startAt);
    const { id, camera, run, path } = row;
    const opened = { id, camera, run, path, startAt, endAt: startAt, writtenAt: startAt };
    archive.put(`${row.path}.open`, bytes.toString());
    return { opened, path: row.path, bytes };
  };
  const done = segment('a1', 1_763_690_000_000);
  archive.put(done.row.path, done.bytes.toString());
  const next = open('a2', 1_763_690_060_000);
  catalogue.fileSegment(done.row, { open: next.opened });
  // Finished, but for its row, at the moment when it is to be copied.
  const finish = once(`${next.path}.open`, () =>
    renameSync(archive.at(`${next.path}.open`), archive.at(next.path)),
  );
  const report = await archive.backUp({ before: finish });
  t.match(report, { clips: 0, segments: 1, findings: [] });
  const files = () => readdirSync(join(archive.out, 'data', dirname(done.row.path))).sort();
  t.same(files(), [done.row.path, next.path].map(path => basename(path)).sort());

  renameSync(archive.at(next.path), archive.at(`${next.path}.open`));
  rmSync(archive.out, { recursive: true });
  await archive.backUp();
  t.same(files(), [done.row.path, `${next.path}.open`].map(path => basename(path)).sort());
  t.same(readFileSync(join(archive.out, 'data', `${next.path}.open`)), next.bytes);
});

t.test('what is missing or has changed is told, and the rest is copied', async t => {
  const archive = await archiveToBackUp(t);
  for (const word of ['a1', 'a2', 'a3', 'a4']) await archive.clip(word);
  const [missing, changed, link] = ['a1', 'a2', 'a3'].map(word => pathOf(archive, word)) as [
    string,
    string,
    string,
  ];
  archive.remove(missing);
  archive.overwrite(changed, 'media of aX');
  archive.remove(link);
  symlinkSync('/etc/passwd', archive.at(link));
  const report = await archive.backUp();
  const told = (facts: typeof report) => facts.findings.map(({ path }) => path).sort();
  t.same(told(report), [missing, changed, link].sort());
  t.equal(readFileSync(join(archive.out, 'data', changed), 'utf8'), 'media of aX', 'as it is');
  t.same(archive.found().clipFiles, [changed, pathOf(archive, 'a4')].sort());
});

t.test('one that is interrupted says so, starts no daemon, and goes on', async t => {
  const archive = await archiveToBackUp(t);
  for (const word of ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9']) await archive.clip(word);
  archive.overwrite(pathOf(archive, 'a1'), 'media of aX');
  const stop = new AbortController();
  await t.rejects(
    archive.backUp({ signal: stop.signal, before: once(pathOf(archive, 'a6'), () => stop.abort()) }),
    { name: 'AbortError' },
  );
  t.match(readFileSync(join(archive.out, 'INCOMPLETE'), 'utf8'), /not complete.*--resume/s);
  t.notOk(existsSync(join(archive.out, 'state', 'catalogue.db')));
  t.notOk(existsSync(join(archive.out, 'state', 'archive-id')));
  const [path = ''] = contentsOfInterrupted(archive.out);
  // As a kill in the middle of a file leaves it.
  writeFileSync(join(archive.out, 'data', `${path}.part`), 'half');
  archive.upload('c1', 'waits');
  const waiting = join(archive.out, 'data', 'inbox', 'den', idOf('c1'));
  mkdirSync(waiting, { recursive: true });
  writeFileSync(join(waiting, 'media'), 'wa');

  await t.rejects(archive.backUp(), { name: 'FailedError', message: /exists already.*--resume/ });
  const second = await archive.backUp({ resume: true });
  isWhole(t, archive.found());
  t.equal(archive.found().ids.length, 9);
  t.notOk(
    second.copied.includes(path) && path !== pathOf(archive, 'a1'),
    'what was there is not copied again',
  );
  t.same(
    second.findings.map(each => each.path),
    [pathOf(archive, 'a1')],
    'what was told is told again',
  );
});

function contentsOfInterrupted(out: string): string[] {
  return readdirSync(join(out, 'data'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /^\d{8}T/.test(entry.name) && entry.parentPath.includes('/clips/'))
    .map(entry => relative(join(out, 'data'), join(entry.parentPath, entry.name)))
    .sort();
}

t.test('a target that is not fit is refused in one sentence', async t => {
  const { root, dataDir, stateDir, archiveId, out } = await archiveToBackUp(t);
  const open = (facts: Partial<Parameters<typeof openTarget>[0]>) =>
    openTarget({ out, resume: false, archiveId, ours: [dataDir, stateDir], ...facts });
  const refused = (facts: Parameters<typeof open>[0], message: RegExp) =>
    t.rejects(open(facts), { name: 'FailedError', message });
  await refused({ out: join(dataDir, 'backup') }, /lie in one another/);
  symlinkSync(dataDir, join(root, 'link'));
  await refused({ out: join(root, 'link', 'backup') }, /lie in one another/);
  await refused({ out: root }, /lie in one another/);
  await refused({ out: join(root, 'not', 'there') }, /cannot be entered \(ENOENT\)/);
  mkdirSync(join(root, 'mine'));
  await refused({ out: join(root, 'mine') }, /exists already/);
  await refused({ out: join(root, 'mine'), resume: true }, /no backup that was interrupted/);
  await refused({ resume: true }, /no backup that was interrupted/);
  {
    await using _running = await open({});
    await refused({ resume: true }, /Another backup is being written/);
    await refused({ resume: true, archiveId: 'another' }, /of another archive/);
  }
  await using again = await open({ resume: true });
  await again.finish({ version: '1' });
  t.notOk(existsSync(join(out, 'INCOMPLETE')));
  await refused({ resume: true }, /no backup that was interrupted/);
});

t.test('without the marker nothing is believed to be gone', async t => {
  const archive = await archiveToBackUp(t);
  await archive.clip('a1');
  rmSync(archive.at('MARKER'));
  await t.rejects(archive.backUp(), { name: 'TransientError', message: /marker/ });
});
