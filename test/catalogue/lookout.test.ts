import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { habitMs, signMs } from '../../src/domain/habit.ts';
import { keptStarts } from '../../src/domain/role-starts.ts';
import { sampleClip, sampleReceipt } from './sample-clip.ts';

const minuteMs = 60_000;

function opened(t: Test) {
  const catalogue = openCatalogue({ file: join(t.testdir(), 'catalogue.db') });
  t.teardown(() => catalogue[Symbol.dispose]());
  let count = 0;
  const clip = (receivedAt: number, kind: 'video' | 'test' | 'sentinel' = 'video') => {
    const id = `c${count++}`.padStart(26, '0');
    catalogue.fileClip(
      sampleClip(id, { camera: 'den', path: `clips/den/${id}.mp4`, receivedAt, kind }),
      sampleReceipt(id, receivedAt),
    );
  };
  return { catalogue, clip };
}

t.test('time without a receiver is deaf when it was longer than ten minutes, and stays known', t => {
  const { catalogue } = opened(t);
  const deafAt = (now: number) => catalogue.lookout(now).deaf;
  t.same(deafAt(5), [{ from: 0, until: 5 }], 'before the first look nobody listened');
  catalogue.noteLook(1000, true, '{}');
  t.same(deafAt(1000 + 10 * minuteMs), [{ from: 0, until: 1000 }], 'at the limit');
  t.same(deafAt(1001 + 10 * minuteMs), [
    { from: 0, until: 1000 },
    { from: 1000, until: 1001 + 10 * minuteMs },
  ]);
  catalogue.noteLook(2000 + 10 * minuteMs, false, '{}');
  catalogue.noteLook(3000 + 10 * minuteMs, true, '{}');
  t.same(
    deafAt(3000 + 10 * minuteMs).at(-1),
    { from: 1000, until: 3000 + 10 * minuteMs },
    'looks alone hear nothing',
  );
  catalogue.noteLook(3000 + 11 * minuteMs, true, '{"a":1}');
  t.equal(deafAt(3000 + 11 * minuteMs).length, 2);
  t.match(catalogue.lookout(0), { lookedAt: 3000 + 11 * minuteMs, facts: '{"a":1}' });
  t.end();
});

t.test('a clock that is set back makes nobody deaf, and of deaf times only the last are kept', t => {
  const { catalogue } = opened(t);
  for (let day = 1; day <= 150; day++) catalogue.noteLook(day * 86_400_000, true, '{}');
  const { deaf } = catalogue.lookout(150 * 86_400_000);
  t.equal(deaf.length, 100);
  t.same(deaf.at(-1), { from: 149 * 86_400_000, until: 150 * 86_400_000 });
  catalogue.noteLook(86_400_000, true, '{}');
  t.equal(catalogue.lookout(86_400_000).deaf.length, 100);
  t.end();
});

t.test('signs of life are ten minutes apart, of six weeks, and end with the last one', t => {
  const { catalogue, clip } = opened(t);
  t.equal(catalogue.signsOfLife('den'), undefined);
  t.equal(catalogue.lastSign('den'), undefined);
  const last = 100 * 86_400_000;
  const times = [
    1,
    last - habitMs - 1,
    last - habitMs,
    last - habitMs + signMs - 1,
    last - habitMs + signMs,
    last - 1,
    last,
  ];
  for (const at of times) clip(at);
  clip(last + 5, 'test');
  clip(last + 6, 'sentinel');
  t.equal(catalogue.lastSign('den'), last, 'a test is no sign of life');
  t.same(catalogue.signsOfLife('den'), {
    firstAt: 1,
    signs: [last - habitMs, last - habitMs + signMs, last - 1, last],
  });
  t.end();
});

t.test('the last starts of each role are kept, newest first', t => {
  const { catalogue } = opened(t);
  for (let index = 0; index < keptStarts + 5; index++) {
    const id = catalogue.noteStart('archive', index);
    if (index % 2 === 0) catalogue.noteEnd(id, index);
    catalogue.noteStart('outbound', index);
  }
  const starts = catalogue.roleStarts('archive');
  t.equal(starts.length, keptStarts);
  t.same(starts.slice(0, 2), [
    { at: keptStarts + 4, endedAt: keptStarts + 4 },
    { at: keptStarts + 3, endedAt: null },
  ]);
  t.equal(catalogue.roleStarts('outbound').length, keptStarts);
  t.end();
});

t.test('counts only grow', t => {
  const { catalogue } = opened(t);
  const count = { name: 'filings', label: 'filed', value: 2 };
  catalogue.addCounts([count, { ...count, label: 'failed' }]);
  catalogue.addCounts([count]);
  t.same(catalogue.counts(), [
    { ...count, label: 'failed' },
    { ...count, value: 4 },
  ]);
  t.end();
});
