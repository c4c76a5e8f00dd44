// Power cuts, one at a time, on a disk that forgets what it was not told to flush; docs/torture.md says how. The loop that
// does it again and again is torture.test.ts.

import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loginExplicit } from '../support/ftps-client.ts';
import { openStudio, sha256Of } from './contents.ts';
import { type Hook, makeHost } from './host.ts';
import { openLedger } from './ledger.ts';
import { endLeftovers } from './leftovers.ts';
import { judge } from './oracle.ts';
import type { PowerDisk } from './power-disk.ts';
import { withPowerDisk } from './with-power-disk.ts';

t.test('the disk keeps what was synced before its power went, and forgets the rest', t =>
  withPowerDisk(t, async disk => {
    const write = (name: string, isSynced: boolean) => {
      const file = openSync(join(disk.root, name), 'wx');
      try {
        writeFileSync(file, name.repeat(10_000));
        if (isSynced) fdatasyncSync(file);
      } finally {
        closeSync(file);
      }
    };
    for (const outcome of ['none', 'some', 'earliest', 'all'] as const) {
      write(`${outcome}-synced`, true);
      write(`${outcome}-not-synced`, false);
      await disk.cut(outcome, 1);
      t.throws(() => write(`${outcome}-without-power`, true), { code: 'EIO' });
      await disk.restore();
      t.equal(readFileSync(join(disk.root, `${outcome}-synced`), 'utf8'), `${outcome}-synced`.repeat(10_000));
      t.throws(() => readFileSync(join(disk.root, `${outcome}-not-synced`)), { code: 'ENOENT' });
      t.throws(() => readFileSync(join(disk.root, `${outcome}-without-power`)), { code: 'ENOENT' });
    }
  }),
);

t.test('an account that was added is there after the power went', t =>
  withPowerDisk(t, async disk => {
    const host = await makeHost({ root: disk.root });
    t.teardown(() => host.remove());
    // The second is the one in doubt: the journal of the first is gone for certain.
    const names = ['den', 'yard'];
    for (const name of names)
      t.equal((await host.command(['camera', 'add', name, '--allow', '127.0.0.0/8']).result).code, 0);
    await disk.cut('all', 1);
    await disk.restore();
    const running = host.serve();
    t.equal(await running.ready, true);
    const { stdout } = await host.command(['camera', 'list', '--json']).result;
    const listed = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
    t.same(listed.sort(), names);
    running.kill('SIGKILL');
    await running.ended;
  }),
);

const noSync = (what: 'files' | 'catalogue'): Hook => ({
  module: new URL('./no-sync.ts', import.meta.url),
  environment: { CLIPWARD_NO_SYNC: what },
});

/** Uploads some clips, cuts the power at the moment asked for, and answers what is not as promised after the next start. */
async function cutAfterUploads(
  t: Test,
  disk: PowerDisk,
  options: { moment: 'answered' | 'filed'; hook?: Hook },
): Promise<readonly string[]> {
  const root = join(disk.root, 'installation');
  mkdirSync(root);
  const host = await makeHost({ root });
  t.teardown(() => host.remove());
  const added = await host.command(['camera', 'add', 'den', '--allow', '127.0.0.0/8', '--json']).result;
  const { password } = JSON.parse(added.stdout) as { password: string };
  // The first start makes what is there ever after; it is not the one that is tried here.
  const first = host.serve();
  t.equal(await first.ready, true);
  first.kill('SIGTERM');
  await first.ended;

  const running = host.serve(options.hook);
  t.equal(await running.ready, true);
  const studio = await openStudio();
  const ledger = openLedger();
  const client = await loginExplicit(host.explicitPort, { user: 'den', password });
  for (const [index, kind] of (['noise', 'picture', 'video'] as const).entries()) {
    const contents = { kind, number: index, bytes: 50_000 };
    const bytes = studio.bytesOf(contents);
    const attempt = ledger.begin({ camera: 'den', path: `${kind}.mp4`, contents, sha256: sha256Of(bytes) });
    attempt.acknowledged = (await client.upload(attempt.path, bytes)).code === 226;
    t.equal(attempt.acknowledged, true);
  }
  if (options.moment === 'filed') await host.drained();
  await disk.cut('none', 1);
  running.kill('SIGKILL');
  await running.ended;
  endLeftovers(root);
  client.close();
  await disk.restore();

  const again = host.serve();
  t.equal(await again.ready, true);
  await host.drained();
  again.kill('SIGTERM');
  await again.ended;
  const checked = await host.command(['check']).result;
  return [
    ...judge({ ...host, ledger, studio, seen: new Set(), hadPowerCut: true, retains: false }).violations,
    ...(checked.code === 0 ? [] : [checked.stdout]),
  ];
}

for (const moment of ['answered', 'filed'] as const)
  t.test(`clips are there after the power went when they were ${moment}`, t =>
    withPowerDisk(t, async disk => t.same(await cutAfterUploads(t, disk, { moment }), [])),
  );

const lies = [
  { moment: 'answered', what: 'files' },
  { moment: 'filed', what: 'catalogue' },
] as const;
for (const { moment, what } of lies)
  t.test(
    `a program that does not sync its ${what} loses clips that were ${moment}: the test would see it`,
    t =>
      withPowerDisk(t, async disk => {
        const violations = await cutAfterUploads(t, disk, { moment, hook: noSync(what) });
        t.match(violations.join('\n'), /answered 226 1 times of 1: not there/);
      }),
  );
