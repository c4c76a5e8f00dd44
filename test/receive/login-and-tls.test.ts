// The numbers are those of the table in docs/security.md.

import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { connectExplicit, connectImplicit, connectPlain } from '../support/ftps-client.ts';
import { loggedIn, onBoth, secured } from '../support/on-both.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

t.test('1. the greeting names neither product nor version', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await connectPlain(server.explicitPort);
  const greeting = await client.reply();
  t.equal(greeting?.code, 220);
  t.notMatch(greeting?.text, /ftp|clipward|node|\d/i);
  client.close();
});

for (const line of [`USER ${account.user}`, `PASS ${account.password}`, 'ACCT x']) {
  t.test(
    `2. ${line.slice(0, 4)} before AUTH on the explicit port is refused with 530 and the connection closed`,
    async t => {
      const server = await startTestReceiver();
      t.teardown(() => server.stop());
      const client = await connectExplicit(server.explicitPort);
      t.equal(await client.code(line), 530);
      t.equal(await client.reply(), undefined, 'closed, no 331 ever');
      await client.closed;
    },
  );
}

t.test('3. FEAT before TLS lists only what is true', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await connectExplicit(server.explicitPort);
  const { code, lines } = await client.command('FEAT');
  t.equal(code, 211);
  const features = lines.slice(1, -1).map(line => line.trim().split(' ')[0] as string);
  t.same(features, ['AUTH', 'EPSV', 'MDTM', 'MLST', 'PBSZ', 'PROT', 'SIZE', 'UTF8']);
  await client.command('AUTH TLS');
  await client.startTls();
  await client.login(account.user, account.password);
  const working: Record<string, [string, RegExp]> = {
    EPSV: ['EPSV', /229/],
    MDTM: ['MDTM nothing', /550/],
    MLST: ['MLST', /250/],
    PBSZ: ['PBSZ 0', /200/],
    PROT: ['PROT P', /200/],
    SIZE: ['SIZE nothing', /550/],
    UTF8: ['OPTS UTF8 ON', /200/],
  };
  for (const [line, expected] of Object.values(working))
    t.match(String(await client.code(line)), expected, line);
  client.close();
});

t.test('5. AUTH tls, TLS-C and SSL start TLS, other mechanisms are 504', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  for (const mechanism of ['tls', 'TLS-C', 'SSL']) {
    const client = await connectExplicit(server.explicitPort);
    t.equal(await client.code(`AUTH ${mechanism}`), 234);
    await client.startTls();
    t.equal(await client.code('NOOP'), 200);
    client.close();
  }
  const client = await connectExplicit(server.explicitPort);
  t.equal(await client.code('AUTH GSSAPI'), 504);
  t.equal(await client.code('AUTH'), 501);
  client.close();
});

onBoth('6. AUTH inside TLS is 503', secured, async (t, client) => {
  t.equal(await client.code('AUTH TLS'), 503);
  t.equal(await client.code('NOOP'), 200);
});

t.test('7. the implicit port answers plaintext with a closed connection and no banner', async t => {
  const server = await startTestReceiver({ allowed: ['127.0.0.1/32'] });
  t.teardown(() => server.stop());
  const plain = await bytesUntilClose(server.implicitPort, 'USER camera\r\nPASS secret\r\n');
  t.notMatch(plain, /220|331|530/);
  t.equal(
    await bytesUntilClose(server.implicitPort, '', '127.0.0.2'),
    '',
    'a refused address is closed without a word',
  );
});

onBoth('8. an unknown user is answered like a known one', secured, async (t, client, server) => {
  const unknown = await client.command('USER nobody-here');
  const unknownRefusal = await client.command('PASS something');
  const known = await client.command(`USER ${account.user}`);
  const knownRefusal = await client.command('PASS something');
  t.same([unknown.code, unknownRefusal.code], [331, 530]);
  t.same([unknown.text, unknownRefusal.text], [known.text, knownRefusal.text]);
  t.notMatch(server.logText(), /something/, 'what was tried is not logged');
});

t.test('9. scrypt runs for unknown users too', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await secured.explicit(server);
  await client.login('nobody-here', 'something');
  t.equal(server.verifier.scryptCount(), 1);
  await client.login(account.user, 'something');
  t.equal(server.verifier.scryptCount(), 2);
  client.close();
});

