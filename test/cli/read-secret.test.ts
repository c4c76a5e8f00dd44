import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { runCommand } from '../support/daemon.ts';

t.test('a password is one line of standard input, and is never printed or kept', async t => {
  const root = mkdtempSync(join(tmpdir(), 'clipward-secret-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const config = join(root, 'clipward.yaml');
  writeFileSync(config, '');
  const add = (name: string, input: string) =>
    runCommand(
      ['camera', 'add', name, '--allow', '127.0.0.1', '--password-stdin', '--config', config],
      input,
    );
  const secret = 'correct-horse-battery-staple';
  const { code, stdout, stderr } = await add('front-door', `${secret}\r\nsecond line\n`);
  t.equal(code, 0, stderr);
  t.notMatch(stdout + stderr, secret);
  for (const file of readdirSync(join(root, 'state')))
    t.notOk(readFileSync(join(root, 'state', file)).includes(secret), `${file} has at most a hash of it`);
  t.match(await add('back-door', ''), {
    code: 2,
    stderr: /^clipward: .*expected on standard input, and nothing came/,
  });
  t.match(await add('back-door', 'x'.repeat(100_000)), { code: 2, stderr: /^clipward: .*far more came/ });
});
