import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SettingsError } from '../../src/base/errors.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';

const file = join(t.testdir(), 'clipward.yaml');
const gibibyte = 1024 ** 3;

function load(content: object) {
  writeFileSync(file, JSON.stringify(content));
  return loadSettings({ file, environment: {} });
}

t.test('unless something is set, nothing is deleted but to keep room for uploads', async t => {
  t.match(load({}).retention, {
    ...{ keepClipsDays: null, keepFootageDays: null, keepEventFootageDays: null, maxBytes: null },
    ...{ minAgeHours: 72, minFreeBytes: 5 * gibibyte },
  });
  t.equal(load({ ftps: { limits: { minFreeBytes: 0 } } }).retention.minFreeBytes, 4 * gibibyte);
});

t.test('settings by which uploads would be refused before room is made are refused', async t => {
  const both = (refused: number, kept: number) =>
    load({ ftps: { limits: { minFreeBytes: refused } }, retention: { minFreeBytes: kept } });
  t.equal(both(1000, 1001).retention.minFreeBytes, 1001);
  for (const kept of [1000, 999])
    t.throws(
      () => both(1000, kept),
      new SettingsError(
        `retention.minFreeBytes must be more than ftps.limits.minFreeBytes (1000), or uploads are refused before room is made, ${file} says ${kept}.`,
      ),
    );
  t.throws(() => load({ retention: { minFreeBytes: gibibyte } }), SettingsError, 'also against the default');
});

t.test(
  'days and bytes that may be null are taken at the ends of their ranges, and nothing beyond',
  async t => {
    const set = (key: string, value: unknown) => load({ retention: { [key]: value } }).retention;
    for (const key of ['keepClipsDays', 'keepFootageDays', 'keepEventFootageDays']) {
      for (const value of [null, 1, 36_600]) t.match(set(key, value), { [key]: value });
      for (const value of [0, -1, 36_601, 1.5, '30', 'never', true])
        t.throws(() => set(key, value), { name: 'SettingsError', message: /whole number from 1 to 36600/ });
    }
    for (const value of [null, 1024 ** 2, 1024 ** 5]) t.match(set('maxBytes', value), { maxBytes: value });
    for (const value of [0, 1024 ** 2 - 1, 1024 ** 5 + 1, '1 TB'])
      t.throws(() => set('maxBytes', value), SettingsError);
  },
);
