// Each check of doctor stands in docs/doctor.md, in its order, and no other.

import t from 'tap';
import { makeInstallation } from '../support/daemon.ts';
import { read } from './documents.ts';

t.test('docs/doctor.md lists the checks as doctor makes them', async t => {
  const installation = await makeInstallation();
  t.teardown(installation.remove);
  const { stdout } = await installation.run(['doctor', '--json']);
  const made = (JSON.parse(stdout) as { check: string }[]).map(({ check }) => check);
  const table = /\| check \|.*\n\|---\|---\|\n((?:\|.*\n)+)/.exec(read('docs/doctor.md'))?.[1] ?? '';
  const told = table.split('\n').flatMap(row => row.split('|')[1]?.match(/[a-z0-9-]{3,}/g) ?? []);
  const onlyWhenBroken = ['catalogue', 'accounts'];
  t.strictSame(
    told.filter(name => !onlyWhenBroken.includes(name)),
    made,
  );
});
