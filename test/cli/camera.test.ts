import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import t from 'tap';
import { openAccountReader } from '../../src/access/open-accounts.ts';
import { openPasswordVerifier } from '../../src/access/passwords.ts';
import { openReceiverMemory } from '../../src/access/receiver-memory.ts';
import { systemClock } from '../../src/base/clock.ts';
import { FailedError, UsageError } from '../../src/base/errors.ts';
import { registerCameraCommands } from '../../src/cli/camera.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { parseNetwork } from '../../src/domain/networks.ts';
import type { Settings } from '../../src/settings/settings.ts';

type Listener = { enabled: boolean; host: string; port: number };
type Wishes = { explicit?: Partial<Listener>; implicit?: Partial<Listener> };

/** A desk over a directory of its own; `run` gives what one command printed. */
function openDesk(directory: string, wishes: Wishes = {}) {
  const stateDir = join(directory, 'state');
  const settings = {
    record: { enabled: true },
    stateDir,
    certsDir: join(directory, 'certs'),
    ftps: {
      explicit: { enabled: true, host: '::', port: 2121, ...wishes.explicit },
      implicit: { enabled: true, host: '::', port: 2990, ...wishes.implicit },
      tls: { truncation: 'container', certificateDir: null },
      allowedNetworks: ['127.0.0.0/8', '192.168.0.0/16'].map(parseNetwork),
    },
  } as unknown as Settings;
  const run = async (args: string[], secret = '') => {
    const printed: string[] = [];
    const remarks: string[] = [];
    const desk: Desk = {
      settings: () => settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: text => void remarks.push(text),
      readSecret: () => Promise.resolve(secret),
      setExitCode: () => {},
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerCameraCommands(program, desk);
    await program.parseAsync(['camera', ...args], { from: 'user' });
    return { out: printed.join('\n'), remarks: remarks.join('\n') };
  };
  return { stateDir, run, json: async (args: string[]) => JSON.parse((await run([...args, '--json'])).out) };
}

async function verifies(stateDir: string, name: string, password: string): Promise<boolean> {
  using accounts = openAccountReader({ stateDir });
  return (await openPasswordVerifier({ accounts }).verify(name, password)) !== undefined;
}

t.test('adding a camera prints what to type into it, with a password that logs in', async t => {
  const { run, stateDir } = openDesk(t.testdir());
  const { out, remarks } = await run([
    'add',
    'front-door',
    '--allow',
    '127.0.0.0/8',
    '--time-zone',
    'europe/berlin',
  ]);
  t.match(out, /^ {2}Server +127\.0\.0\.1$/m);
  t.match(out, /^ {2}Mode +FTPS, explicit \(AUTH TLS\)$/m);
  t.match(out, /^ {2}Port +2121$/m);
  t.match(out, /implicit FTPS: port 2990/);
  t.match(out, /^ {2}User +front-door$/m);
  t.match(out, /passive/);
  t.match(out, /Time zone: Europe\/Berlin is assumed/);
  t.match(out, /ca\.crt/);
  t.equal(remarks, '');
  const password = /^ {2}Password +([2-9A-Za-z]{20}) /m.exec(out)?.[1] ?? '';
  t.ok(await verifies(stateDir, 'front-door', password));
  t.equal(statSync(stateDir).mode & 0o777, 0o700);
});

t.test('the host is the address of the interface that routes to the first allowed network', async t => {
  const { json } = openDesk(t.testdir());
  t.equal((await json(['add', 'v6', '--allow', '::1'])).host, '::1');
  t.equal((await json(['add', 'v6-net', '--allow', '::/127'])).host, '::1');
  t.equal(
    (await json(['add', 'two', '--allow', '127.0.0.9', '--allow', '192.168.0.0/16'])).host,
    '127.0.0.1',
  );
  const own = Object.values(networkInterfaces()).flatMap(entries => entries ?? []);
  const { host } = await json(['add', 'any']);
  t.ok(host === null || own.some(entry => entry.address === host && !entry.internal), `${host}`);
  const bound = openDesk(t.testdir(), { explicit: { host: '192.168.20.5' } });
  t.equal((await bound.json(['add', 'den', '--allow', '127.0.0.0/8'])).host, '192.168.20.5');
});

t.test('a machine without a route has no address to offer', async t => {
  const script = `
    import { localAddressTowards } from '${new URL('../../src/access/local-address.ts', import.meta.url)}';
    console.log(await localAddressTowards(undefined), await localAddressTowards({ address: '192.168.20.0', prefix: 24, family: 'ipv4' }));`;
  const child = spawn('unshare', ['-rn', process.execPath, '--input-type=module', '-e', script]);
  const chunks: string[] = [];
  child.stdout.setEncoding('utf8').on('data', chunk => chunks.push(chunk));
  const code = await new Promise(resolve => child.once('close', resolve));
  t.equal(chunks.join('').trim(), 'undefined undefined', {
    skip: code === 0 ? false : 'this machine gives no network namespace',
  });
});

t.test('listeners that are switched off are not offered', async t => {
  const implicitOnly = openDesk(t.testdir(), { explicit: { enabled: false } });
  const { out } = await implicitOnly.run(['add', 'den', '--allow', '127.0.0.1']);
  t.match(out, /FTPS, implicit/);
  t.match(out, /Port +2990/);
  t.notMatch(out, /2121|AUTH TLS/);
  const explicitOnly = openDesk(t.testdir(), { implicit: { enabled: false } });
  t.match(await explicitOnly.json(['add', 'den']), { explicitPort: 2121, implicitPort: null });
});

t.test('json gives the facts of the block', async t => {
  const { json } = openDesk(t.testdir());
  const block = await json(['add', 'den', '--allow', '127.0.0.0/8', '--time-zone', 'UTC']);
  t.match(block, {
    camera: 'den',
    host: '127.0.0.1',
    explicitPort: 2121,
    implicitPort: 2990,
    user: 'den',
    password: /^[2-9A-Za-z]{20}$/,
    transferMode: 'passive',
    directory: '/',
    timeZone: 'UTC',
    allowedNetworks: ['127.0.0.0/8'],
    outsideCertificate: null,
    caCertificate: /certs\/ca\.crt$/,
  });
});

t.test('what was set is printed as facts, too', async t => {
  const { json } = openDesk(t.testdir());
  await json(['add', 'yard']);
  const facts = await json(['set', 'yard', '--keep-clips-days', '30']);
  t.match(facts, { name: 'yard', keepClipsDays: 30 });
  t.same(
    Object.keys(facts).filter(key => key === 'habits' || key === 'recording'),
    [],
  );
});

t.test('a zone of UTC is pointed out, since cameras are seldom set to it', async t => {
  const { run } = openDesk(t.testdir());
  t.match(
    (await run(['add', 'den', '--time-zone', 'Etc/UTC'])).out,
    /UTC is assumed.*Servers are often on UTC/,
  );
  t.notMatch((await run(['add', 'attic', '--time-zone', 'Asia/Kolkata'])).out, /often on UTC/);
});

t.test('a password from standard input is taken, judged, and never printed', async t => {
  const { run, stateDir } = openDesk(t.testdir());
  const { out, remarks } = await run(['add', 'den', '--password-stdin'], 'a-symbol-in-it');
  t.notMatch(out, /a-symbol-in-it/);
  t.match(remarks, /symbol/);
  t.ok(await verifies(stateDir, 'den', 'a-symbol-in-it'));
  await t.rejects(run(['add', 'attic', '--password-stdin'], 'seven77'), UsageError);
  await t.rejects(run(['passwd', 'den', '--password-stdin'], 'x'.repeat(128)), UsageError);
  for (const tried of ['password', 'attic2026'])
    await t.rejects(run(['add', 'attic', '--password-stdin'], tried), { message: /everybody tries first/ });
  const longest = 'many-of-'.repeat(16).slice(1);
  await run(['passwd', 'den', '--password-stdin'], longest);
  t.ok(await verifies(stateDir, 'den', longest));
  t.notOk(await verifies(stateDir, 'den', 'a-symbol-in-it'));
});

t.test('a new generated password is shown once and replaces the old one', async t => {
  const { run, json, stateDir } = openDesk(t.testdir());
  const first = await json(['add', 'den']);
  const password = /: ([2-9A-Za-z]{20})$/.exec((await run(['passwd', 'den'])).out)?.[1] ?? '';
  t.ok(await verifies(stateDir, 'den', password));
  t.notOk(await verifies(stateDir, 'den', first.password));
  t.ok(await verifies(stateDir, 'den', (await json(['passwd', 'den'])).password));
});

t.test('names, networks and zones that are none are refused before anything is made', async t => {
  const { run, stateDir } = openDesk(t.testdir());
  const wrong = [
    ['add', 'Front-Door'],
    ['add', 'x'.repeat(32)],
    ['add', 'a/../b'],
    ['add', 'den', '--allow', '192.168.20.11/24'],
    ['add', 'den', '--allow', 'everything'],
    ['add', 'den', '--time-zone', 'Mars/Olympus'],
    ['add', 'den', '--time-zone', '+01:00'],
    ['show', 'DEN'],
    ['allow', 'den', '10.0.0.0/33'],
    ['set', 'den'],
    ['set', 'den', '--truncation', 'loose'],
    ['set', 'den', '--acceptance-days', '0'],
    ['set', 'den', '--acceptance-days', '367'],
    ['set', 'den', '--acceptance-days', '1.5'],
    ...['anonymous', 'ftp', 'root', 'admin'].map(name => ['add', name]),
  ];
  for (const args of wrong) await t.rejects(run(args), UsageError, args.join(' '));
  t.notOk(existsSync(stateDir));
  await run(['add', 'x'.repeat(31)]);
});

t.test('a camera that is there already, or is not there, fails with a sentence', async t => {
  const { run } = openDesk(t.testdir());
  await t.rejects(run(['show', 'den']), FailedError);
  await run(['add', 'den']);
  await t.rejects(run(['add', 'den']), { name: 'FailedError', message: /already/ });
  for (const args of [['show'], ['passwd'], ['enable'], ['disable'], ['remove']])
    await t.rejects(run([...args, 'attic']), { name: 'FailedError', message: /no camera named attic/ });
  await t.rejects(run(['set', 'attic', '--time-zone', 'UTC']), FailedError);
  await t.rejects(run(['allow', 'attic', '10.0.0.0/8']), FailedError);
  await t.rejects(run(['deny', 'attic', '10.0.0.0/8']), FailedError);
});

t.test('list and show tell what is known, with the last log-in that the receiver remembers', async t => {
  const { run, json, stateDir } = openDesk(t.testdir());
  t.same(await json(['list']), []);
  t.match((await run(['list'])).remarks, /no camera yet/);
  await run(['add', 'front-door', '--allow', '192.168.20.0/24', '--time-zone', 'Europe/Berlin']);
  await run(['add', 'attic']);
  t.match(await json(['show', 'front-door']), {
    name: 'front-door',
    enabled: true,
    allowedNetworks: ['192.168.20.0/24'],
    timeZone: 'Europe/Berlin',
    truncation: null,
    acceptanceDays: 7,
    requireResumption: false,
    maxBytesPerDay: null,
    maxFilesPerDay: null,
    keepClipsDays: null,
    keepFootageDays: null,
    expectEveryMs: null,
    maxBytes: null,
    rtspUrl: null,
    subRtspUrl: null,
    record: 'on',
    rtspBasic: false,
    rtspFingerprint: null,
    addedAt: /^\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d$/,
    lastLogin: null,
  });
  {
    using memory = await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 10, clock: systemClock });
    memory.rememberLogin('front-door', '192.168.20.31', Date.now() + 1000);
    memory.rememberLogin('attic', '192.168.20.77', Date.now() - 3_600_000);
  }
  t.match(await json(['show', 'front-door']), { lastLogin: { address: '192.168.20.31', at: /^\d{4}-/ } });
  t.equal((await json(['show', 'attic'])).lastLogin, null, 'one from before it was added is not its own');
  const { out } = await run(['list']);
  const [title = '', attic = '', frontDoor = ''] = out.split('\n');
  t.match(title, /^NAME +STATE +NETWORKS +TIME ZONE +RECORDING +LAST LOG-IN$/);
  t.match(attic, /^attic +enabled +global list /);
  t.match(frontDoor, /^front-door +enabled +192\.168\.20\.0\/24 +Europe\/Berlin +\S+ from 192\.168\.20\.31$/);
  t.equal(attic.indexOf('enabled'), frontDoor.indexOf('enabled'), 'columns are aligned');
  const show = (await run(['show', 'front-door'])).out;
  t.match(show, /^truncation +container \(the installation's setting\)$/m);
  t.match(show, /^last log-in +\S+ from 192\.168\.20\.31$/m);
  t.notMatch(show, /scrypt/);
});

t.test('disable, enable and remove do so, and say that clips stay', async t => {
  const { run, json, stateDir } = openDesk(t.testdir());
  const { password } = await json(['add', 'den']);
  t.match((await run(['disable', 'den'])).out, /sessions end.*clips stay/i);
  t.notOk(await verifies(stateDir, 'den', password));
  t.match((await run(['show', 'den'])).out, /^state +disabled/m);
  await run(['enable', 'den']);
  t.ok(await verifies(stateDir, 'den', password));
  t.match((await run(['remove', 'den'])).out, /clips stay.*clip list --camera den/i);
  t.notOk(await verifies(stateDir, 'den', password));
  t.same(await json(['list']), []);
});

t.test('set changes what is named', async t => {
  const { run, json } = openDesk(t.testdir());
  await run(['add', 'den', '--time-zone', 'UTC']);
  const { out } = await run(['set', 'den', '--time-zone', 'America/New_York', '--truncation', 'strict']);
  t.match(out, /America\/New_York/);
  await run(['set', 'den', '--acceptance-days', '366']);
  const expected = { timeZone: 'America/New_York', truncation: 'strict', acceptanceDays: 366 };
  t.match(await json(['show', 'den']), expected);
  await run(['set', 'den', '--truncation', 'default', '--acceptance-days', '1']);
  t.match(await json(['show', 'den']), { ...expected, truncation: null, acceptanceDays: 1 });
});

t.test('networks are allowed and denied, never down to an accidental everything', async t => {
  const { run } = openDesk(t.testdir());
  const added = await run(['add', 'den', '--allow', '192.168.20.0/24']);
  t.equal(added.remarks, '');
  const allowed = await run(['allow', 'den', '203.0.113.7', '127.0.0.1']);
  t.match(allowed.out, /127\.0\.0\.1, 192\.168\.20\.0\/24, 203\.0\.113\.7/);
  t.match(allowed.remarks, /203\.0\.113\.7 does not lie in the global list.*network add 203\.0\.113\.7/);
  t.notMatch(allowed.remarks, /127\.0\.0\.1/);
  t.match(
    (await run(['allow', 'den', '192.168.0.0/15'])).remarks,
    /192\.168\.0\.0\/15 does not lie/,
    'wider than the list',
  );
  await run(['deny', 'den', '192.168.20.0/24', '192.168.0.0/15', '127.0.0.1']);
  await t.rejects(run(['deny', 'den', '203.0.113.7']), { name: 'FailedError', message: /last network/ });
  t.match((await run(['show', 'den'])).out, /^networks +203\.0\.113\.7$/m);
});
