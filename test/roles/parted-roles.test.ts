// The roles as processes of their own: what each needs, has open, and is refused.

import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { loginExplicit, loginImplicit } from '../support/ftps-client.ts';
import { makeMp4 } from '../support/media.ts';
import {
  makePartedInstallation,
  needsRoot,
  networkSockets,
  openThings,
  owner,
  receiver,
  runAs,
} from '../support/parted-roles.ts';

t.test('a role that there is not is refused in one sentence', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  for (const role of ['recorder', 'nonsense', '']) {
    const { code, stderr } = await installation.run(['serve', '--only', role]);
    t.equal(code, 2, role);
    t.match(stderr, /^clipward: .*receive or archive or outbound.*\.\n$/);
  }
});

t.test('the receiver does not start before the archive has been, and says what to start', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const receive = await installation.serve(['--only', 'receive']);
  t.equal((await receive.ended).code, 1, 'no setting is wrong: a supervisor tries again');
  t.match(receive.stderr(), /^clipward: .*archive-id does not exist yet: start .*\n$/);
  t.same(readdirSync(installation.root).sort(), ['clipward.yaml', 'out'], 'nothing was made');
});

t.test('each role runs once for each state directory, and not beside the whole', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const archive = await installation.serve(['--only', 'archive']);
  const receive = await installation.serve(['--only', 'receive']);
  t.same((await installation.json(['status'])).running, ['receive', 'archive']);
  for (const args of [['--only', 'archive'], ['--only', 'receive'], []]) {
    const second = await installation.serve(args);
    t.equal((await second.ended).code, 78, args.join(' '));
    t.match(second.stderr(), /^clipward: Another clipward serve is using /);
  }
  t.equal((await receive.stop()).code, 0);
  t.same((await installation.json(['status'])).running, ['archive']);
  t.equal((await archive.stop()).code, 0);
});

t.test('the receiver has no archive in it, and the archive no network', async t => {
  const installation = await makeInstallation();
  const archive = await installation.serve(['--only', 'archive']);
  const receive = await installation.serve(['--only', 'receive']);
  t.teardown(async () => {
    await receive.stop();
    await archive.stop();
    installation.remove();
  });
  const password = await addCamera(installation, 'garage');
  const client = await loginExplicit(installation.explicitPort, { user: 'garage', password });
  t.equal((await client.upload('a.mp4', readFileSync(await makeMp4()))).code, 226);
  await archive.waitForLog(line => line.msg === 'clip filed');
  t.equal((await client.upload('b.bin', randomBytes(1000))).code, 226, 'a session is open while we look');

  const received = openThings(receive.pid);
  t.ok(
    received.some(thing => thing.endsWith('/receiver.db')),
    'looking shows what is open',
  );
  t.ok(
    received.some(thing => /better-sqlite3.*\.node$/.test(thing)),
    'and what is mapped',
  );
  const forbidden = /catalogue\.db|\/clips|\/thumbnails|\/quarantine|\/secrets|ca\.key|vips|sharp/;
  t.same(
    received.filter(thing => forbidden.test(thing)),
    [],
  );
  t.ok(networkSockets(receive.pid) >= 3, 'two listeners and a session');

  const archived = openThings(archive.pid);
  t.ok(archived.some(thing => thing.endsWith('/catalogue.db')));
  t.ok(archived.some(thing => thing.includes('vips')));
  t.same(
    archived.filter(thing => /receiver\.db|\.key$/.test(thing)),
    [],
  );
  t.equal(networkSockets(archive.pid), 0);
});

