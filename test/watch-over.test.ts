// The archive sees everything, and nobody would see that it is gone but for the role that goes out.

import t from 'tap';
import { silentLog } from '../src/base/log.ts';
import { alertSettler } from '../src/deliver/settle-alerts.ts';
import { staleMs } from '../src/inspect/health/health-facts.ts';
import { loadSettings } from '../src/settings/load-settings.ts';
import { startMessenger } from '../src/watch-over.ts';
import { chainedArchive } from './inspect/chained-archive.ts';

t.test('an archive that does not look any more is told, but not while it may be starting', async t => {
  const { catalogue, clock, root } = await chainedArchive(t);
  // The messenger keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  let upForMs = 0;
  let asked = () => {};
  const nextLook = () =>
    new Promise<void>(resolve => {
      asked = resolve;
    });
  const settings = loadSettings({ environment: {}, projectRoot: root });
  await using _messenger = await startMessenger({
    catalogue: {
      ...catalogue,
      lookout: now => {
        asked();
        return catalogue.lookout(now);
      },
    },
    settings: { ...settings, http: { ...settings.http, port: null } },
    clock: { now: () => clock.at, monotonicMs: () => upForMs },
    log: silentLog(),
    intervalMs: 1,
  });
  const seen = async () => {
    await nextLook();
    // By the time of the second, what came of the first is written down.
    await nextLook();
    return catalogue.alerts().map(({ kind, subject }) => `${kind} ${subject}`);
  };
  t.same(await seen(), [], 'it never looked');
  catalogue.noteLook(clock.at, true, '{}');
  clock.at += staleMs + 1;
  upForMs = staleMs - 1;
  t.same(await seen(), [], 'it may be starting');
  upForMs = staleMs;
  t.same(await seen(), ['role-stopped archive']);
  catalogue.noteLook(clock.at - staleMs, true, '{}');
  t.same(await seen(), [], 'it looks');
  // What the archive has found is its own to end.
  const receiveStopped = { kind: 'role-stopped', subject: 'receive', sentence: 'It does not run.' } as const;
  const settle = alertSettler({
    ...{ catalogue, clock: { now: () => clock.at }, log: silentLog(), from: 'attic', timeZone: 'UTC' },
    settings: settings.alerts,
  });
  settle([receiveStopped], () => true);
  t.same(await seen(), ['role-stopped receive']);
});
