import { mkdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Camera } from '../../src/access/accounts.ts';
import { holdLock } from '../../src/base/sqlite.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import { askPlan } from '../../src/retain/ask-plan.ts';
import { type Disk, maxStuckPerCamera } from '../../src/retain/run-retention.ts';
import { evictionOf, idOf, onePlan, retainedArchive, standardRetention } from './retained-archive.ts';

/** Puts a directory where the file was, which no unlink removes. */
function obstruct(file: string): void {
  unlinkSync(file);
  mkdirSync(file);
}

t.test('what is older than its days goes, with its files; the rest stays', async t => {
  const archive = await retainedArchive(t);
  const old = [archive.clip('a', { daysAgo: 31 }), archive.clip('b', { daysAgo: 40 })];
  const young = archive.clip('c', { daysAgo: 29 });
  const pass = await archive.run();
  t.same(pass, {
    ...{ isMade: true, isComplete: true, finished: 0, spared: 0, stuck: [], unmet: [] },
    deleted: [
      {
        camera: 'front-door',
        reason: 'age',
        clips: 2,
        segments: 0,
        bytes: old.reduce((sum, { bytes }) => sum + bytes, 0),
      },
    ],
  });
  t.same(archive.files(), [young.path, young.thumbnail]);
  t.same(archive.rowFiles(), archive.files());
  for (const { id } of old) t.ok(archive.catalogue.hasTombstone(id));
  t.same((await archive.verify()).findings, []);
  t.same((await archive.run()).deleted, [], 'and again, nothing');
});

t.test('what an interrupted pass left is finished first, also when nothing more is to go', async t => {
  const archive = await retainedArchive(t);
  const [left, half] = [archive.clip('a'), archive.clip('b')];
  archive.catalogue.makeGarbage(
    [left, half].map(clip => evictionOf(clip)),
    archive.clock.at,
  );
  unlinkSync(archive.at(half.path));
  const pass = await archive.run();
  t.equal(pass.finished, 2);
  t.same(archive.files(), []);
  t.same(archive.rowFiles(), []);
});

t.test('a file that was never in the catalogue stays, and so does its directory', async t => {
  const archive = await retainedArchive(t);
  const clip = archive.clip('a', { daysAgo: 31 });
  const stray = clip.path.replace('a0', 'x0');
  const foreign = join(clip.path, '..', 'holiday.jpg');
  for (const path of [stray, foreign]) writeFileSync(archive.at(path), 'not ours');
  t.equal((await archive.run()).deleted.length, 1);
  t.same(archive.files(), [foreign, stray].sort());
});

t.test('without the marker no row and no file goes, whatever the plan says', async t => {
  const archive = await retainedArchive(t);
  const clip = archive.clip('a', { daysAgo: 31 });
  const refused = { name: 'TransientError', message: /does not hold the marker/ };
  rmSync(archive.at('MARKER'));
  await t.rejects(archive.run(), refused);
  writeFileSync(archive.at('MARKER'), '00000000-0000-4000-8000-000000000000\n');
  await t.rejects(archive.run(), refused);
  t.ok(archive.catalogue.clip(clip.id));
  t.same(archive.files(), [clip.path, clip.thumbnail]);

  writeFileSync(archive.at('MARKER'), `${archive.archiveId}\n`);
  const plan = () => {
    rmSync(archive.at('MARKER'));
    return { evictions: [evictionOf(clip)], isComplete: true, unmet: [] };
  };
  await t.rejects(archive.run({ plan }), refused, 'a disk that goes away after the plan was made');
  t.ok(archive.catalogue.clip(clip.id));
});

