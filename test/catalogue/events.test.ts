import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { type Db, openDatabase } from '../../src/base/sqlite.ts';
import { type Catalogue, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { eventRows } from '../../src/catalogue/event-rows.ts';
import { eventPlacing } from '../../src/catalogue/events.ts';
import { heldBytesSql, heldClip } from '../../src/catalogue/holds.ts';
import type { ClipKind } from '../../src/domain/clip.ts';
import { areNear, eventSpan, maxSpanMs, unite } from '../../src/domain/event.ts';
import { groupedSpans } from '../domain/grouped-spans.ts';
import { seededRandom } from '../domain/seeded-random.ts';
import { sampleClip, sampleReceipt } from './sample-clip.ts';

const second = 1000;
const noon = Date.UTC(2026, 8, 27, 12);

function opened(test: Test) {
  const file = join(test.testdir(), 'catalogue.db');
  const catalogue = openCatalogue({ file });
  test.teardown(() => catalogue[Symbol.dispose]());
  const raw = openDatabase({
    file,
    migrations: new URL('../../src/catalogue/migrations/', import.meta.url),
    journal: 'wal',
    synchronous: 'full',
  });
  test.teardown(() => raw.close());
  const placing = eventPlacing(raw);
  let count = 0;
  return {
    catalogue,
    raw,
    placing,
    /** As retention does. */
    remove(id: string) {
      placing.removeClip(id);
      raw.prepare('DELETE FROM clip WHERE id = ?').run(id);
    },
    /** As a client that renames its upload in the same session. */
    rename(clip: string, start: number, kind: ClipKind = 'video') {
      count++;
      const note = { id: `n${count}`, camera: 'front-door', upload: clip, type: 'renamed' } as const;
      const startAt = noon + start * second;
      catalogue.fileNote(
        { ...note, originalPath: 'x', at: 1, body: '{}' },
        {
          ...{ clip, originalPath: 'x', kind, claimedAt: startAt, startAt },
          ...{ timeSource: 'name', withdrawnAt: null, clockOffsetMs: null },
        },
      );
    },
    /** Files a clip that starts so many seconds after noon. */
    clip(start: number, facts: Partial<Parameters<typeof sampleClip>[1]> & { seconds?: number } = {}) {
      const { seconds = 10, ...rest } = facts;
      count++;
      const id = `c${String(count).padStart(5, '0')}`;
      catalogue.fileClip(
        sampleClip(id, {
          startAt: noon + start * second,
          durationMs: seconds * second,
          receivedAt: noon + 7 * 86_400_000,
          ...rest,
        }),
        sampleReceipt(id),
      );
      return id;
    },
  };
}

/** Newest first, with how many clips instead of which. */
const all = (catalogue: Catalogue, camera?: string) =>
  [...catalogue.listEvents({ camera })].map(event => ({
    ...event,
    clips: (JSON.parse(event.clips) as string[]).length,
  }));
const eventHold = (id: string, event: string | null | undefined, reason: string | null = null) => ({
  id,
  camera: 'front-door',
  event: event ?? '',
  fromAt: null,
  toAt: null,
  reason,
  addedAt: 1,
});
const clipIds = (catalogue: Catalogue, event: string) =>
  [...catalogue.clipsOfEvent(event)].map(({ id }) => id);

t.test('clips and pictures within the gap are one event, a second further apart they are two', async t => {
  const { catalogue, clip } = opened(t);
  const first = clip(0, { seconds: 10 });
  const picture = clip(40, { kind: 'image', durationMs: null });
  t.equal(all(catalogue).length, 1);
  const [event] = all(catalogue);
  t.match(event, { startAt: noon, endAt: noon + 40 * second, clips: 2, held: 0 });
  t.strictSame(clipIds(catalogue, event?.id ?? ''), [first, picture]);
  const other = clip(71);
  t.equal(all(catalogue).length, 2);
  t.strictSame(clipIds(catalogue, catalogue.clip(other)?.event ?? ''), [other]);
  clip(75, { camera: 'den' });
  t.equal(all(catalogue, 'den').length, 1, 'cameras have events of their own');
});

t.test(
  'partial and unproven clips are in events; tests, sentinels and unknown files are in none',
  async t => {
    const { catalogue, clip } = opened(t);
    clip(0, { completeness: 'partial' });
    clip(5, { completeness: 'unproven' });
    for (const kind of ['test', 'sentinel', 'other'] as ClipKind[])
      t.equal(catalogue.clip(clip(6, { kind }))?.event, null);
    t.match(all(catalogue), [{ clips: 2 }]);
  },
);

t.test(
  'a late clip that joins two events merges them: the older id survives, with holds, and the other is still found',
  async t => {
    const { catalogue, clip } = opened(t);
    clip(100);
    clip(0);
    const [older, younger] = all(catalogue);
    t.match(older, { startAt: noon + 100 * second }, 'the event that was opened first is the later one here');
    catalogue.addHold(eventHold('hold', younger?.id), 1);
    clip(35, { seconds: 40 });
    const [event, ...none] = all(catalogue);
    t.strictSame(none, []);
    t.match(event, { id: older?.id, startAt: noon, endAt: noon + 110 * second, clips: 3, held: 1 });
    t.equal(catalogue.event(younger?.id ?? '')?.id, older?.id);
    t.match(catalogue.eventsByPrefix((younger?.id ?? '').slice(0, 12)), [{ id: older?.id }]);
    t.match(catalogue.holds(), [{ event: older?.id }]);
  },
);

t.test('events that are merged again and again are found by every id that they had', async t => {
  const { catalogue, clip } = opened(t);
  for (const start of [0, 60, 120, 180]) clip(start);
  const ids = all(catalogue).map(({ id }) => id);
  t.equal(ids.length, 4);
  for (const start of [140, 80, 30]) clip(start, { seconds: 25 });
  t.equal(all(catalogue).length, 1);
  for (const id of ids) t.match(catalogue.event(id), { id: all(catalogue)[0]?.id });
});

t.test('a rename that gives a clip its time moves it to the event of that time', async t => {
  const { catalogue, clip, rename } = opened(t);
  const stays = clip(0);
  const moves = clip(3600);
  rename(moves, 5);
  t.match(all(catalogue), [{ clips: 2, startAt: noon, endAt: noon + 15 * second }]);
  t.strictSame(clipIds(catalogue, all(catalogue)[0]?.id ?? ''), [stays, moves]);
  rename(moves, 5, 'test');
  t.match(all(catalogue), [{ clips: 1, endAt: noon + 10 * second }]);
  rename(moves, 5, 'video');
  t.match(all(catalogue), [{ clips: 2, endAt: noon + 15 * second }]);
});

t.test(
  'a clip that a clock moves takes its event along when it is alone, and its hold in any case',
  async t => {
    const { catalogue, clip } = opened(t);
    const clips = [0, 15, 30].map(start => clip(start));
    const [event] = all(catalogue);
    catalogue.addHold(eventHold('hold', event?.id, 'why'), 1);
    const period = { since: 1, offsetMs: 1, uncertaintyMs: 0, uploads: 5 };
    const hourLater = (id: string, index: number) => ({
      clip: id,
      startAt: noon + (3600 + 15 * index) * second,
      timeSource: 'corrected' as const,
      clockOffsetMs: 1,
    });
    catalogue.fileClock('front-door', period, 1, [hourLater(clips[0] ?? '', 0)]);
    t.match(all(catalogue), [
      { startAt: noon + 3600 * second, clips: 1, held: 1 },
      { id: event?.id, startAt: noon + 15 * second, clips: 2, held: 1 },
    ]);
    t.equal(catalogue.holds().length, 2);
    catalogue.fileClock('front-door', period, 1, clips.map(hourLater));
    t.match(all(catalogue), [{ id: event?.id, startAt: noon + 3600 * second, clips: 3, held: 1 }]);
    t.equal(catalogue.holds().length, 1, 'the parts that were held as one are held as one again');
  },
);

t.test('a clip that a clock moves out of a held span stays on hold', async t => {
  const { catalogue, clip } = opened(t);
  const [moves = '', stays = ''] = [clip(0), clip(300)];
  const span = { fromAt: noon - 60 * second, toAt: noon + 360 * second };
  catalogue.addHold({ ...eventHold('hold', null, 'why'), event: null, ...span }, 1);
  const placed = (id: string, start: number) => ({
    clip: id,
    startAt: noon + start * second,
    timeSource: 'corrected' as const,
    clockOffsetMs: 1,
  });
  const period = { since: 1, offsetMs: 1, uncertaintyMs: 0, uploads: 5 };
  catalogue.fileClock('front-door', period, 1, [placed(moves, 3600), placed(stays, 310)]);
  t.match(all(catalogue), [{ held: 1 }, { held: 1 }]);
  t.match(catalogue.holds(), [{ reason: 'why' }, { reason: 'why' }]);
  t.equal(catalogue.heldBytes(), 2000);
});

t.test(
  'a clip that a clock moves on, away from what it was together with, is held where it is then',
  async t => {
    const { catalogue, clip } = opened(t);
    clip(0);
    const moves = clip(35);
    const span = { fromAt: noon + 30 * second, toAt: noon + 50 * second };
    catalogue.addHold({ ...eventHold('hold', null), event: null, ...span }, 1);
    const period = { since: 1, offsetMs: 1, uncertaintyMs: 0, uploads: 5 };
    const startAt = noon + 70 * second;
    catalogue.fileClock('front-door', period, 1, [
      { clip: moves, startAt, timeSource: 'corrected', clockOffsetMs: 1 },
    ]);
    t.match(all(catalogue), [
      { startAt, clips: 1, held: 1 },
      { startAt: noon, clips: 1, held: 0 },
    ]);
  },
);

t.test('a client that renames its uploads puts nothing else on hold', async t => {
  const { catalogue, clip, rename } = opened(t);
  clip(0);
  catalogue.addHold(eventHold('hold', all(catalogue)[0]?.id), 1);
  const moves = clip(5);
  clip(3600);
  rename(moves, 3605);
  t.match(all(catalogue), [
    { clips: 2, held: 0 },
    { clips: 1, held: 1 },
  ]);
});

t.test('when a clip between goes, the event falls apart, and both parts are held as it was', async t => {
  const { catalogue, clip, remove } = opened(t);
  clip(0);
  const between = clip(30, { seconds: 30 });
  clip(80);
  const [event] = all(catalogue);
  catalogue.addHold(eventHold('hold', event?.id, 'why'), 1);
  remove(between);
  t.match(all(catalogue), [
    { startAt: noon + 80 * second, endAt: noon + 90 * second, clips: 1, held: 1 },
    { id: event?.id, startAt: noon, endAt: noon + 10 * second, clips: 1, held: 1 },
  ]);
  t.match(catalogue.holds(), [{ reason: 'why' }, { reason: 'why' }]);
  clip(30, { seconds: 30 });
  t.match(all(catalogue), [{ id: event?.id, clips: 3 }]);
  t.match(catalogue.holds(), [{ event: event?.id }], 'and is held once when it is one again');
});

t.test('a long clip holds an event together behind a heap of short ones, as far as it reaches', async t => {
  const { catalogue, clip, remove } = opened(t);
  clip(0, { seconds: 200 });
  for (let index = 0; index < 20; index++) clip(100 + index, { seconds: 0 });
  const [covered, needed] = [clip(130, { seconds: 50 }), clip(131, { seconds: 155 })];
  clip(300);
  remove(covered);
  t.match(all(catalogue), [{ clips: 23 }]);
  remove(needed);
  t.match(all(catalogue), [
    { startAt: noon + 300 * second, clips: 1 },
    { startAt: noon, endAt: noon + 200 * second, clips: 21 },
  ]);
  clip(210, { seconds: 60 });
  const under = clip(121, { seconds: 20 });
  t.match(all(catalogue), [{ clips: 24 }]);
  remove(under);
  t.match(all(catalogue), [{ clips: 23 }], 'the next one is near the long one only');
});

t.test('an event whose clips are all gone goes, when it is on hold not before the hold goes', async t => {
  const { catalogue, clip, remove } = opened(t);
  const gone = clip(0);
  const held = clip(600);
  catalogue.addHold(eventHold('h', catalogue.clip(held)?.event), 1);
  for (const id of [gone, held]) remove(id);
  const [event, ...none] = all(catalogue);
  t.strictSame(none, []);
  t.match(event, { startAt: noon + 600 * second, clips: 0, held: 1 });
  clip(630, { seconds: 5 });
  t.match(all(catalogue), [{ id: event?.id, startAt: noon + 630 * second, endAt: noon + 635 * second }]);
  t.strictSame([...catalogue.offenders('event-bounds')], []);
  remove(clipIds(catalogue, event?.id ?? '')[0] ?? '');
  catalogue.removeHold('h');
  t.strictSame(all(catalogue), []);
});

t.test('an upload that is filed twice, as after a crash, is in its event once', async t => {
  const { catalogue, clip } = opened(t);
  const id = clip(0);
  const [event] = all(catalogue);
  const again = sampleClip(id, { startAt: noon + 900 * second });
  t.equal(catalogue.fileClip(again, sampleReceipt(id)), id);
  t.strictSame(all(catalogue), [event]);
});

t.test('a forged length swallows an hour at the most, and nothing that came after it', async t => {
  const { catalogue, clip } = opened(t);
  const hour = maxSpanMs / second;
  clip(0, { durationMs: Number.MAX_SAFE_INTEGER });
  clip(hour + 30);
  clip(hour + 71);
  t.match(all(catalogue), [{ clips: 1 }, { clips: 2 }]);
  clip(20_000, { durationMs: Number.MAX_SAFE_INTEGER, receivedAt: noon + 20_010 * second });
  clip(20_010 + 5 * 60 + 31);
  t.equal(all(catalogue).length, 4, 'five minutes behind its arrival nothing is its');
  clip(90_000, { receivedAt: noon });
  clip(90_031, { receivedAt: noon });
  t.equal(all(catalogue).length, 6, 'a start in the future covers an instant');
});

for (const [name, shape] of Object.entries({
  scattered: { rounds: 15, steps: 40, range: 600, long: 120, longOnes: 3, short: 10 },
  'in heaps of short ones under long ones': {
    rounds: 8,
    steps: 120,
    range: 900,
    long: 400,
    longOnes: 25,
    short: 3,
  },
}))
  t.test(
    `in whatever order clips come, move and go, ${name}, events are what the clips in their order come to, and what was held is held`,
    async t => {
      const random = seededRandom(20261122);
      for (let round = 0; round < shape.rounds; round++)
        await t.test(`round ${round}`, async t => {
          const { catalogue, raw, clip, remove, placing } = opened(t);
          const there: string[] = [];
          const held = new Set<string>();
          for (let step = 0; step < shape.steps; step++) {
            const what = random(12);
            // Heaps: most clips lie in the first second of some minutes.
            const start = () => (random(3) === 0 ? random(shape.range) : 60 * random(shape.range / 60));
            const id = there[random(there.length || 1)];
            if (what < 8 || id === undefined)
              there.push(
                clip(start(), {
                  seconds: random(shape.longOnes) === 0 ? random(shape.long) : random(shape.short),
                  kind: random(9) ? 'video' : 'test',
                }),
              );
            else if (what < 10)
              placing.moveClip(
                id,
                () => {
                  const at = noon + start() * second;
                  raw.prepare('UPDATE clip SET start_at = ? WHERE id = ?').run(at, id);
                },
                { holdsFollow: true },
              );
            else if (what === 10 && held.size === 0) {
              const event = catalogue.clip(id)?.event;
              if (event) {
                catalogue.addHold(eventHold('hold', event), 1);
                for (const each of clipIds(catalogue, event)) held.add(each);
              }
            } else if (!held.has(id)) {
              remove(id);
              there.splice(there.indexOf(id), 1);
            }
          }
          const spans = there.flatMap(id => {
            const found = catalogue.clip(id);
            const span = found && eventSpan(found);
            return found && span ? [{ id, event: found.event, ...span }] : [];
          });
          const groups = groupedSpans(spans, 30_000);
          t.strictSame(
            all(catalogue)
              .reverse()
              .map(({ startAt, endAt }) => ({ startAt, endAt })),
            groups.map(unite),
          );
          for (const group of groups) t.equal(new Set(group.map(({ event }) => event)).size, 1);
          t.equal(new Set(spans.map(({ event }) => event)).size, groups.length);
          const events = all(catalogue);
          for (const a of events) for (const b of events) if (a !== b) t.notOk(areNear(a, b, 30_000));
          for (const id of held) t.equal(catalogue.isEventHeld(catalogue.clip(id)?.event ?? ''), true);
          for (const rule of ['event-bounds', 'event-overlap', 'event-without-clip'] as const)
            t.strictSame([...catalogue.offenders(rule)], []);
        });
    },
  );

t.test(
  'a clip more, one less and one elsewhere cost the same in an event of a thousand and more',
  async t => {
    const { catalogue, raw, clip } = opened(t);
    const clips = Array.from({ length: 1200 }, (_, index) => clip(index * 5));
    t.match(all(catalogue), [{ clips: 1200 }]);
    const counted = countRows(raw);
    const placing = eventPlacing(counted.db);
    const rowsOf = (work: () => void) => {
      counted.rows = 0;
      work();
      return counted.rows;
    };
    const moveTo = (id: string, start: number) =>
      placing.moveClip(
        id,
        () => raw.prepare('UPDATE clip SET start_at = ? WHERE id = ?').run(noon + start * second, id),
        { holdsFollow: true },
      );
    const [first = '', , , another = ''] = clips;
    const [middle = '', last = ''] = [clips[600], clips.at(-1)];
    const added = clip(3000);
    raw.prepare('UPDATE clip SET event = NULL WHERE id = ?').run(added);
    const costs = {
      join: rowsOf(() => placing.placeClip(added)),
      leaveAtTheStart: rowsOf(() => placing.removeClip(first)),
      leaveInTheMiddle: rowsOf(() => placing.removeClip(middle)),
      moveALittle: rowsOf(() => moveTo(another, 17)),
      moveAway: rowsOf(() => moveTo(another, 90_000)),
    };
    for (const [what, rows] of Object.entries(costs)) t.ok(rows <= 64, `${what}: ${rows}`);
    // Where the event ends is known when no clip can reach further: those of the last hour are looked at.
    const hourOfClips = maxSpanMs / second / 5;
    const atTheEnd = rowsOf(() => placing.removeClip(last));
    t.ok(atTheEnd <= hourOfClips + 64, `leaveAtTheEnd: ${atTheEnd}`);
    t.match(all(catalogue), [{ clips: 1 }, { clips: 1197 }]);
  },
);

t.test('no statement that keeps events reads a whole table, or sorts', async t => {
  const { raw } = opened(t);
  const { merge, ...others } = eventRows(raw);
  const holding = `SELECT 1 FROM clip WHERE id = ? AND ${heldClip}`;
  const statements = [...merge, ...Object.values(others)].map(({ source }) => source);
  for (const sql of [...statements, holding]) {
    const explained = raw
      .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql.replaceAll(/\?|@\w+/g, "'1'")}`)
      .all();
    for (const { detail } of explained)
      t.notMatch(detail, /^SCAN (?!clip USING INDEX clip_without_event|CONSTANT)|TEMP B-TREE/, sql);
  }
});

t.test('what is on hold is counted from the holds, not from all clips', async t => {
  const { raw } = opened(t);
  const plan = raw
    .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${heldBytesSql.replaceAll('@camera', 'NULL')}`)
    .all()
    .map(({ detail }) => detail);
  t.ok(plan.includes('SCAN hold'), 'of which there are few');
  t.notMatch(plan.join('\n'), /SCAN clip/);
});

