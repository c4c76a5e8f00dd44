import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import {
  maxTreeDepth,
  openSourceTree,
  type SourceFile,
  type TreeItem,
} from '../../src/archive/source-tree.ts';

async function treeWith(test: Test, files: Record<string, string>) {
  const directory = join(test.testdir(), 'tree');
  mkdirSync(directory);
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  }
  return { directory, tree: await openSourceTree({ directory, ours: [] }) };
}

async function itemsOf(tree: { walk(): AsyncIterable<TreeItem> }): Promise<string[]> {
  const items: string[] = [];
  for await (const item of tree.walk()) {
    if (item.type === 'file') items.push(item.file.path);
    else items.push(`${item.type} ${item.path}: ${item.type === 'skipped' ? item.reason : item.why}`);
  }
  return items;
}

async function onlyFile(
  tree: { walk(): AsyncIterable<TreeItem> },
  work: (file: SourceFile) => Promise<unknown>,
) {
  let seen = 0;
  for await (const item of tree.walk())
    if (item.type === 'file') {
      seen++;
      await work(item.file);
    }
  if (seen !== 1) throw new Error(`one file was expected, ${seen} came`);
}

t.test('files come in ascending order of names, directory by directory', async t => {
  const { tree } = await treeWith(t, { 'b/2.mp4': '', 'b/10.mp4': '', 'a/z/1': '', 'a/b': '', c: '' });
  t.strictSame(await itemsOf(tree), ['a/b', 'a/z/1', 'b/10.mp4', 'b/2.mp4', 'c']);
});

t.test('links, FIFOs, sockets and devices are not taken, and nothing behind a link is seen', async t => {
  const { directory, tree } = await treeWith(t, { 'x.mp4': 'bytes' });
  symlinkSync('x.mp4', join(directory, 'link'));
  symlinkSync('/etc', join(directory, 'link-to-directory'));
  symlinkSync('nowhere', join(directory, 'link-to-nothing'));
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  // The path of a socket must be short where it is made, and may be long afterwards.
  const short = mkdtempSync(join(tmpdir(), 'clipward-'));
  const server = createServer().listen(join(short, 'socket'));
  t.teardown(() => {
    server.close();
    rmSync(short, { recursive: true });
  });
  await once(server, 'listening');
  renameSync(join(short, 'socket'), join(directory, 'socket'));
  const expected = [
    'skipped fifo: fifo',
    'skipped link: link',
    'skipped link-to-directory: link',
    'skipped link-to-nothing: link',
    'skipped socket: socket',
    'x.mp4',
  ];
  t.strictSame(await itemsOf(tree), expected);
  if (process.getuid?.() !== 0) return;
  execFileSync('mknod', [join(directory, 'device'), 'c', '1', '5']);
  t.strictSame(await itemsOf(tree), ['skipped device: device', ...expected]);
});

t.test(
  'names may hold anything but a slash: what is no text is shown as one line, and still opened',
  async t => {
    const { directory, tree } = await treeWith(t, {});
    const names = [Buffer.from('new\nline'), Buffer.from('esc\x1b[2J'), Buffer.from('caf\xe9.mp4', 'latin1')];
    for (const name of names) {
      const path = Buffer.concat([Buffer.from(`${directory}/`), name]);
      mkdirSync(path);
      writeFileSync(Buffer.concat([path, Buffer.from('/f')]), 'bytes');
    }
    const found: string[] = [];
    for await (const item of tree.walk()) {
      if (item.type !== 'file') continue;
      found.push(item.file.path, item.file.exactPath);
      const opened = await item.file.open();
      if (opened === 'changed') return t.fail('it can be opened');
      await using source = opened;
      t.match(await source.read(() => undefined), { bytes: 5 });
    }
    t.strictSame(found, [
      ...['caf%E9.mp4/f', '/hex:636166e92e6d7034/f'],
      ...['esc%1B[2J/f', 'esc\x1b[2J/f', 'new%0Aline/f', 'new\nline/f'],
    ]);
  },
);

t.test('a directory with more names than are in memory at a time is walked to its end, in order', async t => {
  const namesAtOnce = 10;
  for (const count of [9, 10, 11, 19, 20, 21, 107]) {
    const { directory } = await treeWith(t, {});
    const names = Array.from({ length: count }, (_, number) =>
      String((number * 7919) % count).padStart(6, '0'),
    );
    for (const name of names) writeFileSync(join(directory, name), '');
    const tree = await openSourceTree({ directory, ours: [], namesAtOnce });
    t.strictSame(await itemsOf(tree), names.sort(), `${count} names`);
    rmSync(directory, { recursive: true });
  }
});

