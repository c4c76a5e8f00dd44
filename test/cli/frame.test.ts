import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { FailedError, SettingsError, TransientError, UsageError } from '../../src/base/errors.ts';
import { runProgram } from '../../src/cli/frame.ts';
import { makeInstallation, runCommand } from '../support/daemon.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));

t.test('the version and the help are printed to standard output with exit code 0', async t => {
  t.same(await runCommand(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await runCommand(['--help']);
  t.match(help, { code: 0, stderr: '' });
  for (const name of ['serve', 'camera', 'network', 'clip', 'status', 'doctor', 'config'])
    t.match(help.stdout, new RegExp(`^ {2}${name} `, 'm'));
});

t.test('wrong usage is one sentence and exit code 2', async t => {
  const cases: [string[], RegExp][] = [
    [
      ['camera', 'lst'],
      /^clipward: unknown command 'lst' \(Did you mean list\?\): see clipward camera --help\.\n$/,
    ],
    [['clip', 'list', '--jsno'], /^clipward: unknown option '--jsno' [^\n]*--json[^\n]*\n$/],
    [['clip', 'show'], /^clipward: missing required argument [^\n]*: see clipward clip show --help\.\n$/],
    [['status', 'now'], /^clipward: too many arguments[^\n]*\n$/],
  ];
  for (const [args, sentence] of cases) {
    const { code, stdout, stderr } = await runCommand(args);
    t.equal(code, 2, args.join(' '));
    t.equal(stdout, '');
    t.match(stderr, sentence);
  }
});

t.test('no command at all shows the help and is wrong usage', async t => {
  const { code, stderr } = await runCommand([]);
  t.equal(code, 2);
  t.match(stderr, /Usage: clipward/);
});

t.test(
  'bad settings are one sentence with the key and the file, and exit code 78, for every command',
  async t => {
    const config = join(
      t.testdir({ 'clipward.yaml': 'ftps:\n  explicit:\n    prot: 2121\n' }),
      'clipward.yaml',
    );
    for (const args of [
      ['serve'],
      ['camera', 'list'],
      ['clip', 'list', '--json'],
      ['status'],
      ['config', 'check'],
    ]) {
      const { code, stdout, stderr } = await runCommand([...args, '--config', config]);
      t.equal(code, 78, args.join(' '));
      t.equal(stdout, '');
      t.match(stderr, /^clipward: [^\n]*ftps\.explicit\.prot[^\n]*\n$/);
      t.ok(stderr.includes(config));
    }
  },
);

t.test('each family of errors has its exit code, and a bug shows no stack', async t => {
  const failing = (error: Error) => {
    const { args } = t.capture(process.stderr, 'write', () => true) as unknown as { args(): string[][] };
    return runProgram(
      ['x'],
      [
        program =>
          void program.command('x').action(() => {
            throw error;
          }),
      ],
    ).then(code => ({
      code,
      said: args()
        .map(([text]) => text)
        .join(''),
    }));
  };
  t.same(await failing(new UsageError('Expected this.')), { code: 2, said: 'clipward: Expected this.\n' });
  t.same(await failing(new SettingsError('Set that.')), { code: 78, said: 'clipward: Set that.\n' });
  t.same(await failing(new FailedError('It is not there.')), {
    code: 1,
    said: 'clipward: It is not there.\n',
  });
  t.same(await failing(new TransientError('It is busy.')), { code: 1, said: 'clipward: It is busy.\n' });
  const newer = new TransientError('Run the newer.', { cause: new SettingsError('Run the newer.') });
  t.same(await failing(newer), { code: 78, said: 'clipward: Run the newer.\n' });
  const full = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  t.match(await failing(full), {
    code: 1,
    said: /^clipward: there is no room left on the disk: free some[^\n]*\n$/,
  });
  const bug = await failing(new TypeError('x is not a function'));
  t.equal(bug.code, 1);
  t.match(bug.said, /^clipward: this should not happen: x is not a function[^\n]*\n$/);
});

t.test('a reader that has seen enough is no error', async t => {
  const script = 'set -o pipefail; "$0" "$1" config explain --config /dev/null | head -n 1';
  const main = join(project, 'src', 'main.ts');
  const out = execFileSync('bash', ['-c', script, process.execPath, main], { encoding: 'utf8' });
  t.match(out, /^dataDir: [^\n]*\n$/);
});

t.test('a complaint that nobody reads keeps its exit code', async t => {
  const script = 'set -o pipefail; "$0" "$1" clip lst 2>&1 | true';
  const main = join(project, 'src', 'main.ts');
  t.equal(spawnSync('bash', ['-c', script, process.execPath, main]).status, 2);
});

t.test('config explain tells where each value comes from', async t => {
  const dir = t.testdir({
    'clipward.yaml': 'log: { level: info }\nftps: { limits: { maxConnections: 7 } }\n',
  });
  const { stdout } = await runCommand([
    'config',
    'explain',
    '--json',
    '--config',
    join(dir, 'clipward.yaml'),
  ]);
  const facts = JSON.parse(stdout) as { key: string }[];
  const fact = (name: string) => facts.find(({ key }) => key === name);
  t.match(fact('ftps.limits.maxConnections'), { value: 7, default: 200, from: 'file' });
  t.match(fact('log.level'), { value: 'info', default: 'info', from: 'file' });
  t.match(fact('ftps.explicit.port'), { value: 2121, from: 'default', explanation: /port/ });
  t.match(fact('dataDir'), { value: join(dir, 'data'), from: 'default' });
});

t.test('what a command makes is for its user alone', async t => {
  const dir = t.testdir();
  writeFileSync(join(dir, 'clipward.yaml'), 'dataDir: ./data\n');
  const { code } = await runCommand(['camera', 'add', 'yard', '--config', join(dir, 'clipward.yaml')]);
  t.equal(code, 0);
  t.equal(statSync(join(dir, 'state')).mode & 0o777, 0o700);
  for (const name of readdirSync(join(dir, 'state')))
    t.equal(statSync(join(dir, 'state', name)).mode & 0o077, 0, name);
});

t.test('the daemon makes nothing that others may read, whatever the umask was', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const daemon = await installation.serve();
  t.match(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'), /^Umask:\s0077$/m);
  t.match(await daemon.stop(), { code: 0 });
});

const isRoot = process.geteuid?.() === 0;
t.test(
  'root becomes the owner of the state directory first',
  { skip: isRoot ? false : 'needs root' },
  async t => {
    const nobody = 65534;
    const dir = mkdtempSync(join(tmpdir(), 'clipward-owner-'));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    chmodSync(dir, 0o755);
    mkdirSync(join(dir, 'state'), { mode: 0o700 });
    chownSync(join(dir, 'state'), nobody, nobody);
    const config = join(dir, 'clipward.yaml');
    writeFileSync(config, 'dataDir: ./data\n');
    const { code, stderr } = await runCommand(['camera', 'add', 'yard', '--config', config]);
    t.equal(code, 0, stderr);
    t.ok(existsSync(join(dir, 'state', 'access.db')));
    for (const name of readdirSync(join(dir, 'state'))) {
      const { uid, gid } = statSync(join(dir, 'state', name));
      t.same({ uid, gid }, { uid: nobody, gid: nobody }, name);
    }
  },
);