/** A database that counts the rows that are read from it. */
function countRows(db: Db): { db: Db; rows: number } {
  const counted = {
    rows: 0,
    db: new Proxy(db, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name !== 'prepare') return typeof value === 'function' ? value.bind(target) : value;
        return (sql: string) => countingStatement(target.prepare<unknown[]>(sql));
      },
    }),
  };
  const count = <T>(row: T): T => {
    counted.rows++;
    return row;
  };
  const countingStatement = (statement: ReturnType<typeof db.prepare<unknown[]>>): unknown => ({
    run: (...values: unknown[]) => statement.run(...values),
    get: (...values: unknown[]) => count(statement.get(...values)),
    all: (...values: unknown[]) => statement.all(...values).map(count),
    *iterate(...values: unknown[]) {
      for (const row of statement.iterate(...values)) yield count(row);
    },
    pluck: () => countingStatement(statement.pluck()),
  });
  return counted;
}

t.test('events are listed by what was going on then, also when it had begun long before', async t => {
  const { catalogue, clip } = opened(t);
  const long = clip(0, { seconds: 3000 });
  const [den, late] = [clip(1000, { camera: 'den' }), clip(4000)];
  const listed = (since: number, until?: number, camera?: string) =>
    [
      ...catalogue.listEvents({
        camera,
        since: noon + since * second,
        until: until === undefined ? undefined : noon + until * second,
      }),
    ].flatMap(({ clips }) => JSON.parse(clips) as string[]);
  t.strictSame(listed(1000), [late, den, long]);
  t.strictSame(listed(1010), [late, den, long]);
  t.strictSame(listed(1011), [late, long]);
  t.strictSame(listed(3000, 4001), [late, long]);
  t.strictSame(listed(3001, 4000), []);
  t.strictSame(listed(0, 2000, 'den'), [den]);
  t.strictSame([...catalogue.listEvents({ since: noon, camera: 'nobody' })], []);
  t.strictSame(listed(9000), []);
});

