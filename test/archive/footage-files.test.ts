// Files of footage: what is durable when, and what is left of a write that failed.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { openFootageFiles } from '../../src/archive/footage-files.ts';
import { footageRelativePath } from '../../src/archive/footage-path.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { makeFootage } from '../record/made-footage.ts';
import { onEverySync } from '../support/every-sync.ts';

const startAt = Date.UTC(2026, 10, 21, 12);
const { init, fragments } = makeFootage(3);
const media = fragments.map(({ bytes }) => bytes);
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function opened(test: Test) {
  const root = test.testdir({});
  const dataDir = join(root, 'data');
  const archiveId = await openMarker({ dataDir, stateDir: join(root, 'state') });
  const path = footageRelativePath({ camera: 'den', startAt, id: 'a'.padEnd(26, '0') });
  return { root, dataDir, path, final: join(dataDir, path), files: openFootageFiles({ dataDir, archiveId }) };
}

t.test('its name is durable before it is written, what it holds before its name is final', async t => {
  const { files, path, final } = await opened(t);
  const synced: string[] = [];
  const restore = await onEverySync((how, at) => {
    const isFinal = existsSync(final) ? ', renamed' : '';
    synced.push(`${how} ${at === dirname(final) ? 'directory' : basename(at)}${isFinal}`);
  });
  t.teardown(restore);
  const name = `${basename(final)}.open`;
  const file = await files.create(path);
  t.equal(synced.at(-1), 'sync directory');
  synced.length = 0;
  await file.append(init.bytes, ...media);
  t.strictSame(synced, []);
  await file.sync();
  t.strictSame(synced.splice(0), [`datasync ${name}`]);
  const finished = await file.finish();
  t.strictSame(synced, [`sync ${name}`, 'sync directory, renamed']);
  const bytes = Buffer.concat([init.bytes, ...media]);
  t.strictSame(finished, { bytes: bytes.length, sha256: hashOf(bytes) });
  t.strictSame(readFileSync(final), bytes);
  t.equal(statSync(final).mode & 0o222, 0);
});

t.test('what a crash left is durable before it counts', async t => {
  const { files, path, final } = await opened(t);
  const file = await files.create(path);
  await file.append(init.bytes, ...media, Buffer.from('the beginning of'));
  await file.leave();
  const synced: string[] = [];
  const restore = await onEverySync((_, at) => {
    synced.push(
      `${at === dirname(final) ? 'directory' : basename(at)}${existsSync(final) ? ', renamed' : ''}`,
    );
  });
  t.teardown(restore);
  const found = await files.recover(path);
  t.strictSame(synced, [`${basename(final)}.open`, 'directory, renamed']);
  const bytes = Buffer.concat([init.bytes, ...media]);
  t.match(found, { bytes: bytes.length, sha256: hashOf(bytes), durationMs: 3000 });
  t.strictSame(readFileSync(final), bytes);
});

/** The next write takes so many bytes, and the one after it none: the disk is full. */
async function fillAfter(test: Test, bytes: number): Promise<void> {
  await using any = await open('/dev/null');
  const handles = Object.getPrototypeOf(any) as FileHandle;
  const { writev } = handles;
  test.teardown(() => void Object.assign(handles, { writev }));
  let left = bytes;
  Object.assign(handles, {
    async writev(this: FileHandle, pieces: Uint8Array[], position: number) {
      if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      const taken = Buffer.concat(pieces).subarray(0, left);
      left = 0;
      return writev.call(this, [taken], position);
    },
  });
}

t.test('of a write that failed in the middle nothing is in the file', async t => {
  const { files, path, final } = await opened(t);
  const file = await files.create(path);
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = media;
  await file.append(init.bytes, first);
  await fillAfter(t, second.length - 100);
  await t.rejects(file.append(second), { code: 'ENOSPC' });
  const bytes = Buffer.concat([init.bytes, first]);
  t.equal(statSync(`${final}.open`).size, bytes.length + second.length - 100, 'so this test can fail');
  t.strictSame(await file.finish(), { bytes: bytes.length, sha256: hashOf(bytes) });
  t.strictSame(readFileSync(final), bytes);
});

t.test('nothing is written where no marker is', async t => {
  const { files, path, dataDir } = await opened(t);
  rmSync(join(dataDir, 'MARKER'));
  await t.rejects(files.create(path), { name: 'TransientError' });
  await t.rejects(files.recover(path), { name: 'TransientError' });
  t.strictSame(readdirSync(dataDir), []);
});

t.test('a link is no footage, whichever name it has', async t => {
  const { files, path, final, root } = await opened(t);
  const file = await files.create(path);
  await file.append(init.bytes, ...media);
  await file.finish();
  const elsewhere = join(root, 'elsewhere.mp4');
  renameSync(final, elsewhere);
  const before = readFileSync(elsewhere);
  for (const name of [final, `${final}.open`]) {
    symlinkSync(elsewhere, name);
    t.equal(await files.recover(path), undefined, basename(name));
    rmSync(name, { force: true });
  }
  t.strictSame(readFileSync(elsewhere), before);
  t.equal(statSync(elsewhere).mode & 0o777, 0o400);
});
