// install.sh up to where it changes the machine: whether the archive of a clone is moved. What it then does is tried in a
// machine of its own (npm run test:systemd).

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
