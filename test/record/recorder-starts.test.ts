// How the recorders begin and end, and what they go by meanwhile.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { footageRelativePath } from '../../src/archive/footage-path.ts';
import { sampleOpenSegment } from '../catalogue/footage-rows.ts';
import { endsSlowly, scriptedSource } from './recording.ts';
import { noon, simulated } from './simulated.ts';

const hourMs = 3_600_000;

/** Without a file. */
function openRow(id: string, camera: string) {
  const open = sampleOpenSegment(id, { startAt: noon - hourMs, camera });
  return { ...open, path: footageRelativePath(open) };
}

t.test('the time in which no recorder ran is its own, whatever was wrong with the camera before', async t => {
  const { gaps, stop } = await simulated(t, {
    before({ catalogue }) {
      catalogue.beginGap('den', noon - 2 * hourMs, 'unreachable');
      catalogue.beatRecorder(noon - hourMs);
    },
  });
  t.match(gaps('den'), [
    { startAt: noon - 2 * hourMs, endAt: noon - hourMs, reason: 'unreachable' },
    { startAt: noon - hourMs, reason: 'restart' },
  ]);
  await stop();
});

t.test('a camera that was removed while no recorder ran is not to be recorded any more', async t => {
  const { gaps, stop, connect, bring } = await simulated(t, {
    before({ catalogue }) {
      catalogue.beginGap('yard', noon - 2 * hourMs, 'unreachable');
      catalogue.beginGap('attic', noon - 2 * hourMs, 'off');
      catalogue.addOpenSegment(openRow('s1', 'porch'));
      catalogue.beatRecorder(noon - hourMs);
    },
  });
  await connect();
  await bring(3);
  t.strictSame(
    gaps('yard').map(({ startAt, reason }) => [startAt, reason]),
    [
      [noon - 2 * hourMs, 'unreachable'],
      [noon, 'off'],
    ],
  );
  t.strictSame(
    gaps('attic').map(({ startAt, reason }) => [startAt, reason]),
    [[noon - 2 * hourMs, 'off']],
  );
  t.match(gaps('porch').at(-1), { startAt: noon, reason: 'off' });
  t.notMatch(gaps('den').at(-1), { reason: 'off' }, 'the one that is there');
  await stop();
});

t.test('without the disk nothing is begun: it may come', async t => {
  let rows = 0;
  await t.rejects(
    simulated(t, {
      async before({ catalogue, dataDir }) {
        catalogue.addOpenSegment(openRow('s1', 'den'));
        rows = catalogue.openSegments().length;
        await rm(join(dataDir, 'MARKER'));
      },
    }),
    { name: 'TransientError' },
  );
  t.equal(rows, 1);
});

t.test('a file that cannot be recovered keeps no camera from being recorded', async t => {
  const { connect, bring, pass, stop, faults, segments, catalogue, logged, script, set, den } =
    await simulated(t, {
      before({ catalogue, faults }) {
        catalogue.addOpenSegment(openRow('s1', 'den'));
        catalogue.addOpenSegment(openRow('s2', 'yard'));
        faults.set('recover', Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }));
      },
    });
  const told = logged.filter(({ msg }) => msg === 'recording cannot be catalogued');
  t.strictSame(new Set(told.map(each => each.camera)), new Set(['den', 'yard']));
  const third = scriptedSource('c');
  set([den, { ...den, name: 'attic', source: third.source }]);
  await pass(2000);
  t.ok(third.sink(), 'another one is recorded');
  t.equal(script.sink(), undefined, 'its own recorder looks at that file first');
  faults.clear();
  await pass(6000);
  await connect();
  await bring(3);
  await stop();
  t.strictSame(
    segments('den').map(({ durationMs }) => durationMs),
    [3000],
  );
  t.match(catalogue.openSegments(), [{ camera: 'yard' }]);
});

t.test('while the accounts cannot be read everything stays as it is', async t => {
  const { connect, bring, segments, stop, script, hide, set } = await simulated(t);
  await connect();
  await bring(2);
  hide();
  await bring(5);
  t.ok(script.sink());
  t.equal(script.pulls(), 1);
  set([]);
  await bring(1);
  t.equal(script.sink(), undefined, 'and then goes by them again');
  await stop();
  t.equal(
    segments('den').reduce((sum, { durationMs }) => sum + durationMs, 0),
    7000,
  );
});

t.test('who stops the recorders says when, to the moment', async t => {
  const { pass, stop, catalogue, clock } = await simulated(t);
  await pass(5000);
  t.equal(catalogue.recorderAliveAt(), noon + 5000);
  await pass(3000);
  t.equal(catalogue.recorderAliveAt(), noon + 5000);
  await stop();
  t.equal(catalogue.recorderAliveAt(), clock.now());
});

t.test('they have not ended before the last connection has, also of a camera that was removed', async t => {
  const { connect, bring, pass, quiet, recorders, set, den } = await simulated(t);
  await connect();
  await bring(1);
  const over = Promise.withResolvers<void>();
  const slow = scriptedSource('b');
  const source = endsSlowly(slow, over.promise);
  set([{ ...den, source }]);
  await pass(2000);
  t.ok(slow.sink());
  set([]);
  await pass(1000);
  let isOver = false;
  const stopping = recorders[Symbol.asyncDispose]().then(() => {
    isOver = true;
  });
  await quiet();
  t.equal(isOver, false, 'its ffmpeg may still run');
  over.resolve();
  await stopping;
  t.equal(slow.sink(), undefined);
});

t.test('hours are those of the zone of the camera', async t => {
  const { connect, pass, script, stop } = await simulated(t, {
    record: '13:00-13:01',
    timeZone: 'Europe/Berlin',
  });
  await connect();
  t.ok(script.sink(), 'noon by the clock of the test');
  await pass(61_000);
  t.equal(script.sink(), undefined);
  await stop();
});