t.test('what a version without events has filed is put into events, as if it had been filed now', async t => {
  const directory = t.testdir();
  const [file, migrations] = [join(directory, 'catalogue.db'), join(directory, 'migrations')];
  mkdirSync(migrations);
  cpSync(
    new URL('../../src/catalogue/migrations/001-clips.sql', import.meta.url),
    join(migrations, '001-clips.sql'),
  );
  const older = openDatabase({
    file,
    migrations: pathToFileURL(`${migrations}/`),
    journal: 'wal',
    synchronous: 'full',
  });
  const insert =
    older.prepare(`INSERT INTO clip (id, camera, original_path, path, bytes, sha256, kind, completeness,
      completeness_basis, time_zone, start_at, time_source, received_at, duration_ms)
    VALUES (@id, 'den', 'x', @id, 1, @hash, @kind, 'whole', 'container', 'UTC', @at, 'name', @at, 10000)`);
  for (const [id, start, kind] of [
    ['c', 35, 'video'],
    ['b', 100, 'image'],
    ['a', 0, 'video'],
    ['d', 1, 'test'],
  ])
    insert.run({ id, kind, hash: 'a'.repeat(64), at: noon + Number(start) * second });
  older.close();
  using catalogue = openCatalogue({ file });
  t.match(all(catalogue), []);
  t.equal(catalogue.placeRemaining(2), 2);
  t.equal(catalogue.placeRemaining(2), 1);
  t.equal(catalogue.placeRemaining(2), 0);
  t.match(all(catalogue), [{ clips: 1 }, { clips: 2 }]);
  t.equal(catalogue.clip('d')?.event, null);
});

