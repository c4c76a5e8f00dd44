import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCopier } from '../../src/archive/copy-out.ts';
import { mountBtrfs } from '../support/mounted.ts';

const bytes = Buffer.alloc(3_000_000, 'a clip of some length ');
const expected = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };

function place(root: string) {
  const from = join(root, 'from');
  writeFileSync(from, bytes);
  mkdirSync(join(root, 'to'));
  return { from, to: join(root, 'to', 'clip.mp4') };
}

async function copied(t: Test, root: string) {
  const { from, to } = place(root);
  const copier = openCopier();
  const result = await copier.copy({ from, to, expected });
  t.ok(readFileSync(to).equals(bytes));
  t.equal(statSync(to).mode & 0o777, 0o400);
  t.same(readdirSync(join(root, 'to')), ['clip.mp4'], 'nothing half is left');
  t.same(
    await copier.copy({ from, to, expected }),
    { state: 'there', bytes: bytes.length },
    'and not done again',
  );
  writeFileSync(from, 'something else in its place');
  t.ok(readFileSync(to).equals(bytes), 'a copy has bytes of its own');
  return { result, shares: copier.shares() };
}

t.test('a file is copied, hashed on the way, and read-only', async t => {
  const { result, shares } = await copied(t, t.testdir({}));
  t.same(result, { state: 'copied', bytes: bytes.length });
  t.equal(shares, false);
});

t.test('where the file system can share bytes, it does, and takes no room', async t => {
  const root = mountBtrfs(t);
  if (root === undefined) return void t.pass('needs root and btrfs', { skip: true });
  const { result, shares } = await copied(t, root);
  t.same(result, { state: 'shared', bytes: bytes.length });
  t.equal(shares, true);
  // One whose length is not the expected one is told without being read.
  writeFileSync(join(root, 'short'), bytes.subarray(1));
  const short = { from: join(root, 'short'), to: join(root, 'to', 'short.mp4'), expected };
  t.same(await openCopier().copy(short), { state: 'differs', bytes: bytes.length - 1 });
});

t.test('what is not as expected is copied as it is, and looked at again the next time', async t => {
  const { from, to } = place(t.testdir({}));
  const other = { ...expected, sha256: createHash('sha256').update('another').digest('hex') };
  const copier = openCopier();
  for (const _ of [1, 2])
    t.same(await copier.copy({ from, to, expected: other }), { state: 'differs', bytes: bytes.length });
});

t.test('links, pipes, directories and files that are too long are left out', async t => {
  const root = t.testdir({ directory: {} });
  const { from, to } = place(root);
  symlinkSync(from, join(root, 'link'));
  const copier = openCopier();
  const copy = (name: string, more = {}) => copier.copy({ from: join(root, name), to, ...more });
  t.same(await copy('link'), { state: 'not-regular' });
  t.same(await copy('directory'), { state: 'not-regular' });
  t.same(await copy('nothing'), { state: 'missing' });
  t.same(await copy('from', { maxBytes: bytes.length - 1 }), { state: 'not-regular' });
  t.same(readdirSync(join(root, 'to')), []);
  t.same(await copy('link', { followLink: true }), { state: 'copied', bytes: bytes.length });
  chmodSync(to, 0o600);
  t.same(await copy('from', { maxBytes: bytes.length }), { state: 'copied', bytes: bytes.length });
});
