// Who sees which events, and how many: the recorder between a receiver and those who follow.

import t, { type Test } from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { openReceiverMemory } from '../../src/access/receiver-memory.ts';
import {
  maxSessionEvents,
  openSessionEventReader,
  sessionEventLifetimeMs,
} from '../../src/access/session-events.ts';
import {
  maxEventsAtOnce,
  maxEventsPerSecond,
  openSessionRecorder,
} from '../../src/access/session-recorder.ts';
import { silentLog } from '../../src/base/log.ts';
import { parseNetwork } from '../../src/domain/networks.ts';
import type { SessionEvent, Visitor } from '../../src/domain/session-event.ts';

const startMs = Date.parse('2026-11-21T08:00:00Z');
const connected: SessionEvent = { kind: 'connected' };
const wrongName = (user: string): SessionEvent => ({ kind: 'login-refused', user, why: 'password' });

/** Two cameras: `den` with networks of its own, `attic` with none. A clock that stands still unless it is set. */
async function recording(t: Test) {
  const stateDir = t.testdir();
  const clock = { nowMs: startMs, now: () => clock.nowMs, monotonicMs: () => clock.nowMs };
  const accounts = await openAccountWriter({ stateDir, clock });
  const den = parseNetwork('192.168.20.0/24');
  for (const [name, allowedNetworks] of [
    ['den', den ? [den] : []],
    ['attic', []],
  ] as const)
    accounts.addCamera({ name, passwordHash: '$scrypt$none', allowedNetworks, timeZone: 'UTC' });
  (await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 10, clock }))[Symbol.dispose]();
  const open = () => openSessionRecorder({ stateDir, accounts, clock, log: silentLog() });
  const reader = openSessionEventReader(stateDir);
  t.teardown(() => {
    reader[Symbol.dispose]();
    accounts[Symbol.dispose]();
  });
  const follow = (camera: string) =>
    accounts.follow({ follower: `of ${camera}`, camera, untilMs: clock.nowMs + 30_000 });
  return {
    clock,
    follow,
    accounts,
    reader,
    open,
    /** Records in a recorder of its own, which has written everything when it is closed. */
    record: (events: readonly (readonly [Visitor, SessionEvent])[]) => {
      using recorder = open();
      for (const [visitor, event] of events) recorder.observe(visitor, event);
    },
    kinds: (camera: string) => {
      const kinds: string[] = [];
      for (let id = 0, batch = reader.after(camera, id); batch.length > 0; batch = reader.after(camera, id)) {
        kinds.push(...batch.map(({ event }) => event.kind));
        id = batch.at(-1)?.id ?? id;
      }
      return kinds;
    },
  };
}

function visitor(id: string, address: string, camera?: string): Visitor {
  return {
    id,
    peer: { address },
    listener: 'explicit',
    camera: camera === undefined ? null : { name: camera, addedAt: new Date(startMs).toISOString() },
  };
}

t.test('before the log-in a session is shown to those whose camera it may be', async t => {
  const { follow, record, kinds } = await recording(t);
  follow('den');
  follow('attic');
  record([
    [visitor('1', '192.168.20.7'), connected],
    [visitor('2', '192.168.30.7'), connected],
  ]);
  t.same(kinds('den'), ['watching', 'connected'], 'its networks say who it may be');
  t.same(kinds('attic'), ['watching', 'connected', 'connected'], 'it may be anybody');
});

t.test(
  'a session from a wrong network is shown, with what led up to it, once it names the camera',
  async t => {
    const { follow, record, kinds } = await recording(t);
    follow('den');
    const stranger = visitor('1', '192.168.30.7');
    record([
      [stranger, connected],
      [stranger, { kind: 'secured', protocol: 'TLSv1.3', cipher: 'x', alpn: null }],
      [visitor('2', '192.168.30.8'), connected],
      [stranger, wrongName('den')],
      [stranger, { kind: 'closed', reply: null, text: null }],
    ]);
    t.same(kinds('den'), ['watching', 'connected', 'secured', 'login-refused', 'closed']);
  },
);

