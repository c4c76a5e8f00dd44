import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '../../src/base/log.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { maxRetryMs } from '../../src/catalogue/outbox.ts';
import type { Channel, OutgoingMessage } from '../../src/deliver/channel.ts';
import { emailChannel } from '../../src/deliver/email.ts';
import { alertSettler } from '../../src/deliver/settle-alerts.ts';
import { type DeliverParts, giveUpAfterMs, startDeliver } from '../../src/deliver/start-deliver.ts';
import type { Condition } from '../../src/domain/alerts.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';
import { freePort } from '../support/daemon.ts';
import { startMailServer } from './mail-server.ts';
import { makeCertificate } from './web-target.ts';

const silent: Condition = { kind: 'camera-silent', subject: 'den', sentence: 'Camera den is silent.' };
const defaults = loadSettings({ environment: {}, projectRoot: t.testdir() }).alerts;

/** A catalogue with a message in its outbox, for a webhook and a command. */
function makeOutbox(t: Test, now = 1_000_000, email: Partial<typeof defaults.email> = {}) {
  const clock = { at: now, now: () => clock.at, monotonicMs: () => clock.at };
  const file = join(t.testdir(), 'catalogue.db');
  const catalogue = openCatalogue({ file });
  t.teardown(() => catalogue[Symbol.dispose]());
  const settle = alertSettler({
    ...{ catalogue, clock, from: 'attic', timeZone: 'UTC', log: silentLog() },
    settings: {
      ...{ ...defaults, gatherMs: 0, minIntervalMs: 0 },
      webhook: { ...defaults.webhook, url: 'https://target.example' },
      command: { ...defaults.command, program: '/bin/true' },
      email: { ...defaults.email, ...email },
    },
  });
  settle([silent], () => true);
  return { clock, catalogue, settle, file };
}

/** A channel that does what it is told and says when it was used. */
function fakeChannel(name: Channel['name'], behave: (count: number) => Promise<void> = async () => {}) {
  const sent: OutgoingMessage[] = [];
  const channel: Channel = {
    name,
    async send(message) {
      sent.push(message);
      await behave(sent.length);
    },
  };
  const times = (count: number) => until(() => sent.length >= count);
  return { channel, sent, times };
}

const deliver = (parts: Pick<DeliverParts, 'catalogue' | 'channels' | 'clock'>, log = silentLog()) =>
  startDeliver({ ...parts, log, random: () => 1, pollMs: 5 });

t.test('a message goes once through each channel and then is gone', async t => {
  const { clock, catalogue } = makeOutbox(t);
  t.same(catalogue.waitingDeliveries(), [
    { channel: 'command', waiting: 1 },
    { channel: 'webhook', waiting: 1 },
  ]);
  const [webhook, command] = [fakeChannel('webhook'), fakeChannel('command')];
  const running = deliver({ catalogue, clock, channels: [webhook.channel, command.channel] });
  await Promise.all([webhook.times(1), command.times(1)]);
  await running[Symbol.asyncDispose]();
  t.match(webhook.sent, [{ id: /^[0-9a-z]{26}$/, text: /Camera den is silent/ }]);
  t.equal(webhook.sent[0]?.id, command.sent[0]?.id);
  t.same(catalogue.waitingDeliveries(), []);
});

t.test('a target that is dead holds up nobody, and is tried again later and later', async t => {
  const { clock, catalogue } = makeOutbox(t);
  const dead = fakeChannel('webhook', async count => {
    if (count < 4) throw new Error('dead');
  });
  const command = fakeChannel('command');
  await using _running = deliver({ catalogue, clock, channels: [dead.channel, command.channel] });
  await Promise.all([dead.times(1), command.times(1)]);
  for (const [count, delayMs] of [
    [1, 10_000],
    [2, 20_000],
    [3, 40_000],
  ] as const) {
    await until(() => catalogue.dueDelivery('webhook', clock.at) === undefined);
    const before = catalogue.dueDelivery('webhook', clock.at + delayMs - 1);
    t.equal(before, undefined, `not before ${delayMs}`);
    t.match(catalogue.dueDelivery('webhook', clock.at + delayMs), { attempts: count });
    clock.at += delayMs;
    await dead.times(count + 1);
  }
  t.equal(new Set(dead.sent.map(({ id }) => id)).size, 1, 'with the same id');
});

