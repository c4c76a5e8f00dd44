import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const debian = new URL('../../scripts/lib/debian.mjs', import.meta.url).href;

/** Runs ensurePrograms in a process of its own, whose PATH holds these shell scripts and nothing else. */
function ensurePrograms(
  dir: string,
  options: { uid: number; scripts: Record<string, string>; more?: Record<string, string[]> },
) {
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, script] of Object.entries(options.scripts)) {
    writeFileSync(join(bin, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const code = `
    process.getuid = () => ${options.uid};
    const { ensurePrograms } = await import(${JSON.stringify(debian)});
    const { main } = await import(${JSON.stringify(debian.replace('debian', 'run'))});
    await main(() => console.log(JSON.stringify(ensurePrograms({ ffmpeg: ['ffmpeg', 'ffprobe'], lftp: ['lftp'], ...${JSON.stringify(options.more ?? {})} }))));`;
  return new Promise<{ code: number; stdout: string; stderr: string }>(resolve => {
    execFile(
      process.execPath,
      ['--input-type=module', '-e', code],
      { env: { PATH: bin }, timeout: 30_000 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const lftp = { lftp: 'exit 0' };

t.test('programs that are there need nothing', async t => {
  const result = await ensurePrograms(t.testdir(), {
    uid: 1000,
    scripts: { ffmpeg: '', ffprobe: '', ...lftp },
  });
  t.same({ ...result, stdout: result.stdout.trim() }, { code: 0, stdout: '[]', stderr: '' });
});

t.test('without root the exact command is said, and nothing is run', async t => {
  const dir = t.testdir();
  const { code, stderr } = await ensurePrograms(dir, {
    uid: 1000,
    scripts: { ffmpeg: '', 'apt-get': `touch ${dir}/ran`, ...lftp },
  });
  t.equal(code, 1);
  t.match(stderr, /Missing on this machine: ffmpeg\./);
  t.match(stderr, /^ {2}sudo apt-get install -y .*ffmpeg$/m);
  t.notMatch(stderr, /lftp/);
  t.equal(existsSync(join(dir, 'ran')), false);
});

t.test('a package that brings no program is asked for by its name', async t => {
  const dir = t.testdir();
  const answer = (code: number, status: string) =>
    `echo "$*" > ${dir}/asked; echo "Status: ${status}"; exit ${code}`;
  const ensure = (query: string) =>
    ensurePrograms(dir, {
      uid: 1000,
      scripts: { ffmpeg: '', ffprobe: '', 'apt-get': 'exit 100', 'dpkg-query': query, ...lftp },
      more: { 'python3-gi': [] },
    });
  t.match(await ensure(answer(0, 'install ok installed')), { code: 0, stdout: '[]\n' });
  t.match(readFileSync(join(dir, 'asked'), 'utf8'), / python3-gi$/m);
  for (const query of [answer(0, 'deinstall ok config-files'), answer(1, '')]) {
    const { code, stderr } = await ensure(query);
    t.equal(code, 1);
    t.match(stderr, /^ {2}sudo apt-get install -y .*python3-gi$/m);
  }
});

t.test('without apt-get the missing programs are named', async t => {
  const { code, stderr } = await ensurePrograms(t.testdir(), { uid: 0, scripts: lftp });
  t.equal(code, 1);
  t.match(stderr, /Missing on this machine: ffmpeg\. Install them/);
});

t.test('as root the package lists are fetched when the first try fails', async t => {
  const dir = t.testdir();
  const apt = `echo "$*" >> ${dir}/calls
    case "$*" in *update*) touch ${dir}/lists; exit 0;; esac
    test -e ${dir}/lists || exit 100
    for p in ffmpeg ffprobe; do printf '#!/bin/sh\\n' > ${dir}/bin/$p; chmod 755 ${dir}/bin/$p; done`;
  const { code, stdout } = await ensurePrograms(dir, { uid: 0, scripts: { 'apt-get': apt, ...lftp } });
  t.equal(code, 0);
  t.match(stdout, /installing ffmpeg/);
  t.equal(stdout.trim().split('\n').at(-1), '[]');
  const calls = readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n');
  t.equal(calls.length, 3);
  t.match(calls[0], /install ffmpeg$/);
  t.match(calls[1], /update$/);
  t.match(calls[2], /install ffmpeg$/);
});

t.test('what cannot be had is told apart from what can', async t => {
  const dir = t.testdir();
  const apt = `case "$*" in *"install lftp") printf '#!/bin/sh\\n' > ${dir}/bin/lftp; chmod 755 ${dir}/bin/lftp; exit 0;; esac
    exit 100`;
  const { code, stdout } = await ensurePrograms(dir, { uid: 0, scripts: { 'apt-get': apt } });
  t.equal(code, 0);
  t.equal(stdout.trim().split('\n').at(-1), '["ffmpeg"]');
});
