// A certificate that root renews, under roles of their own users: the group is what it is handed on by.

import { X509Certificate } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { makeCertbotDirectory } from '../support/certbot.ts';
import { connectImplicit } from '../support/ftps-client.ts';
import { makePartedInstallation, needsRoot, owner } from '../support/parted-roles.ts';

t.test("the receiver reads root's key by its group, and follows a renewal", { skip: needsRoot }, async t => {
  const installation = await makePartedInstallation({
    settings: ['  tls: { certificateDir: ./letsencrypt/live/cam.example }', '  limits: { minFreeBytes: 0 }'],
  });
  t.teardown(() => installation.remove());
  const root = join(installation.root, 'letsencrypt');
  mkdirSync(root, { mode: 0o755 });
  const certbot = makeCertbotDirectory(root);
  // As docs/certificates.md says; certbot keeps both for the keys that follow.
  const handOn = () => {
    for (const path of [join(root, 'live'), join(root, 'archive'), certbot.newest('privkey')])
      chownSync(path, 0, owner.gid);
    for (const path of [join(root, 'live'), join(root, 'archive')]) chmodSync(path, 0o750);
    chmodSync(certbot.newest('privkey'), 0o640);
  };
  const archive = await installation.archive();
  t.teardown(() => archive.stop());
  const early = await installation.receive();
  await early.ended;
  t.match(early.stderr(), /^clipward: \S+privkey\.pem cannot be read \(EACCES\): /);

  handOn();
  const receive = await installation.receive();
  t.teardown(() => receive.stop());
  const shown = async () => {
    const client = await connectImplicit(installation.implicitPort);
    const { fingerprint256 } = (client.socket as TLSSocket).getPeerCertificate();
    client.close();
    return fingerprint256;
  };
  t.equal(await shown(), new X509Certificate(certbot.first).fingerprint256);
  const renewed = certbot.issue();
  handOn();
  for (const name of ['privkey', 'fullchain'] as const) {
    certbot.unlinkLive(name);
    certbot.linkLive(name);
  }
  await receive.waitForLog(({ msg }) => msg === 'certificates reloaded');
  t.equal(await shown(), new X509Certificate(renewed).fingerprint256);
  // As root, who becomes the owner: what it makes the receiver can read.
  t.match(await installation.run(['cert', 'renew', '--new-keys']), { code: 0 });
  await receive.waitForLog(({ msg }) => msg === 'certificates reloaded', 2);
  const key = statSync(join(installation.certsDir, 'server-rsa.key'));
  t.match(key, { uid: owner.uid, gid: owner.gid });
  t.equal(key.mode & 0o777, 0o640);
  t.equal(statSync(join(installation.certsDir, 'ca.key')).mode & 0o777, 0o600);
  t.notOk(receive.logged().some(({ level }) => Number(level) >= 50));
  const { certificates, troubles } = await installation.json(['cert', 'show']);
  t.same(troubles, [], 'root, who becomes the owner, reads it too');
  t.match(certificates, [
    { name: 'outside' },
    { name: 'server-rsa' },
    { name: 'server-ecdsa' },
    { name: 'ca' },
  ]);
});
