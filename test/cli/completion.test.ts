// The completions, in the shells that they are for: a Tab is pressed, or what one would bring is asked for.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { makeInstallation, runCommand } from '../support/daemon.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const typist = fileURLToPath(new URL('../support/press-tab.py', import.meta.url));
const hostile = ['$(touch ran)', '`touch ran`', 'a b', "it's", ';touch ran', '*', '--json'];

const installation = await makeInstallation();
t.teardown(installation.remove);
for (const name of ['front-door', 'front-yard', 'shed']) await installation.run(['camera', 'add', name]);

const shells = ['bash', 'zsh', 'fish'] as const;
const completions = new Map<string, string>();
for (const shell of shells) completions.set(shell, (await runCommand(['completion', shell])).stdout);

/** A directory with the program, or with another in its place, and the three completions. */
function makeShop(program = `exec ${process.execPath} ${main} "$@"`) {
  const directory = t.testdir();
  mkdirSync(join(directory, 'bin'));
  const file = join(directory, 'bin', 'clipward');
  writeFileSync(file, `#!/bin/sh\n${program}\n`);
  chmodSync(file, 0o755);
  for (const [shell, text] of completions) writeFileSync(join(directory, shell), text);
  const env = {
    PATH: `${join(directory, 'bin')}:${process.env.PATH}`,
    HOME: directory,
    TERM: 'dumb',
    LC_ALL: 'C.UTF-8',
    CLIPWARD_CONFIG: installation.config,
  };
  return { directory, env };
}

type Shop = ReturnType<typeof makeShop>;

/** What bash would offer behind these words; the last one is being typed. */
function offeredByBash({ directory, env }: Shop, ...words: string[]): string[] {
  const script = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _clipward; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['-c', script, join(directory, 'bash'), 'clipward', ...words];
  return linesOf(execFileSync('bash', args, { env, cwd: directory, encoding: 'utf8' }));
}

function offeredByFish({ directory, env }: Shop, line: string): string[] {
  const args = [
    '--no-config',
    '-c',
    `source ${join(directory, 'fish')}; complete -C ${JSON.stringify(line)}`,
  ];
  const out = execFileSync('fish', args, { env, cwd: directory, encoding: 'utf8' });
  return linesOf(out).map(each => each.split('\t')[0] ?? '');
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter(each => each !== '')
    .sort();
}

