import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { maxOpenPartials, maxWholes } from '../../src/catalogue/superseding.ts';
import { idOf, smallArchive } from './small-archive.ts';

const partial = { completeness: 'partial', completenessBasis: 'none', endedBy: 'truncated' } as const;

t.test(
  'a partial that is the beginning of a later whole upload of its name is superseded, and kept',
  async t => {
    const archive = await smallArchive(t);
    await archive.file(archive.upload('a1', 'the beg', partial));
    await archive.file(archive.upload('a2', 'the beginning'));
    t.match(archive.clip('a1'), { supersededBy: idOf('a2'), completeness: 'partial' });
    t.equal(archive.clip('a2')?.supersededBy, null);
    t.equal(archive.read(archive.clip('a1')?.path), 'the beg');
  },
);

t.test('entries of the inbox have no order: the partial may be filed after its whole', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'the beginning'));
  await archive.file(archive.upload('a2', 'the beg', partial));
  t.match(archive.clip('a2'), { supersededBy: idOf('a1'), completeness: 'partial' });
});

t.test('what is not the beginning is not superseded, in neither order', async t => {
  for (const order of [
    ['part', 'whole'],
    ['whole', 'part'],
  ] as const) {
    const archive = await smallArchive(t);
    const uploads = {
      whole: () => archive.upload('a1', 'the beginning'),
      part: () => archive.upload('a2', 'the bAg', partial),
    };
    for (const which of order) await archive.file(uploads[which]());
    t.equal(archive.clip('a2')?.supersededBy, null, order.join(' then '));
  }
});

t.test('one byte shorter is a beginning, as long or longer is none', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'abc', partial));
  await archive.file(archive.upload('a2', 'abcd', partial));
  await archive.file(archive.upload('a3', 'abcde', partial));
  await archive.file(archive.upload('a4', 'abcX'));
  const marks = () => ['a1', 'a2', 'a3'].map(word => archive.clip(word)?.supersededBy ?? null);
  t.strictSame(marks(), [idOf('a4'), null, null]);
  await archive.file(archive.upload('a5', 'abcdeX'));
  t.strictSame(marks(), [idOf('a4'), idOf('a5'), idOf('a5')], 'and the first successor stays');
});

t.test('a partial without a byte is the beginning of whatever came later under its name', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', '', partial));
  await archive.file(archive.upload('a2', 'bytes'));
  t.equal(archive.clip('a1')?.supersededBy, idOf('a2'));
});

t.test('another camera, another name, an upload that is not whole: nothing is superseded', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'byt', partial));
  await archive.file(archive.upload('a2', 'bytes', { camera: 'porch' }));
  await archive.file(archive.upload('a3', 'bytes', { path: 'other.mp4' }));
  await archive.file(
    archive.upload('a4', 'bytes!', { completeness: 'unproven', completenessBasis: 'repeat' }),
  );
  await archive.file(archive.upload('a5', 'bytes?', partial));
  t.equal(archive.clip('a1')?.supersededBy, null);
  await archive.file(archive.upload('a6', 'bytes.', { path: 'clip.mp4' }));
  t.equal(archive.clip('a1')?.supersededBy, idOf('a6'), 'so that it could have been');
});

t.test('a repeat that proves its clip whole makes it the successor of its beginnings', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'byt', partial));
  await archive.file(archive.upload('a2', 'bytes', partial));
  t.equal(archive.clip('a1')?.supersededBy, null);
  await archive.file(archive.upload('a3', 'bytes'));
  t.match(archive.clip('a2'), { completeness: 'whole', supersededBy: null });
  t.equal(archive.clip('a1')?.supersededBy, idOf('a2'));
});

t.test('a superseded partial whose bytes are proven whole after all is superseded no more', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'byt', partial));
  await archive.file(archive.upload('a2', 'bytes'));
  t.equal(archive.clip('a1')?.supersededBy, idOf('a2'));
  await archive.file(archive.upload('a3', 'byt'));
  t.match(archive.clip('a1'), { completeness: 'whole', supersededBy: null });
});

