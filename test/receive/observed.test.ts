// What the receiver tells of its sessions, and what is kept of it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { readCameraHabits } from '../../src/access/camera-habits.ts';
import { openAccountReader } from '../../src/access/open-accounts.ts';
import { openReceiverDatabase, receiverDatabaseFile } from '../../src/access/receiver-database.ts';
import { openSessionEventReader } from '../../src/access/session-events.ts';
import { openSessionRecorder, type SessionRecorder } from '../../src/access/session-recorder.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openLog } from '../../src/base/log.ts';
import type { SessionEvent, Visitor } from '../../src/domain/session-event.ts';
import { connectExplicit } from '../support/ftps-client.ts';
import { makeJpeg } from '../support/media.ts';
import { loggedIn, secured } from '../support/on-both.ts';
import { account, networks, startTestReceiver } from '../support/receiver.ts';

type Seen = { visitor: Visitor; event: SessionEvent };

/** A receiver whose events are listened to, and go to a recorder as in the daemon. */
async function observed(t: Test, options: Parameters<typeof startTestReceiver>[0] = {}) {
  const seen: Seen[] = [];
  const waiting = new Set<() => void>();
  let recorder: SessionRecorder | undefined;
  const server = await startTestReceiver({
    ...options,
    parts: {
      observe: (visitor, event) => {
        seen.push({ visitor, event });
        recorder?.observe(visitor, event);
        for (const look of [...waiting]) look();
      },
    },
  });
  const { stateDir } = server;
  const warnings: string[] = [];
  const log = openLog({ level: 'warn', stream: { write: (line: string) => void warnings.push(line) } });
  const accounts = openAccountReader({ stateDir });
  recorder = openSessionRecorder({ stateDir, accounts, clock: systemClock, log });
  let isOpen = true;
  const close = () => {
    if (isOpen) recorder?.[Symbol.dispose]();
    isOpen = false;
  };
  t.teardown(async () => {
    await server.stop();
    close();
    accounts[Symbol.dispose]();
  });
  return {
    server,
    kinds: () => seen.map(({ event }) => event.kind),
    event: <K extends SessionEvent['kind']>(kind: K) =>
      seen.findLast(({ event }) => event.kind === kind)?.event as Extract<SessionEvent, { kind: K }>,
    seenKind: (kind: SessionEvent['kind'], count = 1) =>
      new Promise<void>(resolve => {
        const look = () => {
          if (seen.filter(({ event }) => event.kind === kind).length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    warnings: () => warnings.join(''),
    /** What is kept, once everything has been written. */
    habits: () => {
      close();
      const camera = server.writer.camera(account.user);
      return camera && readCameraHabits(stateDir, camera);
    },
  };
}

t.test('a session is told step by step, with nothing of what was sent but names and paths', async t => {
  const { server, kinds, event, seenKind } = await observed(t);
  const client = await secured.explicit(server);
  await client.login(account.user, account.password);
  await client.command('PBSZ 0');
  await client.command('PROT P');
  t.equal((await client.upload('day/x.bin', Buffer.from('hello'))).code, 226);
  client.close();
  await seenKind('closed');
  t.same(
    kinds().filter(kind => kind !== 'command'),
    ['connected', 'secured', 'logged-in', 'passive', 'data-secured', 'uploaded', 'closed'],
  );
  t.match(event('uploaded'), {
    path: 'day/x.bin',
    bytes: 5,
    completeness: 'whole',
    closeNotify: true,
    endedBy: null,
    reply: 226,
  });
  t.match(event('command'), { verb: 'STOR', path: 'day/x.bin' });
});

t.test('no event holds a password, nor an argument that is no name', async t => {
  const events: SessionEvent[] = [];
  const server = await startTestReceiver({
    parts: { observe: (_visitor, event) => void events.push(event) },
  });
  t.teardown(() => server.stop());
  const client = await secured.explicit(server);
  await client.login(account.user, 'a-wrong-one');
  await client.login(account.user, account.password);
  for (const line of ['SITE a-secret', 'OPTS a-secret', 'REST a-secret', 'ACCT a-secret'])
    await client.command(line);
  client.close();
  const text = JSON.stringify(events);
  t.ok(text.includes('"verb":"SITE"'));
  t.notMatch(text, /a-wrong-one|a-secret/);
  t.notOk(text.includes(account.password));
});

for (const [handshake, protocol, mode] of [
  ['before', 'TLSv1.3', 'EPSV'],
  ['after', 'TLSv1.2', 'PASV'],
] as const) {
  t.test(`the habits of a camera are kept: ${protocol}, ${mode}, handshake ${handshake} 150`, async t => {
    const { server, habits } = await observed(t);
    const jpeg = readFileSync(await makeJpeg());
    const tls = { minVersion: protocol, maxVersion: protocol };
    const client = await connectExplicit(server.explicitPort, { tls });
    await client.command('AUTH TLS');
    await client.startTls();
    await client.login(account.user, account.password);
    await client.command('PBSZ 0');
    await client.command('PROT P');
    t.equal((await client.upload('a.bin', Buffer.from('abc'), { handshake, mode })).code, 226);
    t.equal((await client.upload('b.jpg', jpeg, { handshake, mode, ending: 'fin' })).code, 226);
    client.close();
    t.match(habits(), {
      control: { listener: 'explicit', protocol, alpn: null },
      passiveMode: mode,
      data: { protocol, isBound: false, handshake },
      counts: { withCloseNotify: 1, withoutCloseNotify: 1, partial: 0 },
      lastUpload: { path: 'b.jpg', bytes: jpeg.length, completeness: 'whole' },
      lastRefusal: null,
    });
  });
}

t.test('an upload that was cut is counted as such, and is the last refusal', async t => {
  const { server, habits } = await observed(t);
  const client = await loggedIn.implicit(server);
  t.equal((await client.upload('cut.bin', Buffer.from('abc'), { ending: 'reset' })).code, 426);
  client.close();
  t.match(habits(), {
    counts: { withCloseNotify: 0, withoutCloseNotify: 0, partial: 1 },
    lastUpload: { completeness: 'partial' },
    lastRefusal: { address: '127.0.0.1', event: { kind: 'uploaded', reply: 426 } },
  });
});

t.test('what cameras ask as a matter of course is no last refusal', async t => {
  const { server, habits, event } = await observed(t);
  const client = await loggedIn.explicit(server);
  for (const line of ['CWD nowhere', 'SIZE x', 'SITE CHMOD', 'RETR x']) await client.command(line);
  t.equal(event('refused').reply, 502);
  client.close();
  t.match(habits(), { lastRefusal: null });
});

t.test('why a log-in was refused is known to the operator, whatever the client was told', async t => {
  const causes = {
    password: () => {},
    disabled: server => void server.writer.setEnabled(account.user, false),
    network: server => void server.writer.allow(account.user, networks('192.0.2.7')),
  } satisfies Record<string, (server: Awaited<ReturnType<typeof startTestReceiver>>) => void>;
  for (const [why, arrange] of Object.entries(causes)) {
    const { server, habits } = await observed(t);
    arrange(server);
    const client = await secured.explicit(server);
    const password = why === 'network' ? account.password : 'wrong';
    t.equal((await client.login(account.user, password)).code, 530);
    client.close();
    t.match(habits()?.lastRefusal?.event, { kind: 'login-refused', user: account.user, why });
  }
});

t.test('habits of an earlier camera of the same name are not shown', async t => {
  const { server, habits } = await observed(t);
  const client = await loggedIn.explicit(server);
  t.equal((await client.upload('a.bin', Buffer.from('abc'))).code, 226);
  client.close();
  const camera = server.writer.camera(account.user);
  t.ok(camera);
  t.ok(habits(), 'they are there for the camera they are of');
  if (camera)
    t.equal(readCameraHabits(server.stateDir, { ...camera, addedAt: '2020-01-01T00:00:00.000Z' }), undefined);
});

t.test('a record that cannot be written costs a warning, and no upload', async t => {
  const { server, habits, warnings } = await observed(t);
  const db = openReceiverDatabase(server.stateDir);
  db.exec('DROP TABLE camera_habit');
  db.close();
  const client = await loggedIn.explicit(server);
  t.equal((await client.upload('a.bin', Buffer.from('abc'))).code, 226);
  client.close();
  t.equal(habits(), undefined);
  t.match(warnings(), /camera habits not written/);
  t.equal(server.inbox().length, 1);
});

t.test('events are kept only while somebody follows, and leave no trace', async t => {
  const { server, seenKind } = await observed(t);
  const { stateDir, writer } = server;
  const tryLogin = async () => {
    const client = await secured.explicit(server);
    await client.login('typed-my-password', 'x');
    client.close();
  };
  using reader = openSessionEventReader(stateDir);
  const until = async (found: () => boolean) => {
    while (!found()) await new Promise(resolve => setTimeout(resolve, 20));
  };
  const kept = () => reader.after(account.user, 0).map(({ event }) => event.kind);
  await tryLogin();
  await seenKind('closed');
  t.same(kept(), [], 'nobody looks, nothing is written');

  writer.follow({ follower: 'me', camera: account.user, untilMs: Date.now() + 60_000 });
  await until(() => kept().includes('watching'));
  await tryLogin();
  await until(() => kept().includes('closed'));
  t.ok(kept().includes('login-refused'));
  const traces = () => {
    const directory = dirname(receiverDatabaseFile(stateDir));
    return readdirSync(directory).filter(
      file =>
        existsSync(join(directory, file)) &&
        readFileSync(join(directory, file)).includes('typed-my-password'),
    );
  };
  t.not(traces().length, 0, 'it is there to be shown');
  writer.unfollow('me');
  await until(() => kept().length === 0);
  t.same(traces(), []);
});
