// `clipward import` as a person runs it: a process of its own, real files, alone and beside a running daemon.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { holdLock } from '../../src/base/sqlite.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { makeMp4 } from '../support/media.ts';
import { startCommand } from '../support/running-command.ts';

const retention = ['  limits: { minFreeBytes: 0 }', 'retention: { minFreeBytes: 1 }'];
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** An installation with the camera `den` and a tree that its files can be put into. */
async function withTree(test: Test, settings = retention) {
  const installation = await makeInstallation({ settings });
  test.teardown(installation.remove);
  const password = await addCamera(installation, 'den', '--time-zone', 'Europe/Berlin');
  const tree = join(installation.root, 'tree');
  mkdirSync(tree);
  const args = ['import', tree, '--camera', 'den'];
  return {
    ...installation,
    password,
    tree,
    args,
    /** A file, last changed at this instant. */
    put(path: string, bytes: string | Uint8Array, changedAt: string) {
      const file = join(tree, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      utimesSync(file, new Date(changedAt), new Date(changedAt));
      return file;
    },
    importTree: (...more: string[]) => installation.run([...args, ...more]),
    summary: async (...more: string[]) => {
      const { stdout, stderr, code } = await installation.run([...args, ...more, '--json']);
      if (stdout === '') throw new Error(`nothing was printed (${code}): ${stderr}`);
      return { ...JSON.parse(stdout), code };
    },
    clips: () => installation.json(['clip', 'list']),
    stored: () => filesBelow(installation.dataDir).filter(file => file.startsWith('clips/')),
  };
}

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

const video = 'Den_00_20260927140301.mp4';

t.test('a tree of another server becomes clips, named and timed as if they had been uploaded', async t => {
  const { put, importTree, summary, clips, tree, dataDir } = await withTree(t);
  const bytes = readFileSync(await makeMp4());
  // Two in the afternoon in Berlin is noon in UTC.
  const source = put(`2026/09/27/${video}`, bytes, '2026-09-27T12:03:20Z');
  put('notes.txt', 'hello', '2026-09-27T13:00:00Z');
  symlinkSync('/etc/passwd', join(tree, 'link'));
  execFileSync('mkfifo', [join(tree, 'fifo')]);
  const before = statSync(source);

  const { code, stdout, stderr } = await importTree();
  t.equal(code, 0, stderr);
  t.equal(stderr, '', 'no progress where there is no terminal');
  t.match(stdout, /^filed +2 files/m);
  t.match(stdout, /^skipped +2$/m);
  t.match(stdout, /^link +link$/m);
  const [text, clip] = await clips();
  t.match(text, { originalPath: 'notes.txt', kind: 'other', timeSource: 'arrival' });
  t.match(clip, {
    camera: 'den',
    originalPath: `2026/09/27/${video}`,
    kind: 'video',
    completeness: 'whole',
    completenessBasis: 'container',
    startAt: '2026-09-27T14:03:01.000+02:00',
    timeSource: 'name',
    receivedAt: '2026-09-27T14:03:20.000+02:00',
  });
  t.ok(readFileSync(join(dataDir, clip.path)).equals(bytes));
  t.ok(existsSync(join(dataDir, clip.thumbnail)));
  const copy = statSync(join(dataDir, clip.path));
  t.not(copy.ino, before.ino);
  t.equal(copy.nlink, 1);
  const { atimeMs: _read, ...after } = statSync(source);
  t.match(after, {
    ino: before.ino,
    mtimeMs: before.mtimeMs,
    ctimeMs: before.ctimeMs,
    nlink: 1,
    mode: before.mode,
  });

  t.match(await summary(), {
    code: 0,
    camera: 'den',
    directory: tree,
    dryRun: false,
    filed: 0,
    repeats: 0,
    known: 2,
    skipped: {
      count: 2,
      files: [
        { path: 'fifo', reason: 'fifo' },
        { path: 'link', reason: 'link' },
      ],
    },
    notImported: { count: 0, files: [] },
    stopped: null,
  });
});

t.test('a dry run says what would be, and writes nothing', async t => {
  const { put, importTree, summary, dataDir, stateDir } = await withTree(t);
  put(video, readFileSync(await makeMp4()), '2026-09-27T12:03:20Z');
  put('a\u202ename', 'x', '2026-09-27T12:03:20Z');
  const before = filesBelow(stateDir);
  const { code, stdout } = await importTree('--dry-run');
  t.equal(code, 0);
  t.match(stdout, new RegExp(`^filed +2026-09-27 14:03:01 \\+02:00 +name +video +whole .* ${video}$`, 'm'));
  t.match(stdout, 'a\\u{202e}name');
  t.match(await summary('--dry-run'), {
    dryRun: true,
    filed: 2,
    files: [
      {
        path: video,
        outcome: 'filed',
        kind: 'video',
        startAt: '2026-09-27T14:03:01.000+02:00',
        completeness: 'whole',
      },
      { path: 'a\u202ename', outcome: 'filed', kind: 'other', timeSource: 'arrival' },
    ],
  });
  t.strictSame(filesBelow(dataDir), []);
  t.strictSame(filesBelow(stateDir), before);
});

t.test(
  'a camera that nobody knows, and a tree that cannot be imported, are refused in one sentence',
  async t => {
    const { run, tree, dataDir, importTree, put, root } = await withTree(t);
    const sentence = async (code: number, pattern: RegExp, ...args: string[]) => {
      const result = await run(['import', ...args]);
      t.equal(result.code, code, result.stderr);
      t.match(result.stderr, pattern);
      t.equal(result.stderr.trim().split('\n').length, 1);
    };
    await sentence(1, /no camera porch: add it first/, tree, '--camera', 'porch');
    await sentence(2, /is no camera name/, tree, '--camera', '../x');
    await sentence(2, /--camera/, tree);
    await sentence(1, /cannot be walked \(ENOENT\)/, join(root, 'missing'), '--camera', 'den');
    put('a', 'x', '2026-09-27T12:03:20Z');
    t.equal((await importTree()).code, 0);
    for (const directory of [dataDir, join(dataDir, 'clips'), root])
      await sentence(1, /lie in one another/, directory, '--camera', 'den');
  },
);

t.test('a camera that was removed and left clips may get more of them', async t => {
  const { put, run, importTree } = await withTree(t);
  put('a', 'x', '2026-09-27T12:03:20Z');
  t.equal((await importTree()).code, 0);
  t.equal((await run(['camera', 'remove', 'den'])).code, 0);
  put('b', 'y', '2026-09-27T12:03:20Z');
  t.equal((await importTree()).code, 0);
});

t.test('without room above what is to stay free, it does not begin', async t => {
  const { put, importTree, stored } = await withTree(t, [
    '  limits: { minFreeBytes: 0 }',
    'retention: { minFreeBytes: 1099511627776 }',
  ]);
  put('a', 'x', '2026-09-27T12:03:20Z');
  const { code, stderr } = await importTree();
  t.equal(code, 1);
  t.match(stderr, /stay free \(retention\.minFreeBytes\): make room/);
  t.strictSame(stored(), []);
});

t.test('a data directory that is not there is refused in one sentence', async t => {
  const { put, importTree, dataDir } = await withTree(t);
  put('a', 'x', '2026-09-27T12:03:20Z');
  t.equal((await importTree()).code, 0);
  writeFileSync(join(dataDir, 'MARKER'), 'another');
  put('b', 'x', '2026-09-27T12:03:20Z');
  const { code, stderr } = await importTree();
  t.equal(code, 1);
  t.match(stderr, /does not hold the marker/);
});

t.test('what may not be read is told, the rest is imported, and the exit code says so', async t => {
  const { put, summary, tree, stateDir, dataDir, root } = await withTree(t);
  if (process.getuid?.() !== 0) return void t.pass('only root can become the owner of state');
  put('a/secret', 'x', '2026-09-27T12:03:20Z');
  put('b', 'y', '2026-09-27T12:03:20Z');
  chmodSync(join(tree, 'a', 'secret'), 0o600);
  // As it is on a server: the command is run by root, and becomes the daemon's user.
  mkdirSync(dataDir);
  chmodSync(root, 0o755);
  execFileSync('chown', ['-R', '65534:65534', stateDir, dataDir]);
  t.match(await summary(), {
    code: 1,
    filed: 1,
    notImported: { count: 1, files: [{ path: 'a/secret', reason: 'unreadable', why: 'EACCES' }] },
  });
  chmodSync(join(tree, 'a', 'secret'), 0o644);
  t.match(await summary(), { code: 0, filed: 1, known: 1 });
});

t.test('two imports at once would write to the same files, so the second waits for its turn', async t => {
  const { put, importTree, stateDir, stored } = await withTree(t);
  put('a', 'x', '2026-09-27T12:03:20Z');
  {
    using _other = holdLock(join(stateDir, 'import.lock'), 'held by the test');
    const { code, stderr } = await importTree();
    t.equal(code, 1);
    t.match(stderr, /Another clipward import/);
    t.strictSame(stored(), []);
  }
  t.equal((await importTree()).code, 0);
});

t.test('it works beside a running daemon, which files what arrives meanwhile', async t => {
  const installation = await withTree(t);
  const { put, summary, clips, serve, explicitPort, password, root } = installation;
  const daemon = await serve();
  t.teardown(() => daemon.stop());
  const bytes = readFileSync(await makeMp4());
  for (let number = 0; number < 10; number++)
    put(`old/${number}.mp4`, Buffer.concat([bytes, freeBox(number)]), '2026-09-27T12:03:20Z');
  copyFileSync(await makeMp4({ seconds: 1 }), join(root, 'out', 'new.mp4'));
  const upload = (name: string) =>
    execFileSync('curl', [
      ...[
        '--silent',
        '--show-error',
        '--ssl-reqd',
        '--insecure',
        '--ftp-create-dirs',
        '--user',
        `den:${password}`,
      ],
      ...['-T', join(root, 'out', 'new.mp4'), `ftp://127.0.0.1:${explicitPort}/new/${name}.mp4`],
    ]);
  const importing = summary();
  for (let number = 0; number < 5; number++) upload(String(number));
  t.match(await importing, { code: 0, filed: 10, stopped: null });
  await daemon.waitForLog(line => line.msg === 'clip filed', 5);
  const names = (await clips()).map((clip: { originalPath: string }) => clip.originalPath).sort();
  t.equal(names.length, 15);
  t.notOk(
    daemon.logged().some(line => Number(line.level) >= 50),
    'and nothing failed',
  );
});

t.test('killed at any moment and run again, it imports each file once', async t => {
  const { put, args, config, summary, clips, stored, dataDir } = await withTree(t);
  const bytes = readFileSync(await makeMp4({ seconds: 1 }));
  const count = 12;
  for (let number = 0; number < count; number++)
    put(`${number}.mp4`, Buffer.concat([bytes, freeBox(number)]), '2026-09-27T12:03:20Z');
  t.match(await summary('--dry-run'), { filed: count });
  for (const seen of [1, 4, 9]) {
    const command = startCommand([...args, '--config', config]);
    await changesBelow(dataDir, seen);
    process.kill(command.pid, 'SIGKILL');
    await command.ended;
  }
  const last = await summary();
  t.match(last, { code: 0, notImported: { count: 0 } });
  t.equal(last.filed + last.known, count);
  t.equal((await clips()).length, count);
  const paths = (await clips()).map((clip: { path: string }) => clip.path).sort();
  t.strictSame(stored(), paths, 'a file for each row, and nothing half-written');
});

t.test('Ctrl-C ends it in order, with what was done and how to go on', async t => {
  const { put, args, config, summary, dataDir } = await withTree(t);
  const bytes = readFileSync(await makeMp4({ seconds: 1 }));
  for (let number = 0; number < 20; number++)
    put(`${number}.mp4`, Buffer.concat([bytes, freeBox(number)]), '2026-09-27T12:03:20Z');
  const command = startCommand([...args, '--config', config]);
  await changesBelow(dataDir, 2);
  t.equal(await command.stop(), 1);
  const said = command.lines.join('\n');
  t.match(said, /^filed +\d+ files/m);
  t.match(said, /interrupted: run the same command again, it goes on where it stopped/);
  const { filed, known, code } = await summary();
  t.equal(code, 0);
  t.equal(filed + known, 20);
  t.ok(filed > 0, 'it was interrupted before its end');
});

t.test('on a terminal it shows how far it is', async t => {
  const { put, args, config } = await withTree(t);
  put(video, readFileSync(await makeMp4()), '2026-09-27T12:03:20Z');
  put('z\x1b[2J', 'x', '2026-09-27T12:03:20Z');
  const command = [process.execPath, main, ...args, '--config', config].map(word => `'${word}'`).join(' ');
  const shown = execFileSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
  t.match(shown, /\d+ files?, [\d.]+ \w?B, [\d.]+ \w?B\/s {2}/);
  t.match(shown, /filed +2 files/);
  t.notMatch(shown, '\x1b[2J');
  rmSync('typescript', { force: true });
});

/** A box that players pass over, so that files of the same picture have other bytes. */
function freeBox(number: number): Buffer {
  return Buffer.from(`\0\0\0\x0cfree${String(number).padStart(4, '0')}`, 'latin1');
}

/** Resolves when so many files under clips/ appeared since the call. */
async function changesBelow(dataDir: string, count: number): Promise<void> {
  mkdirSync(dataDir, { recursive: true });
  const appeared = new Set<string>();
  const enough = Promise.withResolvers<void>();
  const watcher = watch(dataDir, { recursive: true }, (_event, name) => {
    if (name?.startsWith('clips/') && appeared.add(name).size >= count) enough.resolve();
  });
  const deadline = setTimeout(() => enough.reject(new Error('nothing was stored in time')), 30_000);
  try {
    await enough.promise;
  } finally {
    clearTimeout(deadline);
    watcher.close();
  }
}
