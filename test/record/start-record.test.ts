// What is recorded when: accounts, schedules, clocks, disks and cameras that come and go, in simulated time.

import { existsSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { StreamError } from '../../src/record/stream-error.ts';
import { endsSlowly, scriptedSource } from './recording.ts';
import { footage, noon, other, simulated } from './simulated.ts';

const unreachable = () => new StreamError('unreachable', 'nobody is there');
const at = (ms: number) => (ms - noon) / 1000;

t.test('hours of the day begin and end recording at their borders', async t => {
  const { connect, bring, segments, gaps, pass, stop } = await simulated(t, { record: '12:01-12:02' });
  await pass(60_000);
  await connect();
  await bring(58);
  await pass(4000);
  await stop();
  const [segment] = segments('den');
  const found = gaps('den').map(({ startAt, endAt, reason }) => [reason, at(startAt), at(endAt)]);
  t.strictSame(
    found.map(([reason]) => reason),
    ['off', 'restart', 'off'],
  );
  t.strictSame(found[0], ['off', 0, 60]);
  t.equal(segments('den').at(-1)?.endReason, 'stopped');
  t.ok(at(segment?.startAt ?? 0) <= 61.5, 'it begins with the minute');
  t.ok(Math.abs(at(segments('den').at(-1)?.endAt ?? 0) - 120) <= 1.5, 'and ends with the other');
});

t.test('a camera that is switched off or removed ends within a second, and others go on', async t => {
  const { connect, bring, segments, gaps, pass, stop, set, den, script, recorders, catalogue, clock } =
    await simulated(t);
  const second = scriptedSource('b');
  const yard = { ...den, name: 'yard', source: second.source };
  set([den, yard]);
  await pass(500);
  await connect();
  second.sink()?.onInit(footage.init);
  await bring(5);
  const recent = recorders.recent('den');
  t.ok(recent?.newestKeyFrame());
  set([{ ...den, record: 'off' }, yard]);
  await pass(1000);
  t.equal(script.sink(), undefined, 'nobody is connected to it');
  t.ok(second.sink(), 'the other one is');
  t.equal(catalogue.isRecording('den', clock.now()), false);
  t.equal(recent?.newestKeyFrame(), undefined, 'no old picture is shown as a new one');
  t.match(gaps('den').at(-1), { reason: 'off' });
  set([den, yard]);
  await connect();
  t.ok(script.sink(), 'and back');
  await bring(3);
  set([yard]);
  await pass(1000);
  t.equal(script.sink(), undefined);
  t.equal(recorders.recent('den'), undefined);
  t.match(gaps('den').at(-1), { reason: 'off', startAt: segments('den').at(-1)?.endAt });
  set([den, yard]);
  await connect();
  t.equal(script.pulls(), 3, 'one that comes back is recorded again');
  await stop();
});

t.test('a camera that comes back waits until its first connection is over', async t => {
  const { connect, bring, pass, stop, set, den, script } = await simulated(t);
  await connect();
  await bring(2);
  const over = Promise.withResolvers<void>();
  const slow = scriptedSource('b');
  const source = endsSlowly(slow, over.promise);
  set([{ ...den, source }]);
  await pass(2000);
  t.equal(slow.pulls(), 1);
  set([]);
  await pass(1000);
  set([den]);
  await pass(2000);
  t.equal(script.pulls(), 1, 'two would write the same open segment');
  over.resolve();
  await pass(1000);
  t.equal(script.pulls(), 2);
  await stop();
});

t.test('a new address or password is used at once', async t => {
  const { connect, bring, gaps, pass, stop, set, den, script } = await simulated(t);
  await connect();
  await bring(5);
  const changed = scriptedSource('b');
  set([{ ...den, source: changed.source }]);
  await pass(1000);
  t.equal(script.sink(), undefined);
  t.ok(changed.sink());
  t.match(gaps('den').at(-1), { reason: 'restart' });
  await stop();
});

t.test(
  'a camera that is not there is tried ever more seldom, every 30 s at the least; it is told once',
  async t => {
    const { script, set, den, pass, logged, connect, bring, stop, clock, gaps } = await simulated(t);
    const broken = scriptedSource('b');
    broken.refuse(unreachable());
    set([{ ...den, source: broken.source }]);
    const triedAt: number[] = [];
    for (let seconds = 0; seconds < 130; seconds += 0.25) {
      const before = broken.pulls();
      await pass(250);
      if (broken.pulls() > before) triedAt.push(clock.now());
    }
    const waits = triedAt
      .slice(1)
      .map((tried, index) => Math.round((tried - (triedAt[index] as number)) / 1000));
    t.strictSame(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
    t.equal(logged.filter(({ msg }) => msg === 'camera is not recorded').length, 1);
    t.match(gaps('den').at(-1), { reason: 'unreachable' });
    set([den]);
    await connect();
    await bring(61);
    script.end(unreachable());
    await pass(250);
    t.equal(
      logged.filter(({ msg }) => msg === 'camera is not recorded').length,
      2,
      'told again after it was there',
    );
    await pass(1000);
    t.equal(script.pulls(), 3, 'after a good minute it is tried soon');
    await stop();
  },
);

for (const [what, error, endReason, reason] of [
  ['unreachable', 'unreachable', 'disconnected', 'unreachable'],
  ['that refuses', 'refused', 'disconnected', 'refused'],
  ['that redirects', 'redirect', 'disconnected', 'refused'],
  ['with another certificate', 'certificate', 'disconnected', 'refused'],
  ['that talks nonsense', 'malformed', 'disconnected', 'refused'],
  ['that floods', 'flood', 'disconnected', 'refused'],
  ['that disappears', 'disconnected', 'disconnected', 'unreachable'],
  ['that stalls', 'stalled', 'stalled', 'stalled'],
  ['whose time jumps', 'jumped', 'changed', 'clock'],
  ['that changes', 'changed', 'changed', 'restart'],
  ['whose ffmpeg dies', 'ffmpeg', 'stopped', 'restart'],
] as const)
  t.test(`a camera ${what}: the gap says ${reason}`, async t => {
    const { connect, bring, segments, gaps, pass, stop, script, catalogue } = await simulated(t);
    await connect();
    await bring(5);
    script.refuse(new StreamError(error, 'as a test wants it'));
    script.end(new StreamError(error, 'as a test wants it'));
    await pass(3000);
    const [segment] = segments('den');
    t.equal(segment?.endReason, endReason);
    t.match(gaps('den'), [{ reason: 'restart' }, { startAt: segment?.endAt, reason }]);
    t.strictSame(catalogue.openSegments(), []);
    script.refuse(null);
    await connect();
    await bring(2);
    t.equal(gaps('den').length, 2, 'and is over when it is recorded again');
    await stop();
  });

t.test('our own clock may be set by three hours, back and forth', async t => {
  const { connect, bring, segments, gaps, stop, clock, logged, script } = await simulated(t);
  await connect();
  await bring(5);
  for (const hours of [3, -3, -3, 3]) {
    clock.set(clock.now() + hours * 3_600_000);
    await bring(5);
  }
  await stop();
  t.equal(script.pulls(), 1, 'the camera is not disturbed');
  t.strictSame(
    logged.filter(({ msg }) => /catalogued|not recorded/.test(msg)),
    [],
  );
  t.strictSame(
    segments('den')
      .map(({ startAt, endAt }) => [Math.round(at(startAt) / 3600), Math.round((endAt - startAt) / 1000)])
      .sort(),
    [
      [-3, 5],
      [0, 5],
      [0, 5],
      [0, 5],
      [3, 5],
    ].sort(),
  );
  t.match(gaps('den').find(({ reason }) => reason === 'clock')?.reason, 'clock');
});

t.test('a disk without room ends recording in two seconds, and it comes back in five', async t => {
  const { connect, bring, segments, gaps, pass, stop, room, script, catalogue, clock, logged } =
    await simulated(t);
  await connect();
  await bring(5);
  room.freeBytes = 1e6 - 1;
  await pass(2250);
  t.equal(script.sink(), undefined);
  t.equal(segments('den')[0]?.endReason, 'disk');
  t.equal(catalogue.isRecording('den', clock.now()), false);
  await pass(20_000);
  t.match(gaps('den').at(-1), { startAt: segments('den')[0]?.endAt, reason: 'disk' });
  t.equal(logged.filter(({ msg }) => msg === 'camera is not recorded').length, 1);
  room.freeBytes = 1e6;
  await pass(5000);
  t.ok(script.sink(), 'it is recorded again');
  await stop();
});

for (const call of ['append', 'sync', 'finish', 'create', 'fileSegment', 'addOpenSegment'] as const)
  t.test(`footage is kept and accounted for when ${call} fails`, async t => {
    const { connect, bring, segments, gaps, pass, stop, faults, catalogue, filesEnding, clock } =
      await simulated(t);
    await connect();
    await bring(14);
    faults.set(call, Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    if (call === 'addOpenSegment') faults.set('create', new Error('and no file'));
    await bring(14);
    t.equal(catalogue.isRecording('den', clock.now()), false);
    faults.clear();
    await pass(6000);
    await connect();
    await bring(3);
    await stop();
    const found = segments('den');
    const recordedMs = found.reduce((sum, { durationMs }) => sum + durationMs, 0);
    t.ok(recordedMs >= 16_000, `${recordedMs} ms are kept`);
    const disk = gaps('den').filter(({ reason }) => reason === 'disk');
    t.equal(disk.length, 1);
    t.equal(found.filter(({ endAt }) => endAt === disk[0]?.startAt).length, 1, 'the gap follows the footage');
    t.equal(found.filter(({ startAt }) => startAt === disk[0]?.endAt).length, 1, 'and precedes it');
    t.strictSame(filesEnding('.open'), []);
    t.equal(filesEnding('.mp4').length, found.length);
  });

t.test('a sync that the catalogue does not hear of costs nothing', async t => {
  const { connect, bring, segments, stop, faults } = await simulated(t);
  await connect();
  faults.set('renewOpenSegment', new Error('database is locked'));
  await bring(5);
  faults.clear();
  await bring(3);
  await stop();
  t.equal(segments('den').length, 1);
  t.equal(segments('den')[0]?.durationMs, 8000);
});

t.test('a disk that is taken away is a gap, and what it held is filed when it is back', async t => {
  const { connect, bring, segments, gaps, pass, stop, dataDir, catalogue, clock, logged } =
    await simulated(t);
  await connect();
  await bring(5);
  await rename(dataDir, `${dataDir}.away`);
  await bring(20);
  await pass(5000);
  t.equal(catalogue.isRecording('den', clock.now()), false);
  t.match(gaps('den').at(-1), { reason: 'disk' });
  t.notOk(existsSync(join(dataDir, 'footage')), 'nothing is written in its place');
  t.equal(logged.filter(({ msg }) => msg === 'recording cannot be catalogued').length, 1, 'told once');
  await rename(`${dataDir}.away`, dataDir);
  await pass(6000);
  await connect();
  await bring(3);
  await stop();
  const disk = gaps('den').filter(({ reason }) => reason === 'disk');
  t.equal(disk.length, 1);
  t.ok(segments('den').some(({ endAt }) => endAt === disk[0]?.startAt));
  t.ok(segments('den').some(({ startAt }) => startAt === disk[0]?.endAt));
});

/** From that byte on no file can be read any more, as where a block of the disk has gone bad. */
async function damageFrom(t: Test, at: number): Promise<void> {
  await using any = await open('/dev/null');
  const handles = Object.getPrototypeOf(any) as FileHandle;
  const read = handles.read as (...place: [Buffer, number, number, number]) => Promise<unknown>;
  t.teardown(() => void Object.assign(handles, { read }));
  Object.assign(handles, {
    async read(this: FileHandle, buffer: Buffer, offset: number, length: number, position: number) {
      if (position >= at) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      return read.call(this, buffer, offset, Math.min(length, at - position), position);
    },
  });
}

for (const [what, wholeSeconds] of [
  ['is kept up to the damage', 3],
  ['of which no fragment can be read is left where it is', 0],
] as const)
  t.test(`a file on a bad block ${what}, and its camera is recorded again within a minute`, async t => {
    const { connect, bring, segments, gaps, pass, stop, faults, filesEnding, logged } = await simulated(t);
    await connect();
    await bring(5);
    const upTo = footage.fragments.slice(0, wholeSeconds).reduce((sum, { bytes }) => sum + bytes.length, 0);
    // Not in what is read of the marker.
    await damageFrom(t, footage.init.bytes.length + upTo + 10);
    faults.set('append', Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' }));
    faults.set('finish', Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
    await bring(2);
    faults.clear();
    const given = () => logged.filter(({ msg }) => `${msg}`.startsWith('footage was given up'));
    await pass(20_000);
    t.strictSame(segments('den'), [], 'the disk may come back');
    t.strictSame(given(), []);
    t.match(gaps('den').at(-1), { reason: 'disk' });
    await pass(25_000);
    await connect();
    await bring(3);
    await stop();
    t.equal(given().length, 1);
    const found = segments('den');
    t.strictSame(
      found.map(({ durationMs }) => durationMs),
      wholeSeconds === 0 ? [3000] : [wholeSeconds * 1000, 3000],
    );
    const disk = gaps('den').filter(({ reason }) => reason === 'disk');
    t.equal(disk.length, 1);
    if (wholeSeconds === 0) t.ok(at(disk[0]?.startAt ?? 0) <= 1, 'of the time in the file nothing is kept');
    else t.equal(disk[0]?.startAt, found[0]?.endAt);
    t.equal(disk[0]?.endAt, found.at(-1)?.startAt);
    t.equal(filesEnding('.open').length, wholeSeconds === 0 ? 1 : 0);
  });

t.test(
  'a file that was finished, not filed, and lies on a bad block is kept up to the damage as well',
  async t => {
    const { connect, bring, segments, pass, stop, faults, filesEnding, logged } = await simulated(t);
    await connect();
    await bring(5);
    const wholeSeconds = 3;
    const upTo = footage.fragments.slice(0, wholeSeconds).reduce((sum, { bytes }) => sum + bytes.length, 0);
    await damageFrom(t, footage.init.bytes.length + upTo + 10);
    faults.set('fileSegment', new Error('database is locked'));
    faults.set('append', new Error('the end of this run'));
    await bring(2);
    t.equal(filesEnding('.open').length, 0, 'it has its name');
    faults.clear();
    await pass(45_000);
    await connect();
    await bring(3);
    await stop();
    t.equal(logged.filter(({ msg }) => `${msg}`.startsWith('footage was given up')).length, 1);
    t.strictSame(
      segments('den').map(({ durationMs }) => durationMs),
      [wholeSeconds * 1000, 3000],
    );
  },
);

t.test('a camera that is removed while it cannot be reached is not to be recorded any more', async t => {
  const { connect, bring, script, gaps, pass, stop, set } = await simulated(t);
  await connect();
  await bring(3);
  script.refuse(unreachable());
  script.end(unreachable());
  await pass(20_000);
  t.match(gaps('den').at(-1), { reason: 'unreachable' });
  set([]);
  await pass(1000);
  t.match(gaps('den').at(-1), { reason: 'off' });
  await stop();
});

t.test('what could not be filed when it ended is filed with its reason later', async t => {
  const { connect, bring, segments, gaps, script, pass, stop, faults } = await simulated(t);
  await connect();
  await bring(3);
  faults.set('fileSegment', new Error('database or disk is full'));
  script.end(new StreamError('stalled', 'no video came'));
  await pass(10_000);
  faults.clear();
  await pass(30_000);
  await connect();
  await bring(3);
  await stop();
  t.match(segments('den')[0], { endReason: 'stalled' });
  t.equal(gaps('den').find(({ startAt }) => startAt === segments('den')[0]?.endAt)?.reason, 'stalled');
});

t.test('that nothing is to be recorded is written as soon as it can be', async t => {
  const { connect, bring, gaps, pass, stop, faults, set, den, logged, script } = await simulated(t);
  await connect();
  await bring(3);
  script.refuse(unreachable());
  script.end(unreachable());
  await pass(3000);
  faults.set('beginGap', new Error('database is locked'));
  set([{ ...den, record: 'off' }]);
  await pass(1000);
  const told = () => logged.filter(({ msg }) => msg === 'recording cannot be catalogued').length;
  const toldOff = told();
  t.ok(toldOff > 0);
  await pass(20_000);
  t.match(gaps('den').at(-1), { reason: 'unreachable' }, 'as far as is known');
  t.equal(told(), toldOff, 'once');
  faults.clear();
  await pass(5000);
  t.match(gaps('den').at(-1), { reason: 'off' });
  await stop();
});

t.test('a complaint that differs in its numbers only is told once', async t => {
  const { script, pass, logged, stop } = await simulated(t);
  const complaints = () => logged.filter(({ msg }) => msg === 'camera is not recorded').length;
  for (const at of [7, 8, 1234]) {
    script.refuse(new StreamError('malformed', `ffmpeg ended: wrong at ${at}, print ${'0af'.repeat(at)}`));
    script.end(new StreamError('malformed', `ffmpeg ended: wrong at ${at}`));
    await pass(31_000);
  }
  t.equal(complaints(), 2);
  script.refuse(new StreamError('malformed', 'something else'));
  await pass(31_000);
  t.equal(complaints(), 3);
  await stop();
});

t.test('a camera without key frames is connected to anew after 30 s', async t => {
  const { connect, pass, quiet, script, gaps, stop, clock } = await simulated(t);
  await connect();
  const [fragment] = footage.fragments;
  if (!fragment) throw new Error('a fragment was expected');
  for (let second = 0; second <= 31; second++) {
    script.sink()?.onFragment({ ...fragment, startsWithKeyFrame: false, startMs: second * 1000 });
    await pass(1000);
    await quiet();
  }
  await pass(1000);
  t.equal(script.pulls(), 2);
  t.match(gaps('den').at(-1), { reason: 'stalled' });
  t.ok(clock.now() - noon < 40_000);
  await stop();
});

t.test('readers stay while the connection changes, and end with the recorder', async t => {
  const { connect, bring, pass, stop, script, recorders } = await simulated(t);
  await connect();
  await bring(2);
  const seen: string[] = [];
  const reading = recorders.recent('den')?.subscribe();
  const read = (async () => {
    for await (const { init } of reading ?? []) seen.push(init === footage.init ? 'old' : 'new');
  })();
  await bring(2);
  script.end(unreachable());
  await pass(2000);
  await connect(other);
  await bring(2, other);
  await stop();
  await read;
  t.strictSame(seen, ['old', 'old', 'old', 'new', 'new']);
});

t.test('a picture that waits on its way to the recorder is placed where it happened', async t => {
  const { connect, bring, pass, stop, set, den, script, clock, segments } = await simulated(t);
  const source = { ...script.source, key: 'held', meanHoldMs: 170 };
  set([{ ...den, source }]);
  await pass(2000);
  await connect();
  const connectedAt = clock.now();
  await bring(3);
  await stop();
  t.equal(segments('den')[0]?.startAt, connectedAt - 170);
});