t.test('10. a bad password costs a second, the third closes the connection', async t => {
  const server = await startTestReceiver({ limits: { failedLoginDelayMs: 1000 } });
  t.teardown(() => server.stop());
  const client = await secured.explicit(server);
  const started = performance.now();
  t.equal((await client.login(account.user, 'wrong')).code, 530);
  t.ok(performance.now() - started >= 990, 'not before the delay');
  t.equal((await client.login(account.user, 'wrong')).code, 530);
  t.equal((await client.login(account.user, 'wrong')).code, 421);
  await client.closed;
});

for (const name of ['anonymous', 'ftp', 'root', 'cam:)', account.user.toUpperCase()]) {
  onBoth(`11. 35. ${name} never logs in`, secured, async (t, client) => {
    t.equal(await client.code(`USER ${name}`), 331);
    t.equal(await client.code('PASS user@example.org'), 530);
    t.equal(await client.code('USER '), 501, 'an empty name is none');
    t.equal(await client.code('PASS'), 503);
  });
}

t.test('12. commands pipelined behind AUTH TLS are never run inside TLS', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  for (const tail of [`USER ${account.user}\r\n`, 'NOOP\r\n', 'N']) {
    const client = await connectExplicit(server.explicitPort);
    client.send(Buffer.from(`AUTH TLS\r\n${tail}`));
    t.equal(await client.reply(), undefined, 'closed without 234');
  }
});

t.test('13. garbage before the handshake closes the connection', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await connectExplicit(server.explicitPort);
  t.equal(await client.code('AUTH TLS'), 234);
  client.raw.write(Buffer.alloc(65_536, 0x41));
  await client.closed;
  const other = await connectExplicit(server.explicitPort);
  other.raw.write(Buffer.alloc(65_536, 0x41));
  await other.closed;
  const implicit = await connectPlain(server.implicitPort);
  implicit.raw.write(Buffer.alloc(65_536, 0x41));
  await implicit.closed;
  t.equal(await (await connectExplicit(server.explicitPort)).code('NOOP'), 200, 'nothing else is harmed');
});

t.test('14. nothing from before AUTH survives it', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await connectExplicit(server.explicitPort);
  for (const line of ['TYPE A', 'CWD x', 'REST 5', 'PBSZ 0', 'PROT P', 'EPSV ALL']) {
    t.ok([503, 530].includes((await client.code(line)) as number), line);
  }
  await client.command('AUTH TLS');
  await client.startTls();
  t.equal(await client.code('PROT P'), 503, 'PBSZ from before does not count');
  client.close();
});

t.test('15. only TLS 1.2 and 1.3 with AEAD ciphers are spoken', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const refused = [
    { maxVersion: 'TLSv1' as const, minVersion: 'TLSv1' as const, ciphers: 'DEFAULT@SECLEVEL=0' },
    { maxVersion: 'TLSv1.1' as const, minVersion: 'TLSv1' as const, ciphers: 'DEFAULT@SECLEVEL=0' },
    ...[
      'AES128-SHA',
      'ECDHE-RSA-AES128-SHA256',
      'AES256-GCM-SHA384',
      'aNULL:@SECLEVEL=0',
      'NULL:@SECLEVEL=0',
    ].map(ciphers => ({
      maxVersion: 'TLSv1.2' as const,
      ciphers,
    })),
  ];
  for (const tls of refused) {
    await t.rejects(connectImplicit(server.implicitPort, { tls }), `implicit ${JSON.stringify(tls)}`);
    const client = await connectExplicit(server.explicitPort, { tls });
    await client.command('AUTH TLS');
    await t.rejects(client.startTls(), `explicit ${JSON.stringify(tls)}`);
  }
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const ciphers of ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256']) {
      const tls = { minVersion: version, maxVersion: version, ciphers: `${ciphers}:TLS_AES_128_GCM_SHA256` };
      const client = await connectImplicit(server.implicitPort, { tls });
      t.equal(await client.code('NOOP'), 200, `${version} ${ciphers}`);
      client.close();
    }
  }
});

t.test('16. a handshake that is never completed is closed and frees its place', async t => {
  const server = await startTestReceiver({ limits: { tlsHandshakeTimeoutMs: 200 } });
  t.teardown(() => server.stop());
  const silent = await connectPlain(server.implicitPort);
  const client = await connectExplicit(server.explicitPort);
  await client.command('AUTH TLS');
  await Promise.all([silent.closed, client.closed]);
  const after = await connectExplicit(server.explicitPort);
  t.equal(server.receiver.connections(), 1);
  after.close();
});

