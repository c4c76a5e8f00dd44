import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import t from 'tap';
import { openCertificates } from '../../src/access/certificates.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Session } from '../../src/receive/session.ts';
import { createSessionContexts, holdContext } from '../../src/receive/session-contexts.ts';
import { type FtpsClient, loginExplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

const connection = () => new EventEmitter() as Socket;

t.test('a context is used again when no connection of its session is open, and never before', async t => {
  const certificates = await openCertificates({
    certsDir: t.testdir(),
    names: [],
    addresses: ['127.0.0.1'],
    clock: systemClock,
    log: silentLog(),
  });
  const identities = () => [certificates.rsa, certificates.ecdsa];
  const contexts = createSessionContexts({ minVersion: 'TLSv1.2', isLegacy: false });
  const [control, data] = [connection(), connection()];
  const first = contexts.take(identities(), control);
  holdContext(first, data);
  control.emit('close');
  t.not(contexts.take(identities(), connection()), first, 'a data connection is still open');
  data.emit('close');
  const next = connection();
  t.equal(contexts.take(identities(), next), first);
  next.emit('close');
  const renewed = identities().toReversed();
  const last = connection();
  t.not(contexts.take(renewed, last), first, 'renewed certificates are for new sessions');
  const late = contexts.take(identities(), connection());
  last.emit('close');
  t.not(contexts.take(identities(), connection()), late);
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`a ticket of a session that has ended is worth nothing in the next one, ${version}`, async t => {
    const seen: SecureContext[] = [];
    const server = await startTestReceiver({
      parts: { observe: visitor => void seen.push((visitor as unknown as Session).secureContext) },
    });
    t.teardown(() => server.stop());
    const tls = { minVersion: version, maxVersion: version };
    const first = await loginExplicit(server.explicitPort, account, { tls });
    await uploadWith(first, 'own.bin', first.session);
    const ticket = first.session;
    t.equal(await first.code('QUIT'), 221);
    await first.closed;
    while (server.receiver.connections() > 0) await new Promise(setImmediate);

    const second = await loginExplicit(server.explicitPort, account, { tls });
    t.equal(new Set(seen).size, 1, 'it has the context of the first');
    await uploadWith(second, 'stolen.bin', ticket);
    await uploadWith(second, 'own-again.bin', second.session);
    const bound = Object.fromEntries(server.inbox().map(({ receipt }) => [receipt.path, receipt.dataBound]));
    t.same(bound, { 'own.bin': true, 'stolen.bin': false, 'own-again.bin': true });
    second.close();
  });
}

async function uploadWith(client: FtpsClient, path: string, session: Buffer | undefined): Promise<void> {
  if (session === undefined) throw new Error('the control connection has got no ticket');
  const { code } = await client.upload(path, Buffer.from(path), { tls: { session } });
  if (code !== 226) throw new Error(`${path} was answered ${code}`);
}
