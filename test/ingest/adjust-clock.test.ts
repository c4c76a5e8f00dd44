import t, { type Test } from 'tap';
import type { FilingParts } from '../../src/ingest/parts.ts';
import { idOf, smallArchive } from './small-archive.ts';

const hour = 3_600_000;

/** A Reolink name for what a clock shows that is so far ahead of ours, of a clip that began so long ago. */
function named(aheadMs: number, agoMs: number): string {
  const shown = new Date(Date.now() - agoMs + aheadMs).toISOString();
  return `Den_00_${shown.slice(0, 19).replaceAll(/[-:T]/g, '')}.mp4`;
}

async function opened(t: Test) {
  const archive = await smallArchive(t);
  let count = 0;
  return {
    ...archive,
    /** Files an upload that arrives now, twelve seconds long. */
    async upload(aheadMs: number, more: Partial<FilingParts> = {}, agoMs = 13_000) {
      count++;
      const path = named(aheadMs, agoMs);
      // Ids are filled up with zeros, so that c1 and c10 would be one.
      const word = `c${count}x`;
      await archive.file(archive.upload(word, `clip ${count}`, { path, sentAs: path }), more);
      return idOf(word);
    },
  };
}

t.test(
  'five uploads of a clock that is an hour and three seconds ahead place them all rightly, and the next ones',
  async t => {
    const { catalogue, upload } = await opened(t);
    const ids = [];
    for (let index = 0; index < 4; index++) ids.push(await upload(3603_000));
    for (const id of ids) t.match(catalogue.clip(id), { timeSource: 'arrival', clockOffsetMs: null });
    ids.push(await upload(3603_000));
    ids.push(await upload(3603_000));
    const [clock] = catalogue.clockPeriods('den', 2);
    t.ok(Math.abs((clock?.offsetMs ?? 0) - 3602_000) <= 2000, String(clock?.offsetMs));
    for (const id of ids) {
      const clip = catalogue.clip(id);
      t.equal(clip?.timeSource, 'corrected');
      t.ok(Math.abs((clip?.startAt ?? 0) - (Date.now() - 13_000)) < 10_000, 'where it was');
      t.equal((clip?.claimedAt ?? 0) - (clip?.startAt ?? 0), clip?.clockOffsetMs);
    }
    t.equal([...catalogue.listEvents({})].length, 1, 'and its event is where it lies now');
  },
);

t.test('a clock that is right is left alone', async t => {
  const { catalogue, upload } = await opened(t);
  const ids = [];
  for (let index = 0; index < 6; index++) ids.push(await upload(0));
  t.equal(catalogue.clockPeriods('den', 2).length, 1);
  for (const id of ids) t.match(catalogue.clip(id), { timeSource: 'name', clockOffsetMs: null });
});

t.test('when the clock is set right again, what came before stays where it was placed', async t => {
  const { catalogue, upload } = await opened(t);
  const wrong = [];
  for (let index = 0; index < 5; index++) wrong.push(await upload(-2 * hour));
  const before = wrong.map(id => catalogue.clip(id)?.startAt);
  const right = [];
  for (let index = 0; index < 5; index++) right.push(await upload(0));
  t.equal(catalogue.clockPeriods('den', 9).length, 2);
  t.strictSame(
    wrong.map(id => catalogue.clip(id)?.startAt),
    before,
  );
  for (const id of right) t.equal(catalogue.clip(id)?.timeSource, 'name');
});

t.test('a process that died before it looked at the clock looks with the next clip', async t => {
  const { catalogue, upload, parts } = await opened(t);
  const dies: FilingParts['catalogue'] = {
    ...parts.catalogue,
    fileClock: () => {
      throw new Error('died');
    },
  };
  const ids: string[] = [];
  for (let index = 0; index < 4; index++) ids.push(await upload(hour, { catalogue: dies }));
  await t.rejects(upload(hour, { catalogue: dies }), { message: 'died' });
  ids.push(idOf('c5x'));
  t.strictSame(catalogue.clockPeriods('den', 1), []);
  await upload(hour);
  for (const id of ids) t.equal(catalogue.clip(id)?.timeSource, 'corrected', id);
});
