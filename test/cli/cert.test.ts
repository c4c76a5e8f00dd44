import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import t from 'tap';
import { makeCertbotDirectory } from '../support/certbot.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { connectImplicit, endUpload, loginExplicit } from '../support/ftps-client.ts';

const run = promisify(execFile);

async function fingerprintShown(port: number): Promise<string> {
  const client = await connectImplicit(port);
  const { fingerprint256 } = (client.socket as TLSSocket).getPeerCertificate();
  client.close();
  return fingerprint256;
}

/** Once it is another one. RSA may be taken before ECDSA is made, so a line of the log says too little. */
async function nextShown(port: number, before: string): Promise<string> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await setTimeout(200)) {
    const shown = await fingerprintShown(port);
    if (shown !== before) return shown;
  }
  throw new Error('no other certificate is shown');
}

t.test('before the first start there is nothing to show or hand out, and renew makes it', async t => {
  const installation = await makeInstallation({
    settings: ['  tls: { names: [clips.example.org, 192.0.2.7] }', '  limits: { minFreeBytes: 0 }'],
  });
  t.teardown(() => installation.remove());
  const none = await installation.run(['cert', 'show']);
  t.match(none, { code: 0, stdout: /no certificate yet.*serve/ });
  t.same(await installation.json(['cert', 'show']), { certificates: [], unusable: [], troubles: [] });
  t.match(await installation.run(['cert', 'export-ca']), { code: 1, stderr: /There is no authority yet/ });
  const renewed = await installation.run(['cert', 'renew']);
  t.match(renewed, { code: 0, stdout: /server-rsa is valid until .*\nserver-ecdsa is valid until / });
  const { certificates, troubles } = await installation.json(['cert', 'show']);
  t.same(troubles, []);
  t.match(await installation.run(['cert', 'renew', '--if-needed']), { code: 0 });
  t.same((await installation.json(['cert', 'show'])).certificates, certificates, 'nothing was needed');
  t.match(await installation.run(['cert', 'renew', '--if-needed', '--new-keys']), { code: 2 });
  t.match(certificates, [
    { name: 'server-rsa', type: 'RSA', shown: true, renewedBy: 'clipward', daysLeft: 729, life: 'lasting' },
    { name: 'server-ecdsa', type: 'ECDSA', shown: true, names: ['clips.example.org', 'localhost'] },
    { name: 'ca', type: 'RSA', shown: false, keyFile: join(installation.certsDir, 'ca.key') },
  ]);
  t.ok(certificates[0].addresses.includes('192.0.2.7'), 'an address of the settings');
  t.ok(certificates[0].addresses.includes('127.0.0.1'));
  t.match(certificates[0].validTo, /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/);
  const shown = await installation.run(['cert', 'show']);
  t.match(shown.stdout, /Our certificate, RSA\n {2}file .*server-rsa\.crt/);
  t.match(shown.stdout, /made out to +clips\.example\.org, localhost, 127\.0\.0\.1/);
  t.match(shown.stdout, /valid until +\S+ \(729 days\)/);
  t.notMatch(shown.stdout, /BEGIN/);
});

t.test('export-ca hands out what curl needs to trust the server, and never overwrites', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  const password = await addCamera(installation, 'den');
  const daemon = await installation.serve();
  t.teardown(() => daemon.stop());
  const out = join(installation.root, 'out', 'ca.crt');
  t.match(await installation.run(['cert', 'export-ca', '--out', out]), {
    code: 0,
    stderr: /holds no secret/,
  });
  t.equal(statSync(out).mode & 0o777, 0o644);
  const printed = await installation.run(['cert', 'export-ca']);
  t.equal(printed.stdout, readFileSync(out, 'utf8'));
  t.ok(new X509Certificate(printed.stdout).ca);
  t.match(await installation.run(['cert', 'export-ca', '--out', out]), { code: 1, stderr: /exists already/ });
  const file = join(installation.root, 'clip.bin');
  writeFileSync(file, 'a clip');
  const curl = (ca: string) =>
    run('curl', [
      ...['--silent', '--show-error', '--cacert', ca, '--ssl-reqd', '--user', `den:${password}`, '-T', file],
      `ftp://127.0.0.1:${installation.explicitPort}/`,
    ]);
  await curl(out);
  await t.rejects(curl('/etc/ssl/certs/ca-certificates.crt'), /certificate/, 'nobody else vouches for it');
});