t.test('a tree may be so deep and no deeper, and what is too deep is told', async t => {
  const { directory, tree } = await treeWith(t, {});
  const deepest = Array.from({ length: maxTreeDepth }, () => 'd').join('/');
  mkdirSync(join(directory, deepest), { recursive: true });
  writeFileSync(join(directory, deepest, 'f'), '');
  t.strictSame(await itemsOf(tree), [`${deepest}/f`]);
  mkdirSync(join(directory, deepest, 'deeper'));
  t.strictSame(await itemsOf(tree), [`unreadable ${deepest}/deeper: too deep`, `${deepest}/f`]);
});

t.test(
  'a tree in a directory of ours, around one, or with one bound into it, is not walked there',
  async t => {
    const { directory } = await treeWith(t, { 'archive/data/clips/a': '', 'archive/other/b': '' });
    const data = join(directory, 'archive', 'data');
    const refused = { name: 'FailedError', message: /lie in one another/ };
    for (const path of [directory, data, join(data, 'clips')])
      await t.rejects(openSourceTree({ directory: path, ours: [data] }), refused);
    const link = join(directory, 'a-link');
    symlinkSync(join(data, 'clips'), link);
    await t.rejects(openSourceTree({ directory: link, ours: [data] }), refused, 'by whatever name');
    const beside = await openSourceTree({ directory: join(directory, 'archive', 'other'), ours: [data] });
    t.strictSame(await itemsOf(beside), ['b']);
  },
);

t.test('what is no directory, or is not there, is refused in one sentence', async t => {
  const { directory } = await treeWith(t, { file: '' });
  for (const path of ['missing', 'file'])
    await t.rejects(openSourceTree({ directory: join(directory, path), ours: [] }), {
      name: 'FailedError',
      message: /cannot be walked \(E\w+\): name a directory/,
    });
});

t.test('a file that was exchanged for a link after it was found is not opened', async t => {
  const { directory, tree } = await treeWith(t, { 'x.mp4': 'bytes' });
  await onlyFile(tree, async file => {
    rmSync(join(directory, 'x.mp4'));
    symlinkSync('/etc/passwd', join(directory, 'x.mp4'));
    t.equal(await file.open(), 'changed');
  });
});

t.test('a directory that was exchanged for a link while it is walked stays the one that it was', async t => {
  const { directory, tree } = await treeWith(t, { 'd/x.mp4': 'bytes', 'secret/x.mp4': 'SECRET' });
  for await (const item of tree.walk()) {
    if (item.type !== 'file' || item.file.path !== 'd/x.mp4') continue;
    renameSync(join(directory, 'd'), join(directory, 'moved'));
    symlinkSync('secret', join(directory, 'd'));
    const opened = await item.file.open();
    if (opened === 'changed') return t.fail('the file is still there, in the same directory');
    await using source = opened;
    t.match(await source.read(() => undefined), { bytes: 5 });
  }
});

t.test('a file that changes after it was found, or while it is read, shows as changed', async t => {
  const { directory, tree } = await treeWith(t, { 'x.mp4': 'bytes' });
  const path = join(directory, 'x.mp4');
  await onlyFile(tree, async file => {
    {
      const opened = await file.open();
      if (opened === 'changed') return t.fail('nothing happened yet');
      await using source = opened;
      t.equal(await source.isUnchanged(), true);
      appendFileSync(path, 'more');
      t.equal(await source.isUnchanged(), false);
      t.match(
        await source.read(() => undefined),
        { bytes: 6 },
        'one byte beyond what was found, and no more',
      );
    }
    t.equal(await file.open(), 'changed');
  });
  await onlyFile(tree, async file => {
    utimesSync(path, 1, 1);
    t.equal(await file.open(), 'changed', 'also when only its time was set');
  });
});

t.test('a directory that may not be listed is told, and the others are walked', async t => {
  const { directory, tree } = await treeWith(t, { 'a/x': '', 'b/x': '', 'c/x': '' });
  if (process.getuid?.() === 0) return void t.pass('root may list everything');
  chmodSync(join(directory, 'b'), 0);
  t.teardown(() => chmodSync(join(directory, 'b'), 0o700));
  t.strictSame(await itemsOf(tree), ['a/x', 'unreadable b: EACCES', 'c/x']);
});
