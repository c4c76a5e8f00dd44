import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { OutgoingMessage } from '../../src/deliver/channel.ts';
import { commandChannel } from '../../src/deliver/command.ts';
import { emailChannel } from '../../src/deliver/email.ts';
import { webhookChannel } from '../../src/deliver/webhook.ts';
import { testMessage } from '../../src/domain/alert-text.ts';
import { startMailServer } from './mail-server.ts';
import { makeCertificate, startWebTarget } from './web-target.ts';

const directory = t.testdir();
const certificate = makeCertificate(directory);
const stranger = makeCertificate(directory, 'stranger');
const message: OutgoingMessage = {
  id: '0123456789abcdefghjkmnpqrs',
  ...testMessage({ from: 'attic', timeZone: 'UTC', now: 0 }),
};
const never = new AbortController().signal;
const secretFile = join(directory, 'secret');
writeFileSync(secretFile, 'Bearer hush-hush\n', { mode: 0o600 });

const webhook = (url: string, overrides = {}) =>
  webhookChannel({
    ...{ url, secretHeader: 'Authorization', secretFile, caFile: certificate.certFile, ...overrides },
  });
const email = (port: number, overrides = {}, timeoutMs = 5000) =>
  emailChannel(
    {
      ...{
        host: '127.0.0.1',
        port,
        tls: 'starttls',
        user: null,
        passwordFile: null,
        caFile: certificate.certFile,
      },
      ...{ from: 'clipward@example.org', to: ['ann@example.org', 'bob@example.org'] },
      ...overrides,
    },
    timeoutMs,
  );
const reasonOf = (sending: Promise<void>) =>
  sending.then(
    () => 'sent',
    error => (error as Error).message,
  );

t.test('a webhook gets the message with its id and the secret, over TLS that is checked', async t => {
  await using target = await startWebTarget(certificate);
  await webhook(target.url).send(message, never);
  t.match(target.got, [
    {
      url: '/hook?token=abc',
      headers: { authorization: 'Bearer hush-hush', 'idempotency-key': message.id },
      body: { id: message.id, version: 1, isTest: true },
    },
  ]);
  for (const caFile of [stranger.certFile, null])
    t.match(await reasonOf(webhook(target.url, { caFile }).send(message, never)), /SELF_SIGNED/);
  t.equal(target.got.length, 1, 'and before it was checked, nothing was sent');
});

t.test('a webhook that redirects or refuses has not taken it, and nothing follows', async t => {
  await using elsewhere = await startWebTarget(certificate);
  for (const [status, expected] of [
    [199 + 1, 'sent'],
    [299, 'sent'],
    [302, 'the webhook answered with 302'],
    [307, 'the webhook answered with 307'],
    [503, 'the webhook answered with 503'],
  ] as const) {
    await using target = await startWebTarget(certificate, (_request, response) => {
      response.writeHead(status, { location: elsewhere.url });
      response.end();
    });
    t.equal(await reasonOf(webhook(target.url).send(message, never)), expected);
  }
  t.equal(elsewhere.got.length, 0);
});

t.test('a webhook that does not answer, or answers without an end, holds nobody up', async t => {
  await using mute = await startWebTarget(certificate, () => {});
  const settings = { secretHeader: 'X-Key', secretFile: null, caFile: certificate.certFile };
  const channel = webhookChannel({ ...settings, url: mute.url }, 200);
  t.equal(await reasonOf(channel.send(message, never)), 'the webhook cannot be reached (no answer in time)');
  await using endless = await startWebTarget(certificate, (_request, response) => {
    response.writeHead(200);
    const flood = setInterval(() => response.write('x'.repeat(65_536)), 1);
    response.on('close', () => clearInterval(flood));
  });
  await webhook(endless.url).send(message, never);
  t.equal(endless.got.length, 1);
  const stopping = new AbortController();
  const sending = reasonOf(webhook(mute.url).send(message, stopping.signal));
  await mute.requests(2);
  stopping.abort();
  t.equal(await sending, 'the webhook cannot be reached (stopped)');
});

