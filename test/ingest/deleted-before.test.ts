// What retention has deleted is not taken in again because something still brings it: an entry whose removal was
// interrupted, or an import that is run again. Its path would be that of the file which is being unlinked.

import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSourceTree } from '../../src/archive/source-tree.ts';
import { systemClock } from '../../src/base/clock.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { importFile } from '../../src/ingest/import-file.ts';
import { importTree } from '../../src/ingest/import-tree.ts';
import { smallArchive } from './small-archive.ts';

/** An archive that can delete its clips: they become garbage, and their files are left as they are. */
async function deleting(test: Test) {
  const archive = await smallArchive(test);
  const { privateKey } = generateKeyPairSync('ed25519');
  const catalogue = openCatalogue({
    file: catalogueFile(join(archive.root, 'state')),
    chain: {
      archiveId: '00000000-0000-4000-8000-000000000000',
      sign: text => sign(null, Buffer.from(text), privateKey).toString('base64'),
      now: () => Date.now(),
    },
  });
  test.teardown(() => catalogue[Symbol.dispose]());
  return {
    ...archive,
    deleteAll: () =>
      catalogue.makeGarbage(
        archive.clips().map(clip => ({ ...clip, mediaClass: 'clip', reason: 'age' })),
        Date.now(),
      ),
  };
}

t.test('an entry of a clip that was deleted since is only removed', async t => {
  const archive = await deleting(t);
  const entry = archive.upload('a1', 'bytes');
  await archive.file(entry, { inbox: { ...archive.parts.inbox, removeEntry: async () => 'removed' } });
  t.equal(archive.deleteAll().length, 1);
  await archive.file(entry);
  t.same(archive.clips(), []);
  t.same(
    archive.files().filter(file => file.startsWith('inbox')),
    [],
  );
});

t.test('what an interrupted removal left of its entry is removed, too', async t => {
  const archive = await deleting(t);
  const entry = archive.upload('a1', 'bytes');
  await archive.file(entry);
  archive.deleteAll();
  archive.upload('a1', 'bytes');
  rmSync(join(archive.dataDir, 'inbox', entry.camera, entry.id, 'media'));
  await archive.file(entry);
  t.same(
    archive.files().filter(file => file.startsWith('inbox')),
    [],
  );
});

t.test('an import that is run again does not bring it back', async t => {
  const archive = await deleting(t);
  const directory = join(archive.root, 'tree');
  mkdirSync(directory);
  writeFileSync(join(directory, 'a.mp4'), 'bytes');
  const run = async () => {
    const parts = { ...archive.parts, clock: systemClock, freeBytes: async () => 1000, minFreeBytes: 0 };
    const host = { name: 'old-server', user: 1000, version: '1.2.3' };
    const tree = await openSourceTree({ directory, ours: [archive.dataDir] });
    const signal = new AbortController().signal;
    const told = [];
    const work: Parameters<typeof importTree>[1] = (file, aborted) =>
      importFile({ ...parts, maxFileBytes: 1000, host }, { camera: 'den', directory }, file, aborted);
    for await (const { outcome } of importTree(tree, work, { signal })) told.push(outcome);
    return told;
  };
  t.same(await run(), ['filed']);
  t.equal(archive.deleteAll().length, 1);
  t.same(await run(), ['known']);
  t.same(archive.clips(), []);
});
