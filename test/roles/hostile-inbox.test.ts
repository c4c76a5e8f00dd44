// A receiver that was taken over, at work in the inbox under its own user, against a running archive.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { newUploadId } from '../../src/archive/upload-id.ts';
import { receiptFor } from '../archive/sample-receipt.ts';
import { addCamera } from '../support/daemon.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import {
  makePartedInstallation,
  needsRoot,
  receiver,
  residentBytes,
  runAs,
} from '../support/parted-roles.ts';

const backlog = 50_000;
/** Until an honest clip of another camera is filed, while a backlog is being worked off; usually it takes a second. */
const honestDeadlineMs = 20_000;
/** What the archive may need for a backlog, however long. Measured: 40 to 90 MB, most of it the watcher's list of names. */
const maxGrowthBytes = 256 * 1024 * 1024;

const bytes = Buffer.from('forged bytes');

t.test(
  'what a receiver that was taken over leaves in the inbox',
  { skip: needsRoot, timeout: 280_000 },
  async t => {
    const installation = await makePartedInstallation({
      settings: [
        '  limits: { minFreeBytes: 0, maxUploadBytes: 1048576 }',
        'ingest: { reconcileIntervalMs: 1000 }',
      ],
    });
    const { dataDir, stateDir, certsDir } = installation;
    const archive = await installation.archive();
    const receive = await installation.receive();
    t.teardown(async () => {
      await receive.stop();
      await archive.stop();
      installation.remove();
    });
    const password = await addCamera(installation, 'garage');
    const client = await loginExplicit(installation.explicitPort, { user: 'garage', password });
    t.equal((await client.upload('first.txt', Buffer.from('the first honest clip'))).code, 226);
    await archive.waitForLog(line => line.msg === 'clip filed');
    const [first] = await installation.json(['clip', 'list']);
    const clipPath = join(dataDir, first.path);
    const outside = () =>
      [clipPath, join(dataDir, 'MARKER'), join(stateDir, 'access.db'), join(certsDir, 'ca.key')].map(path => {
        const { mode, ino, size } = statSync(path);
        return `${path} ${mode} ${ino} ${size} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
      });
    const before = outside();
    const quarantined = () =>
      archive.logged().filter(line => line.msg === 'entry quarantined') as {
        camera?: string;
        upload?: string;
        reason?: string;
      }[];

    /** Makes `inbox/front/<id>` as the receiver would, then does what `script` says in it: `$1` is a path to point at. */
    const plant = async (script: string, change: Record<string, unknown> = {}, target = clipPath) => {
      const id = newUploadId();
      const receipt = JSON.stringify(receiptFor(id, bytes, { camera: 'front', ...change }));
      const made = await runAs(
        receiver,
        // Elsewhere first, then one rename, as the receiver does.
        `umask 007; entry="$2/incoming/$3"; mkdir -p "$2/inbox/front" && mkdir -m 2770 "$entry" && cd "$entry" &&
       printf %s "$4" > receipt.json && printf %s "$5" > media && { ${script}
       } && mv "$entry" "$2/inbox/front/$3"`,
        target,
        dataDir,
        id,
        receipt,
        bytes.toString(),
      );
      t.equal(made.code, 0, `planted: ${script} ${made.stderr}`);
      return id;
    };
    const device = newUploadId();

    await t.test('is refused, each piece for its reason, and put into quarantine', async t => {
      const expected = new Map<string, RegExp>();
      const expectRefusal = async (reason: RegExp, planted: Promise<string>) =>
        expected.set(await planted, reason);
      const irregular = /not a regular file with one link/;
      await expectRefusal(irregular, plant('rm media; mkfifo media'));
      await expectRefusal(irregular, plant('rm receipt.json; mkfifo receipt.json'));
      await expectRefusal(irregular, plant('rm media; ln -s "$1" media'));
      await expectRefusal(
        irregular,
        plant('rm receipt.json; ln -s "$1" receipt.json', {}, join(stateDir, 'access.db')),
      );
      await expectRefusal(irregular, plant('ln media ../../incoming/second-name'));
      await expectRefusal(
        /longer than 16384 bytes/,
        plant('head -c 20000 /dev/zero | tr "\\\\0" " " >> receipt.json'),
      );
      await expectRefusal(/not as long as the receipt says/, plant('echo more >> media'));
      await expectRefusal(/not as long as the receipt says/, plant(':', { bytes: 1 }));
      await expectRefusal(
        /longer than an upload may be/,
        plant('truncate -s 1T media', { bytes: 1024 ** 4 }),
      );
      await expectRefusal(
        /The receipt says 12 bytes with SHA-256 0{64}/,
        plant(':', { sha256: '0'.repeat(64) }),
      );
      await expectRefusal(/another camera or another upload/, plant(':', { camera: 'garage' }));
      await expectRefusal(/another camera or another upload/, plant(':', { camera: '../../clips/garage' }));
      await expectRefusal(/another camera or another upload/, plant(':', { id: newUploadId() }));
      await expectRefusal(/not what a receipt must be/, plant(':', { path: '../../../etc/passwd' }));
      await expectRefusal(/not what a receipt must be/, plant(':', { path: '/etc/passwd' }));
      await expectRefusal(/something else than media/, plant('mkdir -p deep/deeper; ln -s / deep/root'));
      await expectRefusal(/has no receipt/, plant('rm receipt.json'));
      await expectRefusal(/not be read by the archive|not a regular file/, plant('chmod 000 media'));
      // Nobody but root makes a device; it might be left by something else that went wrong.
      execFileSync('sh', [
        '-c',
        'mkdir -m 2770 "$1/incoming/$2" && cp "$1/MARKER" "$1/incoming/$2/receipt.json" && mknod "$1/incoming/$2/media" c 1 5 && printf %s "$3" > "$1/incoming/$2/receipt.json" && chown -R "$4" "$1/incoming/$2" && mv "$1/incoming/$2" "$1/inbox/front/"',
        'sh',
        dataDir,
        device,
        JSON.stringify(receiptFor(device, bytes, { camera: 'front' })),
        `${receiver.uid}:${receiver.gid}`,
      ]);
      expected.set(device, irregular);
      for (const [id, reason] of expected) {
        const { reason: said } = await archive.waitForLog(
          line => line.upload === id && line.msg === 'entry quarantined',
        );
        t.match(said, reason);
        t.same(readdirSync(join(dataDir, 'quarantine', 'front', id)).sort(), ['entry', 'reason.json']);
      }
      t.same(readdirSync(join(dataDir, 'inbox', 'front')), []);
    });

    await t.test('so are names of every kind, in the inbox itself too', async t => {
      const seen = quarantined().length;
      const { code, stderr } = await runAs(
        receiver,
        `umask 007; cd "$1/inbox" && mkfifo fifo && ln -s "$2" garden && mkdir 'Odd name' && echo x > 'Odd name/x' && echo x > file &&
       mkdir front/short && echo x > "front/$(printf '\\377\\376')" && mkdir "$(printf '\\377')" && ln -s ../../clips linked`,
        dataDir,
        join(dataDir, 'clips'),
      );
      t.equal(code, 0, stderr);
      const wanted = [
        '. fifo',
        '. garden',
        'Odd name x',
        '. file',
        'front short',
        'front /hex:fffe',
        '. /hex:ff',
        '. linked',
      ];
      await archive.waitForLog(line => line.msg === 'entry quarantined', seen + wanted.length);
      t.same(
        quarantined()
          .slice(seen)
          .map(line => `${line.camera} ${line.upload}`)
          .sort(),
        wanted.sort(),
      );
      t.same(readdirSync(join(dataDir, 'inbox')).sort(), ['Odd name', 'front', 'garage']);
    });

    await t.test('what its owner keeps to himself is told once and stops nobody', async t => {
      const closed = await plant('chmod 0700 .');
      await archive.waitForLog(line => line.upload === closed && line.msg === 'entry cannot be quarantined');
      await runAs(receiver, 'mkdir -m 0700 "$1/inbox/locked"', dataDir);
      await archive.waitForLog(
        line => line.upload === 'locked' && line.msg === 'entry cannot be quarantined',
      );
      const startedAt = performance.now();
      t.equal((await client.upload('second.txt', Buffer.from('the second'))).code, 226);
      await archive.waitForLog(line => line.msg === 'clip filed', 2);
      t.ok(performance.now() - startedAt < honestDeadlineMs);
      // A whole reconcile later nothing more is said of them.
      const honest = await plant(':');
      await archive.waitForLog(line => line.upload === honest && line.msg === 'clip filed');
      t.equal(archive.logged().filter(line => line.msg === 'entry cannot be quarantined').length, 2);
    });

    await t.test(
      `a backlog of ${backlog} entries keeps another camera's clip waiting for seconds, and takes no more memory`,
      async t => {
        const residentBefore = residentBytes(archive.pid);
        const flood = await runAs(
          receiver,
          `cd "$1/incoming" && umask 007 && mkdir flood && cd flood && seq -f 'e%025.0f' ${backlog} | xargs mkdir -m 2770 &&
       cd .. && mv flood ../inbox/back-yard`,
          dataDir,
        );
        t.equal(flood.code, 0, flood.stderr);
        // The whole of it was listed, and listed again whenever there was room.
        const isFull = (line: { msg: string }) => line.msg === 'inbox entries wait for room in the queue';
        await archive.waitForLog(isFull, archive.logged().filter(isFull).length + 5);
        const startedAt = performance.now();
        t.equal((await client.upload('third.txt', Buffer.from('the third honest clip'))).code, 226);
        await archive.waitForLog(line => line.camera === 'garage' && line.msg === 'clip filed', 3);
        const tookMs = performance.now() - startedAt;
        t.ok(tookMs < honestDeadlineMs, `filed after ${Math.round(tookMs)} ms`);
        const left = readdirSync(join(dataDir, 'inbox', 'back-yard')).length;
        t.ok(left > 1000, `${left} are left, so it did not wait for them`);
        const grown = residentBytes(archive.pid) - residentBefore;
        t.ok(grown < maxGrowthBytes, `grown by ${Math.round(grown / 2 ** 20)} MiB`);
        t.comment(
          `filed after ${Math.round(tookMs)} ms, ${left} left, ${Math.round(grown / 2 ** 20)} MiB more`,
        );
      },
    );

    t.same(outside(), before, 'nothing outside was read into the archive, changed or removed');
    const clips: { originalPath: string; sha256: string }[] = await installation.json(['clip', 'list']);
    t.same(clips.map(clip => clip.originalPath).sort(), [
      'a/clip.mp4',
      'first.txt',
      'second.txt',
      'third.txt',
    ]);
  },
);
