import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { hashPassword } from '../../src/access/password-hash.ts';
import { openSessionRecorder } from '../../src/access/session-recorder.ts';
import { systemClock } from '../../src/base/clock.ts';
import { FailedError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { checkDeadlineMs, hasUnanswered, runChecks } from '../../src/inspect/check.ts';
import { cameraUploads } from '../../src/inspect/checks/camera-uploads.ts';
import { type Ask, machineClock } from '../../src/inspect/checks/clock.ts';
import { daemon } from '../../src/inspect/checks/daemon.ts';
import { spaceOf } from '../../src/inspect/checks/free-disk.ts';
import { legacyTls } from '../../src/inspect/checks/legacy-tls.ts';
import { passiveAddress, type Surroundings } from '../../src/inspect/checks/passive-address.ts';
import { passivePorts } from '../../src/inspect/checks/passive-ports.ts';
import { passwords } from '../../src/inspect/checks/passwords.ts';
import { permissions } from '../../src/inspect/checks/permissions.ts';
import { type Look, storage } from '../../src/inspect/checks/storage.ts';
import { streamPasswords } from '../../src/inspect/checks/stream-passwords.ts';
import type { Role } from '../../src/inspect/daemon.ts';
import { listed, roughly } from '../../src/inspect/listed.ts';
import { readSeenCameras } from '../../src/inspect/seen-cameras.ts';
import { makeInstallation } from '../support/daemon.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

t.test('a check that hangs is a fail in time, and keeps no other from its answer', async t => {
  t.ok(checkDeadlineMs < 10_000);
  const report = await runChecks(
    [
      { name: 'hangs', run: () => new Promise(() => {}) },
      { name: 'quick', run: () => ({ level: 'pass', text: 'fine' }) },
    ],
    20,
  );
  t.match(report, [
    { check: 'hangs', level: 'fail', text: /no answer/, remedy: /disk/ },
    { check: 'quick', level: 'pass' },
  ]);
  t.equal(hasUnanswered(report), true);
  t.equal(hasUnanswered(report.slice(1)), false);
});

t.test('the clock: kept right by whatever daemon, not, or nobody knows', async t => {
  const asked = (answers: Record<string, string | undefined>, uploadTimes: (number | null)[] = []) => {
    const ask: Ask = async program => answers[program];
    return machineClock({ now: () => 10 * day, uploadTimes: () => uploadTimes }, ask).run();
  };
  const leap = (status: string) => `Reference ID    : 00000000 ()\nLeap status     : ${status}\n`;
  t.match(await asked({ timedatectl: 'yes\n' }), { level: 'pass' });
  t.match(await asked({ timedatectl: 'no\n' }), { level: 'warn', remedy: /chrony/ });
  t.match(await asked({ timedatectl: 'no\n', chronyc: leap('Normal') }), { level: 'pass' });
  t.match(await asked({ timedatectl: 'no\n', chronyc: leap('Not synchronised') }), { level: 'warn' });
  t.match(await asked({ chronyc: leap('Not synchronised') }), { level: 'warn' });
  t.match(await asked({ chronyc: leap('Normal') }), { level: 'pass' });
  t.match(await asked({}), { level: 'skip' });
  t.match(await asked({ timedatectl: 'rubbish' }), { level: 'skip' });
  t.match(await asked({ timedatectl: 'yes' }, [10 * day + 5 * minute, null]), { level: 'pass' });
  t.match(await asked({ timedatectl: 'yes' }, [1, 10 * day + 5 * minute + 1]), {
    level: 'warn',
    text: /set back/,
  });
  t.match(await machineClock({ now: Date.now, uploadTimes: () => [] }).run(), { level: /pass|warn|skip/ });
});

t.test('the passive address, beside the interfaces and where cameras come from', async t => {
  const around: Surroundings = {
    interfaces: () => [
      { address: '127.0.0.1', cidr: '127.0.0.1/8', internal: true },
      { address: '192.168.20.5', cidr: '192.168.20.5/24', internal: false },
      { address: 'fd00::5', cidr: 'fd00::5/64', internal: false },
    ],
    resolve: async name => (name === 'nvr.lan' ? ['192.168.20.5'] : []),
  };
  const told = (address: string | null, cameras: string[] = [], surroundings = around) =>
    passiveAddress({ address, cameraAddresses: () => cameras }, surroundings).run();
  t.match(await told(null), { level: 'pass' });
  t.match(await told(null, [], { ...around, interfaces: () => around.interfaces().slice(0, 1) }), {
    level: 'warn',
    text: /no IPv4/,
  });
  t.match(await told('192.168.20.5'), { level: 'pass', text: /this machine/ });
  t.match(await told('nvr.lan'), { level: 'pass', text: /nvr\.lan \(192\.168\.20\.5\)/ });
  t.match(await told('gone.lan'), { level: 'fail', text: /looked up/ });
  t.match(await told('fd00::5'), { level: 'fail', text: /IPv4/ });
  for (const nowhere of ['0.0.0.0', '127.0.0.1', '169.254.1.1', '224.0.0.1', '255.255.255.255'])
    t.match(await told(nowhere), { level: 'fail', text: /nowhere/ }, nowhere);
  t.match(await told('192.168.20.6'), { level: 'warn', text: /192\.168\.20\.5\/24/ });
  t.match(await told('192.168.21.6'), { level: 'pass', text: /router/ });
  t.match(await told('203.0.113.7'), { level: 'pass', text: /router/ });
  t.match(await told('203.0.113.7', ['198.51.100.4']), { level: 'pass' });
  t.match(await told('203.0.113.7', ['192.168.20.11']), {
    level: 'warn',
    text: /192\.168\.20\.11 connects from inside/,
  });
  t.match(await passiveAddress({ address: 'no-such-name.invalid', cameraAddresses: () => [] }).run(), {
    level: 'fail',
  });
});

t.test('passive ports that the kernel gives away are warned of, unless they are reserved', async t => {
  const dir = t.testdir();
  const check = passivePorts({ minPort: 30_000, maxPort: 30_099 }, dir);
  t.match(await check.run(), { level: 'skip' });
  const kernel = (range: string, reserved = '') => {
    writeFileSync(join(dir, 'ip_local_port_range'), `${range}\n`);
    writeFileSync(join(dir, 'ip_local_reserved_ports'), `${reserved}\n`);
    return check.run();
  };
  t.match(await kernel('32768\t60999'), { level: 'pass' });
  t.match(await kernel('30100\t60999'), { level: 'pass' });
  t.match(await kernel('30099\t60999'), { level: 'warn', text: /30099 to 30099/ });
  t.match(await kernel('1024\t65535'), { level: 'warn', remedy: /30000-30099/ });
  t.match(await kernel('1024\t65535', '8080,30000-30099'), { level: 'pass' });
  t.match(await kernel('1024\t65535', '30000-30098'), { level: 'warn' });
  t.match(await passivePorts({ minPort: 30_000, maxPort: 30_099 }).run(), { level: /pass|warn/ });
});

t.test('directories on disks that do not last, cannot be written, or are not fit for databases', async t => {
  const disk = { type: 0xef53, freeBytes: 1e12, inodes: 1e6, freeInodes: 1e6 };
  const dirs = { dataDir: '/srv/data', stateDir: '/srv/state', certsDir: '/srv/certs' };
  const on = (changes: Partial<typeof disk>, look: Partial<Look> = {}) =>
    storage(dirs, {
      place: async path => path,
      mount: async () => ({ ...disk, ...changes }),
      obstacle: async () => undefined,
      ...look,
    }).run();
  t.match(await on({}), { level: 'pass' });
  t.match(await on({ type: 0x01021994 }), { level: 'warn', text: /temporary/ });
  t.match(await on({ type: 0x6969 }), { level: 'warn', text: /stateDir.*network/ });
  t.match(await on({ freeInodes: 9999 }), { level: 'warn', text: /9999 more files/ });
  t.match(await on({ inodes: 0, freeInodes: 0 }), { level: 'pass' }, 'file systems without inodes');
  t.match(await on({ freeBytes: 256 * 1024 ** 2 - 1 }), { level: 'warn', text: /stateDir.*255 MiB/ });
  t.match(await on({ freeBytes: 256 * 1024 ** 2 }), { level: 'pass' });
  t.match(await on({ freeBytes: 16 * 1024 ** 2 }), { level: 'warn' });
  t.match(await on({ freeBytes: 16 * 1024 ** 2 - 1, type: 0x01021994 }), { level: 'fail', text: /15 MiB/ });
  t.match(await on({}, { obstacle: async path => (path === '/srv/data' ? 'EROFS' : undefined) }), {
    level: 'fail',
    text: /read-only/,
  });
  t.match(await on({}, { obstacle: async () => 'EACCES' }), { level: 'fail', remedy: /as root/ });
  t.match(await on({}, { place: async () => '/tmp/clipward/data' }), {
    level: 'warn',
    text: /after a restart/,
  });
  t.match(await on({}, { place: async () => '/tmpfiles/data' }), { level: 'pass' });
});

t.test(
  'a real disk in memory is told, through a link and before the directory is made',
  { skip: !existsSync('/dev/shm') },
  async t => {
    const shm = mkdtempSync('/dev/shm/clipward-');
    t.teardown(() => rmSync(shm, { recursive: true }));
    symlinkSync(shm, join(t.testdir(), 'link'));
    const dataDir = join(t.testdirName, 'link', 'not', 'made');
    const found = await storage({ dataDir, stateDir: t.testdirName, certsDir: t.testdirName }).run();
    t.match(found, { level: 'warn', text: /^dataDir .*temporary/ });
  },
);

t.test('what others can change fails, and what belongs to somebody else is warned of', async t => {
  const root = t.testdir({
    program: { 'package.json': '{}', dist: {} },
    data: { clips: { yard: {} } },
    state: { secrets: { rtsp: {} }, 'access.db': '' },
    certs: {},
    'settings.yaml': '',
  });
  const at = (...path: string[]) => join(root, ...path);
  const look = () =>
    permissions({
      dataDir: at('data'),
      stateDir: at('state'),
      certsDir: at('certs'),
      settingsFile: at('settings.yaml'),
      programDir: at('program'),
    }).run();
  t.match(await look(), { level: 'pass' });
  for (const path of [
    'data/clips/yard',
    'state/access.db',
    'settings.yaml',
    'program/dist',
    'program/package.json',
    'certs',
  ]) {
    chmodSync(at(path), 0o777);
    t.match(
      await look(),
      { level: 'fail', text: new RegExp(`${path} can be changed`), remedy: /chmod o-w/ },
      path,
    );
    chmodSync(at(path), 0o700);
  }
  chmodSync(root, 0o777);
  t.match(await look(), { level: 'fail' }, 'the directory above');
  chmodSync(root, 0o1777);
  t.match(await look(), { level: 'pass' }, 'as /tmp is');
  symlinkSync('/nowhere', at('state', 'link'));
  t.match(await look(), { level: 'pass' }, 'the mode of a link means nothing');
  if (process.getuid?.() !== 0) return;
  chownSync(at('state', 'access.db'), 64_199, 64_199);
  t.match(await look(), { level: 'warn', text: /access\.db belongs to another/, remedy: /chown/ });
  chmodSync(at('state'), 0o2770);
  t.match(await look(), { level: 'pass' }, 'where it is lent, others make files');
});

t.test('a camera that failed, never came or has been silent for a week is named', async t => {
  const now = 1000 * day;
  const camera = {
    name: 'yard',
    enabled: true,
    addedAt: new Date(now - 30 * day).toISOString(),
    lastUploadAt: now - 3 * minute,
    lastRefusal: null,
  };
  const see = (...changes: object[]) =>
    cameraUploads(
      () => changes.map(each => ({ ...camera, ...each })),
      () => now,
    ).run();
  t.match(see({}), { level: 'pass', text: 'yard 3 minutes ago' });
  t.match(see(), { level: 'skip' });
  t.match(see({ enabled: false }), { level: 'skip' });
  t.match(see({ lastUploadAt: now - 7 * day }), { level: 'pass' });
  t.match(see({ lastUploadAt: now - 7 * day - 1 }), {
    level: 'warn',
    text: /yard last uploaded 7 days ago/,
    remedy: /--follow/,
  });
  t.match(see({ lastUploadAt: null }), { level: 'warn', text: /never uploaded/ });
  t.match(see({ lastUploadAt: null, addedAt: new Date(now - hour).toISOString() }), {
    level: 'pass',
    text: 'yard never',
  });
  const event = { kind: 'login-refused', user: 'yard', why: 'password' };
  const refused = (at: number) => see({ lastRefusal: { at, address: '192.168.20.11', event } });
  t.match(refused(now - 4 * minute), { level: 'pass' }, 'it has uploaded since');
  t.match(refused(now - 2 * minute), {
    level: 'warn',
    text: /yard was refused 2 minutes ago at 192\.168\.20\.11 \(wrong password\), last upload: 3 minutes ago/,
  });
});

t.test('the parts of the daemon that do not run are named', async t => {
  const running = (...roles: Role[]) => daemon(() => new Set(roles)).run();
  t.match(running('receive', 'archive', 'outbound'), { level: 'pass' });
  t.match(running(), { level: 'warn', remedy: /npm start/ });
  t.match(running('receive', 'outbound'), {
    level: 'fail',
    text: /without archive/,
    remedy: /clipward-archive/,
  });
});

t.test('outdated TLS is told with the cameras that speak it', async t => {
  const listener = (isLegacy: boolean, enabled = true) => ({
    name: 'explicit',
    enabled,
    legacyTls: isLegacy,
  });
  const check = (isLegacy: boolean, ...protocols: (string | null)[]) =>
    legacyTls([listener(isLegacy)], () => protocols.map(protocol => ({ name: 'yard', protocol }))).run();
  t.match(check(false, 'TLSv1.2', null), { level: 'pass' });
  t.match(check(false, 'TLSv1'), { level: 'warn', text: /yard \(TLSv1\).*no listener/ });
  t.match(check(true, 'TLSv1.3'), { level: 'warn', remedy: /Set legacyTls to false for the listener\.$/ });
  t.match(check(true, 'TLSv1.1'), { level: 'warn', text: /by yard \(TLSv1\.1\)/, remedy: /firmware/ });
  t.match(legacyTls([listener(true, false)], () => []).run(), { level: 'pass' });
});

t.test(
  'a camera stream behind a password that everybody tries is named, and the password is not',
  async t => {
    const camera = { name: 'yard', rtspUrl: 'rtsp://operator@192.168.20.11/live' };
    const shown = (password: string | null, changes: object = {}) =>
      streamPasswords(
        () => [{ ...camera, ...changes }],
        async () => password,
      ).run();
    t.match(await shown(null), { level: 'skip' });
    t.match(await shown('admin', { rtspUrl: null }), { level: 'skip' });
    t.match(await shown('Zx8mQ2vT7kLpR4sWn6Yb'), { level: 'pass' });
    for (const weak of ['admin', '12345', 'Hikvision', 'operator1', 'yard2024'])
      t.match(await shown(weak), { level: 'fail', text: /^yard shows/ }, weak);
    t.notMatch(JSON.stringify(await shown('Hikvision')), /hikvision/i);
    const unreadable = streamPasswords(
      () => [camera],
      async () => {
        throw new FailedError('the file cannot be read (EACCES): look at its rights.');
      },
    );
    t.match(await unreadable.run(), { level: 'fail', text: /EACCES/ });
  },
);

t.test('an account with a password that everybody tries is named; before a log-in nobody knows', async t => {
  const check = (...weak: (boolean | null)[]) =>
    passwords(() => weak.map(weakPassword => ({ name: 'yard', enabled: true, weakPassword }))).run();
  t.match(check(), { level: 'skip' });
  t.match(check(null), { level: 'skip', text: /present password/ });
  t.match(check(false, null), { level: 'pass', text: /known of 1/ });
  t.match(check(false, true), { level: 'fail', text: /^yard /, remedy: /camera passwd/ });
  t.match(passwords(() => [{ name: 'yard', enabled: false, weakPassword: true }]).run(), { level: 'skip' });
});

t.test('the receiver notes a weak password at the log-in, until there is another one', async t => {
  const receiver = await startTestReceiver();
  t.teardown(receiver.stop);
  const { stateDir, writer } = receiver;
  const recorder = openSessionRecorder({ stateDir, accounts: writer, clock: systemClock, log: silentLog() });
  const tls = { protocol: 'TLSv1.3', cipher: 'x', alpn: null };
  const logIn = (weakPassword: boolean) => {
    const camera = writer.camera(account.user) ?? null;
    receiver.memory.rememberLogin(account.user, '127.0.0.1', systemClock.now() + 1);
    const visitor = { id: '1', peer: { address: '127.0.0.1' }, listener: 'explicit', camera } as const;
    recorder.observe(visitor, { kind: 'logged-in', ...tls, weakPassword });
  };
  const seen = () =>
    readSeenCameras({ stateDir, cameras: writer.cameras(), catalogue: undefined })[0]?.weakPassword;
  t.equal(seen(), null);
  logIn(true);
  recorder[Symbol.dispose]();
  t.equal(seen(), true);
  writer.setPassword(account.user, await hashPassword('another one of many'));
  const changedAt = Date.parse(writer.camera(account.user)?.passwordChangedAt ?? '');
  receiver.memory.rememberLogin(account.user, '127.0.0.1', changedAt);
  t.equal(seen(), null, 'what was noted is of the password before');
  receiver.memory.rememberLogin(account.user, '127.0.0.1', changedAt + 1);
  t.equal(seen(), true, 'a log-in notes anew');
});

t.test('lists are short and times rough', async t => {
  t.equal(listed(['a', 'b']), 'a, b');
  t.equal(
    listed(Array.from({ length: 10 }, (_, index) => `c${index}`)),
    'c0, c1, c2, c3, c4, c5, c6, c7 and 2 more',
  );
  for (const [ms, text] of [
    [-5, '0 seconds'],
    [1000, '1 second'],
    [119_999, '119 seconds'],
    [2 * minute, '2 minutes'],
    [2 * hour - 1, '119 minutes'],
    [2 * day - 1, '47 hours'],
    [2 * day, '2 days'],
  ] as const)
    t.equal(roughly(ms), text);
});

t.test('doctor says what retention plan says, also of the floor that cannot be kept', async t => {
  if ((await spaceOf(tmpdir())).totalBytes >= 2 ** 41)
    return t.comment('no setting is too high for this disk');
  const installation = await makeInstallation({
    settings: ['  limits: { minFreeBytes: 0 }', `retention: { minFreeBytes: ${2 ** 40} }`],
  });
  t.teardown(installation.remove);
  await (await installation.serve()).stop();
  const { stdout } = await installation.run(['doctor']);
  t.match(stdout, /^warn {2}retention: retention\.minFreeBytes .* more than half of the disk/m);
});

t.test('doctor ends although a disk does not answer', { timeout: 30_000 }, async t => {
  const installation = await makeInstallation();
  t.teardown(installation.remove);
  await (await installation.serve()).stop();
  rmSync(join(installation.stateDir, 'archive-id'));
  // Nobody ever writes into it, so that whoever opens it waits, as on a file server that is gone.
  execFileSync('mkfifo', [join(installation.stateDir, 'archive-id')]);
  const { stdout, code } = await installation.run(['doctor', '--json']);
  t.equal(code, 1);
  const report = JSON.parse(stdout) as { check: string; level: string; text: string }[];
  t.match(
    report.find(({ check }) => check === 'archive-marker'),
    { level: 'fail', text: /no answer/ },
  );
  t.match(
    report.find(({ check }) => check === 'free-disk'),
    { level: 'pass' },
  );
});