t.test('a new whole is compared with the newest partials, so many and no more', async t => {
  const archive = await smallArchive(t);
  const words = Array.from(
    { length: maxOpenPartials + 1 },
    (_, number) => `b${String(number).padStart(2, '0')}`,
  );
  const bytes = 'x'.repeat(words.length + 1);
  for (const [index, word] of words.entries()) {
    const finishedAt = new Date(Date.now() - 10_000 + index * 10).toISOString();
    await archive.file(archive.upload(word, bytes.slice(0, index + 1), { ...partial, finishedAt }));
  }
  await archive.file(archive.upload('a1', bytes));
  const marked = words.filter(word => archive.clip(word)?.supersededBy === idOf('a1'));
  t.strictSame(marked, words.slice(1), 'the oldest is left');
  await archive.file(archive.upload('a2', `${bytes}x`));
  t.equal(archive.clip(words[0] as string)?.supersededBy, idOf('a2'), 'those that are marked make room');
});

t.test('a late partial is compared with the newest wholes, so many and no more', async t => {
  const archive = await smallArchive(t);
  const finishedAt = (index: number) => new Date(Date.now() - 10_000 + index * 10).toISOString();
  await archive.file(archive.upload('a0', 'the beginning', { finishedAt: finishedAt(0) }));
  for (let index = 1; index < maxWholes; index++)
    await archive.file(
      archive.upload(`a${index}`, `another one ${index}`, { finishedAt: finishedAt(index) }),
    );
  await archive.file(archive.upload('b1', 'the b', { ...partial, finishedAt: finishedAt(-1) }));
  t.equal(archive.clip('b1')?.supersededBy, idOf('a0'), 'the last that is looked at');
  await archive.file(archive.upload('c1', 'another two', { finishedAt: finishedAt(maxWholes) }));
  await archive.file(archive.upload('b2', 'the be', { ...partial, finishedAt: finishedAt(-1) }));
  t.equal(archive.clip('b2')?.supersededBy, null, 'one more came, and it is too far back');
});

t.test('under a name that is used for ever the successor is found among what arrived next', async t => {
  const archive = await smallArchive(t);
  const base = Date.now() - 50_000;
  const finishedAt = (index: number) => new Date(base + index * 10).toISOString();
  // More rows of the name than are looked at, all before.
  for (let index = 0; index < 80; index++)
    archive.catalogue.fileClip(
      {
        ...(await template(archive)),
        id: `d${String(index).padStart(25, '0')}`,
        path: `clips/den/${index}`,
        sha256: String(index).padStart(64, '0'),
        receivedAt: base - 1_000_000 + index,
      },
      { upload: `d${index}`, receivedAt: 0, body: '{}' },
    );
  await archive.file(archive.upload('f1', 'the beginning', { finishedAt: finishedAt(1) }));
  await archive.file(archive.upload('f2', 'the beg', { ...partial, finishedAt: finishedAt(0) }));
  t.equal(archive.clip('f2')?.supersededBy, idOf('f1'));
});

async function template(archive: Awaited<ReturnType<typeof smallArchive>>) {
  if (archive.clip('e1') === undefined)
    await archive.file(archive.upload('e1', 'template', { path: 'clip.mp4' }));
  const clip = archive.clip('e1');
  if (clip === undefined) throw new Error('the template was filed');
  return { ...clip, bytes: 1 };
}

t.test('a whole whose file cannot be read keeps no partial from being filed', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'the beginning'));
  const path = join(archive.dataDir, archive.clip('a1')?.path ?? '');
  chmodSync(path, 0o600);
  rmSync(path);
  await archive.file(archive.upload('a2', 'the beg', partial));
  t.match(archive.clip('a2'), { completeness: 'partial', supersededBy: null });
});

t.test('a whole that retention takes leaves its partial open, and is no obstacle to filing', async t => {
  const archive = await smallArchive(t);
  await archive.file(archive.upload('a1', 'the beginning'));
  const catalogue = {
    ...archive.catalogue,
    // Deleted between the comparison and the transaction.
    longerWholes: () => [{ id: idOf('gone'), path: archive.clip('a1')?.path ?? '', bytes: 13, sha256: '' }],
  };
  await archive.file(archive.upload('a2', 'the beg', partial), { catalogue });
  t.match(archive.clip('a2'), { supersededBy: null });
});