t.test('holds keep what overlaps their span, each clip counted once, up to their limit', async t => {
  const { catalogue, clip } = opened(t);
  clip(0, { bytes: 1 });
  const inside = clip(100, { bytes: 10 });
  clip(200, { bytes: 100 });
  clip(100, { bytes: 1000, camera: 'den' });
  const hold = { camera: 'front-door', event: null, reason: null, addedAt: 1 };
  const span = { fromAt: noon + 110 * second, toAt: noon + 200 * second };
  t.match(catalogue.addHold({ id: 'h1', ...hold, ...span }, 2), { id: 'h1', event: null });
  t.equal(catalogue.heldBytes(), 10, 'the end of one clip, and not the start of the next');
  const { event } = catalogue.clip(inside) ?? {};
  t.match(catalogue.addHold(eventHold('h2', event), 2), { event });
  t.equal(catalogue.heldBytes(), 10);
  t.equal(catalogue.addHold({ id: 'h3', ...hold, ...span }, 2), 'full');
  t.equal(catalogue.heldBytes('den'), 0);
  t.equal(catalogue.isEventHeld(catalogue.clip(inside)?.event ?? ''), true);
  t.match(catalogue.holdsByPrefix('h'), [{ id: 'h1' }, { id: 'h2' }]);
  catalogue.removeHold('h1');
  catalogue.removeHold('h2');
  t.equal(catalogue.heldBytes(), 0);
});

