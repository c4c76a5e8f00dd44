import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const project = fileURLToPath(new URL('../../', import.meta.url));
const timeout = 30_000;
/** What the launcher sees when somebody's Node is an old one. */
const pretendOld = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.20.0'}})`;

type Result = { code: number; stdout: string; stderr: string };

/** An installation with the launcher and its scripts, and this for a program. Without src/ it is no clone. */
function installation(dir: string, mainSource: string | undefined, options: { copy?: boolean } = {}) {
  cpSync(join(project, 'bin'), join(dir, 'bin'), { recursive: true });
  cpSync(join(project, 'scripts'), join(dir, 'scripts'), { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(dir, 'node_modules', `node-linux-${process.arch}`, 'bin'), { recursive: true });
  if (options.copy)
    symlinkSync(process.execPath, join(dir, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node'));
  if (mainSource !== undefined) {
    mkdirSync(join(dir, 'dist'));
    writeFileSync(join(dir, 'dist', 'main.js'), mainSource);
  }
  return join(dir, 'bin', 'clipward.mjs');
}

function launch(launcher: string, args: string[], options: { old?: boolean } = {}): Promise<Result> {
  const first = options.old ? ['--import', pretendOld] : [];
  const { UV_THREADPOOL_SIZE: _, MALLOC_ARENA_MAX: __, ...env } = process.env;
  return new Promise(resolve => {
    execFile(process.execPath, [...first, launcher, ...args], { timeout, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const tellAll = `console.log(JSON.stringify({ args: process.argv.slice(2), node: process.versions.node,
  threads: process.env.UV_THREADPOOL_SIZE })); process.exitCode = 7;`;

t.test('the program gets its arguments, a larger thread pool, and decides the exit code', async t => {
  const { code, stdout } = await launch(installation(t.testdir(), tellAll), ['camera', 'add', '--x']);
  t.equal(code, 7);
  t.same(JSON.parse(stdout), {
    args: ['camera', 'add', '--x'],
    node: process.versions.node,
    threads: '8',
  });
});

t.test('a daemon runs with the flags and the environment that the units say, too', async t => {
  const source = `console.log(JSON.stringify({ flags: process.execArgv, args: process.argv.slice(2),
    environment: ['UV_THREADPOOL_SIZE', 'MALLOC_ARENA_MAX'].map(name => name + '=' + process.env[name]) }));
    process.exitCode = 7;`;
  const launcher = installation(t.testdir(), source, { copy: true });
  for (const old of [false, true]) {
    const { code, stdout, stderr } = await launch(launcher, ['serve', '--only', 'receive'], { old });
    t.equal(code, 7);
    t.equal(stderr, '');
    const { flags, args, environment } = JSON.parse(stdout);
    t.same(args, ['serve', '--only', 'receive']);
    for (const role of ['receive', 'archive', 'outbound']) {
      const unit = readFileSync(join(project, 'systemd', `clipward-${role}.service`), 'utf8');
      const started = /^ExecStart=\/usr\/bin\/node (.*) \/opt\/\S+\/main\.js serve /m.exec(unit)?.[1];
      t.same(
        flags.filter((flag: string) => !flag.includes('import') && !flag.startsWith('data:')),
        started?.split(' '),
      );
      for (const each of environment) t.match(unit, `\nEnvironment=${each}\n`);
    }
  }
});

t.test('an old Node hands over to the packaged one', async t => {
  const launcher = installation(t.testdir(), tellAll, { copy: true });
  const { code, stdout } = await launch(launcher, ['status'], { old: true });
  t.equal(code, 7);
  t.same(JSON.parse(stdout), { args: ['status'], node: process.versions.node, threads: '8' });
});

t.test('an old Node without a packaged one is told in one sentence', async t => {
  const { code, stderr } = await launch(installation(t.testdir(), tellAll), ['status'], { old: true });
  t.equal(code, 1);
  t.match(stderr, /^clipward: [^\n]*needs Node 24 or newer[^\n]*\n$/);
});

t.test('an installation that was never built is told in one sentence', async t => {
  const { code, stderr } = await launch(installation(t.testdir(), undefined), ['status']);
  t.equal(code, 1);
  t.match(stderr, /^clipward: dist\/ is missing[^\n]*\n$/);
});

t.test('signals reach the program through the hand-over', async t => {
  const source = `process.on('SIGTERM', () => { console.log('told'); process.exit(5); });
    console.log('up'); setInterval(() => {}, 1000);`;
  const launcher = installation(t.testdir(), source, { copy: true });
  const child = spawn(process.execPath, ['--import', pretendOld, launcher], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout,
  });
  const said: string[] = [];
  child.stdout.on('data', chunk => {
    said.push(String(chunk).trim());
    if (said.length === 1) child.kill('SIGTERM');
  });
  const [code] = await once(child, 'close');
  t.equal(code, 5);
  t.same(said, ['up', 'told']);
});
