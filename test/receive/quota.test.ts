import t from 'tap';
import type { Camera } from '../../src/access/accounts.ts';
import type { DailyUsage, Usage } from '../../src/access/daily-usage.ts';
import { silentLog } from '../../src/base/log.ts';
import { createQuotas } from '../../src/receive/quota.ts';
import { seededRandom } from '../domain/seeded-random.ts';

const log = silentLog();
const dayMs = 24 * 60 * 60 * 1000;
const noon = Date.parse('2026-11-21T12:00:00Z');
const maxBytesPerDay = 1000;
const cameraNamed = (name: string) => ({ name, maxBytesPerDay: null, maxFilesPerDay: null }) as Camera;

t.test('a day’s bytes are shared by all uploads of a camera, and by no other', async t => {
  const quotas = createQuotas({ memory: memoryOfDays(), limits: limits(), clock: clockAt(() => noon), log });
  for (let upload = 0; upload < 3; upload++) {
    const file = quotas.openFile(cameraNamed('front'));
    for (let batch = 0; batch < 30; batch++) t.equal(file?.take(10), 10);
    file?.close();
  }
  const last = quotas.openFile(cameraNamed('front'));
  t.equal(last?.take(200), 100);
  t.equal(last?.take(1), 0);
  last?.close();
  t.equal(quotas.openFile(cameraNamed('front')), undefined);
  t.equal(quotas.openFile(cameraNamed('back'))?.take(maxBytesPerDay), maxBytesPerDay);
});

t.test('at midnight, in UTC, the next day is read, and the clock may be set back', async t => {
  let now = noon + dayMs / 2 - 1;
  const memory = memoryOfDays();
  const quotas = createQuotas({ memory, limits: limits(), clock: clockAt(() => now), log });
  const file = quotas.openFile(cameraNamed('front'));
  t.equal(file?.take(600), 600);
  file?.close();
  t.equal(quotas.openFile(cameraNamed('front'))?.take(600), 400);
  now++;
  const next = quotas.openFile(cameraNamed('front'));
  t.equal(next?.take(700), 600, 'what runs over midnight counts to the new day');
  now -= dayMs;
  t.equal(next?.take(700), 0);
});

t.test('what is left is what was not taken, over days, restarts of uploads and writes that fail', async t => {
  const random = seededRandom(21);
  for (let round = 0; round < 50; round++) {
    let now = noon;
    let isFull = false;
    const memory = memoryOfDays(() => isFull);
    const quotas = createQuotas({ memory, limits: limits(), clock: clockAt(() => now), log });
    let used = 0;
    const open: { file: NonNullable<ReturnType<typeof quotas.openFile>>; taken: number }[] = [];
    for (let step = 0; step < 60; step++) {
      const what = random(10);
      if (what < 3) {
        const file = quotas.openFile(cameraNamed('front'));
        const left = maxBytesPerDay - used - open.reduce((sum, { taken }) => sum + taken, 0);
        t.equal(file === undefined, left <= 0);
        if (file !== undefined) open.push({ file, taken: 0 });
      } else if (what < 7) {
        const upload = open[random(open.length || 1)];
        if (upload === undefined) continue;
        const wanted = random(200);
        const left = maxBytesPerDay - used - open.reduce((sum, { taken }) => sum + taken, 0);
        const taken = upload.file.take(wanted);
        t.equal(taken, Math.max(0, Math.min(wanted, left)));
        upload.taken += taken;
      } else if (what < 9) {
        const [upload] = open.splice(random(open.length || 1), 1);
        upload?.file.close();
        used += upload?.taken ?? 0;
      } else if (random(4) === 0) {
        now += dayMs;
        used = 0;
      } else isFull = !isFull;
    }
  }
});

function limits() {
  return { maxBytesPerDay, maxFilesPerDay: 1_000_000, maxDirectoriesPerDay: 1_000_000 };
}

function clockAt(now: () => number) {
  return { now, monotonicMs: () => performance.now() };
}

function memoryOfDays(isFull: () => boolean = () => false): DailyUsage {
  const days = new Map<string, Usage>();
  const none: Usage = { bytes: 0, files: 0, directories: 0 };
  return {
    usage: (camera, day) => days.get(`${camera} ${day}`) ?? none,
    addUsage(camera, day, more) {
      if (isFull()) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
      const { bytes, files, directories } = days.get(`${camera} ${day}`) ?? none;
      days.set(`${camera} ${day}`, {
        bytes: bytes + (more.bytes ?? 0),
        files: files + (more.files ?? 0),
        directories: directories + (more.directories ?? 0),
      });
    },
    forgetUsage(day) {
      for (const key of days.keys()) if (!key.endsWith(` ${day}`)) days.delete(key);
    },
  };
}
