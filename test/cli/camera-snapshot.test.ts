// clipward camera snapshot: which picture it is, and how old it may be.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import t, { type Test } from 'tap';
import { footageRelativePath } from '../../src/archive/footage-path.ts';
import { registerSnapshot } from '../../src/cli/camera-snapshot.ts';
import type { Desk } from '../../src/cli/desk.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { sampleOpenSegment } from '../catalogue/footage-rows.ts';
import { camera, recordedArchive } from '../inspect/recorded-archive.ts';
import { makeCodedFootage, readPictures } from '../support/coded-footage.ts';

/** Fragments of a second, a key frame in every other: pictures 0, 20, 40 and so on. */
const footage = makeCodedFootage(20);

async function opened(test: Test, { segmentMs = 60_000 } = {}) {
  const archive = await recordedArchive(test, { segmentMs });
  const temporary = join(archive.root, 'tmp');
  mkdirSync(temporary);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
  test.teardown(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  const out = join(archive.root, 'picture.jpg');
  return {
    ...archive,
    ...{ out, temporary },
    /** So that the last of these seconds was so long ago. */
    async record(seconds: number, agoMs: number) {
      archive.clock.set(Date.now() - agoMs - seconds * 1000);
      const startAt = archive.clock.now();
      const connection = archive.connect(footage.init);
      connection.bring(footage.fragments.slice(0, seconds));
      await connection.written();
      return { startAt, connection };
    },
    async snapshot(...more: string[]) {
      const printed: string[] = [];
      const settings = { dataDir: archive.dataDir, stateDir: archive.stateDir };
      const desk = {
        settings: () => settings as unknown as Settings,
        wantsJson: () => true,
        print: (text: string) => void printed.push(text),
      } as unknown as Desk;
      const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
      registerSnapshot(program.command('camera'), desk);
      await program.parseAsync(['camera', 'snapshot', camera, '--out', out, ...more], { from: 'user' });
      const facts = JSON.parse(printed.join('\n'));
      return { ...facts, number: readPictures(out)[0]?.number };
    },
  };
}

t.test('it is the last key frame, with the moment in which it was filmed', async t => {
  const { record, snapshot, temporary, root, dataDir } = await opened(t);
  // The last second holds no key frame.
  const { startAt, connection } = await record(16, 1000);
  const { number, takenAt, ageMs, width, height } = await snapshot();
  t.equal(number, 140);
  t.equal(Date.parse(takenAt), startAt + 14_000);
  t.ok(ageMs >= 3000 && ageMs < 30_000, `${ageMs}`);
  t.strictSame([width, height], [160, 64]);
  t.strictSame(readdirSync(temporary), [], 'nothing of it is left elsewhere');
  const inside = join(dataDir, 'picture.jpg');
  await t.rejects(snapshot('--out', inside), { message: /lies in the archive/ });
  t.notOk(readdirSync(dataDir).includes('picture.jpg'));
  t.strictSame(readdirSync(root).sort(), ['data', 'picture.jpg', 'state', 'tmp']);
  await connection.end();
});

t.test('a picture that is older than a minute is written only when that was said', async t => {
  const { record, snapshot, root } = await opened(t);
  const { startAt, connection } = await record(2, 3_600_000);
  await connection.end();
  await t.rejects(snapshot(), {
    name: 'FailedError',
    message: new RegExp(`is of ${new Date(startAt).toISOString().slice(0, 18)}.*--any-age`),
  });
  t.notOk(readdirSync(root).includes('picture.jpg'));
  t.equal((await snapshot('--any-age')).number, 0);
});

t.test('what is being written comes first, unless there is nothing in it yet', async t => {
  const { record, snapshot, catalogue, out } = await opened(t);
  const { connection } = await record(4, 1000);
  await connection.end();
  const id = 'fresh'.padEnd(26, '0');
  const startAt = Date.now();
  const row = { ...sampleOpenSegment(id, { startAt, camera }) };
  catalogue.addOpenSegment({ ...row, path: footageRelativePath({ camera, startAt, id }) });
  t.equal((await snapshot()).number, 20, 'of the last that was finished');
  writeFileSync(`${out}.old`, readFileSync(out));
  await t.rejects(snapshot(), { name: 'FailedError', message: /exists already/ });
  t.strictSame(readFileSync(out), readFileSync(`${out}.old`), 'nothing is overwritten');
});

t.test('the open segment is looked at before the last that was finished', async t => {
  const { record, snapshot, segments, catalogue } = await opened(t, { segmentMs: 4000 });
  const { startAt, connection } = await record(15, 1000);
  t.ok(segments().length > 1);
  t.ok((catalogue.openSegments()[0]?.startAt ?? Number.NaN) <= startAt + 14_000);
  t.equal((await snapshot()).number, 140);
  await connection.end();
});

t.test('of a camera of which nothing is recorded there is no picture', async t => {
  const { snapshot } = await opened(t);
  await t.rejects(snapshot(), { name: 'FailedError', message: /Nothing is recorded of den/ });
});