t.test('a span keeps what begins before its end and ends after its beginning', async t => {
  const { catalogue, clip } = opened(t);
  const day = 86_400;
  clip(0, { bytes: 1, seconds: 100, receivedAt: noon + 3 * day * second });
  clip(400, { bytes: 2, seconds: 2 * day, receivedAt: noon + 3 * day * second });
  clip(401, { bytes: 4, seconds: 2 * day, receivedAt: noon + 500 * second });
  const keeps = (from: number, to: number) => {
    const span = { fromAt: noon + from * second, toAt: noon + to * second };
    catalogue.addHold({ ...eventHold('h', null), event: null, ...span }, 1);
    const bytes = catalogue.heldBytes('front-door');
    catalogue.removeHold('h');
    return bytes;
  };
  t.equal(keeps(-10, 0), 0);
  t.equal(keeps(-10, 0.001), 1);
  t.equal(keeps(100, 101), 1);
  t.equal(keeps(100.001, 101), 0);
  t.equal(keeps(800, 801), 6, 'five minutes after its arrival');
  t.equal(keeps(801, 802), 2);
  t.equal(keeps(400 + day, 401 + day), 2, 'a long file is believed for a day');
  t.equal(keeps(400.001 + day, 401 + day), 0);
});

t.test('a hold of an event that was merged or deleted meanwhile is of what there is', async t => {
  const { catalogue, clip, remove } = opened(t);
  clip(100);
  const late = clip(0);
  const merged = catalogue.clip(late)?.event;
  clip(35, { seconds: 40 });
  const [event] = all(catalogue);
  t.not(merged, event?.id);
  t.match(catalogue.addHold(eventHold('h', merged), 1), { id: 'h', event: event?.id });
  catalogue.removeHold('h');
  for (const id of clipIds(catalogue, event?.id ?? '')) remove(id);
  t.equal(catalogue.addHold(eventHold('h', merged), 1), 'gone');
  t.strictSame(catalogue.holds(), []);
});

t.test('a clip that does not say how long it is keeps its hold up to its arrival', async t => {
  const { catalogue, clip } = opened(t);
  const cut = { durationMs: null, completeness: 'partial', receivedAt: noon + 300 * second } as const;
  const video = clip(0, { ...cut, bytes: 1 });
  clip(1, { ...cut, bytes: 2, kind: 'other' });
  clip(2, { ...cut, bytes: 4, kind: 'image' });
  clip(3, { ...cut, bytes: 8, receivedAt: noon + 4 * second });
  const hold = { camera: 'front-door', event: null, reason: null, addedAt: 1 };
  catalogue.addHold({ id: 'h', ...hold, fromAt: noon + 100 * second, toAt: noon + 200 * second }, 9);
  t.equal(catalogue.heldBytes(), 3);
  t.notOk([...catalogue.clipCandidates('front-door')].some(({ id }) => id === video));
  catalogue.removeHold('h');
  catalogue.addHold({ id: 'h', ...hold, fromAt: noon + 301 * second, toAt: noon + 400 * second }, 9);
  t.equal(catalogue.heldBytes(), 0, 'nothing was filmed after it arrived');
});