t.test(
  'what cannot be delivered for three days is given up and said, but not by a clock that jumps',
  async t => {
    const { clock, catalogue } = makeOutbox(t);
    const lines: string[] = [];
    const log = { ...silentLog(), error: (_facts: object, text: string) => void lines.push(text) };
    const dead = fakeChannel('webhook', async () => {
      throw new Error('dead');
    });
    await using _running = deliver(
      { catalogue, clock, channels: [dead.channel] },
      log as unknown as ReturnType<typeof silentLog>,
    );
    for (let count = 1; count < 10; count++) {
      await dead.times(count);
      await until(() => catalogue.dueDelivery('webhook', clock.at) === undefined);
      if (count < 9) clock.at += count === 1 ? giveUpAfterMs + 1 : maxRetryMs;
    }
    t.same(lines, [], 'nine tries are not enough');
    clock.at += maxRetryMs;
    await dead.times(10);
    await until(() => catalogue.waitingDeliveries().every(({ channel }) => channel !== 'webhook'));
    t.same(lines, ['message given up']);
  },
);

t.test('when a target is back, what waits for it comes at once, the oldest first', async t => {
  const { clock, catalogue, settle } = makeOutbox(t);
  let isDead = true;
  const hook = fakeChannel('webhook', async () => {
    if (isDead) throw new Error('dead');
  });
  await using _running = deliver({ catalogue, clock, channels: [hook.channel] });
  const wrong = [silent];
  for (let count = 1; count <= 4; count++) {
    await hook.times(count);
    await until(() => catalogue.dueDelivery('webhook', clock.at) === undefined);
    clock.at += 1000;
    wrong.push({ ...silent, subject: `attic-${count}` });
    settle(wrong, () => true);
  }
  await hook.times(5);
  await until(() => catalogue.dueDelivery('webhook', clock.at) === undefined);
  isDead = false;
  // Nothing but the first message may be tried by now.
  clock.at = 1_000_000 + 10_000;
  await hook.times(10);
  const came = hook.sent.slice(5).map(({ at }) => at);
  t.same(came, came.toSorted());
  t.equal(new Set(came).size, 5);
});

t.test('a mail server that is down for a day loses nothing', async t => {
  const { clock, catalogue, settle, file } = makeOutbox(t, 1_000_000, { host: '127.0.0.1' });
  const certificate = makeCertificate(dirname(file));
  const port = await freePort();
  const channel = emailChannel({
    ...{ ...defaults.email, host: '127.0.0.1', port, caFile: certificate.certFile },
    ...{ from: 'clipward@example.org', to: ['ann@example.org'] },
  });
  await using _running = deliver({ catalogue, clock, channels: [channel] });
  const dayLater = clock.at + 24 * 3_600_000;
  const isTried = () => until(() => catalogue.dueDelivery('email', clock.at) === undefined);
  while (clock.at < dayLater) {
    await isTried();
    clock.at += maxRetryMs;
  }
  await isTried();
  settle([], () => true);
  await isTried();
  await using server = await startMailServer({ ...certificate, port });
  clock.at += maxRetryMs;
  await until(() => server.mails.length === 2);
  t.match(server.mails.join('\n'), /^Camera den is silent\. \(noticed/m);
  t.match(server.mails.join('\n'), /^Right again since/m);
  await until(() => !catalogue.waitingDeliveries().some(({ channel: name }) => name === 'email'));
});

t.test('after a kill between the send and its row the message comes again, with the same id', async t => {
  const { clock, catalogue } = makeOutbox(t);
  const first = fakeChannel('webhook', () => new Promise(() => {}));
  const killed = fakeChannel('webhook');
  const unwritable = { ...catalogue, deliveryDone: () => failToWrite() };
  const running = deliver({ catalogue: unwritable, clock, channels: [killed.channel] });
  await killed.times(1);
  await running[Symbol.asyncDispose]();
  const again = fakeChannel('webhook');
  await using _second = deliver({ catalogue, clock, channels: [again.channel] });
  await again.times(1);
  t.equal(again.sent[0]?.id, killed.sent[0]?.id);
  t.equal(first.sent.length, 0);
});

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise(resolve => setImmediate(resolve));
  }
}

