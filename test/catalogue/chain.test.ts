import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import t from 'tap';
import { openDatabase } from '../../src/base/sqlite.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { chainAppends } from '../../src/catalogue/chain.ts';
import { genesisText, headText, linkText, parseEntry } from '../../src/domain/chain.ts';
import { chainedArchive, idOf } from '../inspect/chained-archive.ts';
import { sampleClip, sampleReceipt } from './sample-clip.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const migrations = new URL('../../src/catalogue/migrations/', import.meta.url);

t.test('every clip that is filed is an entry that builds on the one before, under a signed head', async t => {
  const { fileClip, catalogue, archiveId, chain, nextDay } = await chainedArchive(t);
  let hash = sha256(genesisText(archiveId));
  for (const [index, word] of ['a1', 'a2', 'a3'].entries()) {
    const clip = fileClip(word);
    const [row] = catalogue.chainRows(index, 10);
    t.match(row, { number: index + 1, type: 'kept', subject: clip.id });
    hash = sha256(linkText(hash, row?.line ?? ''));
    t.equal(row?.hash, hash);
    t.match(parseEntry(row?.line ?? '')?.entry, {
      id: clip.id,
      sha256: clip.sha256,
      receiptSha256: sha256(`{"receipt":"${word}"}`),
    });
    const head = catalogue.chainHead();
    t.match(head, { number: index + 1, hash });
    t.equal(head?.signature, chain.sign(headText(archiveId, head ?? { day: '', number: 0, hash: '' })));
    if (word === 'a2') nextDay();
  }
  t.match(catalogue.headAfter(1), { day: '2026-11-21', number: 2 });
  t.match(catalogue.headAfter(3), { day: '2026-11-22', number: 3 });
  t.equal(catalogue.headAfter(4), undefined);
  t.equal(catalogue.keptNumber(idOf('a2')), 2);
  t.equal(catalogue.lastNumber(), 3);
});

t.test('a clip that is filed again, or repeated, is one entry', async t => {
  const { fileClip, catalogue } = await chainedArchive(t);
  const clip = fileClip('a1');
  fileClip('a1');
  catalogue.fileRepeat(clip.id, sampleReceipt(idOf('a2')), {
    completeness: 'whole',
    completenessBasis: 'repeat',
  });
  t.equal(catalogue.lastNumber(), 1);
});

t.test('a filing that fails leaves neither row nor entry', async t => {
  const { fileClip, catalogue, archiveId, file } = await chainedArchive(t);
  fileClip('a1');
  using broken = openCatalogue({
    file,
    chain: {
      archiveId,
      now: () => Date.UTC(2026, 10, 21),
      sign: () => {
        throw new Error('no key today');
      },
    },
  });
  t.throws(() => broken.fileClip(sampleClip(idOf('a2')), sampleReceipt(idOf('a2'))), /no key today/);
  t.equal(catalogue.clip(idOf('a2')), undefined);
  t.match(catalogue.chainHead(), { number: 1 });
  t.equal(catalogue.lastNumber(), 1);
});

t.test('when our clock is set back, entries stay on the day that was reached', async t => {
  const { fileClip, catalogue, clock, nextDay } = await chainedArchive(t);
  nextDay();
  fileClip('a1');
  clock.at -= 10 * 86_400_000;
  fileClip('a2');
  const rows = catalogue.chainRows(0, 10);
  t.strictSame(
    rows.map(({ day }) => day),
    ['2026-11-22', '2026-11-22'],
  );
  t.equal(parseEntry(rows[1]?.line ?? '')?.at, clock.at, 'the line says what the clock said');
  t.match(catalogue.chainHead(), { day: '2026-11-22', number: 2 });
});

