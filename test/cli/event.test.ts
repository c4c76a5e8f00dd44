import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import t, { type Test } from 'tap';
import { openDatabase } from '../../src/base/sqlite.ts';
import { type Catalogue, catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { registerEventCommands } from '../../src/cli/event.ts';
import { registerHoldCommands } from '../../src/cli/hold.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { sampleOpenSegment, sampleSegment } from '../catalogue/footage-rows.ts';
import { sampleClip, sampleReceipt } from '../catalogue/sample-clip.ts';

const noon = Date.UTC(2026, 8, 27, 12);

function installation(test: Test, { maxHolds = 1000 } = {}) {
  const stateDir = join(test.testdir(), 'state');
  mkdirSync(stateDir);
  const run = async (...args: string[]) => {
    const printed: string[] = [];
    const remarks: string[] = [];
    const desk: Desk = {
      settings: () =>
        ({
          stateDir,
          events: { gapMs: 30_000, footageBeforeMs: 5000, footageAfterMs: 10_000 },
          retention: { maxHolds },
        }) as unknown as Settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: text => void remarks.push(text),
      readSecret: () => Promise.resolve(''),
      setExitCode: () => {},
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerEventCommands(program, desk);
    registerHoldCommands(program, desk);
    await program.parseAsync(args, { from: 'user' });
    return { out: printed.join('\n'), remarks: remarks.join('\n') };
  };
  return {
    run,
    json: async (...args: string[]) => JSON.parse((await run(...args, '--json')).out),
    sql(text: string) {
      const db = openDatabase({
        file: catalogueFile(stateDir),
        migrations: new URL('../../src/catalogue/migrations/', import.meta.url),
        journal: 'wal',
        synchronous: 'full',
      });
      db.exec(text);
      db.close();
    },
    catalogue(work: (catalogue: Catalogue) => void) {
      using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
      work(catalogue);
    },
    file(...clips: Clip[]) {
      using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
      for (const clip of clips) catalogue.fileClip(clip, sampleReceipt(clip.id));
    },
  };
}

const at = (seconds: number, facts = {}) => ({
  startAt: noon + seconds * 1000,
  receivedAt: noon + 600_000,
  ...facts,
});

t.test('before the first start there are no events and no holds, which is no failure', async t => {
  const { run, json } = installation(t);
  t.match(await run('event', 'list'), { out: '', remarks: 'No events yet.' });
  t.match(await run('hold', 'list'), { out: '', remarks: 'Nothing is on hold.' });
  t.strictSame(await json('event', 'list'), []);
  t.strictSame(await json('hold', 'list'), []);
  await t.rejects(run('event', 'show', 'abc'), { name: 'FailedError' });
  await t.rejects(run('hold', 'add', '--event', 'abc'), { name: 'FailedError', message: /event list/ });
});

t.test('event show and event list have the fields that scripts rely on', async t => {
  const { file, json } = installation(t);
  file(sampleClip('a1', at(0)), sampleClip('a2', at(20, { durationMs: null, kind: 'image' })));
  const [event] = await json('event', 'list');
  const { id, startAt, endAt } = event;
  t.strictSame(event, {
    ...{ id, startAt, endAt },
    camera: 'front-door',
    held: false,
    clips: ['a1', 'a2'],
    footage: [],
    gaps: [],
  });
  t.match(startAt, /^2026-09-27T\d\d:00:00\.000[+-]\d\d:\d\d$/);
  t.strictSame([startAt, endAt].map(Date.parse), [noon, noon + 20_000]);
  t.strictSame(await json('event', 'show', id), event, 'and event list has the same');
});

t.test(
  'events are listed newest first, by camera, time and count; what a viewer must know is marked',
  async t => {
    const { file, run, json } = installation(t);
    file(
      sampleClip('a1', at(0, { completeness: 'partial', timeSource: 'arrival' })),
      sampleClip('a2', at(100, { camera: 'den' })),
      sampleClip('a3', at(200)),
    );
    const starts = async (...args: string[]) =>
      (await json('event', 'list', ...args)).map(
        (event: { startAt: string }) => (Date.parse(event.startAt) - noon) / 1000,
      );
    t.strictSame(await starts(), [200, 100, 0]);
    t.strictSame(await starts('--camera', 'den'), [100]);
    t.strictSame(await starts('--limit', '1'), [200]);
    t.strictSame(await starts('--until', new Date(noon + 150_000).toISOString()), [100, 0]);
    const since = (ms: number) => starts('--since', new Date(noon + ms).toISOString());
    t.strictSame(await since(112_000), [200, 100], 'the clip is twelve seconds long');
    t.strictSame(await since(112_001), [200]);
    const [, , first] = await json('event', 'list');
    t.match((await run('event', 'show', first.id.slice(0, 10))).out, /partial, time of arrival/);
    t.match((await run('event', 'list')).out, /^ID +CAMERA +START/);
    t.match(await run('event', 'list', '--camera', 'none'), { remarks: 'No event matches.' });
  },
);

t.test(
  'a hold of an event, and one of a span, are added, listed, shown with the event and removed',
  async t => {
    const { file, run, json } = installation(t);
    file(sampleClip('a1', at(0)), sampleClip('a2', at(300, { bytes: 10_000 })));
    const [, event] = await json('event', 'list');
    const added = await json('hold', 'add', '--event', event.id, '--reason', 'burglary');
    t.match(added, {
      camera: 'front-door',
      eventId: event.id,
      reason: 'burglary',
      fromAt: event.startAt,
      toAt: event.endAt,
    });
    t.equal((await json('event', 'show', event.id)).held, true);
    const span = [
      '--from',
      new Date(noon + 290_000).toISOString(),
      '--to',
      new Date(noon + 400_000).toISOString(),
    ];
    const { remarks } = await run('hold', 'add', '--camera', 'front-door', ...span);
    t.match(remarks, /11\.0 kB of 11\.0 kB are on hold now/, 'more than half is said');
    t.strictSame(
      (await json('event', 'list')).map(({ held }: { held: boolean }) => held),
      [true, true],
    );
    const holds = await json('hold', 'list');
    t.match(holds, [{ id: added.id }, { eventId: null }]);
    await run('hold', 'remove', holds[1].id.slice(0, 8));
    await run('hold', 'remove', holds[0].id);
    t.strictSame(await json('hold', 'list'), []);
    t.equal((await json('event', 'show', event.id)).held, false);
  },
);

t.test('an event shows of each clip what is wrong with it, and where its thumbnail is', async t => {
  const { file, run, json, sql } = installation(t);
  file(
    sampleClip('a1', at(0)),
    sampleClip('a2', at(1, { completeness: 'unproven', withdrawnAt: noon })),
    sampleClip('a3', at(2, { completeness: 'partial', thumbnail: null })),
  );
  sql("UPDATE clip SET superseded_by = 'a1' WHERE id = 'a3'");
  const [{ id }] = await json('event', 'list');
  const [head = '', ...rows] = (await run('event', 'show', id)).out.split('\n').slice(-4);
  t.match(head, /^CLIP +START +SECONDS +SIZE +KIND +MARKS +THUMBNAIL$/);
  t.match(rows, [
    /video +thumbnails\/front-door\/2026\/09\/27\/a1\.jpg$/,
    /video +unproven, withdrawn +thumbnails\/.*a2\.jpg$/,
    /video +partial, superseded$/,
  ]);
});

t.test('an event is found, and held, by the id that it had before it was merged', async t => {
  const { file, run, json } = installation(t);
  file(sampleClip('a1', at(100)), sampleClip('a2', at(0)));
  const [first, merged] = await json('event', 'list');
  file(sampleClip('a3', at(40, { durationMs: 40_000 })));
  t.match(await json('event', 'show', merged.id.slice(0, 12)), {
    id: first.id,
    clips: ['a2', 'a3', 'a1'],
  });
  t.match(await json('hold', 'add', '--event', merged.id), { eventId: first.id, fromAt: merged.startAt });
  t.match((await run('hold', 'list')).out, new RegExp(`front-door +${first.id.slice(0, 10)} `));
});

t.test('that much is on hold is said from the first byte over the half', async t => {
  const { file, run } = installation(t);
  file(sampleClip('a1', at(0)), sampleClip('a2', at(300)), sampleClip('a3', at(600, { bytes: 1 })));
  const hold = async (from: number) =>
    await run(
      ...['hold', 'add', '--camera', 'front-door', '--from', new Date(noon + from * 1000).toISOString()],
      ...['--to', new Date(noon + (from + 1) * 1000).toISOString()],
    );
  t.match(await hold(0), { remarks: '' });
  t.match(await hold(0), { remarks: '' }, 'what is held twice counts once');
  t.match(await hold(600), { remarks: /1\.0 kB of 2\.0 kB are on hold now/ });
});

t.test('a hold that makes no sense is refused with what was expected', async t => {
  const { file, run } = installation(t, { maxHolds: 1 });
  file(sampleClip('a1', at(0)));
  const span = ['--from', '2026-09-27', '--to', '2026-09-28'];
  for (const args of [
    [],
    ['--event', 'a', '--camera', 'front-door'],
    ['--camera', 'front-door'],
    ['--camera', 'front-door', '--from', '2026-09-27'],
    ['--camera', 'front-door', '--from', '2026-09-28', '--to', '2026-09-27'],
    ['--camera', 'front-door', '--from', '2026-09-28', '--to', '2026-09-28'],
    ['--camera', 'front-door', ...span, '--reason', ' '],
    ['--camera', 'front-door', ...span, '--reason', 'x'.repeat(501)],
    ['--event', '../x'],
  ])
    await t.rejects(run('hold', 'add', ...args), { name: 'UsageError' });
  await t.rejects(run('hold', 'add', '--camera', 'frnt-door', ...span), {
    name: 'FailedError',
    message: /camera list/,
  });
  await t.rejects(run('hold', 'add', '--event', 'zzz'), { name: 'FailedError' });
  await run('hold', 'add', '--camera', 'front-door', ...span, '--reason', 'x'.repeat(500));
  await t.rejects(run('hold', 'add', '--camera', 'front-door', ...span), {
    name: 'FailedError',
    message: /retention\.maxHolds/,
  });
  await t.rejects(run('hold', 'remove', 'zzz'), { name: 'FailedError', message: /hold list/ });
});

t.test(
  'an event shows its footage from some seconds before to some seconds after, with the gaps in it',
  async t => {
    const { run, json, file, catalogue: write } = installation(t);
    file(sampleClip('a1', at(60)), sampleClip('a2', at(80)));
    const minute = (number: number) => noon + number * 60_000;
    write(catalogue => {
      const camera = 'front-door';
      catalogue.addOpenSegment(sampleOpenSegment('s0', { startAt: minute(0) - 5000, camera }));
      const ends = [minute(1) - 5000, minute(1) - 4999, minute(2) - 28_000, minute(2) + 10_000] as const;
      for (const [number, endAt] of ends.entries()) {
        const startAt = number === 0 ? minute(0) - 5000 : (ends[number - 1] as number);
        const next = sampleOpenSegment(`s${number + 1}`, { startAt: endAt, camera });
        catalogue.fileSegment(sampleSegment(`s${number}`, { camera, startAt, endAt }), { open: next });
      }
    });
    const [id] = (await json('event', 'list')).map((event: { id: string }) => event.id);
    const shown = await json('event', 'show', id);
    t.match(shown, { startAt: /12:01:00/, endAt: /12:01:32/ });
    t.strictSame(
      shown.footage.map((segment: { path: string }) => /s\d/.exec(segment.path)?.[0]),
      ['s1', 's2', 's3'],
      'one that ends five seconds before has no part in it',
    );
    t.strictSame(shown.gaps, []);
    t.strictSame((await json('event', 'list'))[0], shown);
    t.match((await run('event', 'show', id)).out, /^footage +3 files$/m);
    write(catalogue => {
      catalogue.dropOpenSegment('front-door', 's4'.padEnd(26, '0'), 'stalled');
    });
    file(sampleClip('b1', at(300)));
    const late = (await json('event', 'list')).find((event: { clips: string[] }) =>
      event.clips.includes('b1'),
    );
    t.match(late.gaps, [{ camera: 'front-door', reason: 'stalled', lasts: true }]);
    const { out } = await run('event', 'show', late.id);
    t.match(out, /^footage +1 gap \(stalled\)$/m);
    t.match(out, /back-fill/);
  },
);
