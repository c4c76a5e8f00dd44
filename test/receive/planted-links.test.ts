// The number is that of the table in docs/security.md.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openMarker } from '../../src/archive/marker.ts';
import { openUploads } from '../../src/archive/uploads.ts';
import { beginFacts, receiptFor } from '../archive/sample-receipt.ts';
import { loggedIn, onBoth } from '../support/on-both.ts';
import { account } from '../support/receiver.ts';

onBoth(
  '42. a link in place of incoming/, the inbox or the camera’s directory is not followed',
  loggedIn,
  async (t, client, server) => {
    const outside = mkdtempSync(join(tmpdir(), 'clipward-outside-'));
    t.teardown(() => rmSync(outside, { recursive: true }));
    t.equal((await client.upload('before.bin', randomBytes(100))).code, 226);
    for (const place of ['incoming', 'inbox', join('inbox', account.user)]) {
      const path = join(server.dataDir, place);
      renameSync(path, `${path}.aside`);
      symlinkSync(outside, path);
      const reply = await client
        .upload('x.bin', randomBytes(100))
        .catch(async () => ({ code: await client.code('STOR x.bin') }));
      t.equal(reply.code, 451, place);
      t.same(readdirSync(outside), [], `${place}: nothing was written behind the link`);
      unlinkSync(path);
      renameSync(`${path}.aside`, path);
    }
    t.equal((await client.upload('after.bin', randomBytes(100))).code, 226);
    t.equal(server.inbox().length, 2);
  },
);

t.test('42. a thousand swaps between check and open: nothing ever gets outside', async t => {
  const root = mkdtempSync(join(tmpdir(), 'clipward-swap-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const [dataDir, outside] = [join(root, 'data'), join(root, 'outside')];
  mkdirSync(outside);
  const archiveId = await openMarker({ dataDir, stateDir: join(root, 'state') });
  const uploads = openUploads({ dataDir, archiveId });
  const place = join(dataDir, 'inbox', 'front-door');
  mkdirSync(place, { recursive: true });
  let isSwapping = true;
  let swaps = 0;
  const swapping = (async () => {
    while (isSwapping) {
      renameSync(place, `${place}.aside`);
      const isLink = tryLink(outside, place);
      await new Promise(resolve => setImmediate(resolve));
      if (isLink) unlinkSync(place);
      // The receiver made the missing directory anew: what it put there belongs to the one that was moved aside.
      for (const id of isLink ? [] : readdirSync(place))
        renameSync(join(place, id), join(`${place}.aside`, id));
      rmSync(place, { recursive: true, force: true });
      renameSync(`${place}.aside`, place);
      swaps++;
      await new Promise(resolve => setImmediate(resolve));
    }
  })();
  const bytes = Buffer.from('clip');
  let stored = 0;
  for (let round = 0; round < 1000 || swaps < 1000; round++) {
    const upload = await uploads.begin({ ...beginFacts, camera: 'front-door' });
    await upload.write([bytes]);
    try {
      await upload.publish(receiptFor(upload.id, bytes, { camera: 'front-door' }));
      stored++;
    } catch {
      // Refused, because a link was there.
    }
  }
  isSwapping = false;
  await swapping;
  t.same(readdirSync(outside), []);
  t.ok(stored > 0 && stored < 5000, `${stored} were stored`);
  t.equal(readdirSync(place).length, stored, 'what was stored is where it belongs');
});

/** False when something has that name already. */
function tryLink(target: string, path: string): boolean {
  try {
    symlinkSync(target, path);
    return true;
  } catch {
    return false;
  }
}
