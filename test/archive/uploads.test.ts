import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { recoverIncoming } from '../../src/archive/incoming.ts';
import { receiptSchema } from '../../src/archive/receipt.ts';
import { lastPart } from '../../src/archive/receipt-file.ts';
import { isUploadId, newUploadId } from '../../src/archive/upload-id.ts';
import { openUploads } from '../../src/archive/uploads.ts';
import { silentLog } from '../../src/base/log.ts';
import { onEverySync } from '../support/every-sync.ts';
import { beginFacts, makeArchive, receiptFor } from './sample-receipt.ts';

const log = silentLog();

t.test('ids are 26 characters that nobody can guess', async t => {
  const ids = new Set(Array.from({ length: 10_000 }, newUploadId));
  t.equal(ids.size, 10_000);
  t.ok([...ids].every(isUploadId));
  t.equal(new Set([...ids].join('')).size, 32, 'all digits occur');
  for (const text of [
    '',
    `${newUploadId()}0`,
    newUploadId().slice(1),
    '../../../../../../../../x/',
    'O'.repeat(26),
  ])
    t.notOk(isUploadId(text));
});

t.test('an upload is in the inbox as it was written, for its owner alone', async t => {
  const archive = await makeArchive(t.testdir());
  const uploads = openUploads(archive);
  const upload = await uploads.begin(beginFacts);
  const pieces = Array.from({ length: 3000 }, (_, index) => Buffer.alloc(index % 50, index));
  // More pieces than one writev takes (1024), empty ones among them.
  await upload.write(pieces);
  await upload.write([]);
  await upload.write([Buffer.from('end')]);
  const bytes = Buffer.concat([...pieces, Buffer.from('end')]);
  t.same(await upload.read(bytes.length - 5, 100), bytes.subarray(-5));
  const receipt = receiptFor(upload.id, bytes);
  await upload.publish(receipt);
  const entry = join(archive.dataDir, 'inbox', 'front', upload.id);
  t.same((await readdir(entry)).sort(), ['media', 'receipt.json']);
  t.same(await readFile(join(entry, 'media')), bytes);
  t.same(JSON.parse(await readFile(join(entry, 'receipt.json'), 'utf8')), receipt);
  t.same(await readdir(join(archive.dataDir, 'incoming')), []);
  for (const path of [
    entry,
    join(entry, '..'),
    join(entry, '../..'),
    join(archive.dataDir, 'incoming'),
    archive.dataDir,
  ])
    t.equal((await stat(path)).mode & 0o777, 0o700);
  for (const name of ['media', 'receipt.json']) t.equal((await stat(join(entry, name))).mode & 0o777, 0o600);
  await upload.discard();
  t.same((await readdir(entry)).length, 2, 'a discard after the publication is harmless');
});

t.test(
  'media, receipt and entry are synced before the rename, both directories after it, or nothing is confirmed',
  async t => {
    const archive = await makeArchive(t.testdir());
    await using uploads = openUploads(archive);
    const { dataDir } = archive;
    const bytes = Buffer.from('a clip');
    const entries = async (directory: string) => (await readdir(join(dataDir, directory))).length;
    const publish = async (failing?: string) => {
      const upload = await uploads.begin(beginFacts);
      await upload.write([bytes]);
      const synced: string[] = [];
      const nameOf = (path: string) => path.slice(dataDir.length + 1).replace(upload.id, 'ID');
      const restore = await onEverySync((how, path) => {
        synced.push(`${how} ${nameOf(path)}`);
        if (nameOf(path) === failing) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      });
      try {
        await upload.publish(receiptFor(upload.id, bytes));
      } finally {
        restore();
      }
      return synced;
    };
    // The first one makes directories, too.
    await publish();
    const synced = await publish();
    t.same(synced.slice(0, 3).sort(), [
      'datasync incoming/ID/media',
      'sync incoming/ID',
      'sync incoming/ID/receipt.json',
    ]);
    t.same(synced.slice(3).sort(), ['sync inbox/front', 'sync incoming']);
    for (const [failing, more] of [
      ['incoming/ID/media', 0],
      ['incoming/ID/receipt.json', 0],
      ['incoming/ID', 0],
      ['inbox/front', 1],
      ['incoming', 1],
    ] as const) {
      const before = await entries('inbox/front');
      await t.rejects(publish(failing), { name: 'TransientError', cause: { code: 'EIO' } }, failing);
      t.equal(await entries('inbox/front'), before + more, failing);
      t.equal(await entries('incoming'), 0, failing);
    }
    await publish();
  },
);

