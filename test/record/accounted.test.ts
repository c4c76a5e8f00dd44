// Every moment of a camera that is to be recorded is in a segment or in a gap, whatever happens: in simulated time, with faults
// out of a seed.

import t from 'tap';
import { mergeSpans, spansBetween } from '../../src/domain/footage/coverage.ts';
import { type StreamEnd, StreamError } from '../../src/record/stream-error.ts';
import { seededRandom } from '../domain/seeded-random.ts';
import { footage, noon, other, type Simulated, simulated } from './simulated.ts';

const seeds = 6;
const turns = 25;
const ends: readonly StreamEnd[] = [
  'unreachable',
  'refused',
  'flood',
  'disconnected',
  'stalled',
  'jumped',
  'changed',
  'ffmpeg',
];
const writes = [
  'append',
  'sync',
  'finish',
  'create',
  'recover',
  'fileSegment',
  'addOpenSegment',
  'beginGap',
  'dropOpenSegment',
  'renewOpenSegment',
];

type Random = (below: number) => number;

async function misfortune(simulation: Simulated, random: Random): Promise<void> {
  const { script, pass, connect, faults, room, set, den, skipMedia, clock, bring } = simulation;
  const from = random(4) ? footage : other;
  switch (random(9)) {
    case 0:
      script.end(new StreamError(ends[random(ends.length)] as StreamEnd, 'as the seed wants it'));
      break;
    case 1:
      script.refuse(new StreamError(ends[random(ends.length)] as StreamEnd, 'as the seed wants it'));
      script.end(new StreamError('disconnected', 'as the seed wants it'));
      await pass(random(20_000));
      script.refuse(null);
      break;
    case 2:
      for (let count = 1 + random(3); count > 0; count--)
        faults.set(writes[random(writes.length)] as string, new Error('as the seed wants it'));
      await bring(random(15), from);
      await pass(random(10_000));
      faults.clear();
      break;
    case 3:
      room.freeBytes = 0;
      await pass(random(12_000));
      room.freeBytes = 1e9;
      break;
    case 4:
      set([{ ...den, record: 'off' }]);
      await pass(random(12_000));
      set([den]);
      break;
    case 5:
      set([]);
      await pass(random(3000));
      set([den]);
      break;
    case 6:
      skipMedia([3, 3600, -8][random(3)] as number);
      break;
    case 7:
      clock.set(clock.now() + 1000 + random(100_000));
      break;
    default:
      await pass(random(8000));
  }
  await connect(from);
}

for (let seed = 1; seed <= seeds; seed++)
  t.test(`seed ${seed}`, async t => {
    const random = seededRandom(seed);
    const simulation = await simulated(t);
    const { bring, connect, stop, segments, gaps, clock, catalogue, filesEnding, script, pass } = simulation;
    await connect();
    for (let turn = 0; turn < turns; turn++) {
      await misfortune(simulation, random);
      await bring(1 + random(15));
    }
    await pass(35_000);
    t.ok(script.sink(), 'it is recorded again in the end');
    await connect();
    await bring(5);
    const within = { startAt: noon, endAt: clock.now() };
    const open = catalogue.openSegments();
    t.equal(open.length, 1);
    await stop();
    const recorded = segments('den');
    const missing = gaps('den');
    t.strictSame(spansBetween([...recorded, ...missing], within), [], 'nothing is unaccounted for');
    t.strictSame(catalogue.openSegments(), []);
    t.strictSame(filesEnding('.open'), []);
    t.strictSame(filesEnding('.mp4').length, recorded.length, 'files are as many as rows');
    for (const [index, gap] of missing.entries()) {
      const next = missing[index + 1];
      if (next && next.startAt < gap.endAt) t.fail('gaps overlap');
      if (next && next.startAt === gap.endAt && next.reason === gap.reason) t.fail('a gap in two pieces');
    }
    const mediaMs = recorded.reduce((sum, { durationMs }) => sum + durationMs, 0);
    const spanMs = mergeSpans(recorded, within).reduce((sum, { startAt, endAt }) => sum + endAt - startAt, 0);
    t.ok(
      spanMs <= mediaMs + recorded.length * 2500,
      `${spanMs} ms are said to be recorded, there are ${mediaMs}`,
    );
  });
