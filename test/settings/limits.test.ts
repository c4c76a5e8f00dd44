import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SettingsError } from '../../src/base/errors.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';
import { settingKeys } from '../../src/settings/setting-keys.ts';
import type { Settings } from '../../src/settings/settings.ts';

const directory = t.testdir();
const file = join(directory, 'clipward.yaml');

/** What must stand beside a key so that its whole range is allowed. */
const companions: Readonly<Record<string, object>> = {
  'ftps.bans.firstBanMs': { maxBanMs: maxOf('ftps.bans.maxBanMs') },
  'ftps.bans.maxBanMs': { firstBanMs: 1000 },
};

/** A settings file as JSON, which is YAML, with one key in it. */
function loadWith(key: string, value: unknown): Settings {
  const names = key.split('.');
  const last = names.pop() as string;
  const content = names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), {
    ...companions[key],
    [last]: value,
  });
  writeFileSync(file, JSON.stringify(content));
  return loadSettings({ file, environment: {} });
}

function valueAt(settings: Settings, key: string): unknown {
  return key.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], settings);
}

function maxOf(key: string): number {
  return numbers().find(each => each.key === key)?.max as number;
}

/** The range that the documentation gives, and so the operator expects. */
function numbers(): { key: string; min: number; max: number }[] {
  return settingKeys().flatMap(({ key, type }) => {
    const range = /^whole number, (\d+) to (\d+)$/.exec(type);
    return range === null ? [] : [{ key, min: Number(range[1]), max: Number(range[2]) }];
  });
}

t.test('every limit is taken at its ends and refused just beyond them', async t => {
  const limits = numbers().filter(({ key }) => !/(?:p|P)ort$/.test(key));
  t.ok(limits.length >= 19, 'the limits were found');
  for (const { key, min, max } of limits) {
    for (const value of [min, min + 1, max - 1, max]) t.equal(valueAt(loadWith(key, value), key), value, key);
    for (const value of [min - 1, max + 1, min + 0.5, String(min), null]) {
      const expected = `${key} must be a whole number from ${min} to ${max}, ${file} says ${JSON.stringify(value)}.`;
      t.throws(() => loadWith(key, value), new SettingsError(expected), expected);
    }
  }
});

t.test('a default that does not go with another setting is told as what it is', async t => {
  t.throws(
    () => loadWith('ftps.passive', { minPort: 30_100 }),
    new SettingsError(
      `ftps.passive.maxPort must be a port not below ftps.passive.minPort, ${file} leaves it at its default, 30099.`,
    ),
  );
});

t.test('the default of every limit lies within its range', async t => {
  for (const { key, min, max } of numbers()) {
    const value = settingKeys().find(each => each.key === key)?.default as number;
    t.ok(value >= min && value <= max, key);
  }
});

t.test('the port of a listener is from 1 to 65535', async t => {
  for (const key of ['ftps.explicit.port', 'ftps.implicit.port']) {
    for (const value of [1, 2, 65534, 65535]) t.equal(valueAt(loadWith(key, value), key), value);
    for (const value of [0, 65536, -1, 2121.5, '2121'])
      t.throws(
        () => loadWith(key, value),
        new SettingsError(`${key} must be a port from 1 to 65535, ${file} says ${JSON.stringify(value)}.`),
      );
  }
});

t.test('the passive range stays between the privileged ports and those of the kernel', async t => {
  const range = (minPort: number, maxPort: number) =>
    loadWith('ftps.passive', { minPort, maxPort }).ftps.passive;
  t.match(range(1024, 1024), { minPort: 1024, maxPort: 1024 });
  t.match(range(32_767, 32_767), { minPort: 32_767, maxPort: 32_767 });
  t.throws(() => range(1023, 1024), /^.*ftps\.passive\.minPort must be a port above 1023, .* says 1023\.$/);
  t.throws(
    () => range(30_000, 32_768),
    /ftps\.passive\.maxPort must be a port below 32768, .* says 32768\.$/,
  );
  t.throws(
    () => range(30_001, 30_000),
    /ftps\.passive\.maxPort must be a port not below ftps\.passive\.minPort, .* says 30000\.$/,
  );
  t.match(range(30_000, 30_000), { maxPort: 30_000 });
});

t.test('the ports of the listeners are apart from each other and from the passive range', async t => {
  const ftps = (value: unknown) => () => loadWith('ftps', value);
  t.throws(
    ftps({ explicit: { port: 990 }, implicit: { port: 990 } }),
    /ftps\.implicit\.port must be another port than ftps\.explicit\.port, .* says 990\.$/,
  );
  t.doesNotThrow(ftps({ explicit: { port: 990, enabled: false }, implicit: { port: 990 } }));
  const rule = /ftps\.passive\.minPort must be a range without the ports of the listeners/;
  for (const port of [30_000, 30_050, 30_099]) {
    t.throws(ftps({ explicit: { port } }), rule);
    t.throws(ftps({ implicit: { port } }), rule);
    t.doesNotThrow(ftps({ implicit: { port, enabled: false } }));
  }
  for (const port of [29_999, 30_100]) t.doesNotThrow(ftps({ explicit: { port } }));
  t.throws(
    ftps({ explicit: { enabled: false }, implicit: { enabled: false } }),
    /ftps\.implicit\.enabled must be true here or in ftps\.explicit\.enabled, .* says false\.$/,
  );
});
