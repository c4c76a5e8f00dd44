// One test on each listener: what holds on the explicit port must hold on the implicit one.

import t, { type Test } from 'tap';
import {
  connectExplicit,
  connectImplicit,
  type FtpsClient,
  loginExplicit,
  loginImplicit,
} from './ftps-client.ts';
import { account, startTestReceiver, type TestReceiver } from './receiver.ts';

export type Connect = (server: TestReceiver) => Promise<FtpsClient>;

/** Connected and secured, not logged in. */
export const secured: Record<'explicit' | 'implicit', Connect> = {
  explicit: async server => {
    const client = await connectExplicit(server.explicitPort);
    await client.command('AUTH TLS');
    await client.startTls();
    return client;
  },
  implicit: server => connectImplicit(server.implicitPort),
};

export const loggedIn: Record<'explicit' | 'implicit', Connect> = {
  explicit: server => loginExplicit(server.explicitPort, account),
  implicit: server => loginImplicit(server.implicitPort, account),
};

export function onBoth(
  name: string,
  how: Record<'explicit' | 'implicit', Connect>,
  body: (t: Test, client: FtpsClient, server: TestReceiver) => Promise<void>,
  options: Parameters<typeof startTestReceiver>[0] = {},
): void {
  for (const listener of ['explicit', 'implicit'] as const) {
    t.test(`${name} (${listener})`, async t => {
      const server = await startTestReceiver(options);
      t.teardown(() => server.stop());
      const client = await how[listener](server);
      t.teardown(() => client.close());
      await body(t, client, server);
    });
  }
}
