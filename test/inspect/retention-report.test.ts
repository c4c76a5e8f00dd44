import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Camera } from '../../src/access/accounts.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import { dayMs, type Eviction, type EvictionReason } from '../../src/domain/retention-plan.ts';
import { retentionPromise } from '../../src/inspect/checks/retention-promise.ts';
import { type OutlookSources, readOutlook, retentionReport } from '../../src/inspect/retention-report.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { sampleOpenSegment, sampleSegment } from '../catalogue/footage-rows.ts';
import { sampleClip, sampleReceipt } from '../catalogue/sample-clip.ts';

const now = Date.UTC(2026, 10, 21, 12);

function opened(test: Test, retention: Partial<Settings['retention']> = {}) {
  const catalogue = openCatalogue({ file: join(test.testdir(), 'catalogue.db') });
  test.teardown(() => catalogue[Symbol.dispose]());
  let count = 0;
  const settings = {
    retention: {
      keepClipsDays: 30,
      maxBytes: null,
      minFreeBytes: 1000,
      ...retention,
    } as Settings['retention'],
    ftps: { limits: { minFreeBytes: 100 } },
  };
  const sources = (facts: Partial<OutlookSources> = {}): OutlookSources => ({
    ...{ catalogue, settings, now, cameras: [] },
    disk: { freeBytes: 3000, totalBytes: 10_000 },
    ...facts,
  });
  return {
    catalogue,
    sources,
    outlook: (facts: Partial<OutlookSources> = {}) => readOutlook(sources(facts)),
    clip(daysAgo: number, facts: Partial<Clip> = {}) {
      const id = `c${count++}`.padStart(26, '0');
      const at = now - daysAgo * dayMs;
      const path = `clips/den/${id}.mp4`;
      catalogue.fileClip(
        sampleClip(id, {
          ...{ camera: 'den', path, thumbnail: null, bytes: 100 },
          ...{ startAt: at, receivedAt: at, keptFrom: at, ...facts },
        }),
        sampleReceipt(id, at),
      );
      return id;
    },
  };
}

t.test('an empty archive promises nothing that it cannot keep', async t => {
  const { outlook } = opened(t);
  t.strictSame(outlook(), {
    ...{ forecast: [], heldBytes: 0, mediaBytes: 0, diskDaysLeft: null, unmet: [], warnings: [] },
  });
});

t.test('the forecast is the rate of the last week against what the disk has above its floor', async t => {
  const { clip, outlook } = opened(t);
  for (let day = 1; day <= 9; day++) clip(day - 0.5);
  t.match(outlook(), {
    mediaBytes: 900,
    diskDaysLeft: 20,
    forecast: [
      { camera: 'den', bytesPerDay: 100, measuredDays: 7, askedDays: 30, fitDays: 29, isKept: false },
    ],
    unmet: [/^den: 30 days asked, 29 fit/],
  });
  const larger = outlook({ disk: { freeBytes: 3100, totalBytes: 10_000 } });
  t.match(larger, { forecast: [{ fitDays: 30, isKept: true }], unmet: [] });
  // Of a small disk less is kept free than was asked for: half-way from 100 to 950.
  t.match(outlook({ disk: { freeBytes: 1525, totalBytes: 1900 } }), { diskDaysLeft: 10 });
});

t.test('footage alone counts as clips do, as soon as a file of it is finished', async t => {
  const { catalogue, outlook } = opened(t);
  const startAt = now - dayMs;
  catalogue.addOpenSegment(sampleOpenSegment('whole', { startAt }));
  t.match(outlook(), { diskDaysLeft: null, forecast: [] }, 'what it takes is not known yet');
  catalogue.fileSegment(sampleSegment('whole', { startAt, keptFrom: startAt, bytes: 200 }), { gap: 'off' });
  t.match(outlook(), {
    ...{ mediaBytes: 200, diskDaysLeft: 10 },
    forecast: [{ camera: 'den', media: 'footage', bytesPerDay: 200, measuredDays: 1, fitDays: 11 }],
  });
});

t.test('what was imported today and arrived long ago is no rate', async t => {
  const { clip, outlook } = opened(t);
  for (let day = 0; day < 50; day++) clip(100 + day, { keptFrom: now });
  clip(1);
  t.match(outlook().forecast, [{ bytesPerDay: 14, measuredDays: 7 }]);
});

t.test('days and bytes of a camera are its own', async t => {
  const { clip, outlook } = opened(t, { keepClipsDays: null, maxBytes: 5000 });
  for (let day = 1; day <= 9; day++) clip(day - 0.5);
  t.match(outlook(), { forecast: [{ askedDays: null, isKept: true }], unmet: [] });
  const cameras = [{ name: 'den', keepClipsDays: 10, maxBytes: 500 } as Camera];
  t.match(outlook({ cameras }).forecast, [{ askedDays: 10, fitDays: 5, isKept: false }]);
});

t.test('more than half on hold is warned of, half is not', async t => {
  const { clip, catalogue, outlook } = opened(t);
  const hold = (id: string, daysAgo: number) =>
    catalogue.addHold(
      {
        ...{ id, camera: 'den', event: null, reason: null, addedAt: 1 },
        fromAt: now - daysAgo * dayMs - 1,
        toAt: now - daysAgo * dayMs + 1,
      },
      9,
    );
  for (const daysAgo of [40, 30, 20, 10]) clip(daysAgo);
  hold('a', 40);
  hold('b', 30);
  t.match(outlook(), { heldBytes: 200, warnings: [] });
  hold('c', 20);
  t.match(outlook(), { heldBytes: 300, warnings: [/^75 % of the media is on hold/] });
});

t.test('the report sums what would go, for each camera, class and reason', async t => {
  const { sources } = opened(t);
  const gone = (id: string, camera: string, daysAgo: number, reason: EvictionReason): Eviction => ({
    ...{ id, camera, reason, bytes: 10, keptFrom: now - daysAgo * dayMs, mediaClass: 'clip' },
  });
  const evictions = [gone('1', 'den', 31, 'age'), gone('2', 'den', 40, 'age'), gone('3', 'den', 5, 'bytes')];
  const plan = { evictions, isComplete: false, unmet: [{ promise: 'bytes', shortfallBytes: 5e6 } as const] };
  t.match(retentionReport({ ...sources(), plan, timeZone: 'UTC' }), {
    isComplete: false,
    unmet: [/^All media together take 5.0 MB more/],
    evictions: [
      {
        ...{ camera: 'den', mediaClass: 'clip', reason: 'age', files: 2, bytes: 20 },
        oldestAt: /^2026-10-12T12/,
        newestAt: /^2026-10-21T12/,
      },
      { reason: 'bytes', files: 1 },
    ],
  });
});

t.test('doctor warns of a promise that cannot be kept, and of too much on hold', async t => {
  const run = (outlook: { unmet: string[]; warnings: string[] } | undefined) =>
    retentionPromise(async () => outlook).run();
  t.match(await run(undefined), { level: 'pass' });
  t.match(await run({ unmet: [], warnings: [] }), { level: 'pass' });
  t.match(await run({ unmet: ['u'], warnings: ['w'] }), {
    level: 'warn',
    text: 'u w',
    remedy: /retention plan/,
  });
  t.match(await run({ unmet: [], warnings: ['w'] }), { level: 'warn', text: 'w', remedy: /hold list/ });
});
