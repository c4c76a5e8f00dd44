import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openInbox } from '../../src/archive/inbox.ts';
import { openQuarantine } from '../../src/archive/quarantine.ts';
import { maxReceiptBytes } from '../../src/archive/receipt.ts';
import { newUploadId } from '../../src/archive/upload-id.ts';
import { leaveEntry, makeArchive, receiptFor } from './sample-receipt.ts';

const bytes = Buffer.from('some bytes');

async function open(t: { testdir(): string }) {
  const directory = t.testdir();
  const archive = await makeArchive(directory);
  return { directory, ...archive, inbox: openInbox(archive), quarantine: openQuarantine(archive) };
}

t.test('an honest entry is opened with its receipt and its bytes', async t => {
  const { dataDir, inbox } = await open(t);
  const { camera, id, path } = await leaveEntry(dataDir);
  await using entry = await inbox.openEntry(camera, id);
  if (entry.state !== 'upload') return t.fail(entry.state);
  t.equal(entry.receipt.path, 'a/clip.mp4');
  t.same(await readFile(entry.media.path), bytes);
  t.equal(await entry.media.digest(), createHash('sha256').update(bytes).digest('hex'));
  t.equal(entry.receiptText, await readFile(join(path, 'receipt.json'), 'utf8'));
  // What is swapped in under the name is not what is read.
  await writeFile(join(path, 'other'), 'evil bytes');
  await rename(join(path, 'other'), join(path, 'media'));
  t.same(await readFile(entry.media.path), bytes);
});

t.test('changedAt cannot be set by whoever wrote the file', async t => {
  const { dataDir, inbox } = await open(t);
  const { camera, id, path } = await leaveEntry(dataDir);
  const before = Date.now();
  await utimes(join(path, 'media'), new Date(0), new Date(0));
  await using entry = await inbox.openEntry(camera, id);
  t.ok(entry.state === 'upload' && entry.changedAt >= before - 1000);
});

