import t from 'tap';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import type { Unwanted } from '../../src/catalogue/garbage.ts';
import { parseEntry } from '../../src/domain/chain.ts';
import { chainedArchive, idOf } from '../inspect/chained-archive.ts';

const at = Date.UTC(2026, 10, 22);

function unwanted({ id, camera, bytes, keptFrom }: Clip, reason = 'age'): Unwanted {
  return { id, camera, bytes, keptFrom, reason, mediaClass: 'clip' };
}

t.test('everything of a clip goes in one transaction, and what is to be unlinked stays', async t => {
  const { catalogue, fileClip } = await chainedArchive(t);
  const clip = fileClip('a', undefined, { originalPath: 'a.mp4' });
  const partial = fileClip('b', undefined, { completeness: 'partial', startAt: clip.startAt + 86_400_000 });
  catalogue.fileRepeat(
    partial.id,
    { upload: idOf('b2'), receivedAt: at, body: '{}' },
    { completeness: 'partial', completenessBasis: 'none' },
    { supersedes: [partial.id], supersededBy: clip.id },
  );
  const note = { camera: clip.camera, type: 'withdrawn', originalPath: null, at, body: '{}' } as const;
  catalogue.fileNote({ ...note, id: idOf('na'), upload: clip.id }, undefined);
  catalogue.fileNote({ ...note, id: idOf('nb'), upload: partial.id }, undefined);
  const event = catalogue.clip(clip.id)?.event ?? '';
  t.ok(catalogue.event(event));
  t.equal(catalogue.clip(partial.id)?.supersededBy, clip.id);

  const made = catalogue.makeGarbage([unwanted(clip)], at);
  const file = { id: clip.id, camera: clip.camera, type: 'clip', path: clip.path, thumbnail: clip.thumbnail };
  t.same(made, [{ ...file, bytes: clip.bytes, reason: 'age', at }]);
  t.same(catalogue.garbageFiles('', 10), made);
  t.equal(catalogue.clip(clip.id), undefined);
  t.equal(catalogue.clipOfUpload(clip.id), undefined, 'its receipt');
  t.same(catalogue.notesOf(clip.camera, clip.id), [], 'what its client did to it');
  t.equal(catalogue.notesOf(clip.camera, partial.id).length, 1, 'and not what was done to others');
  t.equal(catalogue.event(event), undefined, 'its event, which was its alone');
  t.equal(catalogue.clip(partial.id)?.supersededBy, null, 'what it superseded stands for itself');
  t.ok(catalogue.hasTombstone(clip.id));
  const last = parseEntry(catalogue.chainRows(catalogue.lastNumber() - 1, 1)[0]?.line ?? '');
  t.match(last, { at, entry: { type: 'gone', id: clip.id, sha256: clip.sha256, reason: 'age' } });
  t.same(catalogue.brokenReferences(), []);

  catalogue.forgetGarbage([clip.id]);
  t.same(catalogue.garbageFiles('', 10), []);
});

t.test('a hold that was added after the plan wins', async t => {
  const { catalogue, fileClip } = await chainedArchive(t);
  const hour = 3_600_000;
  const start = Date.UTC(2026, 9, 1);
  const clipAt = (word: string, startAt: number) =>
    fileClip(word, undefined, { startAt, durationMs: 10_000 });
  const [held, spanned, free] = [
    clipAt('a', start),
    clipAt('b', start + hour),
    clipAt('c', start + 2 * hour),
  ];
  const plan = [held, spanned, free].map(clip => unwanted(clip));
  const hold = { camera: held.camera, event: null, fromAt: null, toAt: null, reason: null, addedAt: at };
  catalogue.addHold({ ...hold, id: idOf('h1'), event: catalogue.clip(held.id)?.event ?? '' }, 10);
  // Touches the last second of it.
  catalogue.addHold(
    { ...hold, id: idOf('h2'), fromAt: spanned.startAt + 9000, toAt: spanned.startAt + 60_000 },
    10,
  );
  t.same(
    catalogue.makeGarbage(plan, at).map(({ id }) => id),
    [free.id],
  );
  t.ok(catalogue.clip(held.id) && catalogue.clip(spanned.id));
  t.notOk(catalogue.hasTombstone(held.id));
  catalogue.removeHold(idOf('h1'));
  t.equal(catalogue.makeGarbage(plan, at).length, 1, 'and counts as long as it is there');
});

t.test('what is not as the plan saw it stays', async t => {
  const { catalogue, fileClip } = await chainedArchive(t);
  const clip = unwanted(fileClip('a'));
  for (const changed of [{ bytes: clip.bytes + 1 }, { keptFrom: clip.keptFrom - 1 }, { camera: 'porch' }])
    t.same(catalogue.makeGarbage([{ ...clip, ...changed }], at), [], JSON.stringify(changed));
  t.same(catalogue.makeGarbage([{ ...clip, id: idOf('none') }], at), [], 'what is gone');
  t.equal(catalogue.makeGarbage([clip, clip], at).length, 1, 'nothing goes twice');
  t.equal(catalogue.lastNumber(), 2);
});

t.test('a batch goes as a whole or not at all', async t => {
  const { file, chain, fileClip } = await chainedArchive(t);
  const clips = ['a', 'b', 'c'].map(word => unwanted(fileClip(word)));
  let signatures = 0;
  const sign = (text: string) => {
    if (++signatures === 3) throw new Error('no more');
    return chain.sign(text);
  };
  using catalogue = openCatalogue({ file, chain: { ...chain, sign } });
  t.throws(() => catalogue.makeGarbage(clips, at), { message: 'no more' });
  t.same(catalogue.garbageFiles('', 10), []);
  t.equal(catalogue.clipCount(), 3);
  t.equal(catalogue.lastNumber(), 3);
  t.equal(catalogue.makeGarbage(clips, at).length, 3, 'and is made again');
});

t.test('without the key of the chain nothing goes', async t => {
  const { file, fileClip } = await chainedArchive(t);
  const clip = unwanted(fileClip('a'));
  using catalogue = openCatalogue({ file });
  t.throws(() => catalogue.makeGarbage([clip], at), { message: /key/ });
  t.equal(catalogue.clipCount(), 1);
});

t.test('what was filed without a key is in the chain before its tombstone', async t => {
  const { file, chain, fileClip } = await chainedArchive(t);
  const first = fileClip('a');
  using keyless = openCatalogue({ file });
  const clip = { ...first, id: idOf('b'), path: first.path.replaceAll('a0', 'b0'), event: null };
  keyless.fileClip(clip, { upload: clip.id, receivedAt: at, body: '{}' });
  using catalogue = openCatalogue({ file, chain });
  t.equal(catalogue.makeGarbage([unwanted(clip)], at).length, 1);
  t.same(
    catalogue.chainRows(1, 10).map(({ type, subject }) => `${type} ${subject}`),
    [`kept ${clip.id}`, `gone ${clip.id}`],
  );
  t.equal(catalogue.appendPending(10), 0);
});

t.test('garbage is read in pages', async t => {
  const { catalogue, fileClip } = await chainedArchive(t);
  const clips = Array.from({ length: 5 }, (_, index) => unwanted(fileClip(`a${index}`)));
  catalogue.makeGarbage(clips, at);
  const first = catalogue.garbageFiles('', 3);
  t.equal(first.length, 3);
  const rest = catalogue.garbageFiles(first.at(-1)?.id ?? '', 3);
  t.same(
    [...first, ...rest].map(({ id }) => id),
    clips.map(({ id }) => id),
  );
});