t.test('a discarded upload leaves nothing', async t => {
  const archive = await makeArchive(t.testdir());
  const upload = await openUploads(archive).begin(beginFacts);
  await upload.write([Buffer.from('x')]);
  await upload.discard();
  await upload.discard();
  t.same(await readdir(join(archive.dataDir, 'incoming')), []);
});

t.test('a note is an entry without media', async t => {
  const archive = await makeArchive(t.testdir());
  const [id, upload] = [newUploadId(), newUploadId()];
  const note = {
    version: 1,
    type: 'withdrawn',
    id,
    camera: 'front',
    upload,
    at: beginFacts.startedAt,
  } as const;
  await openUploads(archive).publishNote(note);
  const entry = join(archive.dataDir, 'inbox', 'front', id);
  t.same(await readdir(entry), ['receipt.json']);
  t.same(receiptSchema.parse(JSON.parse(await readFile(join(entry, 'receipt.json'), 'utf8'))), note);
});

t.test('without the marker nothing begins and nothing is written', async t => {
  const archive = await makeArchive(t.testdir());
  const uploads = openUploads(archive);
  await writeFile(join(archive.dataDir, 'MARKER'), 'another archive\n');
  t.equal(await uploads.markerHolds(), false);
  await t.rejects(uploads.begin(beginFacts), { name: 'TransientError' });
  await t.rejects(recoverIncoming({ ...archive, log }), { name: 'TransientError' });
  t.same(await readdir(archive.dataDir), ['MARKER']);
});

t.test('a failure tells its errno, closes the file and leaves no entry', async t => {
  const archive = await makeArchive(t.testdir());
  const uploads = openUploads(archive);
  const upload = await uploads.begin(beginFacts);
  await upload.write([Buffer.from('x')]);
  // A file where the camera's directory should be.
  await rm(join(archive.dataDir, 'inbox'), { recursive: true, force: true });
  await writeFile(join(archive.dataDir, 'inbox'), '');
  await t.rejects(upload.publish(receiptFor(upload.id, Buffer.from('x'))), {
    name: 'TransientError',
    cause: { code: 'ENOTDIR' },
  });
  await uploads[Symbol.asyncDispose]();
  t.same(openFilesUnder(archive.dataDir), []);
});

t.test('a full disk is told as ENOSPC, and what was written before is still there', async t => {
  // Not below t.testdir(), which is removed before teardowns run.
  const mounted = await mkdtemp(join(tmpdir(), 'clipward-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mounted], { stdio: 'pipe' });
  } catch {
    await rm(mounted, { recursive: true });
    t.pass('needs the right to mount a small file system', { skip: true });
    return;
  }
  t.teardown(async () => {
    execFileSync('umount', ['-l', mounted]);
    await rm(mounted, { recursive: true });
  });
  const archive = await makeArchive(mounted);
  const uploads = openUploads(archive);
  t.ok((await uploads.freeBytes()) <= 1024 * 1024);
  const upload = await uploads.begin(beginFacts);
  await upload.write([Buffer.alloc(500_000)]);
  await t.rejects(upload.write([Buffer.alloc(1000), Buffer.alloc(2_000_000)]), {
    name: 'TransientError',
    cause: { code: 'ENOSPC' },
  });
  t.equal((await upload.read(499_999, 10)).length, 1, 'nothing of the write that failed');
  const filler = join(mounted, 'filler');
  await t.rejects(writeFile(filler, Buffer.alloc(2_000_000)), { code: 'ENOSPC' });
  t.equal(await uploads.freeBytes(), 0);
  await t.rejects(uploads.begin(beginFacts), { cause: { code: 'ENOSPC' } });
  await upload.discard();
  t.same(await readdir(join(archive.dataDir, 'incoming')), []);
  await rm(filler);
  t.ok((await uploads.freeBytes()) > 500_000);
  const partial = await uploads.begin(beginFacts);
  await partial.write([Buffer.alloc(400_000)]);
  await t.rejects(partial.write([Buffer.alloc(2_000_000)]));
  await partial.publish(receiptFor(partial.id, Buffer.alloc(400_000), { completeness: 'partial' }));
  const media = await readFile(join(archive.dataDir, 'inbox', 'front', partial.id, 'media'));
  t.equal(media.length, 400_000, 'what was written before can be published');
  await uploads[Symbol.asyncDispose]();
  t.same(openFilesUnder(mounted), []);
});

t.test(
  'an upload goes to the disk that is mounted when it begins, and an idle one can be unmounted',
  async t => {
    const archive = await makeArchive(t.testdir());
    const marker = await readFile(join(archive.dataDir, 'MARKER'));
    const uploads = openUploads(archive);
    const upload = async () => {
      const { id, write, publish } = await uploads.begin(beginFacts);
      await write([Buffer.from('x')]);
      await publish(receiptFor(id, Buffer.from('x')));
      return id;
    };
    const entries = () => readdir(join(archive.dataDir, 'inbox', 'front'));
    const first = await upload();
    t.same(await entries(), [first]);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', archive.dataDir], { stdio: 'pipe' });
    } catch {
      t.pass('needs the right to mount a small file system', { skip: true });
      return;
    }
    try {
      await t.rejects(upload(), { name: 'TransientError' }, 'nothing is written where no marker is');
      t.same(await readdir(archive.dataDir), []);
      await writeFile(join(archive.dataDir, 'MARKER'), marker);
      const second = await upload();
      t.same(await entries(), [second]);
      await untilUnmounted(archive.dataDir);
    } finally {
      execFileSync('sh', ['-c', 'umount -l "$0" 2>/dev/null || true', archive.dataDir]);
    }
    const third = await upload();
    t.same((await entries()).sort(), [first, third].sort());
    await uploads[Symbol.asyncDispose]();
  },
);

