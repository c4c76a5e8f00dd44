// A disk that is not there at the start, and comes back while the roles run.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { onceMounted } from '../../src/archive/once-mounted.ts';
import { TransientError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { loginExplicit } from '../support/ftps-client.ts';

t.test('what a crash left is published when the disk is back, before anything else begins', async t => {
  const installation = await makeInstallation();
  const { dataDir } = installation;
  const away = join(installation.root, 'disk');
  t.teardown(() => installation.remove());
  const first = await installation.serve();
  const password = await addCamera(installation, 'garage');
  const account = { user: 'garage', password };
  const cut = await loginExplicit(installation.explicitPort, account);
  const raw = await cut.openData();
  t.equal(await cut.code('STOR burglar.bin'), 150);
  const tls = await cut.secureData(raw);
  const [id = ''] = readdirSync(join(dataDir, 'incoming'));
  const media = join(dataDir, 'incoming', id, 'media');
  const changes = watch(media);
  tls.write(randomBytes(100_000));
  for await (const _change of changes) if (statSync(media).size > 0) break;
  first.kill('SIGKILL');
  await first.ended;

  renameSync(dataDir, away);
  mkdirSync(dataDir);
  const daemon = await installation.serve();
  t.teardown(() => daemon.stop());
  const client = await loginExplicit(installation.explicitPort, account);
  await client.openData();
  t.equal(await client.code('STOR a.bin'), 452);
  t.same(readdirSync(dataDir), [], 'nothing is written where the disk should be');
  rmdirSync(dataDir);
  renameSync(away, dataDir);
  t.equal((await client.upload('b.bin', randomBytes(1000))).code, 226);
  const recovered = await daemon.waitForLog(line => line.msg === 'uploads recovered after a crash');
  t.match(recovered, { published: 1, removed: 0, unknown: 0, failed: 0 });
  const order = daemon.logged().map(line => line.msg);
  t.ok(
    order.indexOf('uploads recovered after a crash') < order.indexOf('upload published'),
    'that came first',
  );
  await daemon.waitForLog(line => line.msg === 'clip filed', 2);
  const clips: { originalPath: string; completeness: string }[] = await installation.json(['clip', 'list']);
  t.same(clips.map(clip => `${clip.originalPath} ${clip.completeness}`).sort(), [
    'b.bin whole',
    'burglar.bin partial',
  ]);
});

t.test('nobody has to ask: it is tried again by itself, and done once', async t => {
  let isThere = false;
  let count = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  await using once = await onceMounted({
    work: async () => {
      if (!isThere) throw new TransientError('The disk is not there.');
      count++;
      resolve();
    },
    log: silentLog(),
    intervalMs: 5,
  });
  await t.rejects(once.done(), { name: 'TransientError' });
  isThere = true;
  // The timer of the work itself does not keep a process alive; the test does.
  const alive = setInterval(() => {}, 1000);
  await promise;
  clearInterval(alive);
  await once.done();
  t.equal(count, 1);
});

t.test('what goes wrong otherwise at the start is not taken for a missing disk', async t => {
  await t.rejects(onceMounted({ work: () => Promise.reject(new Error('a bug')), log: silentLog() }), {
    message: 'a bug',
  });
});
