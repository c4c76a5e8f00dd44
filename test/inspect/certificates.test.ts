import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openCertificates } from '../../src/access/certificates.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { readCertificates } from '../../src/inspect/certificates.ts';
import { makeCertbotDirectory, makePair } from '../support/certbot.ts';

const dayMs = 86_400_000;
const root = mkdtempSync(join(tmpdir(), 'clipward-certificates-'));
t.teardown(() => rmSync(root, { recursive: true }));
const certsDir = join(root, 'certs');
const own = await openCertificates({
  ...{ certsDir, names: [], addresses: [], clock: systemClock, log: silentLog() },
});
const endOf = (pem: string) => new X509Certificate(pem).validToDate.getTime();

t.test('one that is shown is told of when it nears its end, with whose it is to renew', async t => {
  const certbot = makeCertbotDirectory(root, 'ecdsa');
  const troubles = async (nowMs: number, outsideDir: string | null = certbot.live) =>
    (await readCertificates({ certsDir, outsideDir }, nowMs)).troubles;
  const endsAt = endOf(certbot.first);
  t.same(await troubles(endsAt - 14 * dayMs - 1), []);
  t.match(await troubles(endsAt - 14 * dayMs), [
    {
      name: 'outside',
      sentence: /fullchain\.pem ends on \d{4}-\d\d-\d\d: have it renewed where it comes from/,
    },
  ]);
  t.match(await troubles(endsAt), [{ name: 'outside', sentence: /fullchain\.pem ended on/ }]);
  t.match((await readCertificates({ certsDir, outsideDir: certbot.live }, endsAt)).certificates[0], {
    ...{ name: 'outside', life: 'ended', shown: true },
  });
  // Made one after the other, they may end a second apart.
  const ownEndsAt = Math.max(endOf(own.rsa.cert), endOf(own.ecdsa.cert));
  const late = await troubles(ownEndsAt - 14 * dayMs, null);
  t.match(late, [
    { name: 'server-rsa', sentence: /server-rsa\.crt ends on .*: clipward cert renew, and look in the log/ },
    { name: 'server-ecdsa' },
  ]);
  const shownBeside = await troubles(ownEndsAt - 14 * dayMs);
  t.same(
    shownBeside.map(({ name }) => name),
    ['outside', 'server-rsa'],
    "one that nobody is shown is nobody's trouble",
  );
  const early = await troubles(Date.now() - 3 * dayMs, null);
  t.match(early, [{ sentence: /does not begin before .*: look at the clock/ }, {}, {}]);
});

t.test("an operator's own in place of ours is his to renew", async t => {
  const mixed = join(root, 'mixed');
  await openCertificates({
    ...{ certsDir: mixed, names: [], addresses: [], clock: systemClock, log: silentLog() },
  });
  makePair({ key: join(mixed, 'server-rsa.key'), cert: join(mixed, 'server-rsa.crt') }, { kind: 'rsa' });
  const { certificates, troubles } = await readCertificates(
    { certsDir: mixed, outsideDir: null },
    Date.now() + 80 * dayMs,
  );
  t.match(certificates, [
    { name: 'server-rsa', renewedBy: 'somebody else', life: 'ending', shown: true },
    { name: 'server-ecdsa', renewedBy: 'clipward', life: 'lasting', shown: true },
    { name: 'ca', renewedBy: 'clipward', shown: false },
  ]);
  t.match(troubles, [{ name: 'server-rsa', sentence: /have it renewed where it comes from/ }]);
});
