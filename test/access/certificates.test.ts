import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import t from 'tap';
import { maxAlternativeNames } from '../../src/access/alternative-names.ts';
import { readPair } from '../../src/access/certificate-files.ts';
import { type Certificates, openCertificates } from '../../src/access/certificates.ts';
import { systemClock } from '../../src/base/clock.ts';
import { SettingsError } from '../../src/base/errors.ts';
import { openLog, silentLog } from '../../src/base/log.ts';
import { makePair } from '../support/certbot.ts';

const run = promisify(execFile);
const dayMs = 86_400_000;
const startMs = Date.now();

type Wishes = { names?: string[]; addresses?: string[]; nowMs?: number };

function openIn(certsDir: string, { names = [], addresses = [], nowMs = startMs }: Wishes = {}) {
  const lines: string[] = [];
  const log = openLog({ level: 'trace', stream: { write: line => void lines.push(line) } });
  const clock = { now: () => nowMs, monotonicMs: () => 0 };
  return openCertificates({ certsDir, names, addresses, clock, log }).then(certificates => ({
    certificates,
    lines,
    log: lines.join(''),
  }));
}

const fixture = t.testdir();
const certsDir = join(fixture, 'certs');
const first = await openIn(certsDir, {
  names: ['NAS.lan'],
  addresses: ['192.168.20.5', 'fd00::5', 'fe80::1%eth0'],
});

/** A copy of the fixture's directory: making keys takes a while. */
function copied(scope: { testdir(content: Record<string, string>): string }): string {
  const files = Object.fromEntries(
    readdirSync(certsDir).map(name => [name, readFileSync(join(certsDir, name), 'utf8')]),
  );
  const directory = scope.testdir(files);
  for (const name of Object.keys(files)) chmodSync(join(directory, name), 0o600);
  return directory;
}

const wishes: Wishes = { names: ['NAS.lan'], addresses: ['192.168.20.5', 'fd00::5', 'fe80::1%eth0'] };

t.test('the first start makes an authority and two servers, for their owner alone', async t => {
  t.same(readdirSync(certsDir).sort(), [
    'ca.crt',
    'ca.key',
    'server-ecdsa.crt',
    'server-ecdsa.key',
    'server-rsa.crt',
    'server-rsa.key',
  ]);
  t.equal(statSync(certsDir).mode & 0o777, 0o700);
  for (const name of readdirSync(certsDir)) t.equal(statSync(join(certsDir, name)).mode & 0o777, 0o600, name);
  t.match(first.log, /certificate authority made/);
  t.notMatch(first.log, /PRIVATE|BEGIN/);
});

t.test('openssl is content with both certificates, strictly', async t => {
  for (const kind of ['server-rsa', 'server-ecdsa']) {
    const file = join(certsDir, `${kind}.crt`);
    for (const host of ['nas.lan', 'localhost']) {
      const { stdout } = await run('openssl', [
        ...['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', host],
        ...['-CAfile', join(certsDir, 'ca.crt'), file],
      ]);
      t.match(stdout, /: OK/, `${kind} for ${host}`);
    }
    for (const address of ['192.168.20.5', 'fd00::5', 'fe80::1', '127.0.0.1', '::1']) {
      const { stdout } = await run('openssl', [
        ...['verify', '-x509_strict', '-verify_ip', address, '-CAfile', join(certsDir, 'ca.crt'), file],
      ]);
      t.match(stdout, /: OK/, `${kind} for ${address}`);
    }
    const { stdout: text } = await run('openssl', [
      'x509',
      '-in',
      file,
      '-noout',
      '-text',
      '-nameopt',
      'show_type',
    ]);
    t.match(text, /X509v3 Basic Constraints: critical\s+CA:FALSE/);
    t.match(text, /X509v3 Key Usage: critical\s+Digital Signature/);
    t.match(text, /X509v3 Extended Key Usage:\s+TLS Web Server Authentication/);
    t.match(text, /X509v3 Authority Key Identifier/);
    t.match(text, kind === 'server-rsa' ? /Public-Key: \(2048 bit\)/ : /NIST CURVE: P-256/);
    t.notMatch(text, /Serial Number:\s+-|Negative/);
  }
  const { stdout: text } = await run('openssl', ['x509', '-in', join(certsDir, 'ca.crt'), '-noout', '-text']);
  t.match(text, /CA:TRUE, pathlen:0/);
  t.match(text, /X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign/);
  t.match(text, /Public-Key: \(3072 bit\)/);
});

t.test("the issuer in both certificates has the bytes of the authority's name", async t => {
  const hashes = await Promise.all(
    [
      ['ca', '-subject'],
      ['server-rsa', '-issuer'],
      ['server-ecdsa', '-issuer'],
    ].map(async ([name, which]) => {
      const file = join(certsDir, `${name}.crt`);
      const { stdout } = await run('openssl', [
        'x509',
        '-in',
        file,
        '-noout',
        `${which}`,
        '-nameopt',
        'show_type',
      ]);
      return stdout.replace(/^\w+=/, '');
    }),
  );
  t.equal(new Set(hashes).size, 1, hashes.join(' '));
});

