import { statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { SettingsError } from '../../src/base/errors.ts';
import { type Catalogue, catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { sampleClip, sampleReceipt } from './sample-clip.ts';

function freshCatalogue(test: Test): { file: string; catalogue: Catalogue } {
  const file = catalogueFile(test.testdir());
  const catalogue = openCatalogue({ file });
  test.teardown(() => catalogue[Symbol.dispose]());
  return { file, catalogue };
}

const ids = (catalogue: Catalogue, query = {}) => [...catalogue.listClips(query)].map(clip => clip.id);

t.test('a filed clip is read back with every column, by another connection that only reads', async t => {
  const { file, catalogue } = freshCatalogue(t);
  const clip = sampleClip('aaaa');
  t.equal(catalogue.fileClip(clip, sampleReceipt('aaaa')), 'aaaa');
  using reader = openCatalogue({ file, readOnly: true });
  const { event } = [...reader.listEvents({})].map(({ id }) => ({ event: id }))[0] ?? { event: null };
  t.type(event, 'string');
  t.strictSame({ ...reader.clip('aaaa') }, { ...clip, event });
  t.throws(() => reader.fileClip(sampleClip('b'), sampleReceipt('b')), { code: 'SQLITE_READONLY' });
  t.equal(statSync(file).mode & 0o777, 0o600);
});

t.test('reading a catalogue that was never made says what to do', async t => {
  const file = join(t.testdir(), 'catalogue.db');
  t.throws(() => openCatalogue({ file, readOnly: true }), SettingsError);
});

t.test('filing the same upload twice leaves one clip and one receipt', async t => {
  const { catalogue } = freshCatalogue(t);
  catalogue.fileClip(sampleClip('aaaa'), sampleReceipt('aaaa'));
  t.equal(catalogue.fileClip(sampleClip('aaaa'), sampleReceipt('aaaa')), 'aaaa');
  t.strictSame(ids(catalogue), ['aaaa']);
  t.equal(catalogue.receiptCount('aaaa'), 1);
});

t.test('a clip whose receipt cannot be written is not there either', async t => {
  const { catalogue } = freshCatalogue(t);
  const broken = { ...sampleReceipt('aaaa'), body: null as unknown as string };
  t.throws(() => catalogue.fileClip(sampleClip('aaaa'), broken));
  t.strictSame(ids(catalogue), []);
});

t.test('the same name and bytes are found again, other bytes, names and cameras are not', async t => {
  const { catalogue } = freshCatalogue(t);
  const clip = sampleClip('aaaa');
  catalogue.fileClip(clip, sampleReceipt('aaaa'));
  t.equal(catalogue.sameClip(clip.camera, clip.originalPath, clip.sha256), 'aaaa');
  t.equal(catalogue.sameClip(clip.camera, clip.originalPath, 'b'.repeat(64)), undefined);
  t.equal(catalogue.sameClip(clip.camera, 'other.mp4', clip.sha256), undefined);
  t.equal(catalogue.sameClip('back-door', clip.originalPath, clip.sha256), undefined);
});

t.test('a repeat adds a receipt, and what the better upload proved counts', async t => {
  const { catalogue } = freshCatalogue(t);
  catalogue.fileClip(
    sampleClip('aaaa', { completeness: 'partial', completenessBasis: 'none' }),
    sampleReceipt('aaaa'),
  );
  const proofs = [
    ['unproven', 'repeat', 'unproven', 'repeat'],
    ['whole', 'container', 'whole', 'container'],
    ['unproven', 'repeat', 'whole', 'container'],
  ] as const;
  for (const [index, [completeness, completenessBasis, expected, basis]] of proofs.entries()) {
    catalogue.fileRepeat('aaaa', sampleReceipt(`repeat${index}`), { completeness, completenessBasis });
    t.match(catalogue.clip('aaaa'), { completeness: expected, completenessBasis: basis });
    t.equal(catalogue.clipOfUpload(`repeat${index}`)?.id, 'aaaa');
    t.equal(catalogue.receiptCount('aaaa'), index + 2);
  }
  catalogue.fileRepeat('aaaa', sampleReceipt('repeat0'), {
    completeness: 'whole',
    completenessBasis: 'container',
  });
  t.equal(catalogue.receiptCount('aaaa'), 4, 'a receipt that is known is not added again');
});

t.test('clips are listed newest first, ties by id, within camera, span and limit', async t => {
  const { catalogue } = freshCatalogue(t);
  for (const [id, camera, startAt] of [
    ['d1', 'den', 100],
    ['d2', 'den', 200],
    ['f1', 'front-door', 200],
    ['f2', 'front-door', 300],
  ] as const) {
    catalogue.fileClip(sampleClip(id, { camera, startAt }), sampleReceipt(id));
  }
  t.strictSame(ids(catalogue), ['f2', 'f1', 'd2', 'd1']);
  t.strictSame(ids(catalogue, { camera: 'den' }), ['d2', 'd1']);
  t.strictSame(ids(catalogue, { since: 200, until: 300 }), ['f1', 'd2'], 'since is in, until is out');
  t.strictSame(ids(catalogue, { limit: 1 }), ['f2']);
});

t.test('the beginning of an id finds its clip, and two at the most', async t => {
  const { catalogue } = freshCatalogue(t);
  for (const id of ['ab1', 'ab2', 'ab3', 'zz9']) catalogue.fileClip(sampleClip(id), sampleReceipt(id));
  const found = (prefix: string) => catalogue.clipsByPrefix(prefix).map(clip => clip.id);
  t.strictSame(found('ab2'), ['ab2']);
  t.strictSame(found('ab'), ['ab1', 'ab2']);
  t.strictSame(found('zz'), ['zz9']);
  t.strictSame(found('c'), []);
});

t.test('tallies count every file, but a test or sentinel is no sign of a last clip', async t => {
  const { catalogue } = freshCatalogue(t);
  catalogue.fileClip(sampleClip('a', { receivedAt: 100, bytes: 7 }), sampleReceipt('a'));
  catalogue.fileClip(sampleClip('b', { receivedAt: 200, bytes: 5, kind: 'test' }), sampleReceipt('b'));
  catalogue.fileClip(sampleClip('c', { camera: 'den', kind: 'sentinel', bytes: 0 }), sampleReceipt('c'));
  t.strictSame(
    catalogue.tallies().map(tally => ({ ...tally })),
    [
      { camera: 'den', clips: 1, bytes: 0, lastClipAt: null },
      { camera: 'front-door', clips: 2, bytes: 12, lastClipAt: 100 },
    ],
  );
});

t.test('a note changes its clip once, and is kept when it comes before its upload', async t => {
  const { catalogue } = freshCatalogue(t);
  const early = {
    id: 'n1',
    camera: 'front-door',
    upload: 'aaaa',
    type: 'renamed',
    originalPath: 'final.mp4',
    at: 5,
    body: '{}',
  } as const;
  catalogue.fileNote(early, undefined);
  t.strictSame({ ...catalogue.notesOf('front-door', 'aaaa')[0] }, early);
  catalogue.fileClip(sampleClip('aaaa', { originalPath: 'final.mp4' }), sampleReceipt('aaaa'));
  const withdrawal = {
    id: 'n2',
    camera: 'front-door',
    upload: 'aaaa',
    type: 'withdrawn',
    originalPath: null,
    at: 6,
    body: '{}',
  } as const;
  const { id, originalPath, kind, claimedAt, startAt, timeSource } = sampleClip('aaaa');
  const change = {
    clip: id,
    originalPath,
    kind,
    claimedAt,
    startAt,
    timeSource,
    clockOffsetMs: null,
    withdrawnAt: 6,
  };
  catalogue.fileNote(withdrawal, change);
  t.match(catalogue.clip('aaaa'), { withdrawnAt: 6, originalPath });
  catalogue.fileNote(withdrawal, { ...change, withdrawnAt: 7 });
  t.equal(catalogue.clip('aaaa')?.withdrawnAt, 6, 'a note that is known changes nothing');
  t.strictSame(
    catalogue.notesOf('front-door', 'aaaa').map(note => note.id),
    ['n1', 'n2'],
  );
});

t.test('what is quarantined is counted once and shown newest first', async t => {
  const { catalogue } = freshCatalogue(t);
  catalogue.addQuarantined({ camera: 'den', id: 'a', reason: 'first', at: 1 });
  catalogue.addQuarantined({ camera: 'den', id: 'b', reason: 'second', at: 2 });
  catalogue.addQuarantined({ camera: 'den', id: 'a', reason: 'again', at: 3 });
  t.equal(catalogue.quarantinedCount(), 2);
  t.match(catalogue.quarantined(10), [
    { id: 'b', reason: 'second' },
    { id: 'a', reason: 'first' },
  ]);
});
