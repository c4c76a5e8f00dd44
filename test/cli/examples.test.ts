// Whoever asks for help is shown what to type, and what is shown can be typed.

import t from 'tap';
import { examplesOf, pathsWithExamples } from '../../src/cli/examples.ts';
import { complaintAbout, leavesOf, programOfMain } from '../support/command-tree.ts';
import { runCommand } from '../support/daemon.ts';

t.test('every command has examples, and each of them can be typed like that', async t => {
  const leaves = leavesOf(programOfMain()).filter(({ path }) => path !== 'completion cameras');
  t.ok(leaves.length > 30, 'commands were found');
  for (const { path } of leaves) {
    const examples = examplesOf(path);
    t.ok(examples.length > 0, `${path} has examples`);
    for (const [line] of examples) {
      t.ok(line === path || line.startsWith(`${path} `), `${line} is of ${path}`);
      t.equal(await complaintAbout(line), undefined, line);
    }
  }
});

t.test('there are no examples of commands that are gone', async t => {
  const paths = leavesOf(programOfMain()).map(({ path }) => path);
  t.same(
    pathsWithExamples().filter(path => !paths.includes(path)),
    [],
  );
});

t.test('what cannot be typed is found', async t => {
  for (const line of [
    'camera paint yard',
    'camera add',
    'camera add yard --colour red',
    'camera',
    'hold add --event',
  ])
    t.type(await complaintAbout(line), 'string', line);
  t.equal(await complaintAbout('clip list | head -1'), undefined);
});

t.test('the help of a command ends with its examples', async t => {
  const { code, stdout } = await runCommand(['clip', 'export', '--help']);
  t.equal(code, 0);
  t.match(
    stdout,
    /\nExamples:\n {2}# a copy, byte for byte\n {2}clipward clip export fcyfh9dcps --out evidence\.mp4\n/,
  );
});
