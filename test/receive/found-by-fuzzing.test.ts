// What the fuzzer (test/fuzz) found, each as the smallest dialogue that shows it.

import { once } from 'node:events';
import t from 'tap';
import { connectExplicit } from '../support/ftps-client.ts';
import { loggedIn, onBoth } from '../support/on-both.ts';
import { startTestReceiver, testLimits } from '../support/receiver.ts';

t.test('a reply of several lines is whole, whatever comes while it is said', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  let begun = 0;
  for (let attempt = 0; attempt < 40; attempt++) {
    const client = await loggedIn.implicit(server);
    let text = '';
    client.socket.on('data', chunk => {
      text += chunk;
    });
    client.send('FEAT');
    // At another moment each time, so that one of them falls into the reply.
    for (let turn = 0; turn < attempt % 8; turn++) await new Promise(resolve => setImmediate(resolve));
    client.send(Buffer.alloc(testLimits.maxLineBytes + 1, 0x41));
    await client.closed;
    if (text.startsWith('211-')) begun++;
    t.notMatch(text, /211-(?![\s\S]*\r\n211 End\r\n)/, 'what was begun is ended');
  }
  t.ok(begun > 0, 'some replies had begun');
});

t.test('an unfinished Telnet sequence behind AUTH does not reach into TLS', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  for (const start of [[0xff], [0xff, 0xfb]]) {
    const client = await connectExplicit(server.explicitPort);
    client.send(Buffer.concat([Buffer.from('AUTH TLS\r\n'), Buffer.from(start)]));
    t.equal(await client.reply(), undefined, 'closed without 234');
  }
});

const maxPipelinedCommands = 8;

onBoth(
  'commands beside a transfer whose replies nobody reads are limited like others',
  loggedIn,
  async (t, client, server) => {
    const raw = await client.openData();
    t.equal(await client.code('STOR x.bin'), 150);
    const tls = await client.secureData(raw);
    client.send(Buffer.from('NOOP\r\n'.repeat(maxPipelinedCommands)));
    for (let each = 0; each < maxPipelinedCommands; each++) t.equal((await client.reply())?.code, 200);
    client.send(Buffer.from('NOOP\r\n'.repeat(maxPipelinedCommands + 1)));
    let last: number | undefined;
    for (let reply = await client.reply(); reply !== undefined; reply = await client.reply())
      last = reply.code;
    t.equal(last, 421);
    if (!tls.closed) await once(tls, 'close');
    t.equal(server.receiver.leasedPorts(), 0);
  },
  { limits: { maxPipelinedCommands } },
);
