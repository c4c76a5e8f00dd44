// doctor, run by root on an installation whose receiver runs under another user than the archive.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makePartedInstallation, needsRoot } from '../support/parted-roles.ts';

t.test('doctor tries an upload through a receiver of another user', { skip: needsRoot }, async t => {
  const installation = await makePartedInstallation();
  t.teardown(installation.remove);
  const archive = await installation.archive();
  t.teardown(archive.stop);
  const receive = await installation.receive();
  t.teardown(receive.stop);
  const { stdout } = await installation.run(['doctor', '--json']);
  t.match(
    JSON.parse(stdout).filter(({ check }: { check: string }) => check.startsWith('upload-')),
    [{ level: 'pass' }, { level: 'pass' }],
  );
  t.notOk(readdirSync(installation.stateDir).includes('check-pass'));
  t.strictSame(readdirSync(join(installation.dataDir, 'incoming')), []);
  t.notMatch(receive.lines.join('\n'), /"level":[45]0/);
});