async function shakeHands(
  { rsa, ecdsa, ca }: Certificates,
  client: { maxVersion: 'TLSv1.2' | 'TLSv1.3'; ciphers?: string; sigalgs?: string },
) {
  const server = createServer({ cert: [rsa.cert, ecdsa.cert], key: [rsa.key, ecdsa.key] }, socket =>
    socket.end(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca, ...client });
  try {
    await once(socket, 'secureConnect');
    const peer = socket.getPeerX509Certificate();
    return {
      type: peer?.publicKey.asymmetricKeyType,
      authorized: socket.authorized,
      cipher: socket.getCipher().name,
    };
  } finally {
    socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

t.test('a client gets the certificate that it can use, and trusts it through the authority', async t => {
  const { certificates } = first;
  t.match(await shakeHands(certificates, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }), {
    type: 'rsa',
    authorized: true,
    cipher: 'ECDHE-RSA-AES128-GCM-SHA256',
  });
  t.match(
    await shakeHands(certificates, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
    {
      type: 'ec',
      authorized: true,
      cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256',
    },
  );
  t.match(
    await shakeHands(certificates, { maxVersion: 'TLSv1.3', sigalgs: 'rsa_pss_rsae_sha256:RSA+SHA256' }),
    {
      type: 'rsa',
      authorized: true,
    },
  );
  t.match(await shakeHands(certificates, { maxVersion: 'TLSv1.3' }), { type: 'ec', authorized: true });
});

t.test('a second start changes nothing', async t => {
  const directory = copied(t);
  const { certificates, log } = await openIn(directory, wishes);
  t.same(certificates, first.certificates);
  t.equal(log, '');
});

t.test('an interrupted first start is completed with the keys that are there', async t => {
  for (const missing of [
    ['server-ecdsa.crt'],
    ['server-ecdsa.crt', 'server-ecdsa.key'],
    ['server-rsa.crt', 'server-ecdsa.crt', 'server-ecdsa.key'],
    ['ca.crt', 'server-rsa.crt', 'server-ecdsa.crt'],
  ]) {
    const directory = copied(t);
    for (const name of missing) rmSync(join(directory, name));
    writeFileSync(join(directory, 'server-ecdsa.key.new'), 'cut sh', { mode: 0o600 });
    const keys = readdirSync(directory).filter(name => name.endsWith('.key'));
    const { certificates } = await openIn(directory, wishes);
    for (const name of keys)
      t.equal(readFileSync(join(directory, name), 'utf8'), readFileSync(join(certsDir, name), 'utf8'), name);
    t.match(await shakeHands(certificates, { maxVersion: 'TLSv1.3' }), { type: 'ec', authorized: true });
  }
});

t.test('a new name or address gives new certificates from the same authority for the same keys', async t => {
  const directory = copied(t);
  const { certificates, log } = await openIn(directory, { ...wishes, addresses: ['192.168.20.6'] });
  t.equal(certificates.ca, first.certificates.ca);
  t.equal(certificates.rsa.key, first.certificates.rsa.key);
  for (const { cert } of [certificates.rsa, certificates.ecdsa]) {
    const leaf = new X509Certificate(cert);
    t.ok(leaf.checkIP('192.168.20.6'));
    t.notOk(leaf.checkIP('192.168.20.5'));
    t.ok(leaf.checkHost('nas.lan'));
  }
  t.match(log, /"reason":"names"/);
  const { certificates: named } = await openIn(directory, { names: ['10.9.8.7', 'cam.example'] });
  t.ok(new X509Certificate(named.ecdsa.cert).checkIP('10.9.8.7'), 'a configured name may be an address');
  t.ok(new X509Certificate(named.ecdsa.cert).checkHost('cam.example'));
});

t.test('a certificate is renewed when 30 days are left, and not before', async t => {
  const directory = copied(t);
  const endMs = new X509Certificate(first.certificates.rsa.cert).validToDate.getTime();
  const early = await openIn(directory, { ...wishes, nowMs: endMs - 30 * dayMs - 1 });
  t.same(early.certificates, first.certificates);
  const nowMs = endMs - 30 * dayMs;
  const { certificates, log } = await openIn(directory, { ...wishes, nowMs });
  t.equal(certificates.ca, first.certificates.ca);
  t.equal(certificates.rsa.key, first.certificates.rsa.key);
  for (const { cert } of [certificates.rsa, certificates.ecdsa])
    t.equal(new X509Certificate(cert).validToDate.getTime(), Math.floor((nowMs + 730 * dayMs) / 1000) * 1000);
  t.match(log, /"reason":"expiry"/);
});

t.test('a clock that stands at 1970 spoils nothing', async t => {
  const directory = copied(t);
  const { certificates, log } = await openIn(directory, { ...wishes, nowMs: dayMs });
  t.same(certificates, first.certificates);
  t.match(log, /certificate authority is not valid now/);
});

t.test('an authority made at 1970 is made anew once the clock is right', async t => {
  const directory = copied(t);
  for (const name of ['ca.crt', 'server-rsa.crt', 'server-ecdsa.crt']) rmSync(join(directory, name));
  await openIn(directory, { ...wishes, nowMs: dayMs });
  const { certificates } = await openIn(directory, wishes);
  t.match(await shakeHands(certificates, { maxVersion: 'TLSv1.3' }), { type: 'ec', authorized: true });
});

t.test('certificates of an authority that is gone are replaced', async t => {
  const directory = copied(t);
  for (const name of ['ca.crt', 'ca.key']) rmSync(join(directory, name));
  const { certificates, log } = await openIn(directory, wishes);
  t.not(certificates.ca, first.certificates.ca);
  t.match(log, /"reason":"authority"/);
  t.match(await shakeHands(certificates, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }), {
    type: 'rsa',
    authorized: true,
  });
});

t.test("without the authority's key what is there is used, and what is missing cannot be made", async t => {
  const directory = copied(t);
  rmSync(join(directory, 'ca.key'));
  t.same((await openIn(directory, wishes)).certificates, first.certificates);
  const moved = await openIn(directory, { addresses: ['192.168.20.6'] });
  t.same(moved.certificates, first.certificates);
  t.match(moved.log, /"level":40.*server certificate needs to be replaced by hand/);
  rmSync(join(directory, 'server-rsa.crt'));
  await t.rejects(openIn(directory, wishes), {
    name: 'SettingsError',
    message: /without the authority's key/,
  });
});

t.test("a certificate of the operator's own is used as it is, whatever its names", async t => {
  const directory = copied(t);
  const key = join(directory, 'server-rsa.key');
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '90', '-subj', '/CN=clips.example.org'],
    ...['-keyout', key, '-out', join(directory, 'server-rsa.crt')],
  ]);
  chmodSync(key, 0o600);
  const own = readFileSync(join(directory, 'server-rsa.crt'), 'utf8');
  const { certificates, log } = await openIn(directory, { ...wishes, nowMs: startMs + dayMs });
  t.equal(certificates.rsa.cert, own);
  t.equal(log, '');
  const late = await openIn(directory, { ...wishes, nowMs: startMs + 91 * dayMs });
  t.equal(late.certificates.rsa.cert, own, 'whoever shows it says that it has ended');
  t.equal(late.log, '');
});

