// Which footage lies around an event: as rows come, move and go, and as the settings change.

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import type { Segment } from '../../src/catalogue/footage.ts';
import { seededRandom } from '../domain/seeded-random.ts';
import { sampleClip, sampleReceipt } from './sample-clip.ts';
import { sampleSegment } from './sample-segment.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const second = 1000;
const minute = 60_000;

function opened(test: Test) {
  const chain = {
    archiveId: '00000000-0000-4000-8000-000000000000',
    sign: () => 'c2lnbmVk',
    now: () => noon,
  };
  const catalogue = openCatalogue({ file: join(test.testdir(), 'catalogue.db'), chain });
  test.teardown(() => catalogue[Symbol.dispose]());
  let count = 0;
  const nextId = (letter: string) => `${letter}${count++}`.padStart(26, '0');
  return {
    catalogue,
    clip(startAt: number, facts: Partial<Clip> = {}) {
      const id = nextId('c');
      const times = { startAt, receivedAt: startAt, keptFrom: startAt, durationMs: 10 * second };
      catalogue.fileClip(
        sampleClip(id, { camera: 'den', path: `clips/den/${id}.mp4`, thumbnail: null, ...times, ...facts }),
        sampleReceipt(id, startAt),
      );
      return catalogue.clip(id) as Clip;
    },
    segment(startAt: number, facts: Partial<Segment> = {}) {
      const segment = sampleSegment(nextId('s'), startAt, { camera: 'den', ...facts });
      catalogue.fileSegment(segment, { gap: 'restart' });
      return segment;
    },
    /** The starts of what may go of a class, in seconds after noon. */
    plain: (camera = 'den') => idsOf(catalogue.footageCandidates(camera, 'footage')),
    around: (camera = 'den') => idsOf(catalogue.footageCandidates(camera, 'event-footage')),
  };
}

const idsOf = (candidates: Iterable<{ id: string }>) => [...candidates].map(({ id }) => id);

t.test('footage belongs to an event from five seconds before it to ten after it', async t => {
  const { clip, segment, plain, around } = opened(t);
  clip(noon);
  const end = noon + 10 * second;
  const short = (startAt: number, endAt: number) => segment(startAt, { endAt, keptFrom: startAt }).id;
  const before = short(noon - minute, noon - 5 * second);
  const touches = short(noon - minute + 1, noon - 5 * second + 1);
  const last = short(end + 10 * second - 1, end + minute);
  const behind = short(end + 10 * second, end + 2 * minute);
  segment(noon, { camera: 'porch' });
  t.strictSame(plain(), [before, behind]);
  t.strictSame(around(), [touches, last]);
  t.equal(plain('porch').length, 1, 'of its own camera only');
});

t.test(
  'a clip that comes after the footage makes it footage of an event, and one that goes unmakes it',
  async t => {
    const { catalogue, clip, segment, plain, around } = opened(t);
    const ids = Array.from({ length: 10 }, (_, index) => segment(noon + index * minute).id);
    t.strictSame(plain(), ids);
    const first = clip(noon + 2 * minute + 30 * second);
    t.strictSame(around(), [ids[2]]);
    // Joins the event and makes it longer.
    const second_ = clip(noon + 3 * minute + 5 * second);
    t.strictSame(around(), [ids[2], ids[3]]);
    const far = clip(noon + 8 * minute + 20 * second);
    t.strictSame(around(), [ids[2], ids[3], ids[8]]);
    const gone = (each: Clip) =>
      catalogue.makeGarbage([{ ...each, mediaClass: 'clip', reason: 'age' }], noon);
    t.equal(gone(second_).length, 1);
    t.strictSame(around(), [ids[2], ids[8]], 'the event is shorter');
    gone(first);
    gone(far);
    t.strictSame(around(), []);
    t.strictSame(plain(), ids);
  },
);

t.test('other margins count for what is there as soon as it was looked at again', async t => {
  const { catalogue, clip, segment, plain, around } = opened(t);
  clip(noon);
  const ids = [-3, -2, -1, 0, 1, 2, 3].map(index => segment(noon + index * minute).id);
  t.strictSame(around(), [ids[2], ids[3]]);
  catalogue.setFootageMargin({ beforeMs: 5 * second, afterMs: 10 * second });
  t.equal(catalogue.placeFootage(10), 0, 'the same margins change nothing');
  catalogue.setFootageMargin({ beforeMs: 2 * minute, afterMs: 0 });
  const steps: number[] = [];
  for (let placed = catalogue.placeFootage(3); placed > 0; placed = catalogue.placeFootage(3))
    steps.push(placed);
  t.strictSame(steps, [3, 3, 1]);
  t.strictSame(around(), [ids[1], ids[2], ids[3]]);
  t.strictSame(plain(), [ids[0], ids[4], ids[5], ids[6]]);
  const late = segment(noon - 90 * second, { keptFrom: noon + 90 * minute });
  t.strictSame(around().at(-1), late.id, 'and for what is filed from then on');
});

