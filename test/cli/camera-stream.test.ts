// The camera's own stream as commands set it: addresses, schedules, and a password that is seen nowhere.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import t, { type Test } from 'tap';
import { openAccountReader } from '../../src/access/open-accounts.ts';
import { readStreamPassword } from '../../src/access/stream-passwords.ts';
import { FailedError, UsageError } from '../../src/base/errors.ts';
import { registerCameraCommands } from '../../src/cli/camera.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { parseNetwork } from '../../src/domain/networks.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { seededRandom } from '../domain/seeded-random.ts';

const address = 'rtsp://viewer@192.168.20.11/stream1';
const secret = 'Kennwort 1"\\:@/%';

function openDesk(test: Test) {
  const directory = test.testdir();
  const stateDir = join(directory, 'state');
  const settings = {
    ...{ stateDir, certsDir: join(directory, 'certs'), record: { enabled: true } },
    ftps: {
      explicit: { enabled: true, host: '127.0.0.1', port: 2121 },
      implicit: { enabled: false, host: '::', port: 2990 },
      tls: { truncation: 'container', certificateDir: null },
      allowedNetworks: ['127.0.0.0/8'].map(parseNetwork),
    },
  } as unknown as Settings;
  const run = async (args: string[], input = '') => {
    const printed: string[] = [];
    const remarks: string[] = [];
    const desk: Desk = {
      settings: () => settings,
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: text => void remarks.push(text),
      readSecret: () => Promise.resolve(input),
      setExitCode: () => {},
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerCameraCommands(program, desk);
    await program.parseAsync(['camera', ...args], { from: 'user' });
    return { out: printed.join('\n'), remarks: remarks.join('\n') };
  };
  return {
    ...{ directory, stateDir, run },
    json: async (args: string[]) => JSON.parse((await run([...args, '--json'])).out),
    secretFile: (camera: string) => join(stateDir, 'secrets', 'rtsp', camera),
    versionOf(camera: string) {
      using accounts = openAccountReader({ stateDir });
      return accounts.camera(camera)?.version ?? 0;
    },
  };
}

t.test('a camera is added with its stream in one command, and shows all of it but the password', async t => {
  const { run, json, stateDir, secretFile } = openDesk(t);
  const options = ['--rtsp', address, '--sub-rtsp', 'rtsp://viewer@192.168.20.11/stream2', '--record'];
  const added = await run(['add', 'den', ...options, '22:00-06:00', '--rtsp-password-stdin'], secret);
  t.equal(added.remarks, '');
  t.equal(await readStreamPassword(stateDir, 'den'), secret);
  t.equal(statSync(secretFile('den')).mode & 0o777, 0o600);
  t.equal(statSync(join(secretFile('den'), '..')).mode & 0o777, 0o700);
  t.equal(statSync(join(stateDir, 'secrets')).mode & 0o777, 0o700);
  const expected = {
    ...{ rtspUrl: address, subRtspUrl: 'rtsp://viewer@192.168.20.11/stream2', record: '22:00-06:00' },
    ...{ rtspBasic: false, rtspFingerprint: null, hasRtspPassword: true },
    ...{ gap: null, coverage24h: null, clockOffsetMs: null, clockUncertaintyMs: null },
  };
  t.match(await json(['show', 'den']), expected);
  t.match(await json(['list']), [expected]);
  const { out } = await run(['show', 'den']);
  t.match(out, /^stream +rtsp:\/\/viewer@192\.168\.20\.11\/stream1$/m);
  t.match(out, /^stream log-in +password stored, Digest only$/m);
  t.match(out, /^is to be recorded +22:00-06:00$/m);
  t.match(out, /^clock +not known yet$/m);
  for (const shown of [added.out, out, JSON.stringify(await json(['show', 'den']))])
    t.notOk(shown.includes('Kennwort'));
});

t.test('each option of the stream is set, kept and taken back', async t => {
  const { run, json } = openDesk(t);
  await run(['add', 'den']);
  t.match(await json(['show', 'den']), {
    rtspUrl: null,
    record: 'on',
    hasRtspPassword: false,
    recording: null,
  });
  const fingerprint = `${'AB:'.repeat(31)}cd`;
  await run(['set', 'den', '--rtsp', 'rtsps://viewer@cam.lan:7441/x?y=1', '--rtsp-fingerprint', fingerprint]);
  await run(['set', 'den', '--rtsp-basic', 'on', '--record', 'off']);
  t.match(await json(['show', 'den']), {
    ...{ rtspUrl: 'rtsps://viewer@cam.lan:7441/x?y=1', rtspFingerprint: `${'ab'.repeat(31)}cd` },
    ...{ rtspBasic: true, record: 'off' },
  });
  await run(['set', 'den', '--rtsp-fingerprint', 'none', '--rtsp-basic', 'off', '--record', '00:00-24:00']);
  await run(['set', 'den', '--sub-rtsp', 'none', '--rtsp', 'none']);
  t.match(await json(['show', 'den']), {
    ...{ rtspUrl: null, subRtspUrl: null, rtspFingerprint: null, rtspBasic: false, record: '00:00-24:00' },
  });
});

t.test('a password in an address is refused and never repeated', async t => {
  const { run, stateDir } = openDesk(t);
  const refused = [
    ...['rtsp://viewer:hunter2@192.168.20.11/', 'rtsp://viewer:@192.168.20.11/hunter2', 'rtsp://:hunter2@h/'],
    ...['rtsps://viewer:hunter2@h/', 'rtsp://viewer:hun%20ter2@h/', 'rtsp://viewer:"hunter2@h/'],
    ...[
      'rtsp://viewer:hunter2@@h/',
      'rtsp://viewer:hunter2/@h/',
      'RTSP://viewer:hunter2@h',
      'viewer:hunter2@h',
    ],
    ...['rtsp://h/?user=viewer&password=hunter2', 'rtsp://h/user=viewer_password=hunter2_channel=1'],
    ...[
      'rtsp://h/cam?PWD=hunter2',
      'rtsp://h/hunter2\u0000',
      'rtsp://h/hunter2"',
      'http://viewer:hunter2@h/',
    ],
  ];
  for (const option of ['--rtsp', '--sub-rtsp'])
    for (const url of refused)
      for (const args of [
        ['add', 'den'],
        ['set', 'den'],
      ]) {
        const error = await run([...args, option, url]).catch(error => error);
        t.ok(error instanceof UsageError, JSON.stringify(url));
        t.notMatch(error.message, /hunter2|hun%20ter2/);
        t.match(error.message, /^\S+ cannot be used: [^\n]+\.$/);
      }
  t.notOk(existsSync(stateDir), 'nothing was made');
  await run(['add', 'den', '--rtsp', 'rtsp://h/user=viewer&password=&channel=1']);
});

t.test('what cannot be a schedule, a fingerprint or a choice is refused in one sentence', async t => {
  const { run, stateDir } = openDesk(t);
  const wrong = [
    ...['', 'ON', '24:00-06:00', '22:00-22:00', '22:00', '22-06', '22:60-06:00'].map(when => [
      '--record',
      when,
    ]),
    ...['', 'yes', 'true'].map(choice => ['--rtsp-basic', choice]),
    ...['', 'ab'.repeat(31), 'ab'.repeat(33), 'zz'.repeat(32)].map(hex => ['--rtsp-fingerprint', hex]),
    ...['', 'rtsp://', 'rtsp://h:0/', 'rtsp://h:65536/', `rtsp://h/${'x'.repeat(1016)}`].map(url => [
      '--rtsp',
      url,
    ]),
  ];
  for (const args of wrong) await t.rejects(run(['set', 'den', ...args]), UsageError, args.join(' '));
  t.notOk(existsSync(stateDir));
  await run(['add', 'den', '--rtsp', 'rtsp://h:65535/', '--record', '23:59-24:00']);
  await run(['set', 'den', '--rtsp', `rtsp://h/${'x'.repeat(1015)}`]);
});

t.test('a password comes by one way, and is judged before anything is stored', async t => {
  const { run, directory, stateDir, secretFile } = openDesk(t);
  const file = join(directory, 'password');
  const withFile = (text: string | Buffer, ...args: string[]) => {
    writeFileSync(file, text);
    return run(['set', 'den', '--rtsp-password-file', file, ...args]);
  };
  await t.rejects(run(['add', 'den', '--rtsp', address, '--password-stdin', '--rtsp-password-stdin'], 'x'), {
    name: 'UsageError',
    message: /--rtsp-password-file/,
  });
  await t.rejects(run(['add', 'den', '--rtsp-password-stdin'], 'x'), { message: /--rtsp/ });
  await t.rejects(run(['add', 'den', '--rtsp', 'rtsp://h/', '--rtsp-password-stdin'], 'x'), {
    message: /names no user/,
  });
  t.notOk(existsSync(stateDir));
  writeFileSync(file, 'first\n');
  const own = ['--password-stdin', '--rtsp-password-file', file];
  await run(['add', 'den', '--rtsp', address, ...own], 'a long enough one');
  t.equal(await readStreamPassword(stateDir, 'den'), 'first');
  await t.rejects(run(['set', 'den', '--rtsp-password-stdin', '--rtsp-password-file', file]), UsageError);
  const bad = [
    '',
    '\n',
    'two\nlines',
    'two\nlines\n',
    'two\rlines',
    'x'.repeat(129),
    'x'.repeat(5000),
    'pässword',
    'a\u0000b',
    'a\tb',
  ];
  for (const text of bad) await t.rejects(withFile(text), UsageError, JSON.stringify(text.slice(0, 20)));
  await t.rejects(withFile(Buffer.from([0xff, 0xfe, 0x61])), UsageError);
  await t.rejects(run(['set', 'den', '--rtsp-password-stdin'], 'x'.repeat(129)), { message: /128/ });
  await t.rejects(run(['set', 'den', '--rtsp-password-file', join(directory, 'none')]), {
    name: 'FailedError',
    message: /ENOENT/,
  });
  await t.rejects(run(['set', 'den', '--rtsp-password-file', directory]), {
    name: 'FailedError',
    message: /EISDIR/,
  });
  await t.rejects(withFile('x', '--rtsp', 'rtsp://h/'), { message: /names no user/ });
  t.equal(await readStreamPassword(stateDir, 'den'), 'first', 'what was there stays');
  for (const text of ['x'.repeat(128), ' a b ', 'x\r\n', secret]) {
    await withFile(text);
    t.equal(await readStreamPassword(stateDir, 'den'), text.replace(/\r\n$/, ''));
  }
  t.strictSame(readdirSync(join(secretFile('den'), '..')), ['den']);
});

t.test('any password that a keyboard can type comes back as it was given', async t => {
  const { run, stateDir } = openDesk(t);
  await run(['add', 'den', '--rtsp', address]);
  const random = seededRandom(20261121);
  for (let round = 0; round < 40; round++) {
    const length = 1 + random(128);
    const text = Array.from({ length }, () => String.fromCharCode(0x20 + random(0x5f))).join('');
    await run(['set', 'den', '--rtsp-password-stdin'], text);
    t.equal(await readStreamPassword(stateDir, 'den'), text);
  }
});

t.test('an unreadable file is one sentence that says what to do', async t => {
  const { run, directory } = openDesk(t);
  await run(['add', 'den', '--rtsp', address]);
  const file = join(directory, 'loop');
  symlinkSync(file, file);
  await t.rejects(run(['set', 'den', '--rtsp-password-file', file]), {
    name: 'FailedError',
    message: /cannot be read.*ELOOP.*--rtsp-password-stdin/,
  });
});

t.test('a new password alone is a new version of the account, which starts the recorder anew', async t => {
  const { run, versionOf } = openDesk(t);
  await run(['add', 'den', '--rtsp', address, '--rtsp-password-stdin'], 'one');
  const before = versionOf('den');
  await run(['set', 'den', '--rtsp-password-stdin'], 'two');
  t.ok(versionOf('den') > before);
});

t.test('the password goes with the stream, and with the camera', async t => {
  const { run, stateDir, secretFile } = openDesk(t);
  await run(['add', 'den', '--rtsp', address, '--rtsp-password-stdin'], 'one');
  await run(['set', 'den', '--rtsp', 'none']);
  t.notOk(existsSync(secretFile('den')));
  await run(['set', 'den', '--rtsp', address, '--rtsp-password-stdin'], 'two');
  writeFileSync(`${secretFile('den')}.new`, 'half');
  await run(['remove', 'den']);
  t.strictSame(readdirSync(join(stateDir, 'secrets', 'rtsp')), []);
  t.notOk(readFileSync(join(stateDir, 'access.db')).includes('Kennwort'));
  writeFileSync(secretFile('den'), 'left by a crash');
  await t.rejects(run(['remove', 'den']), FailedError);
  t.notOk(existsSync(secretFile('den')), 'also when the account is gone already');
  writeFileSync(secretFile('den'), 'left by a backup');
  await run(['add', 'den', '--rtsp', address]);
  t.equal(await readStreamPassword(stateDir, 'den'), null, 'a new camera does not inherit one');
});

t.test('a camera that is there already keeps its password', async t => {
  const { run, stateDir } = openDesk(t);
  await run(['add', 'den', '--rtsp', address, '--rtsp-password-stdin'], 'one');
  await t.rejects(run(['add', 'den', '--rtsp', address, '--rtsp-password-stdin'], 'two'), FailedError);
  t.equal(await readStreamPassword(stateDir, 'den'), 'one');
  await t.rejects(run(['set', 'attic', '--rtsp', address, '--rtsp-password-stdin'], 'two'), FailedError);
  t.notOk(existsSync(join(stateDir, 'secrets', 'rtsp', 'attic')));
});

t.test('what is odd about a stream is said, and does not keep it from being set', async t => {
  const { run } = openDesk(t);
  t.match(
    (await run(['add', 'den', '--rtsp', address])).remarks,
    /no password is stored.*--rtsp-password-stdin/,
  );
  const { remarks } = await run(
    ['set', 'den', '--rtsp-basic', 'on', '--rtsp-fingerprint', 'ab'.repeat(32), '--rtsp-password-stdin'],
    'one',
  );
  t.match(remarks, /readable/);
  t.match(remarks, /rtsps:\/\/ only/);
  t.notMatch(remarks, /no password/);
  const secure = await run(['set', 'den', '--rtsp', 'rtsps://viewer@192.168.20.11/stream1']);
  t.equal(secure.remarks, '');
});

t.test('a directory of secrets that others could enter is closed', async t => {
  const { run, stateDir } = openDesk(t);
  mkdirSync(join(stateDir, 'secrets', 'rtsp'), { recursive: true });
  chmodSync(join(stateDir, 'secrets', 'rtsp'), 0o755);
  await run(['add', 'den', '--rtsp', address, '--rtsp-password-stdin'], 'one');
  t.equal(statSync(join(stateDir, 'secrets', 'rtsp')).mode & 0o777, 0o700);
});
