// clipward footage list and gaps, over rows as the recorder writes them.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import t, { type Test } from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { systemClock } from '../../src/base/clock.ts';
import { UsageError } from '../../src/base/errors.ts';
import { type Catalogue, catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { registerFootageCommands } from '../../src/cli/footage.ts';
import { lengthText } from '../../src/cli/recording-text.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { sampleOpenSegment, sampleSegment } from '../catalogue/footage-rows.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const iso = (at: number) => new Date(at).toISOString();

function installation(test: Test) {
  const stateDir = join(test.testdir(), 'state');
  const run = async (...args: string[]) => {
    const printed: string[] = [];
    const remarks: string[] = [];
    const desk: Desk = {
      settings: () => ({ stateDir }) as unknown as Settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: text => void remarks.push(text),
      readSecret: () => Promise.resolve(''),
      setExitCode: () => {},
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerFootageCommands(program, desk);
    await program.parseAsync(['footage', ...args, '--camera', 'den'], { from: 'user' });
    return { out: printed.join('\n'), remarks: remarks.join('\n') };
  };
  return {
    ...{ stateDir, run },
    json: async (...args: string[]) => JSON.parse((await run(...args, '--json')).out),
    write(work: (catalogue: Catalogue) => void) {
      mkdirSync(stateDir, { recursive: true });
      using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
      work(catalogue);
    },
  };
}

/** Three minutes, one each, from noon on, and then nothing. */
function threeMinutes(catalogue: Catalogue): void {
  catalogue.addOpenSegment(sampleOpenSegment('s0', { startAt: noon }));
  for (const [number, endReason] of (['rotated', 'rotated', 'stalled'] as const).entries()) {
    const startAt = noon + number * 60_000;
    const next = sampleOpenSegment(`s${number + 1}`, { startAt: startAt + 60_000 });
    catalogue.fileSegment(
      sampleSegment(`s${number}`, { startAt, endReason }),
      endReason === 'rotated' ? { open: next } : { gap: 'stalled' },
    );
  }
}

t.test('before the first start there is no footage and no gap, which is no failure', async t => {
  const { run, json } = installation(t);
  t.strictSame(await json('list'), []);
  t.strictSame(await json('gaps'), []);
  t.match(await run('list'), { out: '', remarks: 'No footage of den yet.' });
  t.match(await run('gaps'), { out: '', remarks: 'No gap of den is known.' });
});

t.test(
  'footage list --json has the fields that scripts rely on, times with the offset of the camera',
  async t => {
    const { json, write, stateDir } = installation(t);
    using accounts = await openAccountWriter({ stateDir, clock: systemClock });
    accounts.addCamera({
      name: 'den',
      passwordHash: await hashPassword('correct horse battery'),
      allowedNetworks: [],
      timeZone: 'Asia/Kolkata',
    });
    write(threeMinutes);
    const all = await json('list');
    t.equal(all.length, 3);
    t.strictSame(all[0], {
      id: 's2'.padEnd(26, '0'),
      camera: 'den',
      path: `footage/den/2026/11/21/02/${'s2'.padEnd(26, '0')}.mp4`,
      startAt: '2026-11-21T17:32:00.000+05:30',
      endAt: '2026-11-21T17:33:00.000+05:30',
      durationMs: 60_000,
      bytes: 1000,
      sha256: 'a'.repeat(64),
      codec: 'h264',
      audioCodec: 'aac',
      width: 1920,
      height: 1080,
      endReason: 'stalled',
    });
  },
);

t.test('a span takes what lies in it if only with an end, by either pair of names', async t => {
  const { json, write } = installation(t);
  write(threeMinutes);
  const starts = async (...args: string[]) =>
    (await json('list', ...args)).map(
      ({ startAt }: { startAt: string }) => (Date.parse(startAt) - noon) / 60_000,
    );
  t.strictSame(await starts(), [2, 1, 0], 'newest first');
  t.strictSame(await starts('--limit', '1'), [2]);
  for (const [since, until] of [
    ['--since', '--until'],
    ['--from', '--to'],
  ] as const) {
    t.strictSame(await starts(since, iso(noon + 59_999)), [2, 1, 0]);
    t.strictSame(await starts(since, iso(noon + 60_000)), [2, 1]);
    t.strictSame(await starts(until, iso(noon + 60_000)), [0]);
    t.strictSame(await starts(until, iso(noon + 60_001)), [1, 0]);
    t.strictSame(await starts(until, iso(noon)), []);
    t.strictSame(await starts(since, iso(noon + 60_000), until, iso(noon + 60_001)), [1]);
  }
});

t.test('what is no time, no count or no camera is refused', async t => {
  const { run } = installation(t);
  for (const args of [
    ['--since', 'soon'],
    ['--to', '2026-02-30'],
    ['--limit', '0'],
    ['--limit', '-1'],
  ])
    for (const command of ['list', 'gaps'])
      await t.rejects(run(command, ...args), UsageError, args.join(' '));
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  registerFootageCommands(program, {} as Desk);
  await t.rejects(
    program.parseAsync(['footage', 'list', '--camera', '../den'], { from: 'user' }),
    UsageError,
  );
  await t.rejects(program.parseAsync(['footage', 'list'], { from: 'user' }), /--camera/);
});

t.test('the segment that is being written is not in the list; people are told of it', async t => {
  const { run, json, write } = installation(t);
  const now = Date.now();
  write(catalogue => {
    catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: now - 30_000 }));
    catalogue.beatRecorder(now);
  });
  t.strictSame(await json('list'), []);
  t.match(await run('list'), { out: '', remarks: /^What has been recorded since .* is still being written/ });
  t.match(await run('list', '--to', iso(now - 30_000)), { remarks: 'No footage of den matches.' });
  write(catalogue => catalogue.beatRecorder(now - 60_000));
  t.match(await run('list'), { remarks: /left unfinished by a recorder that ended/ });
});