t.test('what no honest receiver leaves is refused, each for its reason', async t => {
  const { directory, dataDir, inbox } = await open(t);
  const secret = join(directory, 'secret');
  await writeFile(secret, bytes);
  const otherId = newUploadId();
  const refuse = async (reason: string, entry: { camera: string; id: string }) => {
    await using opened = await inbox.openEntry(entry.camera, entry.id);
    t.match(opened, { state: 'refused', reason }, reason);
  };
  const withMedia = async (make: (path: string) => unknown) => {
    const entry = await leaveEntry(dataDir);
    await rm(join(entry.path, 'media'));
    await make(join(entry.path, 'media'));
    return entry;
  };
  const withReceipt = async (make: (path: string) => unknown) => {
    const entry = await leaveEntry(dataDir);
    await rm(join(entry.path, 'receipt.json'));
    await make(join(entry.path, 'receipt.json'));
    return entry;
  };
  await refuse('media-type', await withMedia(path => execFileSync('mkfifo', [path])));
  await refuse('media-type', await withMedia(path => symlink(secret, path)));
  await refuse('media-type', await withMedia(path => link(secret, path)));
  await refuse('media-type', await withMedia(path => mkdir(path)));
  if (process.getuid?.() === 0) {
    await refuse('media-type', await withMedia(path => execFileSync('mknod', [path, 'c', '1', '5'])));
    await refuse('media-type', await withMedia(path => execFileSync('mknod', [path, 'b', '7', '250'])));
  }
  await refuse('media-size', await withMedia(path => writeFile(path, 'some byte')));
  await refuse('media-size', await withMedia(path => writeFile(path, 'some bytes!')));
  await refuse('receipt-type', await withReceipt(path => execFileSync('mkfifo', [path])));
  await refuse('receipt-type', await withReceipt(path => symlink(secret, path)));
  await refuse('receipt-type', await withReceipt(path => link(secret, path)));
  await refuse('receipt-missing', await withReceipt(() => undefined));
  await refuse('receipt-size', await leaveEntry(dataDir, { receipt: '' }));
  await refuse('receipt-content', await leaveEntry(dataDir, { receipt: '{"version":1}' }));
  await refuse('receipt-content', await leaveEntry(dataDir, { receipt: '[[[[' }));
  const lying = (change: object) =>
    leaveEntry(dataDir, { receipt: JSON.stringify(receiptFor(otherId, bytes, change)), id: otherId });
  await refuse('receipt-names', await lying({ camera: 'other' }));
  await refuse('receipt-names', await lying({ camera: '../../clips/front' }));
  await refuse('receipt-names', await lying({ id: newUploadId() }));
  await refuse('media-size', await lying({ bytes: 1_000_000 }));
  await refuse('receipt-content', await lying({ bytes: -1 }));
  await refuse('receipt-content', await lying({ sha256: '../x' }));
  await refuse('receipt-content', await lying({ path: '../../etc/passwd' }));
  await refuse('receipt-content', await lying({ path: '/a/clip.mp4' }));
  await refuse('receipt-content', await lying({ extra: 1 }));
  await refuse('camera-name', await leaveEntry(dataDir, { camera: 'Front Door' }));
  await refuse('camera-name', await leaveEntry(dataDir, { camera: '_unknown' }));
  await refuse('entry-name', await leaveEntry(dataDir, { id: 'short' }));
  await refuse('entry-name', { camera: 'front', id: '..' });
  await refuse('entry-name', { camera: '..', id: otherId });
  await refuse('entry-name', { camera: 'front', id: '../../clips' });
  const more = await leaveEntry(dataDir);
  await writeFile(join(more.path, 'more'), '');
  await refuse('contents', more);
  const real = await leaveEntry(dataDir);
  const linked = newUploadId();
  await symlink(real.path, join(dataDir, 'inbox', 'front', linked));
  await refuse('entry-type', { camera: 'front', id: linked });
  const file = newUploadId();
  await writeFile(join(dataDir, 'inbox', 'front', file), '');
  await refuse('entry-type', { camera: 'front', id: file });
  await symlink(join(dataDir, 'inbox', 'front'), join(dataDir, 'inbox', 'alias'));
  await refuse('entry-type', { camera: 'alias', id: real.id });
  const note = {
    version: 1,
    type: 'withdrawn',
    camera: 'front',
    upload: otherId,
    at: new Date().toISOString(),
  };
  const noteId = newUploadId();
  await refuse(
    'media-unwanted',
    await leaveEntry(dataDir, { id: noteId, receipt: JSON.stringify({ ...note, id: noteId }) }),
  );
});

t.test('a receipt may have 16 KiB and not a byte more', async t => {
  const { dataDir, inbox } = await open(t);
  for (const [length, state] of [
    [maxReceiptBytes - 1, 'upload'],
    [maxReceiptBytes, 'upload'],
    [maxReceiptBytes + 1, 'refused'],
  ] as const) {
    const id = newUploadId();
    const receipt = JSON.stringify(receiptFor(id, bytes)).padEnd(length);
    await leaveEntry(dataDir, { id, receipt });
    await using entry = await inbox.openEntry('front', id);
    t.equal(entry.state, state, `${length} bytes`);
  }
});

t.test('a listing names everything that can be named, and follows nothing', async t => {
  const { directory, dataDir, inbox } = await open(t);
  const names = new Set<string>();
  for (let count = 0; count < 600; count++) {
    const id = newUploadId();
    names.add(`front/${id}`);
    await mkdir(join(dataDir, 'inbox', 'front', id), { recursive: true });
  }
  await leaveEntry(dataDir, { camera: 'Odd name', id: 'odd' });
  names.add('Odd name/odd');
  await symlink(directory, join(dataDir, 'inbox', 'linked'));
  names.add('./linked');
  execFileSync('mkfifo', [join(dataDir, 'inbox', 'fifo')]);
  names.add('./fifo');
  for (const parent of ['inbox/front', 'inbox'])
    await mkdir(Buffer.concat([Buffer.from(`${join(dataDir, parent)}/`), Buffer.from([0xff, 0xfe])]));
  names.add('front//hex:fffe').add('.//hex:fffe');
  await mkdir(join(dataDir, 'inbox', 'front', '\ufffd'));
  names.add('front/\ufffd');
  const listed = new Set<string>();
  for await (const { camera, id } of inbox.listEntries()) listed.add(`${camera}/${id}`);
  t.same(listed, names);
});