t.test('two processes that file at once make one chain', async t => {
  const { fileClip, catalogue, file, chain } = await chainedArchive(t);
  using other = openCatalogue({ file, chain });
  for (let i = 0; i < 5; i++) {
    fileClip(`a${i}`);
    other.fileClip(sampleClip(idOf(`b${i}`)), sampleReceipt(idOf(`b${i}`)));
  }
  const rows = catalogue.chainRows(0, 20);
  t.strictSame(
    rows.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  for (const [before, row] of rows.slice(1).entries())
    t.equal(row.hash, sha256(linkText(rows[before]?.hash ?? '', row.line)));
});

t.test('a tombstone says what was there, and is refused without a key', async t => {
  const { fileClip, letGo, catalogue, file, clock } = await chainedArchive(t);
  const clip = fileClip('a1');
  clock.at += 1000;
  letGo(clip, 'free-disk');
  const { id, camera, bytes, sha256: hash } = clip;
  t.strictSame(parseEntry(catalogue.chainRows(1, 1)[0]?.line ?? ''), {
    number: 2,
    at: clock.at,
    entry: { type: 'gone', media: 'clip', id, camera, bytes, sha256: hash, reason: 'free-disk' },
  });
  const db = openDatabase({ file, migrations, journal: 'wal', synchronous: 'full' });
  t.teardown(() => db.close());
  const appends = chainAppends(db, undefined);
  t.throws(
    () => appends.appendGone({ media: 'clip', id, camera, bytes, sha256: hash, reason: 'age', at: 0 }),
    /opened with a key/,
  );
  t.throws(() => appends.appendPending(1), /opened with a key/);
});

t.test('what was filed without a key is appended later, in order of arrival', async t => {
  const { catalogue, file } = await chainedArchive(t);
  using keyless = openCatalogue({ file });
  for (const [word, receivedAt] of [
    ['a1', 3000],
    ['a2', 1000],
    ['a3', 2000],
    ['a4', 2000],
  ] as const)
    keyless.fileClip(sampleClip(idOf(word), { receivedAt }), sampleReceipt(idOf(word), receivedAt));
  t.equal(catalogue.lastNumber(), 0);
  t.equal(catalogue.clipsWithoutEntry('', 10).filter(each => each.isPending).length, 4);
  t.equal(catalogue.appendPending(3), 3);
  t.equal(catalogue.appendPending(3), 1);
  t.equal(catalogue.appendPending(3), 0);
  t.strictSame(
    catalogue.chainRows(0, 10).map(({ subject }) => subject),
    [idOf('a2'), idOf('a3'), idOf('a4'), idOf('a1')],
  );
  t.strictSame(catalogue.clipsWithoutEntry('', 10), []);
});

t.test('retention may come before that: what is let go was first taken in', async t => {
  const { catalogue, file, letGo } = await chainedArchive(t);
  const clip = sampleClip(idOf('a1'));
  {
    using keyless = openCatalogue({ file });
    keyless.fileClip(clip, sampleReceipt(clip.id));
  }
  letGo(clip);
  t.strictSame(
    catalogue.chainRows(0, 10).map(({ type }) => type),
    ['kept', 'gone'],
  );
  t.equal(catalogue.appendPending(10), 0);
});

t.test('the clips of a version before the chain are waiting to be appended', async t => {
  const root = t.testdir({ old: {} });
  const all = new URL('../../src/catalogue/migrations/', import.meta.url);
  for (const name of readdirSync(all).filter(each => each < '004'))
    cpSync(new URL(name, all), join(root, 'old', name));
  mkdirSync(join(root, 'state'));
  const file = join(root, 'state/catalogue.db');
  openDatabase({
    file,
    migrations: pathToFileURL(`${root}/old/`),
    journal: 'wal',
    synchronous: 'full',
  }).close();
  const db = new Database(file);
  db.exec(`INSERT INTO clip (id, camera, original_path, path, bytes, sha256, kind, completeness, completeness_basis,
      time_zone, start_at, time_source, received_at)
    VALUES ('${idOf('a1')}', 'den', 'a.mp4', 'clips/a', 1, '${'a'.repeat(64)}', 'video', 'whole', 'container', 'UTC', 5,
      'arrival', 5);
    INSERT INTO receipt (upload, clip, received_at, body) VALUES ('${idOf('a1')}', '${idOf('a1')}', 5, '{}')`);
  db.close();
  using catalogue = openCatalogue({ file, chain: { archiveId: 'x', sign: () => 'sig', now: () => 1e12 } });
  t.equal(catalogue.appendPending(10), 1);
  t.match(catalogue.chainRows(0, 1)[0]?.line, `kept clip ${idOf('a1')} den 1 `);
  t.match(catalogue.chainRows(0, 1)[0]?.line, sha256('{}'));
});
