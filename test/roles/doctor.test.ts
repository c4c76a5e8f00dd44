// doctor, run by root on an installation whose receiver runs under another user than the archive.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { makePartedInstallation, needsRoot, runAs } from '../support/parted-roles.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

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

t.test(
  'whoever may not look is told so in one sentence, and never that there is nothing',
  { skip: needsRoot },
  async t => {
    const installation = await makePartedInstallation();
    t.teardown(installation.remove);
    const archive = await installation.archive();
    await archive.stop();
    for (const command of [
      'doctor',
      'status',
      'clip list',
      'event list',
      'hold list',
      'camera list',
      'ban list',
      'retention run',
      'check',
    ]) {
      const args = [process.execPath, main, ...command.split(' '), '--config', installation.config];
      const { code, stdout, stderr } = await runAs({ uid: 64_199, gid: 64_199 }, 'env -i "$@"', ...args);
      t.not(code, 0, command);
      t.equal(stdout, '');
      t.match(stderr, /^clipward: [^\n]*\bstate\b[^\n]*\n$/, command);
    }
  },
);