t.test(
  'under different users a clip is filed, and the receiver reaches nothing else',
  { skip: needsRoot },
  async t => {
    const installation = await makePartedInstallation();
    const { dataDir, stateDir, certsDir } = installation;
    const archive = await installation.archive();
    const receive = await installation.receive();
    t.teardown(async () => {
      await receive.stop();
      await archive.stop();
      installation.remove();
    });
    t.equal(statSync(`/proc/${receive.pid}`).uid, receiver.uid);
    t.equal(statSync(`/proc/${archive.pid}`).uid, owner.uid);
    // A directory that the group may enter a moment later only is one that the archive's watcher has given up on.
    for (const { pid } of [archive, receive])
      t.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Umask:\s0007$/m);
    // As root, which becomes the owner.
    const password = await addCamera(installation, 'garage');
    const account = { user: 'garage', password };
    const clip = readFileSync(await makeMp4());
    const explicit = await loginExplicit(installation.explicitPort, account);
    t.equal((await explicit.upload('one.mp4', clip)).code, 226);
    const implicit = await loginImplicit(installation.implicitPort, account);
    t.equal((await implicit.upload('two.mp4', clip)).code, 226);
    await archive.waitForLog(line => line.msg === 'clip filed', 2);
    const clips = await installation.json(['clip', 'list']);
    t.same(clips.map((each: { originalPath: string }) => each.originalPath).sort(), ['one.mp4', 'two.mp4']);
    t.ok(clips.every((each: { thumbnail: string | null }) => each.thumbnail !== null));
    t.same(readdirSync(join(dataDir, 'inbox', 'garage')), [], 'the archive removes what the receiver made');

    await t.test('nobody else gets anything, and each gets what it needs', async t => {
      for (const directory of [dataDir, stateDir, certsDir]) {
        for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
          const path = join(entry.parentPath, entry.name);
          t.equal(statSync(path).mode & 0o007, 0, path);
        }
      }
      const facts = (path: string) => {
        const { uid, gid, mode } = statSync(path);
        t.equal(gid, owner.gid, path);
        return `${uid === owner.uid ? 'owner' : uid === receiver.uid ? 'receiver' : uid} ${(mode & 0o7777).toString(8)}`;
      };
      t.same(
        Object.fromEntries(
          [
            ...['MARKER', 'incoming', 'inbox', 'inbox/garage', 'clips', 'thumbnails'].map(name =>
              join(dataDir, name),
            ),
            ...[
              'access.db',
              'archive-id',
              'catalogue.db',
              'archive.lock',
              'secrets',
              'secrets/signing.key',
              'secrets/signing.pub',
              'receiver',
              'receiver/receiver.db',
            ].map(name => join(stateDir, name)),
            ...['ca.key', 'ca.crt', 'server-rsa.key', 'server-ecdsa.crt'].map(name => join(certsDir, name)),
          ].map(path => [path.slice(installation.root.length + 1), facts(path)]),
        ),
        {
          'data/MARKER': 'owner 640',
          'data/incoming': 'owner 2770',
          'data/inbox': 'owner 2770',
          'data/inbox/garage': 'receiver 2770',
          'data/clips': 'owner 2700',
          'data/thumbnails': 'owner 2700',
          'state/access.db': 'owner 640',
          'state/archive-id': 'owner 640',
          'state/catalogue.db': 'owner 600',
          'state/archive.lock': 'owner 600',
          'state/secrets': 'owner 2700',
          'state/secrets/signing.key': 'owner 600',
          'state/secrets/signing.pub': 'owner 600',
          'state/receiver': 'owner 2770',
          'state/receiver/receiver.db': 'receiver 660',
          'certs/ca.key': 'owner 600',
          'certs/ca.crt': 'owner 640',
          'certs/server-rsa.key': 'owner 640',
          'certs/server-ecdsa.crt': 'owner 640',
        },
      );
    });

    await t.test('as the receiver', async t => {
      const clipPath = join(dataDir, clips[0].path);
      const thumbnail = join(dataDir, clips[0].thumbnail);
      t.equal(
        (await runAs(owner, 'cat "$1" > /dev/null', clipPath)).code,
        0,
        'it is there to be read by its owner',
      );
      const attempts: [string, ...string[]][] = [
        ['ls "$1"', join(dataDir, 'clips')],
        ['cat "$1"', clipPath],
        ['cat "$1"', thumbnail],
        ['ls "$1"', join(dataDir, 'thumbnails')],
        ['cat "$1"', join(stateDir, 'catalogue.db')],
        ['cat "$1"', join(stateDir, 'secrets/signing.key')],
        ['ls "$1"', join(stateDir, 'secrets')],
        ['cat "$1"', join(certsDir, 'ca.key')],
        ['echo x >> "$1"', join(stateDir, 'access.db')],
        ['echo x >> "$1"', join(stateDir, 'archive-id')],
        ['echo x > "$1"', join(stateDir, 'access.db-journal')],
        ['echo x >> "$1"', join(dataDir, 'MARKER')],
        ['mv "$1" "$1.away"', join(dataDir, 'MARKER')],
        ['rm -f "$1"', join(dataDir, 'MARKER')],
        ['echo x > "$1"', join(dataDir, 'new')],
        ['mv "$1" "$1.away"', join(dataDir, 'inbox')],
        ['mv "$1" "$2"', join(dataDir, 'clips'), join(dataDir, 'inbox', 'clips')],
        ['echo x >> "$1"', join(certsDir, 'server-rsa.key')],
        ['echo x > "$1"', join(certsDir, 'server-rsa.key.new')],
        ['chmod 777 "$1"', join(stateDir, 'receiver')],
        ['echo x > "$1"', join(stateDir, 'secrets', 'signing.pub')],
      ];
      for (const [script, ...paths] of attempts) {
        const { code, stderr } = await runAs(receiver, script, ...paths);
        t.not(code, 0, `${script} ${paths.join(' ')}`);
        t.match(stderr, /denied|not permitted|cannot create/i, stderr.trim());
      }
      t.equal(
        (
          await runAs(
            receiver,
            'cat "$1" "$2" > /dev/null',
            join(stateDir, 'access.db'),
            join(dataDir, 'MARKER'),
          )
        ).code,
        0,
      );
    });

    await t.test("what the owner changes later is still the receiver's to read", async t => {
      t.equal((await installation.run(['camera', 'disable', 'garage'])).code, 0);
      t.equal((await explicit.reply())?.code, 421);
      t.equal((await installation.run(['camera', 'enable', 'garage'])).code, 0);
      const again = await loginImplicit(installation.implicitPort, account);
      t.equal(await again.code('NOOP'), 200);
      t.match((await installation.json(['camera', 'show', 'garage'])).name, 'garage');
      t.equal((await installation.run(['status'])).code, 0);
      await receive.stop();
      t.equal((await installation.run(['camera', 'show', 'garage'])).code, 0, 'without the receiver, too');
      const back = await installation.receive();
      t.teardown(() => back.stop());
      t.equal(
        await loginExplicit(installation.explicitPort, account).then(client => client.code('NOOP')),
        200,
      );
    });
  },
);
