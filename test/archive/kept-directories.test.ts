import { readlinkSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { keptDirectoryLimits, openKeptDirectories } from '../../src/archive/kept-directories.ts';
import { type PinnedDirectory, pinDirectory } from '../../src/archive/pinned-directory.ts';

/** A data directory with some directories in it, and who opens them and counts. */
async function ground(root: string, limits = keptDirectoryLimits) {
  const dataDir = join(root, 'data');
  await mkdir(join(dataDir, 'inbox', 'front'), { recursive: true });
  await mkdir(join(dataDir, 'incoming'));
  const kept = openKeptDirectories(dataDir, limits);
  let opens = 0;
  const open = (path: string) => () => {
    opens++;
    return pinDirectory(join(dataDir, path));
  };
  return {
    dataDir,
    kept,
    opens: () => opens,
    take: (path: string) => kept.take(path, open(path)),
    openBelow: async () =>
      (await readdir('/proc/self/fd')).filter(fd => linkOf(fd)?.startsWith(dataDir) === true).length,
  };
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // It was the one that lists them.
    return undefined;
  }
}

t.test('one that was used a moment ago is not opened again', async t => {
  const { take, opens, openBelow, kept, dataDir } = await ground(t.testdir({}));
  for (let use = 0; use < 3; use++) {
    using directory = await take('inbox/front');
    await writeFile(directory.at(`${use}`), 'x');
    await directory.sync();
    t.equal(await directory.isLent(), false);
  }
  t.equal(opens(), 1);
  using _incoming = await take('incoming');
  t.equal(opens(), 2);
  t.same((await readdir(join(dataDir, 'inbox', 'front'))).sort(), ['0', '1', '2']);
  kept.forget();
  using _again = await take('inbox/front');
  t.equal(opens(), 3, 'what was forgotten is opened again');
  t.equal(await openBelow(), 2, 'what somebody has stays open, the rest not');
});

t.test('two who need one in the same moment both get it', async t => {
  const { take, opens, openBelow, kept } = await ground(t.testdir({}));
  const both = await Promise.all([take('incoming'), take('incoming')]);
  for (const each of both) {
    await each.sync();
    each[Symbol.dispose]();
  }
  using _third = await take('incoming');
  t.equal(opens(), 2);
  await kept[Symbol.asyncDispose]();
  t.equal(await openBelow(), 1, 'the third is in use');
});

t.test('one that was moved, replaced or removed is not handed out', async t => {
  const root = t.testdir({ outside: {} });
  const { take, dataDir } = await ground(root);
  const place = join(dataDir, 'inbox', 'front');
  const use = async (name: string) => {
    using directory = await take('inbox/front');
    await writeFile(directory.at(name), 'x');
  };
  await use('a');
  await rename(place, `${place}.aside`);
  await t.rejects(use('b'), { code: 'ENOENT' });
  await symlink(join(root, 'outside'), place);
  await t.rejects(use('c'), { code: 'ENOTDIR' });
  await rm(place);
  await mkdir(place);
  await use('d');
  t.same(await readdir(place), ['d']);
  await rm(place, { recursive: true });
  await t.rejects(use('e'), { code: 'ENOENT' });
  await mkdir(place);
  await use('f');
  t.same(await readdir(place), ['f']);
  await rename(join(dataDir, 'inbox'), join(dataDir, 'inbox.aside'));
  await mkdir(place, { recursive: true });
  await use('g');
  t.same(await readdir(place), ['g']);
  t.same(await readdir(join(root, 'outside')), []);
  t.same(await readdir(`${join(dataDir, 'inbox.aside', 'front')}.aside`), ['a']);
});

t.test('one whose place is not where its path leads is used once, and not kept', async t => {
  const { kept, dataDir } = await ground(t.testdir({}));
  const open = () => pinDirectory(join(dataDir, 'incoming'));
  for (const path of ['inbox/front', 'inbox/front']) {
    using directory = await kept.take(path, open);
    await writeFile(directory.at('x'), await readFile(directory.at('x')).catch(() => 'x'));
    t.same(await readdir(join(dataDir, 'incoming')), ['x']);
  }
});