function failToWrite(): never {
  throw new Error('database or disk is full');
}

t.test(
  'a catalogue that cannot be written does not make the same message go out again and again',
  async t => {
    const { clock, catalogue } = makeOutbox(t);
    let tries = 0;
    const unwritable = {
      ...catalogue,
      deliveryDone: () => {
        tries++;
        throw new Error('database or disk is full');
      },
    };
    const webhook = fakeChannel('webhook');
    await using _running = deliver({ catalogue: unwritable, clock, channels: [webhook.channel] });
    for (let round = 1; round <= 3; round++) {
      await until(() => tries >= round);
      clock.at += 60_000;
    }
    t.equal(webhook.sent.length, 1);
  },
);

t.test('messages of a channel that was taken out of the settings are dropped', async t => {
  const { clock, catalogue } = makeOutbox(t);
  const command = fakeChannel('command');
  await using _running = deliver({ catalogue, clock, channels: [command.channel] });
  await command.times(1);
  t.same(
    catalogue.waitingDeliveries().filter(({ channel }) => channel === 'webhook'),
    [],
  );
});

t.test('what was put off by a clock that was set back since is due', async t => {
  const { clock, catalogue } = makeOutbox(t);
  const message = catalogue.dueDelivery('webhook', clock.at)?.message ?? '';
  catalogue.deliveryFailed(message, 'webhook', clock.at + maxRetryMs);
  t.equal(catalogue.dueDelivery('webhook', clock.at), undefined);
  t.match(catalogue.dueDelivery('webhook', clock.at - 2 * maxRetryMs), { message });
});

t.test('alerts and what was told survive a restart: nothing is raised or told twice', async t => {
  const { clock, settle, file, catalogue } = makeOutbox(t);
  settle([silent], () => true);
  const again = openCatalogue({ file });
  t.teardown(() => again[Symbol.dispose]());
  const lines: string[] = [];
  const log = { ...silentLog(), warn: (_facts: object, text: string) => void lines.push(text) };
  const second = alertSettler({
    ...{ catalogue: again, clock, from: 'attic', timeZone: 'UTC' },
    log: log as unknown as ReturnType<typeof silentLog>,
    settings: {
      ...defaults,
      gatherMs: 0,
      minIntervalMs: 0,
      command: { ...defaults.command, program: '/bin/true' },
    },
  });
  second([silent], () => true);
  t.same(lines, []);
  t.match(again.alerts(), [{ subject: 'den', raisedAt: clock.at, toldAt: clock.at }]);
  clock.at += 1000;
  second([], () => true);
  t.same(again.alerts(), [], 'and its end is told');
  t.equal(catalogue.waitingDeliveries().find(({ channel }) => channel === 'command')?.waiting, 2);
});

t.test('a message is in the outbox with its alerts or not at all', async t => {
  const { catalogue, clock } = makeOutbox(t);
  const before = catalogue.alerts();
  t.throws(() =>
    catalogue.settleAlerts(clock.at, () => ({
      plan: {
        ...{ raised: [], cleared: [], news: [], forgotten: before },
        changed: [{ ...silent, subject: 'attic', raisedAt: 1, clearedAt: null, toldAt: 1 }],
      },
      message: { id: catalogue.dueDelivery('webhook', clock.at)?.message ?? '', body: '{}', channels: [] },
    })),
  );
  t.same(catalogue.alerts(), before);
});
