// The units as systemd reads them: nothing in them that it does not know, and as little left to a service as it needs.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const source = fileURLToPath(new URL('../../systemd/', import.meta.url));
const unitNames = readdirSync(source).filter(name => /\.(service|socket|target)$/.test(name));
const services = unitNames.filter(name => name.endsWith('.service'));

type Result = { code: number | null; stdout: string; stderr: string };

function run(program: string, ...args: string[]): Promise<Result | undefined> {
  return new Promise(resolve => {
    execFile(program, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') resolve(undefined);
      else resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const isMissing = (await run('systemd-analyze', '--version')) === undefined;
const skip = isMissing ? 'systemd-analyze is not installed' : false;

/** The units in a directory of their own, with the Node of this machine, as install.sh writes them. */
function copyOfUnits(directory: string, change: (text: string) => string = text => text): string[] {
  return unitNames.map(name => {
    const text = readFileSync(join(source, name), 'utf8').replace(
      /^ExecStart=\S+/m,
      `ExecStart=${process.execPath}`,
    );
    writeFileSync(join(directory, name), change(text));
    return join(directory, name);
  });
}

t.test('systemd-analyze verify has nothing to say', { skip }, async t => {
  const verified = await run('systemd-analyze', 'verify', ...copyOfUnits(t.testdir()));
  t.equal(`${verified?.stdout}${verified?.stderr}`, '');
  t.equal(verified?.code, 0);
  const typing = copyOfUnits(t.testdir(), text => text.replace('PrivateUsers=', 'PrivateUser='));
  t.match(
    (await run('systemd-analyze', 'verify', ...typing))?.stderr,
    /PrivateUser/,
    'so this test can fail',
  );
});

t.test('systemd-analyze security rates each service 1.2 or better', { skip }, async t => {
  const directory = t.testdir();
  copyOfUnits(directory);
  t.equal(services.length, 3);
  for (const name of services) {
    const rated = await run(
      'systemd-analyze',
      'security',
      '--offline=true',
      '--no-pager',
      join(directory, name),
    );
    const [, exposure] = /Overall exposure level for \S+: ([0-9.]+) /.exec(rated?.stdout ?? '') ?? [];
    t.ok(Number(exposure) <= 1.2, `${name}: ${exposure}`);
  }
});

t.test('what holds for all three is said alike', t => {
  const common = (name: string) =>
    /^# A crash is followed by a start[\s\S]*?^# Of the machine's files/m.exec(
      readFileSync(join(source, name), 'utf8'),
    )?.[0];
  const [first, ...others] = services.map(common);
  t.type(first, 'string');
  for (const other of others) t.equal(other, first);
  t.end();
});

t.test('what is made of a crash is a start, without end', t => {
  for (const name of services) {
    const text = readFileSync(join(source, name), 'utf8');
    t.match(text, /^StartLimitIntervalSec=0$/m);
    t.match(text, /^Restart=always$/m);
    t.match(text, /^RestartSec=1$/m);
  }
  for (const name of unitNames.filter(each => each.endsWith('.socket')))
    t.match(readFileSync(join(source, name), 'utf8'), /^TriggerLimitIntervalSec=0$/m);
  t.end();
});

t.test('the installer is a script without known mistakes, and says how it is used', async t => {
  const script = join(source, 'install.sh');
  const checked = await run('shellcheck', script);
  if (checked === undefined) t.comment('shellcheck is not installed');
  else t.equal(checked.stdout, '');
  t.match(await run('sh', script, '--help'), { code: 0, stdout: /--uninstall/ });
  t.match(await run('sh', script, '--remove-all'), { code: 2, stderr: /usage/ });
});