t.test('a webhook that wants to talk something else has not taken it, and holds nobody up', async t => {
  const server = createServer(socket => {
    socket.on('error', () => {});
    const words = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n';
    socket.once('data', () => socket.write(words));
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const sending = webhook(`http://127.0.0.1:${port}/`).send(message, never);
  t.equal(await reasonOf(sending), 'the webhook answered with 101');
});

t.test('what is told of a failure holds neither secret nor token', async t => {
  const told = await reasonOf(webhook('https://127.0.0.1:1/hook?token=abc').send(message, never));
  t.equal(told, 'the webhook cannot be reached (ECONNREFUSED)');
});

t.test('a secret that others may read is not used', async t => {
  await using target = await startWebTarget(certificate);
  const file = join(directory, 'open');
  writeFileSync(file, 'hush\n');
  for (const [mode, isUsed] of [
    [0o600, true],
    [0o640, true],
    [0o644, false],
    [0o602, false],
  ] as const) {
    chmodSync(file, mode);
    const told = await reasonOf(webhook(target.url, { secretFile: file }).send(message, never));
    t.match(told, isUsed ? /^sent$/ : /may be read by other users/, mode.toString(8));
  }
  chmodSync(file, 0o600);
  for (const text of ['', '\n', 'a\u0007b\n', 'x'.repeat(4097)]) {
    writeFileSync(file, text);
    t.match(
      await reasonOf(webhook(target.url, { secretFile: file }).send(message, never)),
      /holds no secret/,
    );
  }
  t.match(
    await reasonOf(webhook(target.url, { secretFile: join(directory, 'none') }).send(message, never)),
    /cannot be read \(ENOENT\)/,
  );
  t.equal(target.got.length, 2);
});

t.test('a mail is sent over STARTTLS, logged in, to all, with an id that stays the same', async t => {
  await using server = await startMailServer(certificate);
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, 'opensesame', { mode: 0o600 });
  await email(server.port, { user: 'clipward', passwordFile }).send(message, never);
  const [mail = ''] = server.mails;
  t.match(mail, /^Message-ID: <0123456789abcdefghjkmnpqrs@clipward>$/m);
  t.match(mail, /^To: ann@example\.org, bob@example\.org$/m);
  t.match(mail, /^Subject: Clipward on attic: a test$/m);
  t.match(mail, /^Auto-Submitted: auto-generated$/m);
  const open = server.seen.filter(({ isSecure }) => !isSecure).map(({ line }) => line.split(' ')[0]);
  t.same(open, ['EHLO', 'STARTTLS'], 'nothing else was said before TLS');
  writeFileSync(passwordFile, 'wrong-secret');
  const told = await reasonOf(email(server.port, { user: 'clipward', passwordFile }).send(message, never));
  t.match(told, /EAUTH 535/);
  t.notMatch(told, /wrong-secret/, 'the server repeats it, we do not');
});

t.test('a mail server without STARTTLS, or with a certificate of somebody else, gets no mail', async t => {
  await using server = await startMailServer({ ...certificate, offersStartTls: false });
  t.match(await reasonOf(email(server.port).send(message, never)), /did not take the message/);
  await using other = await startMailServer(stranger);
  const reason = await reasonOf(email(other.port).send(message, never));
  t.match(
    reason,
    /did not take the message \(ESOCKET (?:DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+|\w*CERT\w*)\)/,
  );
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as { port: number };
  closed.close();
  await once(closed, 'close');
  t.match(await reasonOf(email(port).send(message, never)), /\(ESOCKET ECONNREFUSED\)/);
  t.same([...server.mails, ...other.mails], []);
  await email(server.port, { tls: 'none' }).send(message, never);
  t.equal(server.mails.length, 1, 'on this machine it may be asked for');
});

t.test('a mail server that says nothing holds nobody up', async t => {
  const mute = createServer(socket => void socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  t.teardown(() => mute.close());
  const { port } = mute.address() as { port: number };
  t.match(await reasonOf(email(port, {}, 200).send(message, never)), /did not take the message/);
});

t.test('a mail server that never comes to the point is left, and the connection to it closed', async t => {
  for (const [what, first, piece = first] of [
    ['greets for ever', '220-wait\r\n'],
    ['answers for ever', '220 hello\r\n250-', '1\r\n250-'],
    ['floods', 'x'.repeat(65_536)],
  ] as const) {
    const closed = Promise.withResolvers<number>();
    const server = createServer(socket => {
      socket.on('error', () => {});
      socket.write(first);
      const talking = setInterval(() => socket.write(piece), 5);
      socket.on('close', () => {
        clearInterval(talking);
        closed.resolve(socket.bytesWritten);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    t.match(await reasonOf(email(port, {}, 1000).send(message, never)), /did not take the message/, what);
    const bytes = await closed.promise;
    t.ok(bytes < 10_000_000, `${bytes} bytes were taken`);
    server.close();
  }
});

t.test('a command gets the message on its standard input, no shell, and none of our environment', async t => {
  process.env.CLIPWARD_TEST_SECRET = 'hush';
  t.teardown(() => delete process.env.CLIPWARD_TEST_SECRET);
  const out = join(directory, 'got');
  const script =
    'import json,os,sys; json.dump([json.load(sys.stdin), dict(os.environ), sys.argv[1:]], open(sys.argv[1], "w"))';
  const args = ['-c', script, out, '$(touch nothing); `id`'];
  await commandChannel({ program: '/usr/bin/python3', arguments: args, timeoutMs: 20_000 }).send(
    message,
    never,
  );
  const [body, environment, given] = JSON.parse(readFileSync(out, 'utf8'));
  t.match(body, { id: message.id, isTest: true });
  t.equal(environment.CLIPWARD_TEST_SECRET, undefined);
  t.same(given, [out, '$(touch nothing); `id`']);
});

t.test('a command that fails, is missing or does not end is told', async t => {
  const run = (program: string, args: string[] = [], timeoutMs = 10_000) =>
    reasonOf(commandChannel({ program, arguments: args, timeoutMs }).send(message, never));
  t.equal(await run('/bin/false'), '/bin/false ended with 1');
  t.equal(await run('/nowhere/program'), '/nowhere/program cannot be run (ENOENT)');
  t.equal(await run('/bin/true'), 'sent', 'also when it does not read what it is told');
  const pidFile = join(directory, 'pid');
  const stubborn = `trap '' TERM; sleep 300 & echo $! > ${pidFile}; wait`;
  t.match(await run('/bin/sh', ['-c', stubborn], 700), /did not end within 700 ms and was killed/);
  t.ok(existsSync(pidFile));
  const child = Number(readFileSync(pidFile, 'utf8'));
  const isGone = () => {
    try {
      // A zombie that init has not taken yet is gone, too.
      return /^State:\s+Z/m.test(readFileSync(`/proc/${child}/status`, 'utf8'));
    } catch {
      return true;
    }
  };
  const deadline = Date.now() + 5000;
  while (!isGone() && Date.now() < deadline) await new Promise(resolve => setImmediate(resolve));
  t.ok(isGone(), 'with all that it started');
});
