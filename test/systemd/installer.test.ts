// install.sh up to where it changes the machine: whether the archive of a clone is moved. What it then does is tried in a
// machine of its own (npm run test:systemd).

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { endOfInput, onTerminal } from '../support/on-terminal.ts';

const source = readFileSync(fileURLToPath(new URL('../../systemd/install.sh', import.meta.url)), 'utf8');

/** What needs root or changes the machine only says its name; `move_archive` also says what was decided. */
const stubs = `
id() { echo 0; }
data=$(dirname "$0")/../var
for each in find_node ensure_tools install_program install_users install_settings install_units make_certificates start_all; do
  eval "$each() { echo $each; }"
done
move_archive() { echo "move=$move"; }
`;

/** A clone with an archive in it, whose install.sh is the real one but for the stubs. */
function cloneIn(root: string, { archive = true, installed = false } = {}): string {
  for (const each of ['systemd', 'state', 'var/state']) mkdirSync(join(root, each), { recursive: true });
  if (archive) writeFileSync(join(root, 'state/archive-id'), 'mine');
  if (installed) writeFileSync(join(root, 'var/state/archive-id'), 'theirs');
  const script = join(root, 'systemd/install.sh');
  const text = source
    .replace('[ -d /run/systemd/system ]', '[ -d / ]')
    .replace(/\nmain "\$@"\n$/, `${stubs}main "$@"\n`);
  writeFileSync(script, text);
  return script;
}

const question = 'Move it to';

for (const [name, keys, move] of [
  ['y', 'y\r', 'yes'],
  ['Yes', 'Yes\r', 'yes'],
  ['n', 'n\r', 'no'],
  ['nothing', '\r', 'no'],
  ['something else', 'maybe, y\r', 'no'],
] as const)
  t.test(`the offer to move the archive is answered with ${name}`, async t => {
    const { code, shown } = onTerminal(['sh', cloneIn(t.testdir())], [[question, keys]]);
    t.equal(code, 0);
    t.match(shown, /There is an archive in \S+ \(data, state, certs\)\. Move it to \S+\? \[y\/N\] /);
    t.match(shown, new RegExp(`^move=${move}$`, 'm'));
    t.match(shown, /clipward: done\./);
    t.ok(shown.indexOf(question) < shown.indexOf('ensure_tools'), 'asked before anything is changed');
  });

t.test('a question that is not answered ends it before anything is changed, with a sentence', async t => {
  const { code, shown } = onTerminal(['sh', cloneIn(t.testdir())], [[question, endOfInput]]);
  t.equal(code, 1);
  t.match(shown, /\[y\/N\] \nclipward: nothing was changed: say --move [^\n]*, or --no-move [^\n]*\n$/);
  t.notMatch(shown, 'ensure_tools');
});

t.test('nobody is asked who has said it, or where there is nothing to ask', async t => {
  for (const [options, clone, move] of [
    [['--move'], {}, 'yes'],
    [['--no-move'], {}, 'no'],
    [[], { archive: false }, 'no'],
    [['--move'], { archive: false }, 'no'],
    [['--move'], { installed: true }, 'no'],
    [[], { installed: true }, 'no'],
  ] as const) {
    const what = JSON.stringify([options, clone]);
    const { code, shown } = onTerminal(['sh', cloneIn(t.testdir({}), clone), ...options]);
    t.equal(code, 0, what);
    t.notMatch(shown, question, what);
    t.match(shown, new RegExp(`^move=${move}$`, 'm'), what);
  }
});