t.test('a session that turns out to be another camera is shown no further', async t => {
  const { follow, record, kinds } = await recording(t);
  follow('attic');
  const loggedIn: SessionEvent = {
    kind: 'logged-in',
    protocol: 'TLSv1.3',
    cipher: 'x',
    alpn: null,
    weakPassword: false,
  };
  record([
    [visitor('1', '192.168.20.7'), connected],
    [visitor('1', '192.168.20.7', 'den'), loggedIn],
    [visitor('1', '192.168.20.7', 'den'), { kind: 'command', verb: 'STOR', path: 'x' }],
    [visitor('2', '192.168.20.8'), connected],
    [visitor('2', '192.168.20.8', 'attic'), loggedIn],
  ]);
  t.same(kinds('attic'), ['watching', 'connected', 'other-camera', 'connected', 'logged-in']);
});

t.test('the reason is what the operator may know', async t => {
  const { follow, record, reader, accounts } = await recording(t);
  follow('attic');
  accounts.setEnabled('den', false);
  record(['nobody', 'attic', 'den'].map(user => [visitor('1', '10.0.0.1'), wrongName(user)] as const));
  t.same(
    reader.after('attic', 0).flatMap(({ event }) => (event.kind === 'login-refused' ? [event.why] : [])),
    ['unknown-user', 'password', 'disabled'],
  );
});

t.test('a user name is cut, as it may be anything', async t => {
  const { follow, record, reader } = await recording(t);
  follow('attic');
  record([64, 65].map(length => [visitor('1', '10.0.0.1'), wrongName('x'.repeat(length))] as const));
  t.same(
    reader
      .after('attic', 0)
      .flatMap(({ event }) => (event.kind === 'login-refused' ? [event.user.length] : [])),
    [64, 64],
  );
});

for (const [count, skipped] of [
  [maxEventsAtOnce - 1, 0],
  [maxEventsAtOnce, 0],
  [maxEventsAtOnce + 1, 1],
] as const) {
  t.test(
    `${count} events of strangers at once: ${skipped} are skipped, and the camera's own are not`,
    async t => {
      const { follow, open, kinds, clock } = await recording(t);
      follow('attic');
      {
        using recorder = open();
        for (let index = 0; index < count; index++)
          recorder.observe(visitor(`${index}`, '10.0.0.1'), connected);
        recorder.observe(visitor('own', '10.0.0.2', 'attic'), { kind: 'command', verb: 'STOR', path: 'x' });
        clock.nowMs += 1000;
        recorder.observe(visitor('later', '10.0.0.1'), { kind: 'not-ftp', isTls: false });
      }
      const all = kinds('attic');
      t.equal(all.filter(kind => kind === 'connected').length, count - skipped);
      t.ok(all.includes('command'));
      t.equal(all.at(-1), 'not-ftp', `a second later there is room for ${maxEventsPerSecond} more`);
      t.equal(all.includes('skipped'), skipped > 0);
    },
  );
}

t.test('the ring keeps the newest rows, and none that is too old', async t => {
  const { follow, record, kinds, clock } = await recording(t);
  follow('attic');
  const perRound = 499;
  const rounds = maxSessionEvents / (perRound + 1);
  const round = (count: number) =>
    record(
      Array.from({ length: count }, (_, index) => [visitor(`${index}`, '10.0.0.1'), connected] as const),
    );
  for (let index = 1; index < rounds; index++) round(perRound);
  round(perRound - 1);
  t.equal(kinds('attic').length, maxSessionEvents - 1, 'each round has one more, that of the recorder');
  record([]);
  t.equal(kinds('attic').length, maxSessionEvents);
  record([]);
  t.equal(kinds('attic').length, maxSessionEvents);
  clock.nowMs += sessionEventLifetimeMs;
  follow('attic');
  record([]);
  t.equal(kinds('attic').length, maxSessionEvents, 'just young enough');
  clock.nowMs += 1;
  record([]);
  t.same(kinds('attic'), ['watching', 'watching']);
});

t.test('a follower whose time is over is followed no more, and the ring is emptied', async t => {
  const { follow, record, kinds, clock } = await recording(t);
  follow('attic');
  record([[visitor('1', '10.0.0.1'), connected]]);
  t.same(kinds('attic'), ['watching', 'connected']);
  clock.nowMs += 30_000;
  record([[visitor('2', '10.0.0.1'), connected]]);
  t.same(kinds('attic'), []);
});