t.test('a disk that goes away between row and file loses nothing: the next pass finishes it', async t => {
  const archive = await retainedArchive(t);
  const clip = archive.clip('a', { daysAgo: 31 });
  const marker = archive.at('MARKER');
  const makeGarbage: typeof archive.catalogue.makeGarbage = (unwanted, at) => {
    rmSync(marker);
    return archive.catalogue.makeGarbage(unwanted, at);
  };
  await t.rejects(archive.run({ catalogue: { ...archive.catalogue, makeGarbage } }), {
    name: 'TransientError',
  });
  t.same(archive.rowFiles(), [clip.path, clip.thumbnail], 'it is garbage');
  t.same(archive.files(), archive.rowFiles());
  writeFileSync(marker, `${archive.archiveId}\n`);
  t.equal((await archive.run()).finished, 1);
  t.same([...archive.files(), ...archive.rowFiles()], []);
});

t.test('many clips go in batches, between which others have their turn', async t => {
  const archive = await retainedArchive(t);
  const clips = Array.from({ length: 150 }, (_, index) => archive.clip(`a${index}x`));
  const sizes: number[] = [];
  let turns = 0;
  const turn = () => {
    turns++;
    if (sizes.length < 3) setImmediate(turn);
  };
  const makeGarbage: typeof archive.catalogue.makeGarbage = (unwanted, at) => {
    if (sizes.length > 0) t.ok(turns > 0, 'somebody else had his turn');
    turns = 0;
    sizes.push(unwanted.length);
    return archive.catalogue.makeGarbage(unwanted, at);
  };
  setImmediate(turn);
  const pass = await archive.runFor(
    clips.map(clip => evictionOf(clip)),
    { catalogue: { ...archive.catalogue, makeGarbage } },
  );
  t.same(sizes, [64, 64, 22]);
  t.equal(pass.deleted[0]?.clips, 150);
  t.same(archive.files(), []);
});

t.test('it stops between two batches when it is told to', async t => {
  const archive = await retainedArchive(t);
  const clips = Array.from({ length: 100 }, (_, index) => archive.clip(`a${index}x`));
  const stopping = new AbortController();
  const removeMedia: typeof archive.parts.removeMedia = files => {
    stopping.abort();
    return archive.parts.removeMedia(files);
  };
  const plan = onePlan(clips.map(clip => evictionOf(clip)));
  const pass = await archive.run({ plan, removeMedia }, stopping.signal);
  t.equal(pass.deleted[0]?.clips, 64);
  t.notOk(pass.isComplete);
  t.equal(archive.catalogue.clipCount(), 36);
  t.same(archive.files(), archive.rowFiles());
});

t.test('what was put on hold after the plan was made is spared', async t => {
  const archive = await retainedArchive(t);
  const [held, free] = [archive.clip('a', { daysAgo: 40 }), archive.clip('b', { daysAgo: 41 })];
  const event = archive.catalogue.clip(held.id)?.event ?? '';
  const plan: typeof archive.parts.plan = (disk, except) => {
    const made = archive.parts.plan(disk, except);
    const facts = { camera: held.camera, fromAt: null, toAt: null, reason: null, addedAt: 0 };
    archive.catalogue.addHold({ id: idOf('h'), event, ...facts }, 10);
    return made;
  };
  const pass = await archive.run({ plan });
  t.match(pass, { spared: 1, deleted: [{ clips: 1 }], isComplete: true });
  t.same(archive.files(), [held.path, held.thumbnail]);
  t.notOk(archive.catalogue.clip(free.id));
});

t.test('a file that cannot be unlinked is tried in every pass, once, and keeps nobody else', async t => {
  const archive = await retainedArchive(t);
  const [stuck, good] = [archive.clip('a', { daysAgo: 40 }), archive.clip('b', { daysAgo: 40 })];
  obstruct(archive.at(stuck.path));
  const why = { id: stuck.id, camera: stuck.camera, path: stuck.path, reason: 'it is not a regular file' };
  t.match(await archive.run(), { deleted: [{ clips: 1 }], stuck: [why] });
  t.notOk(archive.catalogue.clip(good.id));
  let tries = 0;
  const removeMedia: typeof archive.parts.removeMedia = files => {
    tries++;
    return archive.parts.removeMedia(files);
  };
  t.match(await archive.run({ removeMedia }), { deleted: [], finished: 0, stuck: [why], isComplete: true });
  t.equal(tries, 1);
  rmSync(archive.at(stuck.path), { recursive: true });
  writeFileSync(archive.at(stuck.path), 'back');
  t.match(await archive.run(), { finished: 1, stuck: [] });
  t.same([...archive.files(), ...archive.rowFiles()], []);
});

