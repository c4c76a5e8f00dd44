import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { mountTmpfs } from '../support/mounted.ts';

const mebibyte = 1024 * 1024;

t.test(
  'a target disk without room is told before anything is copied, or leaves what goes on later',
  async t => {
    const disk = mountTmpfs(t, '2m');
    if (disk === undefined)
      return void t.pass('needs the right to mount a small file system', { skip: true });
    const installation = await makeInstallation();
    t.teardown(() => installation.remove());
    const password = await addCamera(installation, 'den');
    const daemon = await installation.serve();
    t.teardown(() => daemon.stop());
    const client = await loginExplicit(installation.explicitPort, { user: 'den', password });
    for (let number = 1; number <= 3; number++)
      t.equal((await client.upload(`${number}.bin`, Buffer.alloc(mebibyte, number))).code, 226);
    await daemon.waitForLog(line => line.msg === 'clip filed', 3);
    client.close();

    const out = join(disk, 'backup');
    const backup = (...args: string[]) => installation.run(['backup', '--out', out, ...args]);
    const early = await backup();
    t.match(early, {
      code: 1,
      stderr: /^clipward: There is no room for this backup: .*3145728 bytes[^\n]+\n$/,
    });
    t.notOk(existsSync(out), 'and nothing is left of it');

    // Room for the media, and not for the databases.
    execFileSync('mount', ['-o', 'remount,size=3200k', disk]);
    const late = await backup();
    t.match(late, { code: 1, stderr: /^clipward: [^\n]*(no room|is full)[^\n]+\n$/ });
    t.ok(existsSync(join(out, 'INCOMPLETE')));
    t.notOk(existsSync(join(out, 'state', 'archive-id')), 'no daemon starts on it');

    // The media itself has no room: one file is there no more, and what would have been its place is taken.
    const names = readdirSync(join(out, 'data', 'clips'), { recursive: true, encoding: 'utf8' });
    const [clip = ''] = names
      .map(name => join(out, 'data', 'clips', name))
      .filter(path => statSync(path).isFile());
    rmSync(clip);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(mebibyte - 100_000));
    const full = await backup('--resume');
    t.match(full, { code: 1, stderr: /^clipward: The disk of \S+backup is full, .*--resume[^\n]+\n$/ });
    t.notOk(existsSync(clip));
    t.notOk(existsSync(`${clip}.part`), 'nothing half is left');

    rmSync(join(disk, 'filler'));
    execFileSync('mount', ['-o', 'remount,size=16m', disk]);
    t.match(await backup('--resume'), { code: 0, stdout: /, complete\nmedia +3 clips/ });
    t.notOk(existsSync(join(out, 'INCOMPLETE')));
    t.notOk(
      daemon.logged().some(({ level }) => Number(level) >= 50),
      'the daemon noticed nothing of it',
    );
  },
);
