import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import t from 'tap';
import { maxPardons } from '../../src/access/accounts.ts';
import { openAccountReader, openAccountWriter } from '../../src/access/open-accounts.ts';
import { receiverDatabaseFile } from '../../src/access/receiver-database.ts';
import { openReceiverMemory } from '../../src/access/receiver-memory.ts';
import { systemClock } from '../../src/base/clock.ts';
import { FailedError, UsageError } from '../../src/base/errors.ts';
import { registerBanCommands } from '../../src/cli/ban.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { formatNetwork } from '../../src/domain/networks.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { connectExplicit, connectImplicit } from '../support/ftps-client.ts';

const minuteMs = 60_000;

function openDesk(directory: string, { enabled = true } = {}) {
  const stateDir = join(directory, 'state');
  const settings = { stateDir, ftps: { bans: { enabled } } } as unknown as Settings;
  const run = async (...args: string[]) => {
    const printed: string[] = [];
    const remarks: string[] = [];
    const desk: Desk = {
      settings: () => settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: text => void remarks.push(text),
      readSecret: () => Promise.reject(new Error('nothing to read')),
      setExitCode: () => {},
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerBanCommands(program, desk);
    await program.parseAsync(['ban', ...args], { from: 'user' });
    return { out: printed.join('\n'), remarks: remarks.join('\n') };
  };
  const addresses = async () =>
    JSON.parse((await run('list', '--json')).out).map((ban: { address: string }) => ban.address);
  return { run, stateDir, addresses };
}

async function writeBans(stateDir: string, bans: Record<string, { sinceMs: number; untilMs: number }>) {
  using memory = await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1, clock: systemClock });
  for (const [subject, { sinceMs, untilMs }] of Object.entries(bans))
    memory.saveBan({
      subject,
      sinceMs,
      untilMs,
      repetition: 2,
      reasons: { 'bad-login': 10, 'unknown-verb': 1 },
    });
}

function bannedNow(agoMs: number) {
  const nowMs = Date.now();
  return { sinceMs: nowMs - agoMs, untilMs: nowMs + 5 * minuteMs };
}

t.test('before the receiver first ran nobody is banned', async t => {
  const { run } = openDesk(t.testdir());
  t.same(await run('list'), { out: '', remarks: 'No address is banned.' });
  t.equal((await run('list', '--json')).out, '[]');
});

t.test('the list shows who is kept out now, the newest first, as text and as JSON', async t => {
  const { run, stateDir } = openDesk(t.testdir());
  const nowMs = Date.now();
  await writeBans(stateDir, {
    '192.168.20.9': bannedNow(2 * minuteMs),
    '2001:db8::/64': bannedNow(minuteMs),
    '192.168.20.10': { sinceMs: nowMs - 10 * minuteMs, untilMs: nowMs - minuteMs },
  });
  const bans = JSON.parse((await run('list', '--json')).out);
  t.match(bans, [{ address: '2001:db8::/64' }, { address: '192.168.20.9' }]);
  t.equal(bans.length, 2, 'what has ended is remembered, and not listed');
  t.match(bans[1], {
    since: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*(?:Z|[+-]\d\d:\d\d)$/,
    repetition: 2,
    reasons: { 'bad-login': 10, 'unknown-verb': 1 },
  });
  t.ok(Date.parse(bans[1].until) > nowMs);
  const { out } = await run('list');
  t.match(out, /^ADDRESS +SINCE +UNTIL +BAN +REASONS\n/);
  t.match(out, /192\.168\.20\.9 .* #2 +10 bad-login, 1 unknown-verb/);
});

t.test('what is cleared is off the list at once, also while nothing runs that could act on it', async t => {
  const { run, stateDir, addresses } = openDesk(t.testdir());
  await writeBans(stateDir, {
    '192.168.20.9': bannedNow(3),
    '192.168.20.10': bannedNow(2),
    '2001:db8::/64': bannedNow(1),
  });
  t.same(await run('clear', '192.168.20.9'), { out: '192.168.20.9 is let in again.', remarks: '' });
  t.same(await addresses(), ['2001:db8::/64', '192.168.20.10']);
  t.match(await run('clear', '192.168.20.9'), {
    out: '',
    remarks: /No address in 192\.168\.20\.9 was banned/,
  });
  t.equal((await run('clear', '2001:db8::17')).out, '2001:db8::/64 is let in again.');
  t.equal((await run('clear')).out, '192.168.20.10 is let in again.');
  t.same(await addresses(), []);
  t.match((await run('clear')).remarks, /^No address was banned/);
});

t.test(
  'what is no address is wrong usage, and what cannot be read is not taken for an empty list',
  async t => {
    const { run, stateDir } = openDesk(t.testdir());
    await t.rejects(run('clear', 'front-door'), UsageError);
    await t.rejects(run('clear', '192.168.20.9/24'), UsageError);
    await run('clear');
    mkdirSync(dirname(receiverDatabaseFile(stateDir)), { recursive: true });
    writeFileSync(receiverDatabaseFile(stateDir), 'not a database '.repeat(100));
    await t.rejects(run('list'), FailedError);
  },
);

t.test('where bans are switched off the list is empty', async t => {
  const { stateDir, addresses } = openDesk(t.testdir({}), { enabled: false });
  await writeBans(stateDir, { '192.168.20.9': bannedNow(1) });
  t.same(await addresses(), []);
});

t.test('the newest pardons are kept, as many as have a use', async t => {
  const { run, stateDir } = openDesk(t.testdir());
  await run('clear', '10.0.0.1');
  using writer = await openAccountWriter({ stateDir, clock: systemClock });
  for (let count = 1; count < maxPardons; count += 1) writer.pardon(null);
  using reader = openAccountReader({ stateDir });
  const first = () => reader.pardons()[0]?.network;
  t.equal(reader.pardons().length, maxPardons);
  t.equal(formatNetwork(first() ?? (t.fail('the oldest is gone') as never)), '10.0.0.1');
  writer.pardon(null);
  t.equal(reader.pardons().length, maxPardons);
  t.equal(first(), null);
});

t.test('the command lets an address into the running daemon within a second', async t => {
  const installation = await makeInstallation({
    settings: ['  limits: { minFreeBytes: 0, failedLoginDelayMs: 0, maxFailedLogins: 100 }'],
  });
  t.teardown(() => installation.remove());
  await addCamera(installation, 'front-door');
  const daemon = await installation.serve();
  t.teardown(() => daemon.stop());
  const localAddress = '127.0.9.9';
  const client = await connectImplicit(installation.implicitPort, { localAddress });
  for (let count = 0; count < 20; count += 1)
    if ((await client.login('front-door', `guess ${count}`)).code === 421) break;
  await client.closed;
  await t.rejects(connectExplicit(installation.explicitPort, { localAddress }));
  t.match(await installation.json(['ban', 'list']), [{ address: localAddress, repetition: 1 }]);
  const lifted = daemon.waitForLog(({ msg }) => msg === 'ban lifted by command');
  t.match(await installation.run(['ban', 'clear', localAddress]), { code: 0, stdout: /let in again/ });
  const clearedAt = performance.now();
  await lifted;
  t.ok(performance.now() - clearedAt < 1000);
  (await connectExplicit(installation.explicitPort, { localAddress })).close();
  t.same(await installation.json(['ban', 'list']), []);
});