/** What stands on the command line of a shell with a terminal after a Tab. */
function typed({ directory, env }: Shop, shell: 'bash' | 'zsh', line: string): string {
  const { stdout, stderr } = spawnSync('python3', [typist, shell, join(directory, shell), line], {
    env,
    cwd: directory,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return stderr === '' ? stdout.replace(/\n$/, '') : stderr;
}

const isThere = (program: string) => spawnSync(program, ['--version']).error === undefined;

t.test('bash offers commands, options, their words and the cameras', async t => {
  const shop = makeShop();
  t.same(offeredByBash(shop, 'cam'), ['camera']);
  t.same(offeredByBash(shop, 'clip', ''), ['export', 'list', 'show']);
  t.same(offeredByBash(shop, 'camera', 'show', '--f'), ['--follow']);
  t.same(offeredByBash(shop, 'camera', 'show', ''), ['front-door', 'front-yard', 'shed']);
  t.same(offeredByBash(shop, 'camera', 'show', 'front-d'), ['front-door']);
  t.same(offeredByBash(shop, 'camera', 'add', 'front'), [], 'a new camera has a new name');
  t.same(offeredByBash(shop, 'clip', 'list', '--camera', 's'), ['shed']);
  t.same(
    offeredByBash(shop, 'clip', 'list', '--camera', '=', 's'),
    ['shed'],
    'as bash takes --camera=s apart',
  );
  t.same(offeredByBash(shop, 'clip', 'list', '--since', '10', ':', '30', '--cam'), ['--camera']);
  t.same(offeredByBash(shop, 'serve', '--only', ''), ['archive', 'outbound', 'receive']);
  t.same(offeredByBash(shop, 'camera', 'set', 'shed', '--rtsp-basic', 'o'), ['off', 'on']);
  t.same(offeredByBash(shop, 'camera', 'allow', 'shed', ''), [], 'a network is not known');
  t.same(offeredByBash(shop, 'import', '/srv', '--ca'), ['--camera']);
  t.same(offeredByBash(shop, 'camera', 'allow', 'shed', '192.0.2.1', ''), [], 'nor is another');
  t.same(offeredByBash(shop, 'firewall', '--on', 'r'), ['recorder', 'router']);
  const cameras = ['front-door', 'front-yard', 'shed'];
  t.same(offeredByBash(shop, 'clip', 'list', '--camera', '='), cameras);
  const address = ['rtsp', ':', '//viewer', '@', 'host'];
  t.same(offeredByBash(shop, 'camera', 'set', '--rtsp', ...address, ''), cameras, 'an address is one word');
});

t.test('the cameras are those of the settings that the line names', async t => {
  const shop = makeShop();
  const empty = await makeInstallation();
  t.teardown(empty.remove);
  t.same(offeredByBash(shop, 'camera', 'show', '--config', empty.config, ''), []);
  t.same(offeredByBash(shop, 'camera', 'show', '--config', installation.config, 'sh'), ['shed']);
  writeFileSync(join(shop.directory, 'mine.yaml'), `stateDir: ${installation.stateDir}\n`);
  t.same(offeredByBash(shop, 'camera', 'show', '--config', '~/mine.yaml', 'sh'), ['shed'], 'of a home');
});

t.test(
  'without an installation, without the program and with broken settings nothing is offered or said',
  async t => {
    const broken = join(t.testdir({ 'clipward.yaml': 'nonsense: 1\n' }), 'clipward.yaml');
    const silent = { code: 1, stdout: '', stderr: '' };
    t.match(await runCommand(['completion', 'cameras', '--config', broken]), silent);
    t.match(await runCommand(['completion', 'cameras', '--config', '/nowhere']), silent);
    t.same(offeredByBash(makeShop('echo noise >&2; exit 3'), 'camera', 'show', ''), []);
  },
);

t.test('a name that a shell would run is quoted, and nothing of it runs', async t => {
  const shop = makeShop(`cat <<'END'\n${hostile.join('\n')}\nEND`);
  const quoted = offeredByBash(shop, 'camera', 'show', '');
  t.equal(quoted.length, hostile.length);
  const unquoted = execFileSync('bash', ['-c', quoted.map(each => `printf '%s\\n' ${each};`).join('')]);
  t.same(linesOf(unquoted.toString()), [...hostile].sort());
  if (isThere('zsh')) t.match(typed(shop, 'zsh', 'clipward camera show a'), 'show a\\ b');
  if (isThere('fish')) t.same(offeredByFish(shop, 'clipward camera show it'), ["it's"]);
  t.notOk(existsSync(join(shop.directory, 'ran')), 'nothing ran');
});

t.test('a Tab in a bash with a terminal completes the word', async t => {
  const shop = makeShop();
  t.equal(typed(shop, 'bash', 'clipward cam'), 'clipward camera ');
  t.equal(typed(shop, 'bash', 'clipward camera show sh'), 'clipward camera show shed ');
});

t.test(
  'a Tab in a zsh with a terminal completes the word',
  { skip: !isThere('zsh') && 'no zsh' },
  async t => {
    const shop = makeShop();
    t.equal(typed(shop, 'zsh', 'clipward cam'), 'clipward camera ');
    t.equal(typed(shop, 'zsh', 'clipward camera show sh'), 'clipward camera show shed ');
    t.equal(typed(shop, 'zsh', 'clipward clip list --camera=sh'), 'clipward clip list --camera=shed ');
    t.equal(typed(shop, 'zsh', 'clipward camera show --fo'), 'clipward camera show --follow ');
  },
);

t.test(
  'fish offers commands, options, their words and the cameras',
  { skip: !isThere('fish') && 'no fish' },
  async t => {
    const shop = makeShop();
    t.same(offeredByFish(shop, 'clipward cam'), ['camera']);
    t.same(offeredByFish(shop, 'clipward clip '), ['export', 'list', 'show']);
    t.same(offeredByFish(shop, 'clipward camera show --fo'), ['--follow']);
    t.same(offeredByFish(shop, 'clipward camera show f'), ['front-door', 'front-yard']);
    t.same(offeredByFish(shop, 'clipward clip list --camera s'), ['shed']);
    t.same(offeredByFish(shop, 'clipward serve --only '), ['archive', 'outbound', 'receive']);
  },
);

t.test('shells find nothing wrong with what is printed for them', async t => {
  const { directory } = makeShop();
  for (const shell of shells.filter(isThere))
    t.same(spawnSync(shell, ['-n', join(directory, shell)], { encoding: 'utf8' }).stderr, '', shell);
  if (isThere('shellcheck'))
    t.equal(spawnSync('shellcheck', [join(directory, 'bash')], { encoding: 'utf8' }).stdout, '');
});
