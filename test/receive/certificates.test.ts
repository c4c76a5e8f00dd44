// TLS beyond a single handshake. The numbers are those of the table in docs/security.md.

import { randomBytes, X509Certificate } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { openCertificates } from '../../src/access/certificates.ts';
import { watchCertificates } from '../../src/access/watch-certificates.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openLog, silentLog } from '../../src/base/log.ts';
import { connectExplicit, connectImplicit, endUpload, loginExplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

function makeDirectories() {
  const root = mkdtempSync(join(tmpdir(), 'clipward-reload-'));
  return {
    inUse: join(root, 'in-use'),
    next: join(root, 'next'),
    remove: () => rmSync(root, { recursive: true }),
  };
}

const watched = (certsDir: string, outsideDir: string | null = null) => ({
  ...{ certsDir, outsideDir },
  clock: systemClock,
  // Only when the test says so.
  intervalMs: 3_600_000,
});

/** What was changed is taken at the second look that finds it the same. */
async function settle(watch: { look(): Promise<void> }): Promise<void> {
  await watch.look();
  await watch.look();
}

const made = (certsDir: string) =>
  openCertificates({ certsDir, names: [], addresses: [], clock: systemClock, log: silentLog() });

t.test('17. new sessions get a new certificate, a running upload survives the reload', async t => {
  const { inUse, next, remove } = makeDirectories();
  t.teardown(remove);
  const [first, second] = await Promise.all([made(inUse), made(next)]);
  const watch = await watchCertificates({ ...watched(inUse), log: silentLog() });
  const server = await startTestReceiver({ parts: { tlsIdentities: () => Object.values(watch.current()) } });
  t.teardown(async () => {
    await server.stop();
    await watch[Symbol.asyncDispose]();
  });
  const shown = async () => {
    const client = await connectImplicit(server.implicitPort);
    const fingerprint = (client.socket as TLSSocket).getPeerCertificate().fingerprint256;
    client.close();
    return fingerprint;
  };
  t.equal(await shown(), first.fingerprints.ecdsa);
  const client = await loginExplicit(server.explicitPort, account);
  const raw = await client.openData();
  t.equal(await client.code('STOR running.bin'), 150);
  const tls = await client.secureData(raw);
  const bytes = randomBytes(200_000);
  await new Promise<void>(resolve => tls.write(bytes.subarray(0, 100_000), () => resolve()));
  cpSync(next, inUse, { recursive: true });
  await settle(watch);
  t.equal(await shown(), second.fingerprints.ecdsa);
  await endUpload({ raw, tls }, bytes.subarray(100_000), 'close-notify');
  t.equal((await client.reply())?.code, 226);
  t.ok(server.inbox()[0]?.media.equals(bytes));
  t.equal((await client.upload('same-session.bin', bytes)).code, 226, 'the old session goes on');
  client.close();
});

t.test('17. a certificate that cannot be used is told, and the old one stays in use', async t => {
  const { inUse, next, remove } = makeDirectories();
  t.teardown(remove);
  const [first, second] = await Promise.all([made(inUse), made(next)]);
  let logged = '';
  const log = openLog({
    level: 'info',
    stream: {
      write: line => {
        logged += line;
      },
    },
  });
  const watch = await watchCertificates({ ...watched(inUse), log });
  t.teardown(() => watch[Symbol.asyncDispose]());
  writeFileSync(join(inUse, 'server-rsa.crt'), second.rsa.cert, { mode: 0o600 });
  await watch.look();
  t.notMatch(logged, /cannot be used/, 'whoever writes one file after the other is given time');
  await watch.look();
  t.match(logged, /changed certificates cannot be used/);
  t.notMatch(logged, /PRIVATE KEY/);
  t.equal(new X509Certificate(watch.current().rsa?.cert ?? '').fingerprint256, first.fingerprints.rsa);
  writeFileSync(join(inUse, 'server-rsa.key'), second.rsa.key, { mode: 0o600 });
  await settle(watch);
  t.equal(new X509Certificate(watch.current().rsa?.cert ?? '').fingerprint256, second.fingerprints.rsa);
});

t.test('outdated TLS is spoken only where it was asked for, and every start says so', async t => {
  const old = { minVersion: 'TLSv1' as const, maxVersion: 'TLSv1.1' as const, ciphers: 'DEFAULT@SECLEVEL=0' };
  const server = await startTestReceiver({ legacyTls: true });
  t.teardown(() => server.stop());
  t.match(server.logText(), /listener speaks outdated TLS/);
  const client = await connectExplicit(server.explicitPort, { tls: old });
  await client.command('AUTH TLS');
  await client.startTls();
  t.equal((await client.login(account.user, account.password)).code, 230);
  await client.command('PBSZ 0');
  await client.command('PROT P');
  t.equal((await client.upload('old.bin', randomBytes(1000))).code, 226);
  t.match(server.inbox(), [{ receipt: { controlTls: { protocol: 'TLSv1.1' } } }]);
  client.close();
  await t.rejects(connectImplicit(server.implicitPort, { tls: old }), 'the other listener does not');
});