t.test('a camera whose files cannot be removed keeps the rows that it still has', async t => {
  const archive = await retainedArchive(t);
  const clips = Array.from({ length: 100 }, (_, index) => archive.clip(`a${index}x`, { daysAgo: 40 }));
  const other = archive.clip('b', { daysAgo: 40, camera: 'porch' });
  const readOnly: typeof archive.parts.removeMedia = async files => {
    const stuck = files.filter(({ camera }) => camera === 'front-door');
    await archive.parts.removeMedia(files.filter(file => !stuck.includes(file)));
    return new Map(stuck.map(({ id }) => [id, 'EROFS']));
  };
  const evictions = [...clips, other].map(clip => evictionOf(clip));
  const pass = await archive.runFor(evictions, { removeMedia: readOnly });
  t.equal(pass.stuck.length, maxStuckPerCamera);
  t.equal(archive.catalogue.clipCount(), 100 - maxStuckPerCamera);
  t.match(pass.deleted, [{ camera: 'porch', clips: 1 }]);
  const excepted: string[][] = [];
  const plan: typeof archive.parts.plan = (disk, except) => {
    excepted.push([...except]);
    return archive.parts.plan(disk, except);
  };
  await archive.run({ removeMedia: readOnly, plan });
  t.same(excepted, [['front-door']], 'the next plan leaves it out');
  t.equal(archive.catalogue.clipCount(), 100 - maxStuckPerCamera);
  t.same((await archive.run()).stuck, [], 'and when they can be removed again, all goes on');
  t.same([...archive.files(), ...archive.rowFiles()], []);
});

t.test('what the disk does not show as free yet is not deleted a second time', async t => {
  const archive = await retainedArchive(t);
  const clips = Array.from({ length: 10 }, (_, index) =>
    archive.clip(`a${index}`, { daysAgo: 20 - index, media: Buffer.alloc(1000, index) }),
  );
  const shown: Disk = { freeBytes: 5000, totalBytes: 100_000 };
  const asked: number[] = [];
  // Three clips below the floor, one in each plan.
  const plan: typeof archive.parts.plan = ({ freeBytes }) => {
    asked.push(freeBytes);
    const next = clips.find(({ id }) => archive.catalogue.clip(id) !== undefined) as Clip;
    const isFull = freeBytes < 8000;
    return { evictions: isFull ? [evictionOf(next, 'free-disk')] : [], isComplete: !isFull, unmet: [] };
  };
  const pass = await archive.run({ plan, measureDisk: async () => shown });
  t.same(asked, [5000, 6000, 7000, 8000]);
  t.match(pass, { deleted: [{ reason: 'free-disk', clips: 3, bytes: 3000 }], isComplete: true });
});

t.test('a plan that never ends and deletes nothing is not asked for ever', async t => {
  const archive = await retainedArchive(t);
  const clip = archive.clip('a');
  const changed = evictionOf({ ...clip, bytes: 1 });
  const plan = () => ({ evictions: [changed], isComplete: false, unmet: [] });
  t.match(await archive.run({ plan }), { spared: 1, deleted: [], isComplete: false });
});

t.test('two passes are never made at once', async t => {
  const archive = await retainedArchive(t);
  const clip = archive.clip('a', { daysAgo: 40 });
  {
    using _other = holdLock(archive.parts.lockFile, 'held');
    t.match(await archive.run(), { isMade: false, deleted: [] });
    t.ok(archive.catalogue.clip(clip.id));
  }
  t.match(await archive.run(), { isMade: true, deleted: [{ clips: 1 }] });
  rmSync(archive.parts.lockFile);
  mkdirSync(archive.parts.lockFile);
  await t.rejects(
    archive.run(),
    { name: 'SettingsError' },
    'what cannot be a lock is not taken for a held one',
  );
});

