// Proof on the wire: what somebody who listens sees of a session.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import t, { type Test } from 'tap';
import { type Capture, type Flow, startCapture } from '../support/capture.ts';
import { connectPlain, loginExplicit, loginImplicit } from '../support/ftps-client.ts';
import { account, startTestReceiver, type TestReceiver } from '../support/receiver.ts';

const fileName = 'burglar-at-the-kitchen-window.mp4';
const directory = 'garden-camera-2026-11-21';
/** TLS: a handshake record of version 3.x; an alert. */
const handshakeRecord = Buffer.from([0x16, 0x03]);
const alertBytes = 7;

async function captured(t: Test): Promise<{ server: TestReceiver; capture: Capture } | undefined> {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const { minPort: from, maxPort: to } = server.passive;
  const ports = [server.explicitPort, server.implicitPort, { from, to }];
  const capture = await startCapture(ports, server.explicitPort);
  if (!('unavailable' in capture)) return { server, capture };
  t.pass(`no capture on this machine: ${capture.unavailable}`, { skip: true });
  return undefined;
}

for (const listener of ['explicit', 'implicit'] as const) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    t.test(`nothing of a session can be read on the wire, ${listener}, ${version}`, async t => {
      const ground = await captured(t);
      if (ground === undefined) return;
      const { server, capture } = ground;
      // Text, so that it would be found whatever else is on the wire.
      const content = Buffer.from(randomBytes(30_000).toString('hex'));
      const tls = { minVersion: version, maxVersion: version };
      const client =
        listener === 'explicit'
          ? await loginExplicit(server.explicitPort, account, { tls })
          : await loginImplicit(server.implicitPort, account, { tls });
      t.equal(await client.code(`MKD ${directory}`), 257);
      t.equal((await client.upload(`${directory}/${fileName}`, content, { mode: 'PASV' })).code, 226);
      t.equal(await client.code(`SIZE ${directory}/${fileName}`), 213);
      const raw = await client.openData();
      t.equal(await client.code('LIST'), 150);
      (await client.secureData(raw)).resume();
      t.equal((await client.reply())?.code, 226);
      t.equal(await client.code('QUIT'), 221);
      await client.closed;
      t.match(server.inbox(), [{ media: content, receipt: { path: `${directory}/${fileName}` } }]);
      const { flows, raw: wire } = await capture.stop();

      const port = listener === 'explicit' ? server.explicitPort : server.implicitPort;
      const sent = flows.find(({ to }) => to === port) as Flow;
      const said = flows.find(({ from }) => from === port) as Flow;
      const hello = listener === 'explicit' ? 'AUTH TLS\r\n'.length : 0;
      if (listener === 'explicit') {
        t.equal(sent.bytes.toString('latin1', 0, hello), 'AUTH TLS\r\n', 'the session was captured');
        t.match(said.bytes.toString('latin1'), /^220 [^\r\n]+\r\n234 [^\r\n]+\r\n\x16\x03/);
      }
      t.same(sent.bytes.subarray(hello, hello + 2), handshakeRecord, 'a ClientHello follows');
      t.equal(sent.bytes[hello + 5], 1);
      t.same(said.bytes.indexOf(handshakeRecord) >= 0, true, 'and is answered');
      const { minPort, maxPort } = server.passive;
      const uploads = flows.filter(({ to, bytes }) => to >= minPort && to <= maxPort && bytes.length > 0);
      t.equal(uploads.length, 2, 'both data connections were captured');
      for (const { bytes } of uploads) t.same(bytes.subarray(0, 2), handshakeRecord, 'and were TLS');
      t.ok(
        uploads.some(({ bytes }) => bytes.length > content.length),
        'the content went over one of them',
      );

      const pieces = [0, 1000, content.length / 2, content.length - 32].map(at =>
        content.subarray(at, at + 32),
      );
      for (const [what, secret] of [
        ['user name', account.user],
        ['password', account.password],
        ['file name', fileName],
        ['directory', directory],
        ['commands', 'STOR'],
        ...pieces.map((piece, index) => [`content ${index}`, piece] as const),
      ] as const) {
        t.notOk(wire.includes(secret), `no ${what} in the capture`);
        t.notOk(
          flows.some(({ bytes }) => bytes.includes(secret)),
          `no ${what} in what it adds up to`,
        );
      }
    });
  }
}

t.test('a client that insists on plain text gets the refusal and nothing else', async t => {
  const ground = await captured(t);
  if (ground === undefined) return;
  const { server, capture } = ground;
  const insistent = await connectPlain(server.explicitPort);
  insistent.send(Buffer.from('USER insistent\r\nPASS let-me-in-anyway\r\nPASV\r\nSTOR x\r\n'));
  await insistent.closed;
  const raw = connectTcp({ port: server.implicitPort, host: '127.0.0.1' });
  raw.on('error', () => {});
  raw.write('USER insistent\r\nPASS let-me-in-anyway\r\n');
  raw.resume();
  await once(raw, 'close');
  const client = await loginExplicit(server.explicitPort, account);
  const data = await client.openData();
  t.equal(await client.code('STOR plain.bin'), 150);
  data.end('this clip is sent in plain text');
  t.equal((await client.reply())?.code, 522);
  client.close();
  t.same(server.inbox(), [], 'nothing was stored');
  const { flows } = await capture.stop();

  const [asked, answered] = [
    flows.find(({ to, bytes }) => to === server.explicitPort && bytes.includes('USER insistent')),
    flows.find(({ from }) => from === server.explicitPort),
  ] as [Flow, Flow];
  t.ok(asked.bytes.includes('let-me-in-anyway'), 'the client did say it');
  t.match(answered.bytes.toString('latin1'), /^220 [^\r\n]+\r\n530 [^\r\n]+\r\n$/);
  const implicit = flows.find(({ from }) => from === server.implicitPort) as Flow;
  t.ok(implicit.bytes.length <= alertBytes, 'no banner on the implicit port');
  const { minPort, maxPort } = server.passive;
  const plain = flows.find(({ to }) => to >= minPort && to <= maxPort) as Flow;
  t.ok(plain.bytes.includes('this clip'), 'the plaintext upload was captured');
  const reply = flows.find(({ from }) => from >= minPort && from <= maxPort) as Flow;
  t.ok(reply.bytes.length <= alertBytes, 'and answered with nothing but the end');
});
