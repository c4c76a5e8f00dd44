import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openSigningKey, readPublicKeys, readSigningKey } from '../../src/access/signing-key.ts';
import { openLog, silentLog } from '../../src/base/log.ts';

const log = silentLog();

t.test('the key is made once, for its owner alone, and signs what openssl verifies', async t => {
  const stateDir = t.testdir({});
  const key = await openSigningKey({ stateDir, log });
  const secrets = join(stateDir, 'secrets');
  t.equal(statSync(secrets).mode & 0o777, 0o700);
  t.strictSame(readdirSync(secrets).sort(), ['signing.key', 'signing.pub']);
  for (const name of readdirSync(secrets)) t.equal(statSync(join(secrets, name)).mode & 0o777, 0o600);
  t.equal((await openSigningKey({ stateDir, log })).publicKey.fingerprint, key.publicKey.fingerprint);
  t.equal((await readSigningKey(stateDir)).publicKey.fingerprint, key.publicKey.fingerprint);

  writeFileSync(join(stateDir, 'text'), 'a text\n');
  writeFileSync(join(stateDir, 'sig'), Buffer.from(key.sign('a text\n'), 'base64'));
  const verify = ['pkeyutl', '-verify', '-pubin', '-inkey', join(secrets, 'signing.pub'), '-rawin'];
  const args = [...verify, '-in', join(stateDir, 'text'), '-sigfile', join(stateDir, 'sig')];
  t.match(execFileSync('openssl', args, { encoding: 'utf8' }), /Verified Successfully/);
  const der = execFileSync('openssl', [
    'pkey',
    '-pubin',
    '-in',
    join(secrets, 'signing.pub'),
    '-outform',
    'DER',
  ]);
  t.match(execFileSync('sha256sum', { input: der, encoding: 'utf8' }), key.publicKey.fingerprint);
  t.ok(key.publicKey.verify('a text\n', key.sign('a text\n')));
  t.notOk(key.publicKey.verify('a text', key.sign('a text\n')));
  t.notOk(key.publicKey.verify('a text\n', 'no signature'));
});

t.test('an interruption between the two files is made up for, with the same key', async t => {
  const stateDir = t.testdir({});
  const { publicKey } = await openSigningKey({ stateDir, log });
  rmSync(join(stateDir, 'secrets/signing.pub'));
  t.equal((await openSigningKey({ stateDir, log })).publicKey.fingerprint, publicKey.fingerprint);
  t.ok(existsSync(join(stateDir, 'secrets/signing.pub')));
});

t.test('a lost private key is told, replaced, and what it signed can still be checked', async t => {
  const stateDir = t.testdir({});
  const lines: string[] = [];
  const told = openLog({ level: 'info', stream: { write: line => void lines.push(line) }, pretty: false });
  const first = await openSigningKey({ stateDir, log: told });
  rmSync(join(stateDir, 'secrets/signing.key'));
  const second = await openSigningKey({ stateDir, log: told });
  t.not(second.publicKey.fingerprint, first.publicKey.fingerprint);
  t.match(lines.join(''), /"keyFingerprint":"[0-9a-f]{64}","msg":"signing key is missing"/);
  const { current, earlier } = await readPublicKeys(stateDir);
  t.equal(current?.fingerprint, second.publicKey.fingerprint);
  t.strictSame(
    earlier.map(each => each.fingerprint),
    [first.publicKey.fingerprint],
  );
  t.ok(earlier[0]?.verify('x', first.sign('x')));
  t.notMatch(lines.join(''), /PRIVATE/);
});

t.test(
  'a key that others may read, that is none, or that does not fit is refused without showing it',
  async t => {
    const refused = async (change: (file: (name: string) => string) => void, message: RegExp) => {
      const stateDir = t.testdir({});
      await openSigningKey({ stateDir, log });
      const file = (name: string) => join(stateDir, 'secrets', name);
      const body = readFileSync(file('signing.key'), 'utf8').split('\n')[1] ?? '?';
      change(file);
      for (const open of [() => openSigningKey({ stateDir, log }), () => readSigningKey(stateDir)]) {
        const error = await open().then(
          () => undefined,
          (each: Error) => each,
        );
        t.match(error, { name: 'SettingsError', message });
        t.notOk(JSON.stringify(error?.stack).includes(body), 'the key is not in the error');
      }
      rmSync(stateDir, { recursive: true });
    };
    await refused(file => chmodSync(file('signing.key'), 0o640), /mode 640/);
    await refused(file => writeFileSync(file('signing.key'), 'nothing'), /Ed25519/);
    await refused(file => {
      const pem = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519'], { encoding: 'utf8' });
      writeFileSync(file('signing.key'), pem);
    }, /does not belong/);
    await refused(file => {
      const pem = execFileSync('openssl', ['genpkey', '-algorithm', 'ed448'], { encoding: 'utf8' });
      writeFileSync(file('signing.key'), pem);
    }, /Ed25519/);
    await refused(file => {
      rmSync(file('signing.key'));
      symlinkSync('/dev/zero', file('signing.key'));
    }, /ELOOP/);
    await refused(file => writeFileSync(file('signing.pub'), 'x'.repeat(5000)), /PEM/);
  },
);

t.test('a command that comes before the first start says so', async t => {
  await t.rejects(readSigningKey(t.testdir({})), { name: 'TransientError', message: /serve/ });
  t.strictSame(await readPublicKeys(t.testdir({})), { current: undefined, earlier: [] });
});