t.test('where nothing can be written, room is made once, and what fails then is told', async t => {
  const archive = await retainedArchive(t);
  const clip = archive.clip('a', { daysAgo: 40 });
  const full = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  let fails = 1;
  const makeGarbage: typeof archive.catalogue.makeGarbage = (unwanted, at) => {
    if (fails-- > 0) throw full;
    return archive.catalogue.makeGarbage(unwanted, at);
  };
  const catalogue = { ...archive.catalogue, makeGarbage };
  const asked: unknown[] = [];
  const makeRoomFor = async (error: unknown) => asked.push(error) > 0;
  t.match(await archive.run({ catalogue, makeRoomFor }), { deleted: [{ clips: 1 }] });
  t.same(asked, [full]);
  t.notOk(archive.catalogue.clip(clip.id));
  archive.clip('b', { daysAgo: 40 });
  fails = 2;
  await t.rejects(archive.run({ catalogue, makeRoomFor }), { code: 'SQLITE_FULL' });
  fails = 1;
  await t.rejects(archive.run({ catalogue, makeRoomFor: async () => false }), { code: 'SQLITE_FULL' });
  t.match(await archive.run({ catalogue, makeRoomFor }), { deleted: [{ clips: 1 }] });
});

t.test('the time of the last pass is noted by a clock that is trusted, and now and then', async t => {
  const archive = await retainedArchive(t);
  const { catalogue, clock } = archive;
  await archive.run();
  const first = clock.at;
  t.equal(catalogue.lastPassAt(), first);
  clock.at += 3_599_999;
  await archive.run();
  t.equal(catalogue.lastPassAt(), first);
  clock.at += 1;
  await archive.run();
  t.equal(catalogue.lastPassAt(), clock.at);

  const clip = archive.clip('a', { daysAgo: 1 });
  clock.at += 365 * 86_400_000;
  t.match(await archive.run(), { deleted: [], unmet: [{ promise: 'clock' }] });
  t.ok(catalogue.clip(clip.id), 'a year that passed in a moment deletes nothing');
  t.equal(catalogue.lastPassAt(), first + 3_600_000);
});

t.test('footage goes at its age, but not while an event is near it, and not from under a hold', async t => {
  const archive = await retainedArchive(t);
  const { catalogue, clock } = archive;
  const day = 86_400_000;
  const [old, event, held] = [
    archive.segment('a', { daysAgo: 31 }),
    archive.segment('b', { daysAgo: 40 }),
    archive.segment('c', { daysAgo: 50 }),
  ];
  // Kept because it was imported lately; it lies where the footage lies.
  const clip = archive.clip('k', { daysAgo: 2, startAt: clock.at - 40 * day });
  archive.clip('m', { daysAgo: 3 });
  const young = archive.segment('d', { daysAgo: 29 });
  const hold = { camera: held.camera, event: null, reason: null, addedAt: 1 };
  catalogue.addHold({ id: 'h', ...hold, fromAt: held.startAt + 1000, toAt: held.startAt + 2000 }, 9);
  t.match(await archive.run(), { deleted: [{ reason: 'age', clips: 0, segments: 1 }], stuck: [] });
  const isThere = ({ path }: { path: string }) => archive.files().includes(path);
  t.same([old, event, held, young].map(isThere), [false, true, true, true]);
  t.ok(catalogue.hasTombstone(old.id));
  clock.at += 29 * day;
  catalogue.setLastPassAt(clock.at);
  t.match((await archive.run()).deleted, [{ clips: 2, segments: 1 }], 'the clip, and what was young');
  // The event went with its clip, and its footage is footage like any other.
  t.match((await archive.run()).deleted, [{ segments: 1 }]);
  t.same(archive.files(), [held.path]);
  catalogue.removeHold('h');
  t.match((await archive.run()).deleted, [{ segments: 1 }]);
  t.same(archive.rowFiles(), []);
  t.equal(catalogue.clip(clip.id), undefined);
});