t.test('footage on hold is no candidate: around a held event, in a held span, at its very ends', async t => {
  const { catalogue, clip, segment, plain, around } = opened(t);
  const ids = Array.from({ length: 12 }, (_, index) => segment(noon + index * minute).id);
  const event = clip(noon + 2 * minute + 3 * second).event ?? '';
  const base = { camera: 'den', reason: null, addedAt: 1 };
  t.strictSame(around(), [ids[1], ids[2]]);
  catalogue.addHold({ id: 'event', event, fromAt: null, toAt: null, ...base }, 9);
  t.strictSame(around(), []);
  t.match(catalogue.contentsOfHold({ id: 'event', event, fromAt: null, toAt: null, ...base }), {
    ...{ clips: 1, segments: 2, bytes: 2000 + 1000 },
  });
  // From where one ends to where another begins, and a millisecond.
  const span = { fromAt: noon + 6 * minute, toAt: noon + 8 * minute + 1 };
  catalogue.addHold({ id: 'span', event: null, ...span, ...base }, 9);
  catalogue.addHold({ id: 'twice', event: null, ...span, ...base }, 9);
  t.strictSame(
    plain(),
    [0, 3, 4, 5, 9, 10, 11].map(index => ids[index]),
  );
  t.equal(catalogue.heldBytes('den'), catalogue.heldBytes());
  t.equal(catalogue.heldBytes(), 1000 + 5 * 1000, 'each file once');
  catalogue.addHold({ id: 'other', event: null, ...span, ...base, camera: 'porch' }, 9);
  t.equal(plain().length, 7, 'a hold of another camera holds nothing here');
  for (const id of ['event', 'span', 'twice', 'other']) catalogue.removeHold(id);
  t.equal(plain().length + around().length, 12);
});

t.test('a file under several holds is counted once', async t => {
  const { catalogue, segment } = opened(t);
  const one = segment(noon);
  const two = segment(noon + minute);
  const held = (id: string, fromS: number, toS: number) =>
    catalogue.addHold(
      {
        ...{ id, camera: 'den', event: null, reason: null, addedAt: 1 },
        ...{ fromAt: noon + fromS * second, toAt: noon + toS * second },
      },
      9,
    );
  held('a', 10, 20);
  held('b', 30, 40);
  t.equal(catalogue.heldBytes('den'), one.bytes);
  held('c', 50, 70);
  held('d', 80, 90);
  t.equal(catalogue.heldBytes('den'), one.bytes + two.bytes);
});

t.test('footage that was put on hold since the plan was made is spared', async t => {
  const { catalogue, segment } = opened(t);
  const [held, other] = [segment(noon), segment(noon + minute)];
  const unwanted = [held, other].map(each => ({
    ...{ ...each, mediaClass: 'footage' as const, reason: 'age' },
  }));
  catalogue.addHold(
    {
      ...{ id: 'h', camera: 'den', event: null, reason: null, addedAt: 1 },
      ...{ fromAt: held.startAt + second, toAt: held.startAt + 2 * second },
    },
    9,
  );
  t.strictSame(
    catalogue.makeGarbage(unwanted, noon).map(({ id }) => id),
    [other.id],
  );
  t.ok(catalogue.segment(held.id));
  catalogue.removeHold('h');
  t.strictSame(
    catalogue.makeGarbage(unwanted, noon).map(({ id }) => id),
    [held.id],
  );
});

t.test('whatever happens to events, each segment says what its neighbours say', async t => {
  const pick = seededRandom(20261121);
  const { catalogue, clip, segment } = opened(t);
  const span = 1000;
  const clips: Clip[] = [];
  const segments: Segment[] = [];
  for (let step = 0; step < 600; step++) {
    const at = noon + pick(span) * 20 * second;
    const what = pick(10);
    if (what < 4) clips.push(clip(at, { durationMs: pick(60) * second, path: `clips/${step}` }));
    else if (what < 7) segments.push(segment(at, { endAt: at + pick(90) * second }));
    else if (what < 9 && clips.length > 0) {
      const [gone] = clips.splice(pick(clips.length), 1) as [Clip];
      catalogue.makeGarbage([{ ...gone, mediaClass: 'clip', reason: 'age' }], noon);
    } else if (clips.length > 0) {
      const event = catalogue.clip((clips[pick(clips.length)] as Clip).id)?.event ?? '';
      catalogue.settleEvent(event);
    }
  }
  const events = [...catalogue.listEvents({ camera: 'den', limit: 10_000 })];
  t.ok(events.length > 3);
  const near = new Set(idsOf(catalogue.footageCandidates('den', 'event-footage')));
  const expected = segments.filter(({ startAt, endAt }) =>
    events.some(event => event.startAt - 5 * second < endAt && event.endAt + 10 * second > startAt),
  );
  t.strictSame([...near].sort(), expected.map(({ id }) => id).sort());
  t.ok(
    expected.length > 10 && expected.length < segments.length - 10,
    `${expected.length} of ${segments.length}`,
  );
});
