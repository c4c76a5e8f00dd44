import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readOutsideCertificate } from '../../src/access/outside-certificate.ts';
import { SettingsError } from '../../src/base/errors.ts';
import { type KeyKind, makeCertbotDirectory, makePair } from '../support/certbot.ts';

function directory(scope: { teardown(work: () => void): void }, kind?: KeyKind) {
  const root = mkdtempSync(join(tmpdir(), 'clipward-outside-'));
  scope.teardown(() => rmSync(root, { recursive: true, force: true }));
  return makeCertbotDirectory(root, kind);
}

/** One sentence, without a key in it. */
async function refused(t: Test, path: string, sentence: RegExp, what = 'refused') {
  const error: unknown = await readOutsideCertificate(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  t.ok(error instanceof SettingsError, what);
  t.match(error, { message: sentence }, what);
  t.notMatch(String(error), /BEGIN|\n/);
}

t.test('a directory of certbot is read through its links, with either kind of key', async t => {
  for (const kind of ['rsa', 'ecdsa'] as const) {
    const certbot = directory(t, kind);
    const { cert, key, type } = await readOutsideCertificate(certbot.live);
    t.equal(cert, certbot.first);
    t.match(key, /PRIVATE KEY/);
    t.equal(type, kind === 'rsa' ? 'rsa' : 'ec');
  }
});

t.test('a file that is missing is named', async t => {
  for (const name of ['privkey', 'fullchain'] as const) {
    const certbot = directory(t);
    certbot.unlinkLive(name);
    await refused(t, certbot.live, new RegExp(`${name}\\.pem is missing: ftps\\.tls\\.certificateDir`));
  }
});

t.test('a key and a certificate that do not match are refused', async t => {
  const certbot = directory(t);
  certbot.issue();
  certbot.unlinkLive('privkey');
  certbot.linkLive('privkey');
  await refused(t, certbot.live, /fullchain\.pem does not belong to .*privkey\.pem/);
});

t.test('a key that others may read or change is refused, wherever the link leads', async t => {
  const certbot = directory(t);
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o666]) {
    chmodSync(certbot.newest('privkey'), mode);
    await refused(t, certbot.live, /privkey\.pem may be read or changed.*chmod 600/, mode.toString(8));
  }
  chmodSync(certbot.newest('privkey'), 0o400);
  t.ok(await readOutsideCertificate(certbot.live));
});

t.test('a directory in which everybody may write is refused', async t => {
  const certbot = directory(t);
  for (const path of [certbot.live, join(certbot.newest('privkey'), '..')]) {
    chmodSync(path, 0o777);
    await refused(t, certbot.live, /Everybody may write in .*chmod o-w/);
    chmodSync(path, 0o755);
  }
  t.ok(await readOutsideCertificate(certbot.live));
});

t.test(
  "root's key may be handed on by its group, another user's key may not",
  { skip: process.getuid?.() === 0 ? false : 'needs root, to be another user' },
  async t => {
    const certbot = directory(t);
    const key = certbot.newest('privkey');
    chmodSync(join(certbot.live, '..', '..'), 0o755);
    // The group of the reader is the only one that has a part in it.
    chownSync(key, 0, 64_102);
    const asReader = async <T>(work: () => Promise<T>): Promise<T> => {
      process.setegid?.(64_102);
      process.seteuid?.(64_102);
      try {
        return await work();
      } finally {
        process.seteuid?.(0);
        process.setegid?.(0);
      }
    };
    chmodSync(key, 0o640);
    t.ok(await asReader(() => readOutsideCertificate(certbot.live)));
    for (const mode of [0o660, 0o644, 0o642]) {
      chmodSync(key, mode);
      await asReader(() => refused(t, certbot.live, /may be read or changed.*chmod 640/, mode.toString(8)));
    }
    chmodSync(key, 0o600);
    await asReader(() => refused(t, certbot.live, /cannot be read \(EACCES\)/));
    chmodSync(key, 0o640);
    chownSync(key, 64_109, 64_102);
    await asReader(() => refused(t, certbot.live, /belongs to another user/));
  },
);

t.test('a file that was written half-way is refused, wherever it was cut', async t => {
  const certbot = directory(t);
  const chain = join(certbot.live, '..', 'extra.pem');
  makePair({ key: join(certbot.live, '..', 'extra.key'), cert: chain });
  const file = certbot.newest('fullchain');
  const leaf = readFileSync(file, 'utf8');
  appendFileSync(file, readFileSync(chain));
  const whole = readFileSync(file, 'utf8');
  t.equal((await readOutsideCertificate(certbot.live)).cert, whole);
  for (const length of [0, 10, leaf.length - 5, leaf.length + 5, leaf.length + 300, whole.length - 10]) {
    writeFileSync(file, whole.slice(0, length));
    await refused(t, certbot.live, /(cut off|does not hold a certificate)/, `${length} bytes`);
  }
  writeFileSync(file, whole.slice(0, leaf.length) + whole.slice(leaf.length).replace('\nMII', '\nAII'));
  await refused(t, certbot.live, /cut off or damaged/);
  writeFileSync(file, whole);
  truncateSync(certbot.newest('privkey'), 60);
  await refused(t, certbot.live, /RSA or EC private key/);
});

t.test('what the TLS library refuses, a pipe, and another kind of key are refused', async t => {
  const certbot = directory(t);
  const files = { key: certbot.newest('privkey'), cert: certbot.newest('fullchain') };
  makePair(files, { kind: 'weak' });
  t.equal(new X509Certificate(readFileSync(files.cert)).publicKey.asymmetricKeyDetails?.modulusLength, 512);
  await refused(t, certbot.live, /cannot be used for TLS: .*RSA 2048/);
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ed25519',
      '-nodes',
      '-subj',
      '/CN=x',
      '-keyout',
      files.key,
      '-out',
      files.cert,
    ],
    { stdio: 'ignore' },
  );
  await refused(t, certbot.live, /RSA or EC private key/);
  unlinkSync(join(certbot.live, 'privkey.pem'));
  execFileSync('mkfifo', ['-m', '600', join(certbot.live, 'privkey.pem')]);
  await refused(t, certbot.live, /is not a PEM file/);
  unlinkSync(join(certbot.live, 'privkey.pem'));
  symlinkSync('/dev/zero', join(certbot.live, 'privkey.pem'));
  await refused(t, certbot.live, /is not a PEM file/);
});
