// Certificates that are exchanged while cameras upload: our own by their renewal, one from elsewhere as certbot does it.

import { randomBytes, X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { openCertificates } from '../../src/access/certificates.ts';
import { startCertificateRenewal, watchCertificates } from '../../src/access/watch-certificates.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openLog } from '../../src/base/log.ts';
import { makeCertbotDirectory } from '../support/certbot.ts';
import { connectImplicit, endUpload, loginExplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

const dayMs = 86_400_000;

function openTestLog() {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const log = openLog({
    level: 'info',
    stream: {
      write: line => {
        lines.push(line);
        for (const wake of waiting) wake();
      },
    },
  });
  /** Resolves when `count` lines match. */
  const logged = (pattern: RegExp, count = 1): Promise<void> =>
    new Promise((resolve, reject) => {
      const deadline = setTimeout(
        () => reject(new Error(`not logged: ${pattern}\n${lines.join('')}`)),
        20_000,
      );
      const look = () => {
        if (lines.filter(line => pattern.test(line)).length < count) return;
        clearTimeout(deadline);
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { log, lines, logged };
}

/** A receiver that shows what is in two directories. `offsetMs` sets its clock forward. */
async function watched(t: Test, options: { withOutside?: 'rsa' | 'ecdsa'; looksByItself?: boolean } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'clipward-exchange-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const certsDir = join(root, 'certs');
  const certbot = options.withOutside && makeCertbotDirectory(root, options.withOutside);
  const time = { offsetMs: 0 };
  const clock = {
    now: () => systemClock.now() + time.offsetMs,
    monotonicMs: () => systemClock.monotonicMs() + time.offsetMs,
  };
  const test = openTestLog();
  const own = { certsDir, names: [], addresses: [], clock, log: test.log };
  const first = await openCertificates(own);
  const watch = await watchCertificates({
    ...{ certsDir, outsideDir: certbot?.live ?? null, clock, log: test.log },
    // Otherwise only when the test says so.
    intervalMs: options.looksByItself ? 20 : 3_600_000,
  });
  const server = await startTestReceiver({ parts: { tlsIdentities: () => Object.values(watch.current()) } });
  t.teardown(async () => {
    await server.stop();
    await watch[Symbol.asyncDispose]();
  });
  const shown = async (tls: ConnectionOptions = {}) => {
    const client = await connectImplicit(server.implicitPort, { tls });
    const { fingerprint256, raw } = (client.socket as TLSSocket).getPeerCertificate();
    client.close();
    return { fingerprint: fingerprint256, leaf: new X509Certificate(raw) };
  };
  /** An upload of which the first half is sent; `end` sends the other, and is to be answered 226. */
  const beginUpload = async (name: string) => {
    const client = await loginExplicit(server.explicitPort, account);
    const raw = await client.openData();
    t.equal(await client.code(`STOR ${name}`), 150);
    const tls = await client.secureData(raw);
    const bytes = randomBytes(200_000);
    await new Promise<void>(resolve => tls.write(bytes.subarray(0, 100_000), () => resolve()));
    return async () => {
      await endUpload({ raw, tls }, bytes.subarray(100_000), 'close-notify');
      t.equal((await client.reply())?.code, 226, 'the running upload goes on');
      t.ok(server.inbox().some(({ media }) => media.equals(bytes)));
      t.equal((await client.upload(`${name}-2`, bytes)).code, 226, 'and so does its session');
      client.close();
    };
  };
  const settle = async () => {
    await watch.look();
    await watch.look();
  };
  return { ...test, own, first, watch, shown, beginUpload, settle, certbot, time };
}

const print = (pem: string) => new X509Certificate(pem).fingerprint256;
const rsaOnly: ConnectionOptions = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' };

t.test('our own certificate is renewed by itself before it ends, while a camera uploads', async t => {
  const { own, first, shown, beginUpload, time, log, lines, logged } = await watched(t, {
    looksByItself: true,
  });
  const before = await shown();
  t.equal(before.fingerprint, first.fingerprints.ecdsa);
  const end = await beginUpload('renewed.bin');
  const endsAt = new X509Certificate(first.ecdsa.cert).validToDate.getTime();
  time.offsetMs = endsAt - 31 * dayMs - systemClock.now();
  await using renewal = startCertificateRenewal({ renew: () => openCertificates(own), log, intervalMs: 20 });
  t.ok(renewal);
  t.notMatch(lines.join(''), /"reason":"expiry"/, 'not with 31 days left');
  time.offsetMs += 2 * dayMs;
  // The daemon's own loops do it all: renew, look, take.
  await logged(/"certificate":"server-ecdsa","reason":"expiry"/);
  // RSA may be taken before ECDSA is issued, so a line of the log says too little.
  let after = await shown();
  for (const deadline = Date.now() + 20_000; after.fingerprint === before.fingerprint; after = await shown())
    if (Date.now() > deadline) throw new Error('the new certificate is not shown');
  t.ok(after.leaf.verify(new X509Certificate(first.ca).publicKey), 'by the same authority');
  await end();
  t.notMatch(lines.join(''), /certificate ends soon|"level":50/);
});

t.test('a renewal of certbot is taken while a camera uploads, and what lies between is not', async t => {
  const { certbot, shown, beginUpload, settle, lines } = await watched(t, { withOutside: 'ecdsa' });
  if (certbot === undefined) throw new Error('asked for');
  const first = print(certbot.first);
  t.equal((await shown()).fingerprint, first);
  const end = await beginUpload('certbot.bin');
  const second = print(certbot.issue());
  await settle();
  t.equal((await shown()).fingerprint, first, "files that no link leads to are nobody's business");
  certbot.unlinkLive('privkey');
  await settle();
  t.equal((await shown()).fingerprint, first, 'a link is gone');
  certbot.linkLive('privkey');
  await settle();
  t.equal((await shown()).fingerprint, first, 'a new key beside the old certificate');
  t.match(lines.join(''), /does not belong to .*changed certificates cannot be used/);
  certbot.unlinkLive('fullchain');
  certbot.linkLive('fullchain');
  await settle();
  t.equal((await shown()).fingerprint, second);
  await end();
  const third = print(certbot.renew());
  await settle();
  t.equal((await shown()).fingerprint, third);
  t.equal(lines.filter(line => line.includes('certificates reloaded')).length, 2);
});

t.test('a chain that is being written is not taken before it is whole and left alone', async t => {
  const { certbot, shown, watch, settle, lines } = await watched(t, { withOutside: 'ecdsa' });
  if (certbot === undefined) throw new Error('asked for');
  const first = print(certbot.first);
  // The same key, as with --reuse-key: nothing but the chain itself says that it is cut.
  const file = certbot.newest('fullchain');
  const chain = readFileSync(file, 'utf8').repeat(2);
  for (const length of [100, chain.length / 2 + 100, chain.length / 2]) {
    writeFileSync(file, chain.slice(0, length));
    await watch.look();
    t.equal(watch.current().ecdsa?.cert, certbot.first, `${length} bytes`);
  }
  writeFileSync(file, chain);
  await watch.look();
  t.equal(watch.current().ecdsa?.cert, certbot.first, 'it was changed a moment ago');
  t.notMatch(lines.join(''), /cannot be used/);
  await watch.look();
  t.equal(watch.current().ecdsa?.cert, chain);
  t.equal((await shown()).fingerprint, first);
  truncateSync(file, chain.length - 50);
  await settle();
  await settle();
  t.equal(watch.current().ecdsa?.cert, chain);
  t.equal(
    lines.filter(line => /cut off.*changed certificates cannot be used/.test(line)).length,
    1,
    'told once, though tried again',
  );
});

t.test(
  'beside a certificate from elsewhere our RSA is for old cameras; beside one with RSA nothing is',
  async t => {
    const ecdsa = await watched(t, { withOutside: 'ecdsa' });
    t.equal((await ecdsa.shown()).fingerprint, print(ecdsa.certbot?.first ?? ''));
    t.equal((await ecdsa.shown(rsaOnly)).fingerprint, ecdsa.first.fingerprints.rsa);
    const rsa = await watched(t, { withOutside: 'rsa' });
    t.equal((await rsa.shown()).fingerprint, print(rsa.certbot?.first ?? ''));
    t.equal((await rsa.shown(rsaOnly)).fingerprint, print(rsa.certbot?.first ?? ''));
    t.same(Object.keys(rsa.watch.current()), ['rsa']);
    rsa.certbot?.renew({ kind: 'ecdsa' });
    await rsa.settle();
    t.same(Object.keys(rsa.watch.current()).sort(), ['ecdsa', 'rsa'], 'its key may become another kind');
  },
);

t.test(
  'a certificate from elsewhere is warned of fourteen days before it ends, once a day, and after it',
  async t => {
    const { certbot, first, watch, time, lines, settle } = await watched(t, { withOutside: 'ecdsa' });
    if (certbot === undefined) throw new Error('asked for');
    const endsAt = new X509Certificate(certbot.first).validToDate.getTime();
    const warnings = () => lines.filter(line => line.includes('"level":40'));
    const at = async (epochMs: number) => {
      time.offsetMs = epochMs - systemClock.now();
      await watch.look();
      return warnings().length;
    };
    t.equal(await at(endsAt - 14 * dayMs - 60_000), 0);
    t.equal(await at(endsAt - 14 * dayMs), 1);
    t.match(warnings()[0], /"names":"DNS:cam.example".*"daysLeft":1[34].*certificate ends soon/);
    t.equal(await at(endsAt - 14 * dayMs + 3_600_000), 1, 'not again within a day');
    t.equal(await at(endsAt - 13 * dayMs + 60_000), 2);
    t.equal(await at(endsAt + 60_000), 3);
    t.match(warnings()[2], /certificate has ended/);
    certbot.renew({ days: 200 });
    await settle();
    t.equal(await at(endsAt + dayMs + 120_000), 3, 'no more, once it is renewed');
    t.ok(first);
  },
);

t.test('our own pair in which one file was put back is told, and comes right by itself', async t => {
  const { own, watch, settle, first, lines } = await watched(t);
  const kept = join(own.certsDir, '..', 'kept.key');
  copyFileSync(join(own.certsDir, 'server-rsa.key'), kept);
  await openCertificates(own, { renew: 'keys' });
  await settle();
  t.not(print(watch.current().rsa?.cert ?? ''), first.fingerprints.rsa);
  const second = watch.current();
  copyFileSync(kept, join(own.certsDir, 'server-rsa.key'));
  await settle();
  t.equal(watch.current(), second);
  t.match(lines.join(''), /server-rsa\.crt does not belong to/);
});
