// The real daemon on a disk that is filled: by somebody else's file, and by a camera.

import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { addCamera, type Daemon } from '../support/daemon.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { mebibyte, onSmallDisk, whyNoDisk } from './small-disk.ts';

const skip = whyNoDisk();
const clipBytes = 3 * mebibyte;
const hourMs = 3_600_000;
/** Uploads are refused below 20 MiB, and 60 MiB are kept free. */
const settings = [
  `  limits: { minFreeBytes: ${20 * mebibyte} }`,
  `retention: { minFreeBytes: ${60 * mebibyte}, intervalMs: 1000 }`,
];

type Site = Awaited<ReturnType<typeof onSmallDisk>>;
type Listed = { id: string; camera: string; path: string; originalPath: string };

/** Uploads until `count` are taken or one is refused; answers the codes. */
async function upload(site: Site, user: string, password: string, names: string[], bytes = clipBytes) {
  const client = await loginExplicit(site.explicitPort, { user, password });
  const codes: number[] = [];
  for (const name of names) {
    const { code } = await client.upload(name, randomBytes(bytes));
    codes.push(code);
    if (code !== 226) break;
  }
  client.close();
  return codes;
}

/** So many uploads of a camera, filed. */
async function uploadAll(site: Site, daemon: Daemon, user: string, password: string, names: string[]) {
  const before = daemon.logged().filter(line => line.msg === 'clip filed').length;
  await upload(site, user, password, names);
  await daemon.waitForLog(line => line.msg === 'clip filed', before + names.length);
}

/** As if they had arrived so long ago; between two runs of the daemon. */
function makeOlder(site: Site, names: string[], hours: number): void {
  const db = new Database(join(site.stateDir, 'catalogue.db'));
  const older = db.prepare('UPDATE clip SET kept_from = kept_from - ? WHERE original_path = ?');
  for (const name of names) older.run(hours * hourMs, name);
  db.close();
}

