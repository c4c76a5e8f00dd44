import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openLog } from '../../src/base/log.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { alertSettler } from '../../src/deliver/settle-alerts.ts';
import type { Condition } from '../../src/domain/alerts.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';

const silent: Condition = { kind: 'camera-silent', subject: 'den', sentence: 'Camera den is silent.' };
const defaults = loadSettings({ environment: {}, projectRoot: t.testdir() }).alerts;

function opened(t: Test, settings: Partial<typeof defaults> = {}) {
  const clock = { at: 0, now: () => clock.at };
  const catalogue = openCatalogue({ file: join(t.testdir(), 'catalogue.db') });
  t.teardown(() => catalogue[Symbol.dispose]());
  const logged: Record<string, unknown>[] = [];
  const log = openLog({ level: 'info', stream: { write: line => void logged.push(JSON.parse(line)) } });
  const settle = alertSettler({
    ...{ catalogue, clock, from: 'attic', timeZone: 'UTC', log },
    settings: {
      ...{ ...defaults, gatherMs: 0, minIntervalMs: 0 },
      command: { ...defaults.command, program: '/bin/true' },
      ...settings,
    },
  });
  return {
    ...{ catalogue, clock, logged },
    at(instant: string, conditions: readonly Condition[] = [silent]) {
      clock.at = Date.parse(instant);
      settle(conditions, () => true);
    },
    /** What waits to be sent. */
    waiting: () => catalogue.waitingDeliveries().reduce((sum, { waiting }) => sum + waiting, 0),
    body: () => JSON.parse(catalogue.dueDelivery('command', clock.at)?.body ?? '{}'),
  };
}

t.test('quiet hours are those of the zone that was set, and so are the times in the message', t => {
  const quiet = { quietHours: '22:00-07:00', timeZone: 'Asia/Tokyo' };
  const { at, waiting, body } = opened(t, quiet);
  at('2026-11-21T13:00:00Z');
  t.equal(waiting(), 0, 'ten in the evening');
  at('2026-11-21T21:59:59Z');
  t.equal(waiting(), 0, 'just before seven');
  at('2026-11-21T22:00:00Z');
  t.equal(waiting(), 1, 'seven in the morning');
  t.match(body(), {
    at: '2026-11-22T07:00:00.000+09:00',
    alerts: [{ raisedAt: '2026-11-21T22:00:00.000+09:00' }],
  });
  const other = opened(t, quiet);
  other.at('2026-11-21T12:59:59Z');
  t.equal(other.waiting(), 1, 'just before ten in the evening');
  t.end();
});

t.test(
  'without a zone of their own they are those of the machine, and without quiet hours it is never quiet',
  t => {
    const machine = opened(t, { quietHours: '22:00-07:00' });
    machine.at('2026-11-21T06:59:59Z');
    t.equal(machine.waiting(), 0);
    machine.at('2026-11-21T07:00:00Z');
    t.equal(machine.waiting(), 1);
    t.match(machine.body(), { at: '2026-11-21T07:00:00.000+00:00' });
    const never = opened(t);
    never.at('2026-11-21T03:00:00Z');
    t.equal(never.waiting(), 1);
    t.end();
  },
);

t.test('the log says what begins and what ends, once, with its subject where it has one', t => {
  const { at, logged } = opened(t);
  const disk: Condition = { kind: 'disk-missing', subject: '', sentence: 'The disk is away.' };
  at('2026-11-21T10:00:00Z', [silent, disk]);
  at('2026-11-21T10:01:00Z', [silent, disk]);
  at('2026-11-21T10:02:00Z', [disk]);
  at('2026-11-21T10:03:00Z', [disk]);
  t.same(
    logged.map(({ level, msg, kind, subject }) => [level, msg, kind, subject]),
    [
      [40, 'alert raised', 'camera-silent', 'den'],
      [40, 'alert raised', 'disk-missing', undefined],
      [30, 'alert cleared', 'camera-silent', 'den'],
    ],
  );
  t.end();
});