t.test('an inbox that does not exist yet is empty', async t => {
  const { inbox } = await open(t);
  for await (const _ of inbox.listEntries()) t.fail('an entry');
  t.equal((await inbox.openEntry('front', newUploadId())).state, 'gone');
});

t.test('removal, also of what an interrupted one left', async t => {
  const { dataDir, inbox } = await open(t);
  const { camera, id, path } = await leaveEntry(dataDir);
  t.equal(await inbox.removeEntry(camera, id), 'removed');
  t.same(await readdir(join(dataDir, 'inbox', 'front')), []);
  t.equal(await inbox.removeEntry(camera, id), 'removed', 'a second time');
  await leaveEntry(dataDir, { id });
  await rm(join(path, 'media'));
  t.match(await inbox.openEntry(camera, id), { state: 'remains', hasReceipt: true });
  await rm(join(path, 'receipt.json'));
  t.match(await inbox.openEntry(camera, id), { state: 'remains', hasReceipt: false });
  t.equal(await inbox.removeEntry(camera, id), 'removed');
  await leaveEntry(dataDir, { id });
  await writeFile(join(path, 'more'), 'x');
  t.equal(await inbox.removeEntry(camera, id), 'rest');
  t.same(await readdir(path), ['more']);
});

t.test('removal does not reach through links', async t => {
  const { dataDir, inbox } = await open(t);
  const real = await leaveEntry(dataDir);
  await symlink(join(dataDir, 'inbox', 'front'), join(dataDir, 'inbox', 'alias'));
  t.equal(await inbox.removeEntry('alias', real.id), 'rest');
  t.same((await readdir(real.path)).length, 2);
});

t.test('quarantine takes any type under any name, and follows nothing', async t => {
  const { directory, dataDir, quarantine } = await open(t);
  const inboxOf = (camera: string, name: string) => join(dataDir, 'inbox', camera, name);
  await mkdir(inboxOf('front', ''), { recursive: true });
  await mkdir(inboxOf('Odd name', ''), { recursive: true });
  const outside = join(directory, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'kept'), 'x');
  const ids = { fifo: newUploadId(), link: newUploadId(), directory: newUploadId() };
  execFileSync('mkfifo', [inboxOf('front', ids.fifo)]);
  await symlink(outside, inboxOf('front', ids.link));
  await mkdir(inboxOf('front', join(ids.directory, 'deep', 'deeper')), { recursive: true });
  await symlink('/etc/passwd', inboxOf('front', join(ids.directory, 'reason.json')));
  await writeFile(inboxOf('Odd name', '-rf *'), 'x');
  const at = new Date('2026-11-21T02:14:03Z');
  for (const id of Object.values(ids)) {
    t.equal(
      await quarantine.quarantineEntry({ camera: 'front', id }, 'Because.', at),
      `quarantine/front/${id}`,
    );
    t.same((await readdir(join(dataDir, 'quarantine', 'front', id))).sort(), ['entry', 'reason.json']);
  }
  const odd = await quarantine.quarantineEntry({ camera: 'Odd name', id: '-rf *' }, 'Because.', at);
  t.match(odd, /^quarantine\/_unknown\/[0-9a-z]{26}$/);
  t.same(JSON.parse(await readFile(join(dataDir, odd ?? '', 'reason.json'), 'utf8')), {
    version: 1,
    reason: 'Because.',
    camera: 'Odd name',
    id: '-rf *',
    at: at.toISOString(),
  });
  t.same(await readdir(outside), ['kept']);
  t.same(await readdir(join(dataDir, 'inbox', 'front')), []);
  t.equal(await quarantine.quarantineEntry({ camera: 'front', id: ids.fifo }, 'Again.', at), null);
  await symlink(outside, join(dataDir, 'inbox', 'alias'));
  t.equal(await quarantine.quarantineEntry({ camera: 'alias', id: 'kept' }, 'Because.', at), null);
  for (const id of ['..', '.', 'a/b'])
    await t.rejects(quarantine.quarantineEntry({ camera: 'front', id }, 'Because.', at));
  t.same(await readdir(outside), ['kept']);
});