t.test('a key that others may read is refused', async t => {
  const directory = copied(t);
  for (const name of ['ca.key', 'server-rsa.key', 'server-ecdsa.key']) {
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(join(directory, name), mode);
      await t.rejects(
        openIn(directory, wishes),
        { name: 'SettingsError', message: /chmod 600/ },
        `${name} ${mode}`,
      );
    }
    chmodSync(join(directory, name), 0o400);
    t.ok(await openIn(directory, wishes));
  }
});

t.test('a key and a certificate that do not belong together are refused', async t => {
  const directory = copied(t);
  renameSync(join(directory, 'ca.key'), join(directory, 'server-rsa.key'));
  await t.rejects(openIn(directory, wishes), { name: 'SettingsError', message: /does not belong to/ });
});

t.test(
  'what is no key, no certificate, no authority, or lacks its key is refused in one sentence',
  async t => {
    const spoil = async (work: (directory: string) => void, message: RegExp) => {
      const directory = copied(t);
      work(directory);
      const error: unknown = await openIn(directory, wishes).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      t.ok(error instanceof SettingsError);
      t.match(error, { message });
      t.notMatch(String(error), /BEGIN|secret text/);
    };
    await spoil(
      directory => writeFileSync(join(directory, 'server-rsa.key'), 'secret text'),
      /RSA private key/,
    );
    await spoil(
      directory => copyFileSync(join(directory, 'server-rsa.key'), join(directory, 'server-ecdsa.key')),
      /EC private key/,
    );
    await spoil(
      directory => writeFileSync(join(directory, 'server-rsa.crt'), 'no certificate'),
      /certificate in PEM/,
    );
    await spoil(directory => rmSync(join(directory, 'server-rsa.key')), /is missing beside its certificate/);
    await spoil(directory => {
      for (const end of ['crt', 'key'])
        renameSync(join(directory, `server-rsa.${end}`), join(directory, `ca.${end}`));
    }, /not the certificate of an authority/);
    await t.rejects(openIn(copied(t), { names: ['bad name'] }), { message: /is no name for a certificate/ });
  },
);