async function prepared(t: Parameters<typeof onSmallDisk>[0]) {
  const site = await onSmallDisk(t, 300 * mebibyte, settings);
  const first = await site.serve();
  const [a, b] = [await addCamera(site, 'yard'), await addCamera(site, 'porch')];
  const names = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix}-${i}.bin`);
  const old = names('yard-old', 4);
  await uploadAll(site, first, 'yard', a, [...old, ...names('yard-young', 3)]);
  await uploadAll(site, first, 'porch', b, [...names('porch-old', 1), ...names('porch-young', 2)]);
  await first.stop();
  makeOlder(site, old, 100);
  makeOlder(site, ['porch-old-0.bin'], 90);
  const daemon = await site.serve();
  const ended = daemon.ended.then(() => {
    throw new Error('the daemon ended');
  });
  ended.catch(() => {});
  t.teardown(() => daemon.stop());
  const listed = async () =>
    ((await site.json(['clip', 'list'])) as Listed[]).map(clip => clip.originalPath).sort();
  return { site, daemon, a, names, listed };
}

t.test('a file of somebody else that fills the disk', { skip }, async t => {
  const { site, daemon, a, listed } = await prepared(t);
  t.ok(existsSync(join(site.dataDir, 'ballast')));

  // Below the floor of the receiver, and far below what all that may go could free.
  site.fill(10 * mebibyte);
  const promise = await daemon.waitForLog(line => line.msg === 'retention cannot keep a promise');
  t.match(promise, { promise: 'free-disk', sentence: /more should be free/ });
  const [first] = daemon.logged().filter(line => line.msg === 'media deleted');
  t.match(first?.deleted, [
    { camera: 'yard', reason: 'free-disk', clips: 4 },
    { camera: 'porch', reason: 'free-disk', clips: 1 },
  ]);
  const young = [...[0, 1, 2].map(i => `yard-young-${i}.bin`), ...[0, 1].map(i => `porch-young-${i}.bin`)];
  t.same(await listed(), young.sort(), 'what is younger than minAgeHours stays');
  t.ok(site.freeBytes() >= 20 * mebibyte, 'and the receiver takes uploads again');
  t.same(await upload(site, 'yard', a, ['meanwhile.bin']), [226]);
  await daemon.waitForLog(line => line.msg === 'clip filed');

  // To the last block.
  site.fill(0);
  await daemon.waitForLog(line => line.msg === 'disk is full, ballast given up');
  t.same(await upload(site, 'yard', a, ['refused.bin']), [452]);
  const held = await site.run([
    'hold',
    'add',
    '--camera',
    'yard',
    '--from',
    '2026-01-01',
    '--to',
    '2026-01-02',
  ]);
  t.equal(held.code, 0, `the catalogue still commits: ${held.stderr}`);

  site.release();
  t.same(await upload(site, 'yard', a, ['after.bin']), [226]);
  await daemon.waitForLog(line => line.msg === 'retention keeps a promise again');
  await daemon.waitForLog(line => line.msg === 'ballast made');
  await daemon.waitForLog(line => line.msg === 'clip filed', 2);
  t.same(await listed(), [...young, 'after.bin', 'meanwhile.bin'].sort());
  const checked = await site.run(['check']);
  t.equal(checked.code, 0, checked.stdout);
  t.equal((await daemon.stop()).code, 0, 'it was the same daemon all the time');
});

t.test(
  'what was acknowledged before the disk was full is filed with the room of the ballast',
  { skip },
  async t => {
    const site = await onSmallDisk(t, 200 * mebibyte, settings);
    const first = await site.serve();
    const password = await addCamera(site, 'yard');
    await first.waitForLog(line => line.msg === 'ballast made');
    await first.stop();
    const receiver = await site.serve(['--only', 'receive']);
    t.same(await upload(site, 'yard', password, ['clip.bin']), [226]);
    await receiver.stop();
    // More than what makes the daemon give the ballast up by itself, and less than the copy of the clip takes.
    site.fill(2 * mebibyte);
    const archive = await site.serve(['--only', 'archive']);
    t.teardown(() => archive.stop());
    await archive.waitForLog(line => line.msg === 'disk is full, ballast given up');
    await archive.waitForLog(line => line.msg === 'clip filed');
    t.notOk(existsSync(join(site.dataDir, 'ballast')));
  },
);

t.test('the daemon starts on a disk of which nothing is left, and files what waits', { skip }, async t => {
  const site = await onSmallDisk(t, 200 * mebibyte, settings);
  const first = await site.serve();
  const password = await addCamera(site, 'yard');
  await first.waitForLog(line => line.msg === 'ballast made');
  await first.stop();
  const receiver = await site.serve(['--only', 'receive']);
  t.same(await upload(site, 'yard', password, ['clip.bin'], mebibyte), [226]);
  await receiver.stop();
  site.fillUp();
  t.ok(site.freeBytes() < 4096, 'less than any file takes');
  const daemon = await site.serve();
  t.teardown(() => daemon.stop());
  await daemon.waitForLog(line => line.msg === 'clip filed');
  t.notOk(existsSync(join(site.dataDir, 'ballast')));
  t.same(await upload(site, 'yard', password, ['refused.bin']), [452]);
  site.release();
  t.same(await upload(site, 'yard', password, ['after.bin']), [226]);
  await daemon.waitForLog(line => line.msg === 'clip filed', 2);
});

t.test(
  'without the ballast, a start on a disk of which nothing is left says why it fails',
  { skip },
  async t => {
    const site = await onSmallDisk(t, 200 * mebibyte, settings);
    await (await site.serve()).stop();
    rmSync(join(site.dataDir, 'ballast'));
    site.fillUp();
    for (const role of ['archive', 'receive']) {
      const daemon = await site.serve(['--only', role]);
      t.match(await daemon.ended, { code: 1 });
      t.match(daemon.stderr(), /cannot be opened, there is no room left on its disk: free some of it/, role);
    }
  },
);

t.test("a flood by one camera erases nobody's evidence", { skip }, async t => {
  const { site, daemon, a, names, listed } = await prepared(t);
  const codes = await upload(site, 'yard', a, names('flood', 60), 8 * mebibyte);
  t.equal(codes.at(-1), 452, `${codes.length} uploads, then no more`);
  const flooded = codes.filter(code => code === 226).length;
  t.ok(flooded > 15);
  await daemon.waitForLog(line => line.msg === 'retention cannot keep a promise');
  await daemon.waitForLog(line => line.msg === 'clip filed', flooded);
  const gone = daemon
    .logged()
    .flatMap(line => (line.msg === 'media deleted' ? (line.deleted as object[]) : []));
  t.match(
    gone,
    gone.map(() => ({ camera: 'yard', reason: 'free-disk' })),
    'only its own media goes',
  );
  t.same(
    await listed(),
    [
      ...names('flood', flooded),
      ...[...names('yard-young', 3), ...names('porch-old', 1), ...names('porch-young', 2)],
    ].sort(),
    'its own old clips, and nothing else',
  );
  const checked = await site.run(['check']);
  t.equal(checked.code, 0, checked.stdout);
});
