import { mkdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { receiverDatabaseFile, receiverDirectory } from '../../src/access/receiver-database.ts';
import {
  directoryLifetimeMs,
  maxAddressesPerCamera,
  openReceiverMemory,
  readLastLogins,
} from '../../src/access/receiver-memory.ts';
import { seededRandom } from '../domain/seeded-random.ts';

const startMs = Date.parse('2026-11-21T08:00:00Z');

function clockAt(startedMs: number) {
  const clock = { nowMs: startedMs, now: () => clock.nowMs, monotonicMs: () => 0 };
  return clock;
}

async function openIn(stateDir: string, maxDirectoriesPerCamera = 100, clock = clockAt(startMs)) {
  return openReceiverMemory({ stateDir, maxDirectoriesPerCamera, clock });
}

t.test(
  'a directory is made with its parents, belongs to one camera and is there after a restart',
  async t => {
    const stateDir = t.testdir();
    {
      using memory = await openIn(stateDir);
      t.ok(memory.hasDirectory('den', ''), 'the root always exists');
      t.notOk(memory.hasDirectory('den', '2026'));
      t.equal(memory.makeDirectory('den', '2026/11/21'), 'made');
      t.equal(memory.makeDirectory('den', '2026/11/20'), 'made');
      t.equal(memory.makeDirectory('den', '2026/11'), 'exists');
      t.equal(memory.makeDirectory('den', ''), 'exists');
    }
    using memory = await openIn(stateDir);
    for (const path of ['2026', '2026/11', '2026/11/21']) t.ok(memory.hasDirectory('den', path), path);
    t.notOk(memory.hasDirectory('attic', '2026'));
    t.same(memory.listDirectories('den', ''), ['2026']);
    t.same(memory.listDirectories('den', '2026/11'), ['2026/11/20', '2026/11/21']);
    t.same(memory.listDirectories('attic', ''), []);
  },
);

t.test('a camera has its share of directories, and what does not fit leaves no parents behind', async t => {
  using memory = await openIn(t.testdir(), 3);
  t.equal(memory.makeDirectory('den', 'a/b'), 'made');
  t.equal(memory.makeDirectory('den', 'c/d'), 'full');
  t.notOk(memory.hasDirectory('den', 'c'));
  t.equal(memory.makeDirectory('den', 'c'), 'made');
  t.equal(memory.makeDirectory('den', 'e'), 'full');
  t.equal(memory.makeDirectory('den', 'a/b'), 'exists', 'what exists is fine when it is full');
  t.equal(memory.makeDirectory('attic', 'a'), 'made', 'another camera has a share of its own');
});

t.test('only an empty directory can be removed', async t => {
  using memory = await openIn(t.testdir());
  memory.makeDirectory('den', 'a/b');
  t.equal(memory.removeDirectory('den', 'a'), 'not-empty');
  t.equal(memory.removeDirectory('den', ''), 'not-empty');
  t.equal(memory.removeDirectory('attic', 'a/b'), 'missing');
  t.equal(memory.removeDirectory('den', 'a/b'), 'removed');
  t.equal(memory.removeDirectory('den', 'a'), 'removed');
  t.equal(memory.removeDirectory('den', 'a'), 'missing');
});

t.test('a directory lives until nobody used it for 30 days, and using it keeps its parents', async t => {
  const clock = clockAt(startMs);
  const stateDir = t.testdir();
  using memory = await openIn(stateDir, 100, clock);
  memory.makeDirectory('den', 'used/inner');
  memory.makeDirectory('den', 'unused');
  clock.nowMs += 3_600_000;
  memory.touch('den', 'used/inner');
  memory.touch('den', 'never/made');
  memory.prune(startMs + directoryLifetimeMs);
  t.ok(memory.hasDirectory('den', 'unused'), 'just at 30 days');
  memory.prune(startMs + directoryLifetimeMs + 1);
  t.notOk(memory.hasDirectory('den', 'unused'));
  t.ok(memory.hasDirectory('den', 'used'));
  t.ok(memory.hasDirectory('den', 'used/inner'));
  t.notOk(memory.hasDirectory('den', 'never'), 'touching makes nothing');
  using later = await openIn(stateDir, 100, clockAt(startMs + 2 * directoryLifetimeMs));
  t.notOk(later.hasDirectory('den', 'used'), 'forgotten at opening');
});

t.test('the last log-in of each address is remembered, for a limited number of addresses', async t => {
  const stateDir = t.testdir();
  using memory = await openIn(stateDir);
  t.same(memory.lastLogins(), []);
  memory.rememberLogin('attic', '192.168.20.9', startMs - 5);
  for (let index = 0; index < maxAddressesPerCamera; index += 1)
    memory.rememberLogin('den', `192.168.20.${100 + index}`, startMs + index);
  memory.rememberLogin('den', '192.168.20.100', startMs + 50);
  t.equal(memory.lastLogins().length, 1 + maxAddressesPerCamera);
  t.same(memory.lastLogins()[0], { camera: 'den', address: '192.168.20.100', atMs: startMs + 50 });
  memory.rememberLogin('den', '192.168.20.250', startMs + 60);
  const addresses = memory
    .lastLogins()
    .filter(login => login.camera === 'den')
    .map(login => login.address);
  t.equal(addresses.length, maxAddressesPerCamera);
  t.notOk(addresses.includes('192.168.20.101'), 'the one used longest ago gave way');
  t.ok(memory.lastLogins().some(login => login.camera === 'attic'));
  t.same(readLastLogins(stateDir), memory.lastLogins(), 'a command reads it beside the running receiver');
});

t.test('log-ins of cameras in any order are known as they are written', async t => {
  const stateDir = t.testdir();
  using memory = await openIn(stateDir);
  const random = seededRandom(7);
  let atMs = startMs;
  for (let login = 0; login < 300; login++) {
    // Mostly later than before, at times in the same moment, or by a clock that was set back.
    atMs += [0, 1, 1000, 1000, -5000][random(5)] ?? 0;
    memory.rememberLogin(`cam${random(3)}`, `10.0.0.${random(maxAddressesPerCamera + 2)}`, atMs);
    t.same(memory.lastLogins(), readLastLogins(stateDir), `${login}`);
  }
});

t.test('a memory that is missing or damaged is no reason for a command to fail', t => {
  const stateDir = t.testdir();
  t.equal(readLastLogins(stateDir), undefined);
  mkdirSync(receiverDirectory(stateDir));
  writeFileSync(receiverDatabaseFile(stateDir), 'not a database '.repeat(100));
  t.equal(readLastLogins(stateDir), undefined);
  t.end();
});