t.test('what a crash left is published as partial, with what was known when it began', async t => {
  const archive = await makeArchive(t.testdir());
  const upload = await openUploads(archive).begin(beginFacts);
  const bytes = Buffer.from('half a clip of a burglar');
  await upload.write([bytes]);
  t.match(await recoverIncoming({ ...archive, log }), { published: 1, removed: 0, unknown: 0, failed: 0 });
  const entry = join(archive.dataDir, 'inbox', 'front', upload.id);
  const receipt = receiptSchema.parse(JSON.parse(await readFile(join(entry, 'receipt.json'), 'utf8')));
  const { finishedAt: _, ...wanted } = receiptFor(upload.id, bytes, {
    dataTls: null,
    dataBound: false,
    completeness: 'partial',
    completenessBasis: 'none',
    endedBy: 'crash',
  });
  t.match(receipt, wanted);
  t.same((await readdir(entry)).sort(), ['media', 'receipt.json']);
  await upload.discard();
  t.match(await recoverIncoming({ ...archive, log }), { published: 0 });
});

t.test('a crash between receipt and rename loses nothing of what the receipt says', async t => {
  const archive = await makeArchive(t.testdir());
  const uploads = openUploads(archive);
  const bytes = Buffer.from('a whole clip');
  for (const damage of ['none', 'torn', 'other bytes']) {
    const upload = await uploads.begin(beginFacts);
    await upload.write([bytes]);
    const said = damage === 'other bytes' ? Buffer.from('a wh0le clip') : bytes;
    const text = lastPart({ version: 1, id: upload.id, ...beginFacts }, receiptFor(upload.id, said));
    const incoming = join(archive.dataDir, 'incoming', upload.id);
    await appendFile(join(incoming, 'receipt.json'), damage === 'torn' ? text.slice(0, 50) : text);
    t.match(await recoverIncoming({ ...archive, log }), { published: 1 });
    const entry = join(archive.dataDir, 'inbox', 'front', upload.id);
    const receipt = JSON.parse(await readFile(join(entry, 'receipt.json'), 'utf8'));
    t.equal(receipt.completeness, damage === 'none' ? 'whole' : 'partial', damage);
    t.match(receipt, beginFacts);
    t.equal(receipt.sha256, receiptFor(upload.id, bytes).sha256);
    t.same((await readdir(entry)).sort(), ['media', 'receipt.json']);
    await upload.discard();
  }
});