t.test('footage goes before clips for want of room, that of events last of it', async t => {
  const archive = await retainedArchive(t);
  const { catalogue, clock } = archive;
  const bytes = { bytes: 1000 };
  archive.clip('k', { daysAgo: 10, ...bytes });
  const around = archive.segment('a', { daysAgo: 10, ...bytes });
  const plain = [9, 5, 4, 2].map(daysAgo => archive.segment(`p${daysAgo}`, { daysAgo, ...bytes }));
  const plan = (maxBytes: number) =>
    askPlan(
      {
        catalogue,
        cameras: () => [
          { name: 'front-door', maxBytes, keepClipsDays: null, keepFootageDays: null } as Camera,
        ],
        settings: {
          retention: { ...standardRetention, keepFootageDays: null },
          ftps: { limits: { minFreeBytes: 0 } },
        },
      },
      {
        now: clock.at,
        clockJumpMs: null,
        disk: { freeBytes: 1e9, totalBytes: 2e9, waitingBytes: new Map() },
      },
    ).evictions.map(({ id, mediaClass }) => `${mediaClass} ${id.replace(/0+$/, '')}`);
  t.same(plan(5000), ['footage p9']);
  t.same(plan(2000), ['footage p9', 'footage p5', 'footage p4', 'event-footage a']);
  t.same(
    plan(0),
    ['footage p9', 'footage p5', 'footage p4', 'event-footage a', 'clip k'],
    'and nothing younger than minAge',
  );
  t.ok(plain.length === 4 && around.id);
});

t.test('footage that became footage of an event since the plan was made is spared', async t => {
  const archive = await retainedArchive(t);
  const segment = archive.segment('a', { daysAgo: 31 });
  const wanted = evictionOf(segment, 'age', 'footage');
  archive.clip('k', { daysAgo: 1, startAt: segment.startAt });
  t.match(await archive.runFor([wanted]), { deleted: [], spared: 1 });
  const asEvent = evictionOf(segment, 'free-disk', 'event-footage');
  t.match(await archive.runFor([{ ...asEvent, camera: 'porch' }]), { deleted: [], spared: 1 });
  t.match(await archive.runFor([{ ...asEvent, mediaClass: 'clip' }]), { deleted: [], spared: 1 });
  t.match(await archive.runFor([asEvent]), { deleted: [{ segments: 1 }], spared: 0 });
});

t.test('what a camera without any media sends counts as its own, not as a foreign file', async t => {
  const archive = await retainedArchive(t);
  const { catalogue, clock } = archive;
  for (const camera of ['den', 'porch'])
    for (const word of ['a', 'b']) archive.clip(`${camera[0]}${word}`, { camera, daysAgo: 20, bytes: 1000 });
  const account = (name: string) =>
    ({ name, maxBytes: null, keepClipsDays: null, keepFootageDays: null }) as Camera;
  const evictions = (waiting: string, names: string[]) =>
    askPlan(
      {
        catalogue,
        cameras: () => names.map(account),
        settings: {
          retention: { ...standardRetention, minFreeBytes: 1000 },
          ftps: { limits: { minFreeBytes: 0 } },
        },
      },
      {
        ...{ now: clock.at, clockJumpMs: null },
        disk: { freeBytes: 0, totalBytes: 10_000, waitingBytes: new Map([[waiting, 5000]]) },
      },
    ).evictions;
  t.equal(evictions('yard', ['den', 'porch', 'yard']).length, 0, 'the two are within their shares');
  t.equal(evictions('forged', ['den', 'porch', 'yard']).length, 1, 'a name without an account has no share');
});
