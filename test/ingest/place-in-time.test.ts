import t from 'tap';
import { arrivalOf, toleranceMs } from '../../src/ingest/arrival.ts';
import { placeInTime } from '../../src/ingest/place-in-time.ts';

const receivedAt = Date.UTC(2026, 8, 27, 12);
const minute = 60_000;
const day = 86_400_000;
const believed = 'Den_00_20260927115800.mp4';
const tooOld = 'Den_00_20250927115800.mp4';

function place(path: string, createdAt: number | null, facts = {}) {
  return placeInTime({
    path,
    receivedAt,
    timeZone: 'UTC',
    acceptanceDays: 7,
    earlierClaims: [],
    clock: [],
    kind: 'video',
    containerCreatedAt: createdAt === null ? null : new Date(createdAt).toISOString(),
    ...facts,
  });
}

t.test('a believed name comes first, then the container, then the arrival', async t => {
  const createdAt = receivedAt - minute;
  t.match(place(believed, createdAt), { startAt: Date.UTC(2026, 8, 27, 11, 58), timeSource: 'name' });
  t.match(place(tooOld, createdAt), {
    startAt: createdAt,
    timeSource: 'container',
    claimedAt: Date.UTC(2025, 8, 27, 11, 58),
  });
  t.match(place('x.mp4', null), { startAt: receivedAt, timeSource: 'arrival', claimedAt: null });
});

t.test('a container is believed up to five minutes ahead and as far back as a name is', async t => {
  for (const [createdAt, timeSource] of [
    [receivedAt + 5 * minute, 'container'],
    [receivedAt + 5 * minute + 1, 'arrival'],
    [receivedAt - 7 * day, 'container'],
    [receivedAt - 7 * day - 1, 'arrival'],
  ] as const)
    t.equal(place('x.mp4', createdAt).timeSource, timeSource, new Date(createdAt).toISOString());
});

t.test('a clock that was never set is no time, also where the window would reach back to it', async t => {
  for (const year of [1904, 1970, 2000]) {
    const facts = { receivedAt: Date.UTC(year, 5, 1), acceptanceDays: 366 };
    t.equal(place('x.mp4', Date.UTC(year, 4, 1), facts).timeSource, 'arrival');
  }
});

t.test('what a file holds decides its kind, and its name only where it is no media', async t => {
  t.equal(place('a/DVRWorkDirectory', null, { kind: 'other' }).kind, 'sentinel');
  t.equal(place('Den_00_20260927115800.txt', null, { kind: 'other' }).kind, 'test');
  t.equal(place('clip.mp4', null, { kind: 'other' }).kind, 'other');
  t.equal(place('Den_00_20260927115800.txt', null, { kind: 'image' }).kind, 'image');
});

t.test('a receipt is believed about the arrival as far as the kernel bears it out', async t => {
  for (const away of [-toleranceMs, 0, toleranceMs])
    t.equal(arrivalOf(receivedAt + away, receivedAt), receivedAt + away);
  for (const away of [-toleranceMs - 1, toleranceMs + 1, -day])
    t.equal(arrivalOf(receivedAt + away, receivedAt), receivedAt);
  t.equal(arrivalOf(Number.NaN, receivedAt + 0.7), receivedAt);
});