t.test('18. renegotiation is refused', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const tls = { maxVersion: 'TLSv1.2' as const };
  const explicit = await connectExplicit(server.explicitPort, { tls });
  await explicit.command('AUTH TLS');
  await explicit.startTls();
  for (const client of [explicit, await connectImplicit(server.implicitPort, { tls })]) {
    const socket = client.socket as TLSSocket;
    const refused = new Promise(resolve => socket.once('error', resolve));
    socket.renegotiate({ rejectUnauthorized: false }, () => {});
    t.match(await refused, { message: /no renegotiation/i });
  }
});

t.test('20. a client that offers another protocol than ftp is refused', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  for (const offered of [['http/1.1'], ['h2', 'http/1.1']]) {
    await t.rejects(
      connectImplicit(server.implicitPort, { tls: { ALPNProtocols: offered } }),
      String(offered),
    );
    const client = await connectExplicit(server.explicitPort, { tls: { ALPNProtocols: offered } });
    await client.command('AUTH TLS');
    await t.rejects(client.startTls());
  }
  for (const offered of [['ftp'], ['h2', 'ftp'], undefined]) {
    const tls = offered === undefined ? {} : { ALPNProtocols: offered };
    const client = await connectImplicit(server.implicitPort, { tls });
    t.equal((client.socket as TLSSocket).alpnProtocol, offered === undefined ? false : 'ftp');
    client.close();
  }
});

const foreign = [
  'GET / HTTP/1.1',
  'POST / HTTP/1.1',
  'HEAD / HTTP/1.0',
  'PUT /x HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'CONNECT x:1 HTTP/1.1',
  'EHLO example.org',
  'SSH-2.0-OpenSSH_9',
  '\x16\x03\x01\x02\x00\x01',
];
t.test('21. another protocol is closed at its first words, and nothing behind them is run', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  for (const words of foreign) {
    const body = `${words}\r\nHost: x\r\n\r\nMKD made-by-${words.slice(0, 3)}\r\nNOOP\r\n`;
    const plain = await connectExplicit(server.explicitPort);
    plain.send(Buffer.from(body, 'latin1'));
    t.equal(await plain.reply(), undefined, `in plain text: ${JSON.stringify(words)}`);
    for (const connect of [secured.implicit, loggedIn.explicit]) {
      const client = await connect(server);
      client.send(Buffer.from(body, 'latin1'));
      t.equal(await client.reply(), undefined, `in TLS: ${JSON.stringify(words)}`);
    }
  }
  t.same(server.memory.listDirectories(account.user, ''), []);
});

onBoth('22. ten unknown verbs before log-in close the connection', secured, async (t, client) => {
  for (let count = 1; count < 10; count++) t.equal(await client.code('XYZZ'), 502);
  t.equal(await client.code('XYZZ'), 421);
  await client.closed;
});

onBoth('23. an unknown verb is never echoed', loggedIn, async (t, client) => {
  for (const line of ['XYZZ <script>', 'JUNK', 'SITE XYZZ', 'HELP XYZZ', 'OPTS XYZZ']) {
    t.notMatch((await client.command(line)).lines.join(), /XYZZ|script|JUNK/);
  }
});

t.test('24. PBSZ and PROT follow RFC 4217', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await connectExplicit(server.explicitPort);
  t.equal(await client.code('PBSZ 0'), 503, 'before AUTH');
  await client.command('AUTH TLS');
  await client.startTls();
  t.equal(await client.code('PROT P'), 503, 'before PBSZ');
  t.equal(await client.code('PBSZ 0'), 200);
  const expected = { P: 200, C: 534, S: 536, E: 536, Z: 504 };
  for (const [level, code] of Object.entries(expected)) t.equal(await client.code(`PROT ${level}`), code);
  client.close();
});

t.test('25. STOR without PROT P is 521, before 150', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  const client = await secured.explicit(server);
  await client.login(account.user, account.password);
  await client.openData();
  t.equal(await client.code('STOR x.mp4'), 521);
  t.same(server.inbox(), []);
  client.close();
});

onBoth('26. CCC is 534, what would weaken a session is 502', loggedIn, async (t, client) => {
  t.equal(await client.code('CCC'), 534);
  for (const verb of ['REIN', 'HOST', 'ADAT', 'MIC', 'CONF', 'ENC'])
    t.equal(await client.code(`${verb} x`), 502, verb);
});

/** What a listener says to these bytes until it closes. */
async function bytesUntilClose(port: number, bytes: string, localAddress = '127.0.0.1'): Promise<string> {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  let text = '';
  socket.on('data', chunk => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}