t.test(
  'cert renew is taken by a running daemon without a cut: the upload that runs gets its 226',
  async t => {
    // The upload waits for as long as two renewals take.
    const installation = await makeInstallation({
      settings: ['  limits: { minFreeBytes: 0, dataStallTimeoutMs: 600000, minUploadBytesPerSecond: 0 }'],
    });
    t.teardown(() => installation.remove());
    const password = await addCamera(installation, 'den');
    const daemon = await installation.serve();
    t.teardown(() => daemon.stop());
    const first = await fingerprintShown(installation.implicitPort);
    const client = await loginExplicit(installation.explicitPort, { user: 'den', password });
    const raw = await client.openData();
    t.equal(await client.code('STOR running.bin'), 150);
    const tls = await client.secureData(raw);
    await new Promise<void>(resolve => tls.write(Buffer.alloc(50_000, 1), () => resolve()));
    const key = readFileSync(join(installation.certsDir, 'server-ecdsa.key'), 'utf8');
    t.match(await installation.run(['cert', 'renew']), { code: 0, stderr: /within ten seconds/ });
    const second = await nextShown(installation.implicitPort, first);
    t.ok(daemon.logged().some(({ msg }) => msg === 'certificates reloaded'));
    t.equal(readFileSync(join(installation.certsDir, 'server-ecdsa.key'), 'utf8'), key, 'for the same key');
    t.match(await installation.run(['cert', 'renew', '--new-keys']), { code: 0 });
    await nextShown(installation.implicitPort, second);
    t.not(readFileSync(join(installation.certsDir, 'server-ecdsa.key'), 'utf8'), key);
    await endUpload({ raw, tls }, Buffer.alloc(50_000, 2), 'close-notify');
    t.equal((await client.reply())?.code, 226);
    client.close();
    t.notOk(
      daemon.logged().some(({ level }) => Number(level) >= 50),
      'nothing failed on the way',
    );
  },
);

t.test(
  "a certificate of certbot's is shown, followed through a renewal, and told of in status and doctor",
  async t => {
    const installation = await makeInstallation({
      settings: ['  tls: { certificateDir: ./live/cam.example }', '  limits: { minFreeBytes: 0 }'],
    });
    t.teardown(() => installation.remove());
    const certbot = makeCertbotDirectory(installation.root);
    const daemon = await installation.serve();
    t.teardown(() => daemon.stop());
    const print = (pem: string) => new X509Certificate(pem).fingerprint256;
    t.equal(await fingerprintShown(installation.implicitPort), print(certbot.first));
    const { certificates } = await installation.json(['cert', 'show']);
    t.match(certificates, [
      { name: 'outside', type: 'ECDSA', shown: true, renewedBy: 'somebody else', names: ['cam.example'] },
      { name: 'server-rsa', shown: true },
      { name: 'server-ecdsa', shown: false },
      { name: 'ca', shown: false },
    ]);
    const renewed = certbot.renew({ days: 13 });
    await daemon.waitForLog(({ msg }) => msg === 'certificates reloaded');
    t.equal(await fingerprintShown(installation.implicitPort), print(renewed));
    t.match(await installation.run(['cert', 'show']), { code: 0 }, 'of thirteen days ten are left in peace');
    certbot.renew({ days: 60 });
    await daemon.waitForLog(({ msg }) => msg === 'certificates reloaded', 2);

    const before = await fingerprintShown(installation.implicitPort);
    chmodSync(certbot.newest('privkey'), 0o644);
    const show = await installation.run(['cert', 'show']);
    t.match(show, {
      code: 1,
      stdout: /privkey\.pem may be read or changed by other users \(mode 644\): chmod 600/,
    });
    t.equal(await fingerprintShown(installation.implicitPort), before, 'the one from before stays');
    const { warnings } = await installation.json(['status']);
    t.match(warnings, [/privkey\.pem may be read/]);
    const doctor = await installation.run(['doctor']);
    t.match(doctor.stdout, /^fail {2}certificate-outside: .*chmod 600/m);
    await daemon.waitForLog(({ msg }) => msg === 'changed certificates cannot be used');
    await daemon.stop();
    const refused = await installation.serve();
    t.match(await refused.ended, { code: 78 });
    t.match(refused.stderr(), /^clipward: The private key .*: chmod 600 it, [^\n]+\n$/);
    chmodSync(certbot.newest('privkey'), 0o600);
    certbot.issue();
    certbot.unlinkLive('fullchain');
    certbot.linkLive('fullchain');
    const mismatched = await installation.serve();
    t.match(await mismatched.ended, { code: 78 });
    t.match(
      mismatched.stderr(),
      /^clipward: \S+fullchain\.pem does not belong to \S+privkey\.pem: [^\n]+\n$/,
    );
  },
);