t.test('names that are no UTF-8, and what is no camera at all, go to quarantine too', async t => {
  const { dataDir, inbox, quarantine } = await open(t);
  const raw = (parent: string) =>
    Buffer.concat([Buffer.from(`${join(dataDir, parent)}/`), Buffer.from([0xff, 0x41])]);
  await mkdir(join(dataDir, 'inbox', 'front'), { recursive: true });
  await mkdir(raw('inbox/front'));
  await mkdir(raw('inbox'));
  await symlink(join(dataDir, 'MARKER'), join(dataDir, 'inbox', 'linked'));
  const reasons = new Map<string, string>();
  for await (const entry of inbox.listEntries()) {
    await using opened = await inbox.openEntry(entry.camera, entry.id);
    if (opened.state !== 'refused') return t.fail(opened.state);
    reasons.set(`${entry.camera} ${entry.id}`, opened.reason);
    t.type(await quarantine.quarantineEntry(entry, 'Because.', new Date()), 'string');
    await using again = await inbox.openEntry(entry.camera, entry.id);
    t.match(again.state, /gone|refused/);
  }
  t.same(Object.fromEntries(reasons), {
    'front /hex:ff41': 'entry-name',
    '. /hex:ff41': 'stray',
    '. linked': 'stray',
  });
  t.same(await readdir(join(dataDir, 'inbox')), ['front']);
  t.same(await readdir(join(dataDir, 'inbox', 'front')), []);
  t.same((await readdir(join(dataDir, 'quarantine', '_unknown'))).length, 2);
  // No text leads out of the inbox, whatever it looks like.
  for (const [camera, id] of [
    ['..', 'MARKER'],
    ['.', '..'],
    ['.', '/hex:2e2e'],
    ['front', '/hex:2e2f2e'],
    ['/hex:2e2e', 'MARKER'],
    ['a/..', 'x'],
  ] as const)
    await t.rejects(quarantine.quarantineEntry({ camera, id }, 'x', new Date()), `${camera} ${id}`);
  t.ok((await readdir(dataDir)).includes('MARKER'));
});

t.test('media may be as long as an upload may be and not a byte longer', async t => {
  const { dataDir, archiveId } = await open(t);
  for (const [change, state] of [
    [1, 'upload'],
    [0, 'upload'],
    [-1, 'refused'],
  ] as const) {
    const limited = openInbox({ dataDir, archiveId, maxMediaBytes: bytes.length + change });
    const { camera, id } = await leaveEntry(dataDir);
    await using entry = await limited.openEntry(camera, id);
    t.equal(entry.state, state, `limit ${change}`);
  }
});

t.test('without the marker nothing is removed or moved', async t => {
  const { dataDir, inbox, quarantine } = await open(t);
  const entry = await leaveEntry(dataDir);
  await rm(join(dataDir, 'MARKER'));
  await t.rejects(inbox.removeEntry(entry.camera, entry.id), { name: 'TransientError' });
  await t.rejects(quarantine.quarantineEntry(entry, 'x', new Date()), { name: 'TransientError' });
  t.same((await readdir(entry.path)).length, 2);
});

t.test('the same id sixteen times is kept, a seventeenth stays where it is', async t => {
  const { dataDir, quarantine } = await open(t);
  const id = newUploadId();
  for (let count = 1; count <= 16; count++) {
    await leaveEntry(dataDir, { id });
    t.ok(await quarantine.quarantineEntry({ camera: 'front', id }, 'x', new Date()));
  }
  const last = await leaveEntry(dataDir, { id });
  await t.rejects(quarantine.quarantineEntry({ camera: 'front', id }, 'x', new Date()), {
    name: 'FailedError',
  });
  t.same((await readdir(last.path)).length, 2);
});
