import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import t from 'tap';
import { createReplies, replyText } from '../../src/receive/replies.ts';

t.test('a reply of one line, of several, and of lines that stand as they are (RFC 959 4.2)', async t => {
  t.equal(replyText(226, ['Stored.']), '226 Stored.\r\n');
  t.equal(replyText(211, ['One', 'Two', 'End']), '211-One\r\n211-Two\r\n211 End\r\n');
  const raw = { raw: true, message: ' SIZE' } as const;
  t.equal(replyText(211, ['Extensions:', raw, 'End']), '211-Extensions:\r\n SIZE\r\n211 End\r\n');
});

t.test('the engine’s own commands say no more than a code', async t => {
  t.equal(replyText(215, []), '215 UNIX Type: L8\r\n');
  t.equal(replyText(215, [undefined]), '215 UNIX Type: L8\r\n');
  t.match(replyText(501, ['']), /^501 \w/);
  t.equal(replyText(599, []), '599 No information\r\n');
});

/** A socket that takes the next write when it is told to. */
function slowSocket() {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      taken.push(String(chunk));
      waiting.push(done);
    },
  });
  return { socket: stream as unknown as Socket, taken, waiting };
}

const forever = { timeoutMs: 60_000, onUnread: () => {} };

t.test('one reply after the other, each in one write, and to the socket that there is by then', async t => {
  const [plain, secured] = [slowSocket(), slowSocket()];
  let current = plain;
  const reply = createReplies(() => current.socket, forever);
  const first = reply(211, 'One', 'End');
  const second = reply(200, 'Two.');
  await new Promise(resolve => setImmediate(resolve));
  t.same(plain.taken, ['211-One\r\n211 End\r\n']);
  current = secured;
  plain.waiting[0]?.();
  await first;
  await new Promise(resolve => setImmediate(resolve));
  t.same(plain.taken.length, 1);
  t.same(secured.taken, ['200 Two.\r\n']);
  secured.waiting[0]?.();
  await second;
});

t.test('a client that does not read its replies is waited for until the deadline', async t => {
  const { socket, waiting } = slowSocket();
  const unread = Promise.withResolvers<void>();
  const reply = createReplies(() => socket, { timeoutMs: 5, onUnread: unread.resolve });
  const sent = reply(226, 'Stored.').then(() => 'sent');
  t.equal(await Promise.race([sent, unread.promise.then(() => 'unread')]), 'unread');
  waiting[0]?.();
  t.equal(await sent, 'sent');
});

t.test('a connection that is gone takes no reply and breaks nothing', async t => {
  const { socket, waiting } = slowSocket();
  const reply = createReplies(() => socket, forever);
  const cut = reply(226, 'Stored.');
  await new Promise(resolve => setImmediate(resolve));
  socket.on('error', () => {});
  socket.destroy(new Error('gone'));
  waiting[0]?.();
  await t.resolves(cut);
  await t.resolves(reply(221, 'Goodbye.'));
});