t.test('where nobody can be asked, it has to be said', async t => {
  const { status, stdout, stderr } = spawnSync('sh', [cloneIn(t.testdir())], { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(stderr, /^clipward: there is an archive in .*: say --move .*, or --no-move /);
  t.notMatch(stdout, 'ensure_tools');
});

/** Runs some of its functions, with `script` in the place of its call of main. */
function runPart(root: string, script: string) {
  mkdirSync(join(root, 'systemd'), { recursive: true });
  const file = join(root, 'systemd/part.sh');
  writeFileSync(file, source.replace(/\nmain "\$@"\n$/, `\n${script}\n`));
  return spawnSync('sh', [file], { encoding: 'utf8' });
}

t.test('who is not root is told so, before anything else', t => {
  const script = 'id() { echo 1000; }\ninstall() { echo installed; }\nmain';
  const { status, stdout, stderr } = runPart(t.testdir(), script);
  t.equal(status, 1);
  t.match(stderr, /^clipward: this has to be run as root: sudo /);
  t.equal(stdout, '');
  t.end();
});

t.test('a Node that is missing, too old, or where the services cannot see it is refused', t => {
  const root = t.testdir({ none: {}, old: {}, elsewhere: {} });
  const node = (directory: string, version: string) =>
    writeFileSync(join(root, directory, 'node'), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
  node('old', 'v23.11.1');
  node('elsewhere', 'v24.0.0');
  for (const [directory, sentence] of [
    ['none', /^clipward: Node 24 or newer is needed, and there is none: install /],
    ['old', /^clipward: Node 24 or newer is needed, \S+ is v23\.11\.1: install /],
    ['elsewhere', /^clipward: \S+elsewhere\/node is outside of \/usr, where /],
  ] as const) {
    const path = directory === 'none' ? join(root, 'none') : `${join(root, directory)}:$PATH`;
    const { status, stderr } = runPart(root, `PATH=${path}\nfind_node`);
    t.equal(status, 1, directory);
    t.match(stderr, sentence);
  }
  t.end();
});

t.test('a file that is as it should be is left alone', t => {
  const root = t.testdir();
  const file = join(root, 'new/place/a.conf');
  const write = (text: string) =>
    runPart(root, `echo '${text}' | { write_file ${file} 640; echo "$wrote"; }`).stdout;
  t.equal(write('one'), 'yes\n');
  t.equal(statSync(file).mode & 0o777, 0o640);
  const { ino } = statSync(file);
  t.equal(write('one'), 'no\n');
  t.equal(statSync(file).ino, ino, 'not even exchanged');
  t.equal(write('two'), 'yes\n');
  t.equal(readFileSync(file, 'utf8'), 'two\n');
  t.same(readdirSync(join(root, 'new/place')), ['a.conf'], 'nothing half written stays');
  t.end();
});

/** An archive in the clone, moved into `var` by the real functions; who runs there is what `running` says. */
function moveArchive(root: string, running = '') {
  const files = ['data/MARKER', 'data/clips/a.mp4', 'certs/ca.key', 'state/archive-id', 'state/secrets/mail'];
  for (const file of [...files, 'data/README.md']) {
    mkdirSync(join(root, file, '..'), { recursive: true });
    writeFileSync(join(root, file), file);
  }
  for (const each of ['data/clips', 'state', 'certs'])
    mkdirSync(join(root, 'var', each), { recursive: true });
  return runPart(
    root,
    `data=${join(root, 'var')}
move=yes
node=tells_who_runs
tells_who_runs() { echo '${running}'; }
mv() { echo "moved \${2#"$data"/}"; command mv "$@"; }
for each in set_rights make_directories keep_earlier_ports; do eval "$each() { echo $each; }"; done
move_archive`,
  );
}

t.test('an archive is moved entry by entry, and what shows that there is one comes last', t => {
  const root = t.testdir();
  const { status, stdout, stderr } = moveArchive(root);
  t.equal(stderr, '');
  t.equal(status, 0);
  t.same(stdout.trim().split('\n').slice(0, -1), [
    ...['moved data/MARKER', 'moved data/clips', 'moved certs/ca.key', 'moved state/secrets'],
    ...['moved state/archive-id', 'set_rights', 'make_directories', 'keep_earlier_ports'],
  ]);
  t.match(stdout, /\nclipward: the archive of \S+ is in \S+var now\n$/);
  t.equal(readFileSync(join(root, 'var/data/clips/a.mp4'), 'utf8'), 'data/clips/a.mp4');
  t.same(readdirSync(join(root, 'data')), ['README.md'], 'what belongs to the clone stays');
  t.notOk(existsSync(join(root, 'state')));
  t.end();
});

t.test('an archive is not moved under a daemon, nor over anything', t => {
  const root = t.testdir();
  const running = moveArchive(root, 'receive');
  t.equal(running.status, 1);
  t.match(running.stderr, /^clipward: Clipward runs in \S+: stop it there/);
  t.notMatch(running.stdout, 'moved');
  mkdirSync(join(root, 'var/certs'), { recursive: true });
  writeFileSync(join(root, 'var/certs/ca.key'), 'another');
  const { status, stderr } = moveArchive(root);
  t.equal(status, 1);
  t.match(stderr, /^clipward: \S+var\/certs\/ca\.key is there already: move it away, then try again\.\n$/);
  t.equal(readFileSync(join(root, 'var/certs/ca.key'), 'utf8'), 'another');
  t.ok(existsSync(join(root, 'state/archive-id')), 'and it can be tried again');
  t.end();
});
