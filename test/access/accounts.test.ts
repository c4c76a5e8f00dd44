import { copyFileSync, existsSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { AccountReader, AccountWriter } from '../../src/access/accounts.ts';
import { accessDatabaseFile, openAccountReader, openAccountWriter } from '../../src/access/open-accounts.ts';
import type { Clock } from '../../src/base/clock.ts';
import { FailedError, TransientError } from '../../src/base/errors.ts';
import { formatNetwork, type Network, parseNetwork } from '../../src/domain/networks.ts';

const clock: Clock = { now: () => Date.parse('2026-11-21T08:00:00Z'), monotonicMs: () => 0 };
const passwordHash = '$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA';

type TestScope = { testdir(): string; teardown(work: () => void): void };

function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
}

async function openBoth(
  test: TestScope,
): Promise<{ writer: AccountWriter; reader: AccountReader; stateDir: string }> {
  const stateDir = join(test.testdir(), 'state');
  const reader = openAccountReader({ stateDir });
  const writer = await openAccountWriter({ stateDir, clock });
  test.teardown(() => {
    reader[Symbol.dispose]();
    writer[Symbol.dispose]();
  });
  return { writer, reader, stateDir };
}

function add(writer: AccountWriter, name: string, allowed: string[] = []) {
  return writer.addCamera({
    name,
    passwordHash,
    allowedNetworks: allowed.map(network),
    timeZone: 'Europe/Berlin',
  });
}

t.test(
  'a state directory without a database holds no camera, and one that appears later is seen',
  async t => {
    const stateDir = join(t.testdir(), 'state');
    const reader = openAccountReader({ stateDir });
    t.teardown(() => reader[Symbol.dispose]());
    t.same(reader.cameras(), []);
    t.equal(reader.camera('front-door'), undefined);
    t.notOk(existsSync(stateDir), 'reading makes nothing');
    const writer = await openAccountWriter({ stateDir, clock });
    t.teardown(() => writer[Symbol.dispose]());
    add(writer, 'front-door', ['192.168.20.0/24']);
    t.match(reader.camera('front-door'), {
      name: 'front-door',
      enabled: true,
      timeZone: 'Europe/Berlin',
      truncation: null,
      acceptanceDays: 7,
      addedAt: '2026-11-21T08:00:00.000Z',
    });
    t.same(reader.camera('front-door')?.allowedNetworks.map(formatNetwork), ['192.168.20.0/24']);
    t.notOk(
      JSON.stringify(reader.cameras()).includes('scrypt'),
      'no hash in what the receiver passes around',
    );
  },
);

t.test('the state directory and the database are for their owner alone', async t => {
  const { stateDir } = await openBoth(t);
  t.equal(statSync(stateDir).mode & 0o777, 0o700);
  t.equal(statSync(accessDatabaseFile(stateDir)).mode & 0o777, 0o600);
});

t.test('every change gives a version that no account ever had', async t => {
  const { writer, reader } = await openBoth(t);
  const seen = new Set<number>();
  const expectNew = () => {
    const version = reader.camera('den')?.version ?? -1;
    t.notOk(seen.has(version), `version ${version} is new`);
    t.ok(version > Math.max(0, ...seen));
    seen.add(version);
  };
  add(writer, 'den');
  expectNew();
  writer.setPassword('den', passwordHash);
  expectNew();
  writer.setEnabled('den', false);
  expectNew();
  writer.allow('den', [network('10.0.0.0/8'), network('fd00::/8')]);
  expectNew();
  writer.deny('den', [network('10.0.0.0/8')]);
  expectNew();
  writer.setCamera('den', { timeZone: 'UTC', truncation: 'strict', acceptanceDays: 30 });
  expectNew();
  writer.removeCamera('den');
  t.equal(reader.camera('den'), undefined);
  add(writer, 'den');
  expectNew();
  t.same(reader.camera('den')?.allowedNetworks, [], 'the networks went with the camera');
});

t.test('settings that are not named stay as they are', async t => {
  const { writer } = await openBoth(t);
  add(writer, 'den');
  writer.setCamera('den', { truncation: 'strict' });
  t.match(writer.setCamera('den', { acceptanceDays: 366 }), {
    truncation: 'strict',
    acceptanceDays: 366,
    timeZone: 'Europe/Berlin',
  });
  t.match(writer.setCamera('den', { truncation: null }), { truncation: null, acceptanceDays: 366 });
});