t.test(
  'a certificate that cannot be used is listed first, with why, and what is shown until then',
  async t => {
    const installation = await makeInstallation({
      settings: ['  tls: { certificateDir: ./live/cam.example }'],
    });
    t.teardown(() => installation.remove());
    t.match(await installation.run(['cert', 'renew']), { code: 0 });
    const live = join(installation.root, 'live', 'cam.example');
    const files = { file: join(live, 'fullchain.pem'), keyFile: join(live, 'privkey.pem') };
    const listed = async (why: RegExp) => {
      const { code, stdout } = await installation.run(['cert', 'show']);
      t.equal(code, 1);
      t.match(
        stdout,
        /^Certificate from elsewhere, which cannot be used\n {2}file +\S+fullchain\.pem\n {2}key +\S+privkey/,
      );
      t.match(
        stdout,
        /\n {2}until then +a clipward that runs stays with what it showed before; .*\n\nOur certificate, RSA/,
      );
      t.equal(stdout.match(new RegExp(why, 'g'))?.length, 1, `${why} once`);
      const json = await installation.run(['cert', 'show', '--json']);
      t.equal(json.code, 1);
      const { unusable, troubles, certificates } = JSON.parse(json.stdout);
      t.match(unusable, [{ name: 'outside', ...files, sentence: why }]);
      t.equal(unusable.length, 1);
      t.same(troubles, [{ name: 'outside', sentence: unusable[0].sentence }]);
      t.same(
        certificates.map(({ name }: { name: string }) => name),
        ['server-rsa', 'server-ecdsa', 'ca'],
      );
    };
    await listed(/privkey\.pem is missing/);
    const certbot = makeCertbotDirectory(installation.root);
    chmodSync(certbot.newest('privkey'), 0o640);
    await listed(/may be read or changed by other users \(mode 640\)/);
    chmodSync(certbot.newest('privkey'), 0o600);
    certbot.issue();
    certbot.unlinkLive('fullchain');
    certbot.linkLive('fullchain');
    await listed(/fullchain\.pem does not belong to/);
    certbot.unlinkLive('privkey');
    certbot.linkLive('privkey');
    const shown = await installation.json(['cert', 'show']);
    t.match(shown.certificates[0], { name: 'outside' });
    t.strictSame(shown.unusable, []);
    writeFileSync(join(installation.certsDir, 'server-rsa.key'), 'no key');
    writeFileSync(join(installation.certsDir, 'ca.crt'), 'no certificate');
    const { stdout } = await installation.run(['cert', 'show']);
    t.match(
      stdout,
      /^Our certificate, RSA, which cannot be used.*Our authority, which cannot be used.*the server certificates stay as they are/s,
    );
  },
);

t.test("without the authority's key nothing can be renewed, in one sentence", async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  t.match(await installation.run(['cert', 'renew']), { code: 0 });
  rmSync(join(installation.certsDir, 'ca.key'));
  const before = readFileSync(join(installation.certsDir, 'server-rsa.crt'), 'utf8');
  t.match(await installation.run(['cert', 'renew', '--new-keys']), {
    code: 78,
    stderr: /^clipward: .*cannot be made without the authority's key [^\n]+\n$/,
  });
  t.equal(readFileSync(join(installation.certsDir, 'server-rsa.crt'), 'utf8'), before);
  t.match((await installation.run(['cert', 'show'])).stdout, /key +not here/);
});
