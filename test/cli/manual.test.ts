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
  }
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