t.test(
  'a second camera of the same name and a change to a camera that is not there fail with a sentence',
  async t => {
    const { writer } = await openBoth(t);
    add(writer, 'den');
    t.throws(() => add(writer, 'den'), FailedError);
    const missing = [
      () => writer.setPassword('attic', passwordHash),
      () => writer.setEnabled('attic', true),
      () => writer.removeCamera('attic'),
      () => writer.setCamera('attic', {}),
      () => writer.allow('attic', [network('10.0.0.0/8')]),
      () => writer.deny('attic', [network('10.0.0.0/8')]),
    ];
    for (const attempt of missing) t.throws(attempt, { message: /no camera named attic/ });
  },
);

t.test(
  'the last allowed network of a camera cannot be denied, since that would open it to every address',
  async t => {
    const { writer } = await openBoth(t);
    add(writer, 'den', ['10.0.0.0/8', 'fd00::/8']);
    t.throws(() => writer.deny('den', [network('10.0.0.0/8'), network('fd00::/8')]), FailedError);
    t.throws(() => writer.deny('den', [network('10.0.0.0/16')]), { message: /not among the networks/ });
    t.same(writer.deny('den', [network('10.0.0.0/8')]).allowedNetworks.map(formatNetwork), ['fd00::/8']);
    t.throws(() => writer.deny('den', [network('fd00::/8')]), FailedError);
    add(writer, 'open');
    t.throws(() => writer.deny('open', [network('fd00::/8')]), { message: /no networks of its own/ });
  },
);

t.test('the global list is the settings list with what was added and removed', async t => {
  const { writer, reader } = await openBoth(t);
  const base = ['10.0.0.0/8', '192.168.0.0/16'].map(network);
  const list = (from = base) => reader.globalNetworks(from).map(formatNetwork);
  t.same(list(), ['10.0.0.0/8', '192.168.0.0/16']);
  writer.removeNetworks(base, [network('10.0.0.0/8')]);
  t.same(list(), ['192.168.0.0/16']);
  writer.addNetworks(base, [network('203.0.113.7'), network('192.168.0.0/16')]);
  t.same(list(), ['192.168.0.0/16', '203.0.113.7']);
  t.same(list([network('172.16.0.0/12'), ...base]), ['172.16.0.0/12', '192.168.0.0/16', '203.0.113.7']);
  writer.addNetworks(base, [network('10.0.0.0/8')]);
  writer.removeNetworks(base, [network('203.0.113.7')]);
  t.same(list(), ['10.0.0.0/8', '192.168.0.0/16']);
  t.same(list([]), [], 'what was taken back leaves nothing behind');
  t.throws(() => writer.removeNetworks(base, [network('10.0.0.0/16')]), {
    message: /lies in 10\.0\.0\.0\/8/,
  });
  t.throws(() => writer.removeNetworks(base, [network('203.0.113.7')]), {
    message: /not in the global list/,
  });
});

t.test(
  'a listener hears within a second of a change by another connection, and not after it was disposed of',
  async t => {
    const { writer, reader } = await openBoth(t);
    const keepAlive = setTimeout(() => {}, 10_000);
    t.teardown(() => clearTimeout(keepAlive));
    let disposedCalls = 0;
    reader
      .onChange(() => {
        disposedCalls += 1;
      })
      [Symbol.dispose]();
    const heard = new Promise<void>(resolve => {
      reader.onChange(resolve);
    });
    const startedMs = performance.now();
    add(writer, 'den');
    await heard;
    t.ok(performance.now() - startedMs < 1000);
    t.equal(disposedCalls, 0);
    const heardOwn = new Promise<void>(resolve => {
      writer.onChange(resolve);
    });
    writer.setEnabled('den', false);
    await heardOwn;
    t.equal(reader.camera('den')?.enabled, false);
  },
);

t.test('a database that was replaced by a backup is read anew', async t => {
  const { writer, reader, stateDir } = await openBoth(t);
  const file = accessDatabaseFile(stateDir);
  add(writer, 'den');
  copyFileSync(file, `${file}.backup`);
  writer.setEnabled('den', false);
  t.equal(reader.camera('den')?.enabled, false);
  renameSync(`${file}.backup`, file);
  t.equal(reader.camera('den')?.enabled, true);
});

t.test(
  'a database that is not one answers with an error that may pass, and is read once it is mended',
  async t => {
    const stateDir = t.testdir({
      'access.db': 'this is no database at all, but long enough to be looked at'.repeat(20),
    });
    const reader = openAccountReader({ stateDir });
    t.teardown(() => reader[Symbol.dispose]());
    t.throws(() => reader.camera('den'), TransientError);
    renameSync(accessDatabaseFile(stateDir), join(stateDir, 'broken'));
    t.equal(reader.camera('den'), undefined);
  },
);
