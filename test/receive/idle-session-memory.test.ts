// What a camera costs that stays logged in, in V8's heap and in buffers: of a thousand cameras each counts a thousandfold. The
// client lives in this process, too, and is counted with its session. TLS itself lies outside (docs/performance.md, Memory).

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { type FtpsClient, loginExplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

const sessions = 40;
/** Measured: 29 to 40. More than twice that, since another version of Node may need more. */
const mostKibibytes = 90;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function usedBytes(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

t.test('a session that does nothing is small', async t => {
  const receiver = await startTestReceiver();
  const clients: FtpsClient[] = [];
  t.teardown(async () => {
    for (const client of clients) client.close();
    await receiver.stop();
  });
  const logIn = async () => {
    for (let count = 0; count < sessions; count++)
      clients.push(await loginExplicit(receiver.explicitPort, account));
  };
  // Code is compiled and caches are filled by the first.
  await logIn();
  for (const client of clients.splice(0)) {
    client.close();
    await client.closed;
  }
  const before = usedBytes();
  await logIn();
  const kibibytes = (usedBytes() - before) / 1024 / sessions;
  t.ok(kibibytes < mostKibibytes, `${kibibytes.toFixed(1)} KiB for each session and its client`);
});
