// A backup of an installation whose roles have users of their own: what belongs to three users becomes one archive.

import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCommand, startDaemon } from '../support/daemon.ts';
import { makeElementaryStream, startFakeCamera } from '../support/fake-camera.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { makeMp4 } from '../support/media.ts';
import { needsRoot } from '../support/parted-roles.ts';
import { makeThreeUsers, userOf } from '../support/three-users.ts';

t.test('a backup of three users is an archive that one user can run', { skip: needsRoot }, async t => {
  const place = await makeThreeUsers();
  t.teardown(() => place.remove());
  const archive = await place.serveRole('archive');
  t.teardown(() => archive.stop());
  const receive = await place.serveRole('receive');
  t.teardown(() => receive.stop());
  const camera = await startFakeCamera({ elementaryStream: await makeElementaryStream() });
  t.teardown(() => camera[Symbol.asyncDispose]());
  const added = await place.command(
    ...['camera', 'add', 'den', '--allow', '127.0.0.0/8', '--rtsp', `rtsp://127.0.0.1:${camera.port}/stream`],
    '--json',
  );
  t.equal(added.code, 0, added.stderr);
  const { password } = JSON.parse(added.stdout);
  const outbound = await place.serveRole('outbound');
  t.teardown(() => outbound.stop());
  await outbound.waitForLog(({ msg }) => msg === 'recording');
  const client = await loginExplicit(place.explicitPort, { user: 'den', password });
  const clip = readFileSync(await makeMp4());
  t.equal((await client.upload('one.mp4', clip)).code, 226);
  client.close();
  await archive.waitForLog(({ msg }) => msg === 'clip filed');

  // Where the owner may write.
  const out = join(place.stateDir, '..', 'backup');
  const { uid, gid } = userOf('clipward');
  chownSync(place.root, uid, gid);
  const made = await place.command('backup', '--out', out, '--json');
  t.equal(made.code, 0, made.stderr);
  t.match(JSON.parse(made.stdout), { clips: 1, findings: [] });

  for (const daemon of [receive, outbound, archive]) await daemon.stop();
  // In its own directory, under this user alone, on the ports of the cameras.
  const settings = readFileSync(join(out, 'clipward.yaml'), 'utf8');
  t.equal(settings, readFileSync(place.config, 'utf8'));
  const config = join(out, 'clipward.yaml');
  writeFileSync(config, settings.replace(/^(data|certs)Dir: .*$/gm, '$1Dir: ./$1'));
  const run = (...args: string[]) => runCommand([...args, '--config', config]);
  const check = await run('check');
  t.equal(check.code, 0, check.stdout);
  const restored = await startDaemon(['serve', '--config', config]);
  t.teardown(() => restored.stop());
  const again = await loginExplicit(place.explicitPort, { user: 'den', password });
  t.equal((await again.upload('two.mp4', Buffer.concat([clip, Buffer.from('free')]))).code, 226);
  again.close();
  const list = JSON.parse((await run('clip', 'list', '--json')).stdout);
  t.ok(list.some(({ originalPath }: { originalPath: string }) => originalPath === 'one.mp4'));
});