t.test('a crowd of addresses is cut at the limit, and configured names and loopback stay', async t => {
  const directory = copied(t);
  const addresses = Array.from({ length: 200 }, (_, index) => `10.0.0.${index + 1}`);
  const { certificates } = await openIn(directory, { names: ['nas.lan'], addresses });
  const leaf = new X509Certificate(certificates.rsa.cert);
  t.equal(leaf.subjectAltName?.split(', ').length, maxAlternativeNames);
  t.ok(leaf.checkHost('nas.lan'));
  t.ok(leaf.checkIP('::1'));
  t.equal(
    (await openIn(directory, { names: ['nas.lan'], addresses })).log,
    '',
    'and is not made again each time',
  );
});

t.test('asked for, all of ours are made anew for the same keys, or for new ones', async t => {
  const directory = copied(t);
  const again = (renew: 'all' | 'keys', log = silentLog()) =>
    openCertificates(
      { certsDir: directory, names: ['nas.lan'], addresses: [], clock: systemClock, log },
      { renew },
    );
  const second = await again('all');
  t.equal(second.ca, first.certificates.ca);
  for (const kind of ['rsa', 'ecdsa'] as const) {
    t.not(second[kind].cert, first.certificates[kind].cert);
    t.equal(second[kind].key, first.certificates[kind].key);
  }
  const third = await again('keys');
  for (const kind of ['rsa', 'ecdsa'] as const) t.not(third[kind].key, first.certificates[kind].key);
  t.match(await shakeHands(third, { maxVersion: 'TLSv1.3' }), { type: 'ec', authorized: true });
  t.same(readdirSync(directory).sort(), readdirSync(certsDir).sort(), 'nothing is left over');
  for (const name of readdirSync(directory))
    t.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
});

t.test("an operator's own pair is not replaced, also when asked for all", async t => {
  const directory = copied(t);
  makePair(
    { key: join(directory, 'server-rsa.key'), cert: join(directory, 'server-rsa.crt') },
    { kind: 'rsa' },
  );
  const own = readFileSync(join(directory, 'server-rsa.crt'), 'utf8');
  for (const renew of ['all', 'keys'] as const) {
    const { rsa, ecdsa } = await openCertificates(
      { certsDir: directory, names: [], addresses: [], clock: systemClock, log: silentLog() },
      { renew },
    );
    t.equal(rsa.cert, own);
    t.not(ecdsa.cert, first.certificates.ecdsa.cert);
  }
});

t.test('a process that sees no network keeps the addresses that a certificate has', async t => {
  const directory = copied(t);
  const blind = (nowMs: number, names: string[]) =>
    openCertificates({
      ...{ certsDir: directory, names, addresses: ['127.0.0.1', '::1'], knowsAddresses: false },
      ...{ clock: { now: () => nowMs, monotonicMs: () => 0 }, log: silentLog() },
    });
  t.equal((await blind(startMs, ['nas.lan'])).rsa.cert, first.certificates.rsa.cert, 'nothing is missing');
  const addresses = ({ cert }: { cert: string }) =>
    ['192.168.20.5', 'fd00::5', '127.0.0.1', '::1'].filter(each => new X509Certificate(cert).checkIP(each));
  const named = await blind(startMs, ['nas.lan', '203.0.113.7']);
  t.ok(new X509Certificate(named.rsa.cert).checkIP('203.0.113.7'), 'what the settings name is added');
  t.equal(addresses(named.rsa).length, 4);
  const endMs = new X509Certificate(named.rsa.cert).validToDate.getTime();
  const renewed = await blind(endMs - 29 * dayMs, ['nas.lan', '203.0.113.7']);
  t.not(renewed.rsa.cert, named.rsa.cert);
  t.equal(addresses(renewed.ecdsa).length, 4);
});

t.test('two that make certificates at once end with pairs that match', async t => {
  const directory = join(t.testdir(), 'certs');
  const make = (renew: 'needed' | 'all' | 'keys') =>
    openCertificates(
      { certsDir: directory, names: [], addresses: [], clock: systemClock, log: silentLog() },
      { renew },
    );
  await Promise.all([make('needed'), make('needed')]);
  for (const name of ['ca', 'server-rsa', 'server-ecdsa'] as const)
    t.ok((await readPair(directory, name)).key, name);
  await Promise.all([make('all'), make('needed'), make('all')]);
  for (const name of ['server-rsa', 'server-ecdsa'] as const)
    t.ok((await readPair(directory, name)).key, name);
  const settled = await make('needed');
  t.match(await shakeHands(settled, { maxVersion: 'TLSv1.3' }), { type: 'ec', authorized: true });
  t.same(
    readdirSync(directory).filter(name => name.endsWith('.new')),
    [],
  );
});
