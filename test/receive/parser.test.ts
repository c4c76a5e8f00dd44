// The numbers are those of the table in docs/security.md.

import t from 'tap';
import { connectExplicit } from '../support/ftps-client.ts';
import { loggedIn, onBoth, secured } from '../support/on-both.ts';
import { account, startTestReceiver } from '../support/receiver.ts';

onBoth('27. commands that arrive one byte at a time work', secured, async (t, client) => {
  for (const byte of Buffer.from(`USER ${account.user}\r\n`)) client.send(Uint8Array.of(byte));
  t.equal((await client.reply())?.code, 331);
});

onBoth('28. three commands in one segment are answered in order', loggedIn, async (t, client) => {
  client.send(Buffer.from('PWD\r\nSYST\r\nTYPE I\r\n'));
  const codes = [await client.reply(), await client.reply(), await client.reply()].map(reply => reply?.code);
  t.same(codes, [257, 215, 200]);
});

onBoth('29. a line of 4096 bytes is read, one more is 500 and the end', loggedIn, async (t, client) => {
  const longest = `CWD ${'x'.repeat(4092)}`;
  t.equal(longest.length, 4096);
  t.equal(await client.code(longest), 553);
  client.send(Buffer.from(`${longest}x\r\nMKD after\r\n`));
  t.equal((await client.reply())?.code, 500);
  t.equal(await client.reply(), undefined, 'the tail is not run');
});

t.test('29. 4097 bytes without an end of line are 500 and the end', async t => {
  const server = await startTestReceiver();
  t.teardown(() => server.stop());
  for (const connect of [secured.explicit, loggedIn.implicit]) {
    const client = await connect(server);
    client.send(Buffer.alloc(4097, 0x41));
    t.equal((await client.reply())?.code, 500);
    await client.closed;
  }
});

onBoth('30. empty lines, a leading line feed and only spaces do no harm', loggedIn, async (t, client) => {
  for (const line of ['', '\nNOOP', '   ', ' NOOP', '\t'])
    t.equal(await client.code(line), 500, JSON.stringify(line));
  t.equal(await client.code('NOOP'), 200);
});

onBoth(
  '31. control characters in arguments are 501, and in no reply and no log',
  loggedIn,
  async (t, client, server) => {
    for (const bad of ['\0', '\r', '\n', '\x7f', '\x1b[31m', '\t']) {
      const reply = await client.command(`MKD evil${bad}name`);
      t.equal(reply.code, 501, JSON.stringify(bad));
      t.notMatch(reply.lines.join('\n'), /evil/);
    }
    t.notMatch(server.logText(), /evil/);
    t.same(server.memory.listDirectories(account.user, ''), []);
  },
);

onBoth(
  '32. a verb that is not ASCII is 500, a name that is not UTF-8 is 553',
  loggedIn,
  async (t, client) => {
    t.equal(await client.code('NÖÖP'), 500);
    client.send(Buffer.concat([Buffer.from('MKD '), Buffer.from([0xc3, 0x28]), Buffer.from('\r\n')]));
    t.equal((await client.reply())?.code, 553);
    client.send(Buffer.concat([Buffer.from('USER '), Buffer.from([0xc3, 0x28]), Buffer.from('\r\n')]));
    t.equal((await client.reply())?.code, 501);
  },
);

onBoth('33. Telnet IAC IP DM before ABOR is handled', loggedIn, async (t, client) => {
  client.send(Buffer.concat([Buffer.from([0xff, 0xf4, 0xff, 0xf2]), Buffer.from('ABOR\r\n')]));
  t.equal((await client.reply())?.code, 226);
  // As it arrives when DM was urgent data, which the kernel takes out.
  client.send(Buffer.concat([Buffer.from([0xff, 0xf4, 0xff]), Buffer.from('ABOR\r\n')]));
  t.equal((await client.reply())?.code, 226);
  client.send(Buffer.concat([Buffer.from([0xff, 0xfd, 0x01]), Buffer.from('NOOP\r\n')]));
  t.equal((await client.reply())?.code, 200);
});

onBoth('34. what needs a log-in is 530 before it', secured, async (t, client) => {
  for (const line of ['RNTO x', 'STOR x', 'PASV', 'EPSV', 'LIST', 'CWD /', 'MKD x', 'SIZE x', 'DELE x']) {
    t.equal(await client.code(line), 530, line);
  }
});

onBoth('36. verbs in lower and mixed case work', secured, async (t, client) => {
  t.equal(await client.code(`user ${account.user}`), 331);
  t.equal(await client.code(`PaSs ${account.password}`), 230);
  t.equal(await client.code('pwd'), 257);
});

t.test('more commands at once than the limit close the connection, as many as the limit do not', async t => {
  const server = await startTestReceiver({ limits: { maxPipelinedCommands: 8 } });
  t.teardown(() => server.stop());
  for (const [count, isClosed] of [
    [7, false],
    [8, false],
    [9, true],
  ] as const) {
    const client = await connectExplicit(server.explicitPort);
    client.send(Buffer.from('NOOP\r\n'.repeat(count)));
    const codes: unknown[] = [];
    for (let reply = 0; reply < count && codes.at(-1) !== 421; reply++)
      codes.push((await client.reply())?.code);
    t.equal(codes.includes(421), isClosed, `${count} commands`);
    client.close();
  }
});