t.test('what nobody uses any more is closed after a moment, what somebody has is not', async t => {
  const { take, openBelow } = await ground(t.testdir({}), { keepMs: 5, maxKept: 2 });
  using used = await take('incoming');
  {
    using _unused = await take('inbox/front');
  }
  const deadline = performance.now() + 20_000;
  while ((await openBelow()) > 1 && performance.now() < deadline)
    await new Promise(resolve => setImmediate(resolve));
  t.equal(await openBelow(), 1);
  await writeFile(used.at('x'), 'x');
  await used.sync();
});

t.test('no more are kept than the limit, and all the others work as well', async t => {
  const { take, dataDir, openBelow, kept, opens } = await ground(t.testdir({}), {
    keepMs: 60_000,
    maxKept: 2,
  });
  const paths = ['1', '2', '3'].map(name => `inbox/${name}`);
  for (const path of paths) await mkdir(join(dataDir, path));
  for (let round = 0; round < 2; round++)
    for (const path of paths) {
      using directory = await take(path);
      await writeFile(directory.at(`${round}`), 'x');
    }
  t.equal(opens(), 4, 'the third was opened each time');
  for (const path of paths) t.same((await readdir(join(dataDir, path))).sort(), ['0', '1'], path);
  await kept[Symbol.asyncDispose]();
  t.equal(await openBelow(), 0);
});

/** A directory whose syncs end when they are told to. */
async function slowlySynced(path: string) {
  const syncs: PromiseWithResolvers<void>[] = [];
  const pinned = await pinDirectory(path);
  const directory: PinnedDirectory = {
    ...pinned,
    sync() {
      const sync = Promise.withResolvers<void>();
      syncs.push(sync);
      return sync.promise;
    },
  };
  return { directory, syncs };
}

t.test('one sync serves all who wait for one, and never who came after it began', async t => {
  const { kept, dataDir } = await ground(t.testdir({}));
  const { directory, syncs } = await slowlySynced(join(dataDir, 'incoming'));
  using first = await kept.take('incoming', async () => directory);
  using second = await kept.take('incoming', () => Promise.reject(new Error('it is open')));
  const done: string[] = [];
  const sync = (who: typeof first, name: string) => who.sync().then(() => done.push(name));
  const a = sync(first, 'a');
  const [b, c] = [sync(second, 'b'), sync(first, 'c')];
  t.equal(syncs.length, 1);
  syncs[0]?.resolve();
  await a;
  t.same(done, ['a'], 'the others came after it began');
  const d = sync(second, 'd');
  await new Promise(resolve => setImmediate(resolve));
  t.equal(syncs.length, 2);
  const e = sync(first, 'e');
  t.equal(syncs.length, 2);
  syncs[1]?.resolve();
  await Promise.all([b, c]);
  await new Promise(resolve => setImmediate(resolve));
  t.equal(syncs.length, 3);
  t.notOk(done.includes('e'));
  syncs[2]?.resolve();
  await Promise.all([d, e]);
});

t.test(
  'after a sync that failed all fail who have the directory, and the next one opens it anew',
  async t => {
    const { kept, dataDir } = await ground(t.testdir({}));
    const { directory, syncs } = await slowlySynced(join(dataDir, 'incoming'));
    using first = await kept.take('incoming', async () => directory);
    using second = await kept.take('incoming', async () => directory);
    const failed = Object.assign(new Error('EIO'), { code: 'EIO' });
    const [a, b] = [first.sync(), second.sync()];
    syncs[0]?.reject(failed);
    await t.rejects(a, failed);
    await t.rejects(b, failed, 'its sync would have been told nothing');
    await t.rejects(second.sync(), failed);
    t.equal(syncs.length, 1);
    using third = await kept.take('incoming', () => pinDirectory(join(dataDir, 'incoming')));
    await third.sync();
  },
);
