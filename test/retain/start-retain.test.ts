import { mkdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { openLog } from '../../src/base/log.ts';
import { holdLock } from '../../src/base/sqlite.ts';
import type { Disk } from '../../src/retain/run-retention.ts';
import { type RetainOptions, startRetain } from '../../src/retain/start-retain.ts';
import { evictionOf, type RetainedArchive, retainedArchive } from './retained-archive.ts';

type Line = Record<string, unknown> & { msg: string };

/** A retain over the archive, the log that it writes, and a promise for the first line of each kind. */
function retained(t: Test, archive: RetainedArchive, options: Partial<RetainOptions> = {}) {
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  const write = (text: string) => {
    lines.push(JSON.parse(text) as Line);
    for (const look of [...waiting]) look();
  };
  const retain = startRetain({
    parts: archive.parts,
    settings: { intervalMs: 1000, minFreeBytes: 0, refusedBelowBytes: 0 },
    tendBallast: async () => 'as-it-was',
    clock: { monotonicMs: () => performance.now() },
    log: openLog({ level: 'debug', stream: { write } }),
    ...options,
  });
  t.teardown(() => retain[Symbol.asyncDispose]());
  // Its timers do not keep a process alive; the test does.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  const logged = (msg: string, count = 1): Promise<Line> =>
    new Promise(resolve => {
      const look = () => {
        const found = lines.filter(line => line.msg === msg);
        if (found.length < count) return;
        waiting.delete(look);
        resolve(found[count - 1] as Line);
      };
      waiting.add(look);
      look();
    });
  return { retain, lines, logged };
}

t.test('at the start it finishes what was left, and tells what goes, for each camera and reason', async t => {
  const archive = await retainedArchive(t);
  const left = archive.clip('a');
  archive.catalogue.makeGarbage([evictionOf(left)], archive.clock.at);
  archive.clip('b', { daysAgo: 40, media: 'xx' });
  archive.clip('c', { daysAgo: 40, camera: 'porch', media: 'yyy' });
  const { logged } = retained(t, archive);
  const line = await logged('media deleted');
  t.match(line, {
    finished: 1,
    spared: 0,
    deleted: [
      { camera: 'front-door', reason: 'age', clips: 1, bytes: 2 },
      { camera: 'porch', reason: 'age', clips: 1, bytes: 3 },
    ],
  });
  t.same([...archive.files(), ...archive.rowFiles()], []);
});

t.test('on the timer it looks again', async t => {
  const archive = await retainedArchive(t);
  const asked = Promise.withResolvers<void>();
  const plan: RetainOptions['parts']['plan'] = (disk, except) => {
    const made = archive.parts.plan(disk, except);
    asked.resolve();
    return made;
  };
  const { logged } = retained(t, archive, { parts: { ...archive.parts, plan } });
  await asked.promise;
  archive.clip('a', { daysAgo: 40 });
  t.match(await logged('media deleted'), { deleted: [{ clips: 1 }] });
});

t.test('when the disk falls below the floor, it does not wait for the timer', async t => {
  const archive = await retainedArchive(t);
  const disk = { freeBytes: 1000, totalBytes: 100_000 };
  const seen: number[] = [];
  let mono = 0;
  const plans = { count: 0 };
  const parts: RetainOptions['parts'] = {
    ...archive.parts,
    measureDisk: async (): Promise<Disk> => disk,
    plan: () => {
      plans.count++;
      return { evictions: [], isComplete: true, unmet: [{ promise: 'free-disk', shortfallBytes: 1 }] };
    },
  };
  const looks = Promise.withResolvers<void>();
  const { lines } = retained(t, archive, {
    parts,
    // The timer of the passes is far away; that of the looks is what counts here.
    settings: { intervalMs: 3_600_000, minFreeBytes: 1000, refusedBelowBytes: 0 },
    lookIntervalMs: 5,
    clock: { monotonicMs: () => mono },
    tendBallast: async freeBytes => {
      // The looks before the end of the first pass, however long that takes, say nothing. It ends with this line.
      if (!lines.some(({ msg }) => msg === 'retention cannot keep a promise')) return;
      seen.push(freeBytes);
      if (seen.length === 5) disk.freeBytes = 999;
      if (seen.length === 10) mono += 29_999;
      if (seen.length === 15) {
        t.equal(plans.count, 1, 'not so soon after the last pass: the disk may show late what is free');
        mono += 1;
      }
      if (plans.count === 2) looks.resolve();
    },
  });
  await looks.promise;
  t.equal(plans.count, 2);
  t.ok(seen.length > 15);
});

t.test('what cannot be kept or deleted is told when it changes, not with every pass', async t => {
  const archive = await retainedArchive(t);
  const stuck = archive.clip('a', { daysAgo: 40 });
  unlinkSync(archive.at(stuck.path));
  mkdirSync(archive.at(stuck.path));
  const unmet: { promise: 'free-disk'; shortfallBytes: number }[] = [
    { promise: 'free-disk', shortfallBytes: 3e9 },
  ];
  let passes = 0;
  const passed = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const parts: RetainOptions['parts'] = {
    ...archive.parts,
    plan: (disk, except) => {
      passed[passes++]?.resolve();
      if (passes === 2) unmet[0] = { promise: 'free-disk', shortfallBytes: 4e9 };
      return { ...archive.parts.plan(disk, except), unmet: passes < 3 ? [...unmet] : [] };
    },
  };
  const { retain, lines, logged } = retained(t, archive, {
    parts,
    settings: { intervalMs: 3_600_000, minFreeBytes: 0, refusedBelowBytes: 0 },
  });
  const told = () => lines.filter(({ level }) => (level as number) >= 40).map(({ msg }) => msg);
  await logged('retention cannot keep a promise');
  t.match(lines.find(({ msg }) => msg === 'retention cannot keep a promise')?.sentence, /3\.0 GB more/);
  retain.hurry();
  await passed[1]?.promise;
  retain.hurry();
  t.match(await logged('retention keeps a promise again'), { promise: 'free-disk' });
  t.same(told().sort(), ['media cannot be deleted', 'retention cannot keep a promise']);
  t.match(
    lines.find(({ msg }) => msg === 'media cannot be deleted'),
    { camera: 'front-door', files: 1, path: stuck.path, error: 'it is not a regular file' },
  );
});

t.test('a pass that fails is told once, and made again', async t => {
  const archive = await retainedArchive(t);
  const clip = archive.clip('a', { daysAgo: 40 });
  rmSync(archive.at('MARKER'));
  let tries = 0;
  const third = Promise.withResolvers<void>();
  const requireMarker = () => {
    if (++tries === 3) third.resolve();
    return archive.parts.requireMarker();
  };
  const { retain, lines, logged } = retained(t, archive, { parts: { ...archive.parts, requireMarker } });
  await logged('retention pass failed');
  retain.hurry();
  await third.promise;
  t.equal(lines.filter(({ msg }) => msg === 'retention pass failed').length, 1);
  t.ok(archive.catalogue.clip(clip.id));
  writeFileSync(archive.at('MARKER'), `${archive.archiveId}\n`);
  await logged('media deleted');
});

t.test('while somebody else makes a pass, it makes none, and says nothing', async t => {
  const archive = await retainedArchive(t);
  archive.clip('a', { daysAgo: 40 });
  const other = holdLock(archive.parts.lockFile, 'held');
  const { retain, lines, logged } = retained(t, archive);
  retain.hurry();
  t.same(
    lines.filter(({ level }) => (level as number) > 20),
    [],
  );
  other[Symbol.dispose]();
  await logged('media deleted');
});

t.test('what one pass does not finish, the next one does at once', async t => {
  const archive = await retainedArchive(t);
  const clips = Array.from({ length: 20 }, (_, index) => archive.clip(`a${index}x`));
  // One clip in each plan, and so many plans in a pass.
  const plan: RetainOptions['parts']['plan'] = () => {
    const next = clips.find(({ id }) => archive.catalogue.clip(id) !== undefined);
    return { evictions: next ? [evictionOf(next)] : [], isComplete: next === undefined, unmet: [] };
  };
  const { logged } = retained(t, archive, {
    parts: { ...archive.parts, plan },
    settings: { intervalMs: 3_600_000, minFreeBytes: 0, refusedBelowBytes: 0 },
  });
  t.match(await logged('media deleted', 2), { deleted: [{ clips: 4 }] });
  t.same(archive.files(), []);
});

t.test('the end waits for the batch that is at work, and for no other', async t => {
  const archive = await retainedArchive(t);
  for (let index = 0; index < 70; index++) archive.clip(`a${index}x`, { daysAgo: 40 });
  const begun = Promise.withResolvers<void>();
  const parts: RetainOptions['parts'] = {
    ...archive.parts,
    removeMedia: files => {
      begun.resolve();
      return archive.parts.removeMedia(files);
    },
  };
  const { retain } = retained(t, archive, { parts });
  await begun.promise;
  await retain[Symbol.asyncDispose]();
  t.equal(archive.catalogue.clipCount(), 6);
  t.same(archive.files(), archive.rowFiles());
});
