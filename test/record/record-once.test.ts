// What surrounds a connection to a camera: the disk is looked at, and everything of it is over before the next begins.

import t from 'tap';
import { StreamError } from '../../src/record/stream-error.ts';
import { secondOf } from './recording.ts';
import { footage, noon, simulated } from './simulated.ts';

/** As the parts of a recorder are asked; a test may put another in its place. */
type Asked = { freeBytes(): Promise<number>; random(): number };

t.test('a disk that does not say how full it is counts as full', async t => {
  const { parts, connect, bring, segments, gaps, pass, stop, script } = await simulated(t);
  await connect();
  await bring(5);
  const asked = parts as Asked;
  const { freeBytes } = asked;
  asked.freeBytes = async () => {
    throw Object.assign(new Error('EIO: i/o error, statfs'), { code: 'EIO' });
  };
  await pass(2250);
  t.equal(script.sink(), undefined);
  t.equal(segments('den')[0]?.endReason, 'disk');
  await pass(20_000);
  t.match(gaps('den').at(-1), { reason: 'disk' });
  t.equal(script.pulls(), 1, 'no camera is disturbed meanwhile');
  asked.freeBytes = freeBytes;
  await connect();
  await bring(3);
  t.ok(script.sink(), 'it is recorded again');
  await stop();
});

t.test('a disk that does not answer is asked once, and not at all when nobody records', async t => {
  const { parts, connect, bring, pass, stop, set, den, script } = await simulated(t);
  await connect();
  await bring(3);
  let asks = 0;
  const answer = Promise.withResolvers<number>();
  const asked = parts as Asked;
  const { freeBytes } = asked;
  asked.freeBytes = () => {
    asks++;
    return answer.promise;
  };
  await bring(60);
  t.equal(asks, 1, 'each more would hold a thread');
  t.ok(script.sink(), 'what can be written is written');
  answer.resolve(1e9);
  asked.freeBytes = () => {
    asks++;
    return freeBytes();
  };
  await pass(10_000);
  t.ok(asks > 1, 'and then again');
  set([{ ...den, record: 'off' }]);
  await pass(1000);
  asks = 0;
  await pass(20_000);
  t.equal(asks, 0);
  await stop();
});

t.test('another connection does not lie over what the one before brought ahead of its time', async t => {
  const { connect, pass, quiet, segments, stop, script, clock } = await simulated(t);
  await connect();
  await pass(1000);
  for (let second = 0; second < 3; second++) script.sink()?.onFragment(secondOf(footage, second));
  await quiet();
  script.end(new StreamError('disconnected', 'it went away'));
  await pass(250);
  await connect();
  t.ok((segments('den')[0]?.endAt ?? 0) > clock.now() - 1000, 'the next would begin before that');
  script.sink()?.onFragment(secondOf(footage, 3));
  await quiet();
  await stop();
  const [one, two] = segments('den');
  t.equal(two?.startAt, one?.endAt);
});

t.test('a segment of which nothing could be written is none', async t => {
  const { connect, bring, segments, gaps, pass, quiet, stop, faults, catalogue, filesEnding } =
    await simulated(t);
  faults.set('append', Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  await connect();
  await bring(2);
  // Nobody says when a file is closed.
  const deadline = performance.now() + 10_000;
  const isOver = () => gaps('den').at(-1)?.reason === 'disk';
  while (!isOver() && performance.now() < deadline) await quiet();
  t.strictSame(segments('den'), []);
  t.strictSame(catalogue.openSegments(), []);
  t.strictSame([...filesEnding('.mp4'), ...filesEnding('.open')], []);
  t.match(gaps('den').at(-1), { reason: 'disk' });
  faults.clear();
  await pass(6000);
  await connect();
  await bring(3);
  await stop();
  t.strictSame(
    segments('den').map(({ durationMs }) => durationMs),
    [3000],
  );
});

t.test('a camera that is switched off while the disk is asked is not connected to', async t => {
  const { parts, pass, quiet, stop, set, den, script, connect, gaps } = await simulated(t);
  await connect();
  const answer = Promise.withResolvers<number>();
  const asked = parts as Asked;
  const { freeBytes } = asked;
  asked.freeBytes = () => answer.promise;
  script.end(new StreamError('disconnected', 'it went away'));
  await pass(2000);
  t.equal(script.sink(), undefined);
  set([{ ...den, record: 'off' }]);
  await pass(1000);
  asked.freeBytes = freeBytes;
  answer.resolve(1e9);
  await quiet();
  await pass(1000);
  t.equal(script.sink(), undefined);
  t.match(gaps('den').at(-1), { reason: 'off' });
  await stop();
});

t.test('of the complaints of a camera only the last are remembered', async t => {
  const { connect, pass, stop, script, logged } = await simulated(t);
  await connect();
  const complain = async (word: string) => {
    script.refuse(new StreamError('malformed', word));
    script.end(new StreamError('malformed', word));
    await pass(31_000);
  };
  const warned = () => logged.filter(({ msg }) => msg === 'camera is not recorded').length;
  for (let letter = 0; letter < 20; letter++)
    await complain(`complaint ${'abcdefghijklmnopqrstuvwxyz'[letter]}`);
  t.equal(warned(), 20);
  await complain('complaint a');
  t.equal(warned(), 20, 'twenty are');
  await complain('complaint z');
  await complain('complaint a');
  t.equal(warned(), 22, 'one more, and it begins anew');
  await stop();
});

t.test('cameras that went away together are not all tried in the same instant', async t => {
  const { parts, pass, stop, script, clock } = await simulated(t);
  (parts as Asked).random = () => 0;
  script.refuse(new StreamError('unreachable', 'nobody is there'));
  script.end(new StreamError('unreachable', 'nobody is there'));
  const triedAt: number[] = [];
  for (let seconds = 0; seconds < 70; seconds += 0.25) {
    const before = script.pulls();
    await pass(250);
    if (script.pulls() > before) triedAt.push(clock.now() - noon);
  }
  const waits = triedAt.slice(1).map((tried, index) => (tried - (triedAt[index] as number)) / 1000);
  t.strictSame(waits, [1, 2, 4, 8, 15, 15, 15], 'half of what it would be at the most');
  await stop();
});

t.test('who stops the recorder waits until the last segment is filed', async t => {
  const { connect, bring, recorders, quiet, segments, catalogue } = await simulated(t);
  await connect();
  await bring(3);
  let kept: number | undefined;
  const stopping = recorders[Symbol.asyncDispose]().then(() => {
    kept = segments('den').at(-1)?.durationMs;
  });
  await quiet();
  await stopping;
  t.equal(kept, 3000);
  t.strictSame(catalogue.openSegments(), []);
});
