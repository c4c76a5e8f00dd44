import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readStored } from '../../src/archive/read-stored.ts';

const directory = 'clips/den/2026/11/21';
const path = `${directory}/20261121T021403Z_den_${'a'.repeat(26)}.mp4`;
const bytes = Buffer.alloc(3 * 1024 * 1024 + 1, 7);
const sha256 = createHash('sha256').update(bytes).digest('hex');

function stored(test: Test) {
  const dataDir = test.testdir({});
  mkdirSync(join(dataDir, directory), { recursive: true });
  writeFileSync(join(dataDir, path), bytes);
  return { dataDir, file: join(dataDir, path) };
}

t.test('a clip is read to its last byte, and copied on the way where that is asked for', async t => {
  const { dataDir, file } = stored(t);
  t.strictSame(await readStored(dataDir, { path, bytes: bytes.length }), { state: 'read', sha256 });
  const out = await open(`${file}.copy`, 'w+');
  await readStored(dataDir, { path, bytes: bytes.length }, undefined, out);
  await out.close();
  t.equal(execFileSync('sha256sum', [`${file}.copy`], { encoding: 'utf8' }).slice(0, 64), sha256);
});

t.test('what is not there as it was stored is told, and nothing is read through a link', async t => {
  const { dataDir, file } = stored(t);
  const read = (size = bytes.length, at = path) => readStored(dataDir, { path: at, bytes: size });
  t.strictSame(await read(bytes.length - 1), { state: 'other-length', bytes: bytes.length });
  truncateSync(file, 5);
  t.strictSame(await read(), { state: 'other-length', bytes: 5 });
  rmSync(file);
  t.strictSame(await read(), { state: 'missing' });
  symlinkSync('/etc/hostname', file);
  t.strictSame(await read(), { state: 'not-regular' });
  rmSync(file);
  mkdirSync(file);
  t.strictSame(await read(), { state: 'not-regular' });
  rmSync(file, { recursive: true });
  execFileSync('mkfifo', [file]);
  t.strictSame(await read(), { state: 'not-regular' }, 'a pipe holds nobody up');
  rmSync(join(dataDir, 'clips/den'), { recursive: true });
  writeFileSync(join(dataDir, 'clips/den'), '');
  t.strictSame(await read(), { state: 'missing' });
  for (const outside of ['../../etc/passwd', '/etc/passwd', 'clips/../MARKER', ''])
    t.strictSame(await read(1, outside), { state: 'bad-path' }, outside);
});

t.test('a disk that fails is told with what it said', async t => {
  const { dataDir, file } = stored(t);
  truncateSync(file, 0);
  // A regular file of no bytes, reading of which is EIO.
  if (spawnSync('mount', ['--bind', `/proc/${process.pid}/mem`, file]).status !== 0) {
    t.plan(0, 'mounting needs rights that are not there');
    return;
  }
  const reading = await readStored(dataDir, { path, bytes: 0 });
  execFileSync('umount', [file]);
  t.strictSame(reading, { state: 'unreadable', error: 'EIO' });
});

t.test('it stops when it is told to', async t => {
  const { dataDir } = stored(t);
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await t.rejects(readStored(dataDir, { path, bytes: bytes.length }, stop.signal), /enough/);
});