t.test('what a crash left is synced before it is published: media, receipt and entry', async t => {
  const archive = await makeArchive(t.testdir());
  const uploads = openUploads(archive);
  const { dataDir } = archive;
  const bytes = Buffer.from('a whole clip');
  for (const left of ['a receipt', 'its beginning']) {
    const upload = await uploads.begin(beginFacts);
    await upload.write([bytes]);
    const entry = join(dataDir, 'incoming', upload.id);
    if (left === 'a receipt')
      await appendFile(
        join(entry, 'receipt.json'),
        lastPart({ version: 1, id: upload.id, ...beginFacts }, receiptFor(upload.id, bytes)),
      );
    const synced: string[] = [];
    const restore = await onEverySync((_, path) => {
      const isRenamed = !existsSync(entry);
      synced.push(`${isRenamed ? 'late ' : ''}${path.slice(dataDir.length + 1).replace(upload.id, 'ID')}`);
    });
    try {
      t.match(await recoverIncoming({ ...archive, log }), { published: 1, failed: 0 });
    } finally {
      restore();
    }
    const receipts = synced.filter(path => /^incoming\/ID\/.*receipt/.test(path));
    t.equal(receipts.length, 1, `${left}: ${synced}`);
    t.ok(synced.includes('incoming/ID/media'), left);
    t.ok(synced.includes('incoming/ID'), left);
    await upload.discard();
  }
});

t.test('what a version left that wrote the facts to a file of their own is published, too', async t => {
  const archive = await makeArchive(t.testdir());
  const uploads = openUploads(archive);
  const bytes = Buffer.from('a whole clip');
  for (const [left, completeness] of [
    ['no receipt', 'partial'],
    ['a torn receipt', 'partial'],
    ['a receipt', 'whole'],
    ['a receipt alone', 'whole'],
  ] as const) {
    const upload = await uploads.begin(beginFacts);
    await upload.write([bytes]);
    const incoming = join(archive.dataDir, 'incoming', upload.id);
    const receipt = JSON.stringify(receiptFor(upload.id, bytes));
    await rm(join(incoming, 'receipt.json'));
    if (left !== 'a receipt alone')
      await writeFile(
        join(incoming, 'upload.json'),
        JSON.stringify({ version: 1, id: upload.id, ...beginFacts }),
      );
    if (left !== 'no receipt')
      await writeFile(
        join(incoming, 'receipt.json'),
        left === 'a torn receipt' ? receipt.slice(0, -9) : receipt,
      );
    t.match(await recoverIncoming({ ...archive, log }), { published: 1, unknown: 0 }, left);
    const entry = join(archive.dataDir, 'inbox', 'front', upload.id);
    t.same((await readdir(entry)).sort(), ['media', 'receipt.json'], 'anything more would be quarantined');
    const published = receiptSchema.parse(JSON.parse(await readFile(join(entry, 'receipt.json'), 'utf8')));
    t.match(published, { ...beginFacts, id: upload.id, completeness }, left);
    await upload.discard();
  }
});

t.test(
  'an upload without a byte is removed, one that nobody can name goes where the archive finds it',
  async t => {
    const archive = await makeArchive(t.testdir());
    const uploads = openUploads(archive);
    const empty = await uploads.begin(beginFacts);
    const nameless = await uploads.begin(beginFacts);
    await nameless.write([Buffer.from('x')]);
    await rm(join(archive.dataDir, 'incoming', nameless.id, 'receipt.json'));
    const foreign = await uploads.begin({ ...beginFacts, camera: 'x' });
    await foreign.write([Buffer.from('x')]);
    const facts = join(archive.dataDir, 'incoming', foreign.id, 'receipt.json');
    await writeFile(facts, (await readFile(facts, 'utf8')).replace('"camera":"x"', '"camera":"../x"'));
    await writeFile(join(archive.dataDir, 'incoming', 'stray'), 'x');
    t.match(await recoverIncoming({ ...archive, log }), { published: 0, removed: 1, unknown: 3, failed: 0 });
    t.same(await readdir(join(archive.dataDir, 'incoming')), []);
    t.same(
      (await readdir(join(archive.dataDir, 'inbox', '_unknown'))).sort(),
      [nameless.id, foreign.id, 'stray'].sort(),
    );
    for (const upload of [empty, nameless, foreign]) await upload.discard();
  },
);

function openFilesUnder(directory: string): string[] {
  return readdirSync('/proc/self/fd')
    .map(fd => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        // Closed meanwhile, or what lists them.
        return '';
      }
    })
    .filter(path => path.startsWith(directory));
}

/** Not by force: fails while anything on it is open. */
async function untilUnmounted(directory: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      execFileSync('umount', [directory], { stdio: 'pipe' });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}