t.test('the table shows what a person looks for', async t => {
  const { run, write } = installation(t);
  write(threeMinutes);
  const { out, remarks } = await run('list');
  t.match(out, /^START +SECONDS +SIZE +VIDEO +SOUND +ENDED +FILE$/m);
  t.match(
    out,
    /^2026-11-21 \d\d:\d\d:00 \S+ +60\.0 +1\.0 kB +h264 1920x1080 +aac +stalled +footage\/den\/.*\.mp4$/m,
  );
  t.equal(remarks, '');
});

t.test('gaps are listed as they are, the one that lasts until now', async t => {
  const { run, json, write } = installation(t);
  const start = Date.now() - 600_000;
  write(catalogue => {
    catalogue.beginGap('den', start, 'off');
    catalogue.beginGap('den', start + 100_000, 'unreachable');
    catalogue.addOpenSegment(sampleOpenSegment('s1', { startAt: start + 200_000 }));
    catalogue.fileSegment(sampleSegment('s1', { startAt: start + 200_000, endAt: start + 300_000 }), {
      gap: 'refused',
    });
    catalogue.beatRecorder(Date.now());
  });
  const gaps = await json('gaps');
  t.match(gaps, [
    { camera: 'den', reason: 'refused', lasts: true },
    { camera: 'den', reason: 'unreachable', lasts: false },
    { camera: 'den', reason: 'off', lasts: false },
  ]);
  t.strictSame(Object.keys(gaps[0]), ['camera', 'startAt', 'endAt', 'reason', 'lasts']);
  t.strictSame(
    gaps.map(({ startAt }: { startAt: string }) => Date.parse(startAt) - start),
    [300_000, 100_000, 0],
  );
  t.ok(Math.abs(Date.parse(gaps[0].endAt) - Date.now()) < 10_000);
  const reasons = async (...args: string[]) =>
    (await json('gaps', ...args)).map(({ reason }: { reason: string }) => reason);
  t.strictSame(await reasons('--since', iso(start + 199_999)), ['refused', 'unreachable']);
  t.strictSame(await reasons('--since', iso(start + 200_000)), ['refused']);
  t.strictSame(await reasons('--until', iso(start + 100_000)), ['off']);
  t.strictSame(await reasons('--until', iso(start + 100_001)), ['unreachable', 'off']);
  t.strictSame(await reasons('--since', iso(start + 200_000), '--until', iso(start + 300_000)), []);
  t.strictSame(await reasons('--limit', '2'), ['refused', 'unreachable']);
  const { out } = await run('gaps');
  t.match(out, /^START +END +LENGTH +REASON$/m);
  t.match(out, /lasts +5 min \d+ s +refused$/m);
  t.match(out, /1 min 40 s +unreachable$/m);
});

t.test('when the recorder is dead, what lasted ends with it, and from there on nobody knows', async t => {
  const { json, write } = installation(t);
  const start = Date.now() - 600_000;
  write(catalogue => {
    catalogue.beginGap('den', start, 'unreachable');
    catalogue.beatRecorder(start + 100_000);
  });
  t.match(await json('gaps'), [
    { startAt: /./, reason: 'unknown', lasts: true },
    { reason: 'unreachable', lasts: false },
  ]);
  const [unknown, unreachable] = await json('gaps');
  t.equal(Date.parse(unknown.startAt) - start, 100_000);
  t.equal(unreachable.endAt, unknown.startAt);
});

t.test('a length of time is told in two parts', t => {
  const told = [0, 400, 9949, 9950, 59_499, 59_500, 60_000, 200_000, 3_599_499, 3_599_500, 93_780_000].map(
    lengthText,
  );
  t.strictSame(told, [
    ...['0.0 s', '0.4 s', '9.9 s', '10 s', '59 s', '1 min 0 s', '1 min 0 s', '3 min 20 s', '59 min 59 s'],
    ...['1 h 0 min', '26 h 3 min'],
  ]);
  t.end();
});
