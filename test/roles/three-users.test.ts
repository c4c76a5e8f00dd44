// Receiver, archive and recorder under users of their own, on the directories that an installer makes: each can do its work, on
// one catalogue, and nothing else.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Daemon } from '../support/daemon.ts';
import { makeElementaryStream, startFakeCamera } from '../support/fake-camera.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { makeMp4 } from '../support/media.ts';
import { needsRoot } from '../support/parted-roles.ts';
import { makeThreeUsers, runAsUser, userNames, userOf } from '../support/three-users.ts';

t.test('three users share one archive, and none reaches more than it needs', { skip: needsRoot }, async t => {
  const place = await makeThreeUsers();
  const { dataDir, stateDir, certsDir } = place;
  const running = new Set<Daemon>();
  t.teardown(async () => {
    for (const daemon of running) await daemon.stop();
    place.remove();
  });
  const start = async (role: 'receive' | 'archive' | 'outbound') => {
    const daemon = await place.serveRole(role);
    running.add(daemon);
    await daemon.waitForLog(({ msg }) => msg === 'ready');
    return daemon;
  };
  const camera = await startFakeCamera({ elementaryStream: await makeElementaryStream() });
  t.teardown(() => camera[Symbol.asyncDispose]());

  const archive = await start('archive');
  const receive = await start('receive');
  const outbound = await start('outbound');
  t.same(
    [archive, receive, outbound].map(({ pid }) => statSync(`/proc/${pid}`).uid),
    [userOf('clipward').uid, userOf('clipward-receive').uid, userOf('clipward-outbound').uid],
  );
  const added = await place.command('camera', 'add', 'den', '--allow', '127.0.0.0/8', '--json');
  t.equal(added.code, 0, added.stderr);
  const { password } = JSON.parse(added.stdout);
  const accounts = await openAccountWriter({ stateDir, clock: systemClock });
  accounts.setCamera('den', { rtspUrl: `rtsp://127.0.0.1:${camera.port}/stream` });
  accounts[Symbol.dispose]();

  const client = await loginExplicit(place.explicitPort, { user: 'den', password });
  t.equal((await client.upload('one.mp4', readFileSync(await makeMp4()))).code, 226);
  await archive.waitForLog(({ msg }) => msg === 'clip filed');
  await outbound.waitForLog(({ msg }) => msg === 'recording');

  const database = join(stateDir, 'catalogue', 'catalogue.db');
  const catalogue = openCatalogue({ file: database, readOnly: true });
  t.teardown(() => catalogue[Symbol.dispose]());
  await until(() => (catalogue.openSegments()[0]?.endAt ?? 0) > (catalogue.openSegments()[0]?.startAt ?? 0));

  await t.test(
    'the recorder goes on while the archive is away, and the archive finds what it filed',
    async t => {
      await archive.stop();
      running.delete(archive);
      await outbound.stop();
      running.delete(outbound);
      const alone = await start('outbound');
      await alone.waitForLog(({ msg }) => msg === 'recording');
      await until(() => catalogue.openSegments().length > 0);
      const again = await start('archive');
      t.equal((await client.upload('two.mp4', readFileSync(await makeMp4({ seconds: 2 })))).code, 226);
      await again.waitForLog(({ msg }) => msg === 'clip filed');
      await alone.stop();
      running.delete(alone);
      const segments = catalogue.segmentsBetween({ camera: 'den', from: 0, to: Date.now() });
      t.equal(segments.length, 2);
      for (const { path } of segments) {
        const read = await runAsUser(userOf('clipward'), ['cat', join(dataDir, path)]);
        t.equal(read.code, 0, 'the archive reads what the recorder wrote');
        t.equal(statSync(join(dataDir, path)).mode & 0o777, 0o440);
      }
      const path = join(dataDir, segments[0]?.path ?? '');
      const moved = await runAsUser(userOf('clipward'), [
        'sh',
        '-ec',
        'mv "$1" "$1.away"; mv "$1.away" "$1"',
        ...['sh', path],
      ]);
      t.equal(moved.code, 0, 'and may take it away: retention');
      for (const file of readdirSync(join(stateDir, 'catalogue')))
        t.equal(statSync(join(stateDir, 'catalogue', file)).mode & 0o777, 0o660, file);
    },
  );

  const clip = JSON.parse((await place.command('clip', 'list', '--json')).stdout)[0];
  const shared = {
    clip: join(dataDir, clip.path),
    catalogue: database,
    footage: join(dataDir, 'footage'),
    accounts: join(stateDir, 'access.db'),
    signingKey: join(stateDir, 'secrets', 'signing.key'),
    streamPasswords: join(stateDir, 'secrets', 'rtsp'),
    authorityKey: join(certsDir, 'ca.key'),
    serverKey: join(certsDir, 'server-rsa.key'),
    incoming: join(dataDir, 'incoming'),
    inbox: join(dataDir, 'inbox'),
    receiverMemory: join(stateDir, 'receiver', 'receiver.db'),
    marker: join(dataDir, 'MARKER'),
    state: stateDir,
    data: dataDir,
  };
  const rights: Record<keyof typeof shared, string> = {
    // What archive, receiver and recorder may do: r(ead or list), w(rite or make files in).
    clip: 'r - -',
    catalogue: 'rw - rw',
    footage: 'rw - rw',
    accounts: 'rw r r',
    signingKey: 'rw - -',
    streamPasswords: 'rw - r',
    authorityKey: 'rw - -',
    serverKey: 'rw r -',
    incoming: 'rw rw -',
    inbox: 'rw rw -',
    receiverMemory: 'rw rw -',
    marker: 'rw r r',
    state: 'rw r r',
    data: 'rw r r',
  };
  for (const [what, path] of Object.entries(shared)) {
    await t.test(what, async t => {
      const found: string[] = [];
      for (const name of userNames) {
        const may = async (right: 'r' | 'w') =>
          (await runAsUser(userOf(name), ['test', `-${right}`, path])).code === 0 ? right : '';
        found.push(`${await may('r')}${await may('w')}` || '-');
      }
      t.equal(found.join(' '), rights[what as keyof typeof shared]);
    });
  }

  await t.test('nobody else gets anything', t => {
    for (const root of [dataDir, stateDir, certsDir]) {
      for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        t.equal(statSync(path).mode & 0o007, 0, path);
      }
    }
    t.end();
  });
  const checked = await place.command('check');
  t.equal(checked.code, 0, checked.stdout);
  const status = JSON.parse((await place.command('status', '--json')).stdout);
  t.same(status.running, ['receive', 'archive'], 'the locks of all roles are seen by the owner');
});

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
