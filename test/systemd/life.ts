// The life of an installation, from an archive that was tried out in place to the removal of the program, as its steps. Each
// looks from outside: uploads of a camera over the network, commands of an administrator, and what systemd says.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { actAsAdministrator } from './administrator.ts';
import { actAsCamera } from './camera.ts';
import { type Container, until } from './container.ts';

export type Step = readonly [name: string, work: () => Promise<void>];

const units = ['archive', 'receive', 'outbound'].map(role => `clipward-${role}.service`);
const receiver = 'clipward-receive.service';
const released = '/srv/clipward';
const newer = '/srv/clipward-newer';
const crashes = 20;
const crashesWithinMs = 60_000;

export function stepsOf(parts: { container: Container; release: string }): Step[] {
  const { container, release } = parts;
  const { must, run, files } = container;
  const camera = actAsCamera(container);
  const { install, mustInstall, clips, command, mainPid, catalogueVersion } = actAsAdministrator(container);
  const filed = (count: number) =>
    until(
      `${count} clips`,
      async () => {
        const found = await clips();
        return found.length >= count && found;
      },
      30_000,
    );

  return [
    [
      'a machine boots',
      async () => {
        await container.boot();
        execFileSync('tar', ['--extract', '--file', release, '--directory', join(files, 'srv')]);
        await must('sh', '-c', `mv /srv/clipward-* ${released}`);
      },
    ],
    [
      'without Node, or with an old one, nothing is installed',
      async () => {
        const none = await install(released);
        assert.match(
          none.stderr,
          /Node 24 or newer is needed, and there is none: install the package nodejs/,
        );
        assert.equal(none.code, 1);
        mkdirSync(join(files, 'usr/local/bin'), { recursive: true });
        const node = join(files, 'usr/local/bin/node');
        writeFileSync(node, '#!/bin/sh\necho v23.11.1\n', { mode: 0o755 });
        const old = await install(released);
        assert.match(old.stderr, /Node 24 or newer is needed, \/usr\/local\/bin\/node is v23\.11\.1/);
        assert.equal(old.code, 1);
        assert.equal((await run('test', '-e', '/opt/clipward')).code, 1);
        copyFileSync(process.execPath, node);
      },
    ],
    [
      'it is tried out in place, in one process, and a camera uploads',
      async () => {
        writeFileSync(join(files, released, 'config/clipward.yaml'), smallDisk);
        const program = `${released}/bin/clipward.mjs`;
        await must(
          'sh',
          '-c',
          `cd ${released} && (node bin/clipward.mjs serve >serve.log 2>&1 & echo $! >serve.pid)`,
        );
        await until('the port', async () => /:2121 /.test(await must('ss', '-ltn')));
        await camera.add(program);
        await camera.upload('before.mp4', 2121);
        await until(
          'the clip',
          async () => JSON.parse(await must(program, 'clip', 'list', '--json')).length === 1,
        );
        const refused = await install(released, '--move');
        assert.match(refused.stdout, /settings taken over from \/srv\/clipward\/config\/clipward\.yaml/);
        assert.match(refused.stderr, /Clipward runs in \/srv\/clipward: stop it there/);
        await must('sh', '-c', `kill $(cat ${released}/serve.pid)`);
        await until('its end', async () => !/:2121 /.test(await must('ss', '-ltn')));
      },
    ],
    [
      'it is installed, and the archive moves when that is said',
      async () => {
        assert.match((await install(released)).stderr, /say --move to move it/);
        const said = await mustInstall(released, '--move');
        for (const expected of [
          /Node v\d+\.\d+\.\d+ \(\/usr\/local\/bin\/node\) does not belong to a package/,
          /the archive of \/srv\/clipward is in \/var\/lib\/clipward now/,
          /clipward-receive\.service runs/,
          /clipward: done\./,
        ])
          assert.match(said, expected);
        for (const left of ['data', 'state', 'config/clipward.yaml'])
          assert.equal((await run('test', '-e', `/opt/clipward/current/${left}`)).code, 1, left);
        assert.equal((await clips()).length, 1);
        await must('clipward', 'verify');
      },
    ],
    [
      'it is installed again, and nothing is started afresh',
      async () => {
        const before = await Promise.all(units.map(mainPid));
        assert.match(await mustInstall(released), /clipward-archive\.service runs already/);
        assert.deepEqual(await Promise.all(units.map(mainPid)), before);
      },
    ],
    [
      'each role has its user, no capability, and only the network that it needs',
      async () => {
        for (const unit of units) {
          const pid = await mainPid(unit);
          const status = await must('cat', `/proc/${pid}/status`);
          for (const kind of ['Eff', 'Prm', 'Bnd', 'Amb'])
            assert.match(status, new RegExp(`Cap${kind}:\\s0+\\n`));
          assert.match(status, /NoNewPrivs:\s1\n/);
          assert.match(status, /Seccomp:\s2\n/);
        }
        const network = await must(
          'nsenter',
          '--net',
          '--target',
          await mainPid(units[0] as string),
          'ip',
          '-o',
          'link',
        );
        assert.match(network, /^1: lo: [^\n]*\n$/);
        assert.match(await must('ss', '-ltn'), /:21 [\s\S]*:990 |:990 [\s\S]*:21 /);
      },
    ],
    [
      'the receiver reads no archive, no secret, no key of the authority',
      async () => {
        const [clip] = await clips();
        const foreign = {
          clip: `data/${clip?.path}`,
          catalogue: 'state/catalogue/catalogue.db',
          'signing key': 'state/secrets/signing.key',
          'key of the authority': 'certs/ca.key',
        };
        const owned = { accounts: 'state/access.db', 'its key': 'certs/server-rsa.key' };
        const pid = await mainPid(receiver);
        const readBy = async (path: string, ...namespace: string[]) =>
          (
            await run(
              ...namespace,
              ...[
                'setpriv',
                '--reuid=clipward-receive',
                '--regid=clipward-receive',
                '--init-groups',
                '--',
                'head',
                '-c1',
              ],
              `/var/lib/clipward/${path}`,
            )
          ).code;
        for (const [what, path] of Object.entries(foreign)) {
          assert.equal((await run('test', '-s', `/var/lib/clipward/${path}`)).code, 0, what);
          assert.notEqual(await readBy(path), 0, `${what}, by the rights of files alone`);
          assert.notEqual(
            await readBy(path, 'nsenter', '--mount', '--target', pid),
            0,
            `${what}, in the unit`,
          );
        }
        for (const [what, path] of Object.entries(owned)) assert.equal(await readBy(path), 0, what);
      },
    ],
    [
      'a camera uploads to 21 and 990, and to the port that it was told before',
      async () => {
        await camera.upload('explicit.mp4', 21);
        await camera.upload('implicit.mp4', 990);
        await camera.upload('earlier.mp4', 2121);
        for (const { originalPath, thumbnail, codec } of await filed(4))
          assert.ok(thumbnail !== null && codec === 'h264', `${originalPath} was decoded`);
      },
    ],
    [
      'a camera is recorded',
      async () => {
        await camera.stream();
        await until('footage', async () => (await command('footage', 'list', '--camera', 'den')).length > 0);
        const { cameras } = (await command('status')) as { cameras: { recording: boolean | null }[] };
        assert.equal(cameras[0]?.recording, true);
      },
    ],
    [
      'killed at any time, each role comes back',
      async () => {
        for (const unit of units) {
          const before = await mainPid(unit);
          await must('kill', '-9', before);
          await until(`${unit} to be back`, async () => {
            const now = await mainPid(unit);
            return now !== '0' && now !== before && (await run('systemctl', 'is-active', unit)).code === 0;
          });
        }
        await camera.upload('after-kill.mp4', 21);
        await filed(5);
      },
    ],
    [
      `${crashes} crashes of the receiver, one after the other, and the next upload is taken`,
      async () => {
        const startedAt = performance.now();
        for (let crash = 0; crash < crashes; crash++) {
          const pid = await until('the receiver', async () => {
            const now = await mainPid(receiver);
            return now !== '0' && now;
          });
          await must('kill', '-9', pid);
          await until('its end', async () => (await mainPid(receiver)) !== pid);
        }
        const tookMs = performance.now() - startedAt;
        console.log(`    ${crashes} crashes took ${Math.round(tookMs / 1000)} s`);
        assert.ok(tookMs < crashesWithinMs, 'in a minute');
        // Nothing is waited for: the sockets are open all the time.
        await camera.upload('after-crashes.mp4', 21);
        await filed(6);
      },
    ],
    [
      'a role that hangs is started afresh by the watchdog, whose time a drop-in may change',
      async () => {
        const dropIn = `etc/systemd/system/${receiver}.d/watchdog.conf`;
        mkdirSync(join(files, dropIn, '..'), { recursive: true });
        writeFileSync(join(files, dropIn), '[Service]\nWatchdogSec=9\n');
        await must('systemctl', 'daemon-reload');
        await must('systemctl', 'restart', receiver);
        const pid = await mainPid(receiver);
        await must('kill', '-STOP', pid);
        await until('another process', async () => !['0', pid].includes(await mainPid(receiver)));
        assert.match(await must('journalctl', '-u', receiver, '-o', 'cat'), /Watchdog timeout/);
        await camera.upload('after-hang.mp4', 990);
        await filed(7);
        await must('rm', `/${dropIn}`);
        await must('systemctl', 'daemon-reload');
        await must('systemctl', 'restart', receiver);
      },
    ],
    [
      'a full disk refuses uploads and ends recording, nothing else, and both come back by themselves',
      async () => {
        const stuffing = '/var/lib/clipward/stuffing';
        // All that there is: fallocate takes nothing when that is not there, dd what there is.
        await run('dd', 'if=/dev/zero', `of=${stuffing}`, 'bs=1M');
        await until('a refusal', async () => (await camera.tryUpload('full.mp4', 21)) === 452);
        for (const unit of units) assert.equal((await run('systemctl', 'is-active', unit)).code, 0, unit);
        await must('rm', stuffing);
        await until('an upload', async () => (await camera.tryUpload('after-full.mp4', 21)) === 226);
        await filed(8);
        const recordedUntil = async () =>
          Math.max(
            ...(await command('footage', 'list', '--camera', 'den')).map(
              (each: { endAt: string | null }) => Date.parse(each.endAt ?? '') || 0,
            ),
          );
        const then = await recordedUntil();
        await until('more footage', async () => (await recordedUntil()) > then);
      },
    ],
    [
      'a new version brings the schema up to date',
      async () => {
        await must('cp', '-a', released, newer);
        await must(
          'rm',
          '-rf',
          `${newer}/data`,
          `${newer}/state`,
          `${newer}/certs`,
          `${newer}/config/clipward.yaml`,
        );
        makeNewer(join(files, newer));
        const before = await catalogueVersion();
        const said = await mustInstall(newer);
        assert.match(said, /program installed in \/opt\/clipward\/0\.2\.0-/);
        assert.equal(await catalogueVersion(), before + 1);
        assert.equal((await clips()).length, 8);
        await camera.upload('after-upgrade.mp4', 990);
        await filed(9);
        assert.equal(
          readdirSync(join(files, 'opt/clipward')).length,
          3,
          'this version, the one before it, `current`',
        );
      },
    ],
    [
      'an older version does not touch a newer schema, and says so',
      async () => {
        const { code, stderr } = await install(released);
        assert.equal(code, 1);
        assert.match(stderr, /this version of clipward knows up to/);
        await mustInstall(newer);
        assert.equal((await clips()).length, 9);
      },
    ],
    [
      'the machine is switched off and on',
      async () => {
        await container.powerOff();
        await container.boot();
        await camera.upload('after-boot.mp4', 21);
        await filed(10);
      },
    ],
    [
      'everything is as it should be',
      async () => {
        await must('clipward', 'verify');
        await must('clipward', 'check');
      },
    ],
    [
      'the program is removed, the data stay, and a new installation finds them',
      async () => {
        const said = await mustInstall(newer, '--uninstall');
        assert.match(said, /still in \/var\/lib\/clipward/);
        assert.equal(await must('systemctl', 'list-unit-files', '--no-legend', 'clipward*'), '');
        assert.doesNotMatch(await must('ss', '-ltn'), /:(21|990|2121) /);
        for (const gone of ['/opt/clipward', '/usr/local/bin/clipward'])
          assert.equal((await run('test', '-e', gone)).code, 1, gone);
        await mustInstall(newer, '--uninstall');
        await mustInstall(newer);
        assert.equal((await clips()).length, 10);
        await must('clipward', 'verify');
        await camera.upload('at-the-end.mp4', 21);
        await filed(11);
      },
    ],
  ];
}

/** What a disk of some hundred megabytes needs. */
const smallDisk = `ftps:
  limits:
    minFreeBytes: 67108864
retention:
  minFreeBytes: 100663296
`;

/** A release as one that follows, with one more migration. */
function makeNewer(directory: string): void {
  const packageFile = join(directory, 'package.json');
  writeFileSync(
    packageFile,
    readFileSync(packageFile, 'utf8').replace(/"version": "[^"]*"/, '"version": "0.2.0"'),
  );
  writeFileSync(join(directory, 'dist/.stamp'), 'newer');
  const migrations = join(directory, 'dist/catalogue/migrations');
  const number = `${readdirSync(migrations).length + 1}`.padStart(3, '0');
  writeFileSync(join(migrations, `${number}-newer.sql`), 'ALTER TABLE clip ADD COLUMN newer TEXT;\n');
}
