import { createHash, randomBytes } from 'node:crypto';
import t from 'tap';
import type { Uploads } from '../../src/archive/uploads.ts';
import { connectExplicit, loginExplicit, loginImplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver } from '../support/receiver.ts';
import { wrapWrites } from '../support/wrap-writes.ts';

const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const logins = [
  [
    'explicit',
    (at: { explicitPort: number }, tls: object) => loginExplicit(at.explicitPort, account, { tls }),
  ],
  [
    'implicit',
    (at: { implicitPort: number }, tls: object) => loginImplicit(at.implicitPort, account, { tls }),
  ],
] as const;

for (const version of versions) {
  for (const handshake of ['before', 'after'] as const) {
    t.test(`an upload is stored whole over ${version}, handshake ${handshake} 150`, async t => {
      const server = await startTestReceiver();
      t.teardown(() => server.stop());
      for (const [name, login] of logins) {
        const client = await login(server as never, { minVersion: version, maxVersion: version });
        const bytes = randomBytes(300_000);
        const reply = await client.upload(`/a/b/${name}.bin`, bytes, { handshake });
        t.equal(reply.code, 226);
        const entry = server.inbox().find(({ receipt }) => receipt.path === `a/b/${name}.bin`);
        t.same(entry?.media, bytes);
        t.match(entry?.receipt, {
          camera: account.user,
          bytes: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
          completeness: 'whole',
          completenessBasis: 'close-notify',
          listener: name,
          endedBy: null,
          controlTls: { protocol: version },
          dataTls: { protocol: version },
        });
        t.same(server.incoming(), [], 'nothing is left in incoming');
        t.equal(await client.code('QUIT'), 221);
        await client.closed;
      }
    });
  }
  t.test(`a FIN without close_notify is never answered 226 over ${version}`, async t => {
    const server = await startTestReceiver();
    t.teardown(() => server.stop());
    for (const [name, login] of logins) {
      const client = await login(server as never, { minVersion: version, maxVersion: version });
      const reply = await client.upload(`${name}.bin`, randomBytes(50_000), { ending: 'fin' });
      t.equal(reply.code, 426);
      const entry = server.inbox().find(({ receipt }) => receipt.path === `${name}.bin`);
      t.match(entry?.receipt, {
        completeness: 'partial',
        completenessBasis: 'none',
        endedBy: 'truncated',
        bytes: 50_000,
      });
      client.close();
    }
  });
}

t.test('63. an upload that is reset half-way is kept as partial and answered 426', async t => {
  const { promise: hasWritten, resolve: onWrite } = Promise.withResolvers<void>();
  const server = await startTestReceiver({ uploads: uploads => noticeWrites(uploads, onWrite) });
  t.teardown(() => server.stop());
  const client = await loginExplicit(server.explicitPort, account);
  const raw = await client.openData();
  t.equal(await client.code('STOR cut.bin'), 150);
  const tls = await client.secureData(raw);
  tls.write(randomBytes(2_000_000));
  await hasWritten;
  raw.resetAndDestroy();
  t.match(await client.reply(), { code: 426 });
  t.match(server.inbox(), [{ receipt: { path: 'cut.bin', completeness: 'partial', endedBy: 'reset' } }]);
  t.equal((await client.upload('next.bin', randomBytes(1000))).code, 226, 'the next upload works');
  client.close();
});

t.test('4. AUTH TLS, and the handshake at once, 500 times: none fails', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  for (let round = 0; round < 50; round++) {
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = await connectExplicit(server.explicitPort);
        t.equal(await client.code('AUTH TLS'), 234);
        await client.startTls();
        t.equal(await client.code('NOOP'), 200);
        client.close();
      }),
    );
  }
});

function noticeWrites(uploads: Uploads, onWrite: () => void): Uploads {
  return wrapWrites(uploads, write => async chunks => {
    await write(chunks);
    onWrite();
  });
}
