import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { firstPart } from '../../src/archive/receipt-file.ts';
import { newUploadId } from '../../src/archive/upload-id.ts';
import { openUploads } from '../../src/archive/uploads.ts';
import { measureWaiting } from '../../src/archive/waiting-bytes.ts';
import { beginFacts, leaveEntry, makeArchive, receiptFor } from './sample-receipt.ts';

const mebibyte = 1024 * 1024;
/** What a file system takes for so many bytes may be some blocks more. */
const about = (bytes: number) => ({ least: bytes, most: bytes + 65_536 });
const isAbout = (found: number | undefined, { least, most }: ReturnType<typeof about>) =>
  found !== undefined && found >= least && found <= most;

t.test('uploads in progress and entries of the inbox count to their cameras', async t => {
  const archive = await makeArchive(t.testdir());
  t.strictSame(await measureWaiting(archive.dataDir), new Map(), 'nothing has arrived yet');
  const uploads = openUploads(archive);
  const running = await uploads.begin({ ...beginFacts, camera: 'den' });
  t.teardown(() => running.discard());
  await running.write([Buffer.alloc(mebibyte, 1)]);
  const published = await uploads.begin(beginFacts);
  const bytes = Buffer.alloc(2 * mebibyte, 2);
  await published.write([bytes]);
  await published.publish(receiptFor(published.id, bytes));
  await leaveEntry(archive.dataDir, { camera: 'den', media: Buffer.alloc(mebibyte, 3) });
  const waiting = await measureWaiting(archive.dataDir);
  t.strictSame([...waiting.keys()].sort(), ['den', 'front']);
  t.ok(isAbout(waiting.get('den'), about(2 * mebibyte)), `${waiting.get('den')}`);
  t.ok(isAbout(waiting.get('front'), about(2 * mebibyte)), `${waiting.get('front')}`);
});

t.test('nothing is followed, holes take nothing, and what is no entry is nobody’s', async t => {
  const root = t.testdir({ outside: { large: 'x'.repeat(mebibyte) } });
  const { dataDir } = await makeArchive(root);
  const large = join(root, 'outside', 'large');
  const linked = join(dataDir, 'inbox', 'den', newUploadId());
  await mkdir(linked, { recursive: true });
  await symlink(large, join(linked, 'media'));
  await symlink(join(root, 'outside'), join(dataDir, 'inbox', 'den', newUploadId()));
  await writeFile(join(dataDir, 'inbox', 'den', 'not-an-upload'), Buffer.alloc(mebibyte, 1));
  await mkdir(join(dataDir, 'inbox', 'Den'));
  await symlink(join(root, 'outside'), join(dataDir, 'inbox', 'porch'));
  const hole = await leaveEntry(dataDir, { camera: 'den' });
  await truncate(join(hole.path, 'media'), 0);
  await truncate(join(hole.path, 'media'), 1000 * mebibyte);
  // In progress, of nobody: the facts are missing, or name no camera.
  const foreign = firstPart({ version: 1, id: newUploadId(), ...beginFacts, camera: '../etc' });
  for (const facts of [undefined, foreign, 'x'.repeat(70_000)]) {
    const path = join(dataDir, 'incoming', newUploadId());
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'media'), Buffer.alloc(mebibyte, 1));
    if (facts !== undefined) await writeFile(join(path, 'receipt.json'), facts);
  }
  const waiting = await measureWaiting(dataDir);
  t.ok([...waiting.keys()].every(camera => camera === 'den'));
  t.ok((waiting.get('den') ?? 0) < 65_536, `${waiting.get('den')}`);
});

t.test('no more entries are looked at than the limit', async t => {
  const { dataDir } = await makeArchive(t.testdir());
  for (let index = 0; index < 3; index++) await leaveEntry(dataDir, { media: Buffer.alloc(mebibyte, 1) });
  for (const [limit, entries] of [
    [0, 0],
    [2, 2],
    [3, 3],
    [4, 3],
  ] as const) {
    const found = (await measureWaiting(dataDir, limit)).get('front') ?? 0;
    t.ok(isAbout(found, about(entries * mebibyte)), `${limit}: ${found}`);
  }
});
