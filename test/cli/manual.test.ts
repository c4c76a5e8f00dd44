// The manual page is written from the commands, and what reads it finds nothing wrong with it.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { leavesOf, programOfMain } from '../support/command-tree.ts';
import { runCommand } from '../support/daemon.ts';

const { stdout: page, code } = await runCommand(['manual']);
const file = join(t.testdir(), 'clipward.1');
writeFileSync(file, page);

/** With a terminal that is wide enough for every headline. */
function rendered(program: string, args: string[]) {
  return spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '200', LC_ALL: 'C.UTF-8' },
  });
}

t.test('each command, option and example is in it', async t => {
  t.equal(code, 0);
  const plain = page.replaceAll('\\-', '-').replaceAll('\n', ' ');
  for (const { path, command } of leavesOf(programOfMain())) {
    if (path === 'completion cameras') continue;
    t.ok(plain.includes(`.SS "clipward ${path}`), path);
    for (const { flags } of command.options) t.ok(plain.includes(`.B ${flags} `), `${path} ${flags}`);
    for (const { description, name } of command.registeredArguments.map(each => ({
      description: each.description,
      name: each.name(),
    })))
      if (description !== '')
        t.ok(
          plain.includes(`.B ${name} ${description.charAt(0).toUpperCase()}${description.slice(1, 20)}`),
          `${path} ${name}`,
        );
  }
});

t.test('it says what a program may rely on: exit codes, variables, and where more is written', t => {
  for (const [code, meaning] of [
    ['0', 'All is well'],
    ['1', 'It could not be done'],
    ['2', 'The command line is wrong'],
    ['78', 'The settings are wrong'],
  ])
    t.match(page, new RegExp(`\\n\\.B ${code}\\n${meaning}`));
  for (const name of ['CLIPWARD_CONFIG', 'NO_COLOR', 'TERM', 'CLIPWARD_DEBUG'])
    t.match(page, new RegExp(`\\n\\.B ${name}\\n\\w`));
  t.match(page, /\n\.SH SEE ALSO\n\w/);
  // Where man makes a typographer's sign of it, what is copied from the page could not be typed.
  t.match(page, 'camera\\(aqs clock');
  t.notMatch(page.replaceAll('\\(aq', ''), "'");
  t.end();
});

for (const [program, args] of [
  ['man', ['--warnings', '-E', 'UTF-8', '-l', file]],
  ['mandoc', ['-Tlint', '-Wwarning', file]],
] as const) {
  const isThere = spawnSync(program, ['--version']).error === undefined;
  t.test(`${program} renders it without a warning`, { skip: !isThere && `no ${program}` }, t => {
    const { status, stdout, stderr } = rendered(program, [...args]);
    t.equal(stderr, '');
    t.equal(status, 0);
    if (program === 'man') {
      t.match(stdout, /^ +clipward clip list --camera front-door --since 2h$/m);
      t.match(stdout, /clipward completion bash > ~\/\.local\/share/);
    }
    t.end();
  });
}
