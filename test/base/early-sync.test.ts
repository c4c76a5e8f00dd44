import type { FileHandle } from 'node:fs/promises';
import t from 'tap';
import { createEarlySyncs } from '../../src/base/early-sync.ts';

/** A file whose syncs end when the test says so. */
function createFile() {
  const syncs: PromiseWithResolvers<void>[] = [];
  const file = {
    datasync() {
      const sync = Promise.withResolvers<void>();
      syncs.push(sync);
      return sync.promise;
    },
  } as unknown as FileHandle;
  return { file, syncs };
}

t.test('a sync begins with the byte that reaches the limit, and again with the next so many', async t => {
  const { file, syncs } = createFile();
  const synced = createEarlySyncs(10)(file);
  synced.wrote(9);
  t.equal(syncs.length, 0, 'just below');
  synced.wrote(1);
  t.equal(syncs.length, 1, 'at the limit');
  synced.wrote(11);
  t.equal(syncs.length, 1, 'not beside the one that runs');
  syncs[0]?.resolve();
  await syncs[0]?.promise;
  await new Promise(setImmediate);
  synced.wrote(1);
  t.equal(syncs.length, 2, 'what was written meanwhile counts');
});

t.test('of all files one is synced early at a time', async t => {
  const [one, other] = [createFile(), createFile()];
  const syncs = createEarlySyncs(10);
  syncs(one.file).wrote(10);
  const second = syncs(other.file);
  second.wrote(10);
  t.same([one.syncs.length, other.syncs.length], [1, 0]);
  one.syncs[0]?.reject(new Error('EIO'));
  await new Promise(setImmediate);
  second.wrote(1);
  t.equal(other.syncs.length, 1, 'a failure is the end of its turn, too');
});

t.test('the last sync waits for the early one, and fails when any of them failed', async t => {
  const { file, syncs } = createFile();
  const synced = createEarlySyncs(10)(file);
  synced.wrote(10);
  syncs[0]?.reject(new Error('EIO'));
  await new Promise(setImmediate);
  synced.wrote(10);
  syncs[1]?.resolve();
  await t.rejects(synced.sync(), { message: 'EIO' }, 'a later success proves nothing');
  t.equal(syncs.length, 2, 'and it is not tried again');

  const good = createFile();
  const goodSync = createEarlySyncs(10)(good.file);
  goodSync.wrote(10);
  let isSynced = false;
  const done = goodSync.sync().then(() => {
    isSynced = true;
  });
  good.syncs[0]?.resolve();
  await new Promise(setImmediate);
  t.same([good.syncs.length, isSynced], [2, false], 'the early one is not the last');
  good.syncs[1]?.resolve();
  await done;
});
