// What the look at an installation finds: real databases, a real data directory, locks as real processes hold them.

import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import type { Camera } from '../../src/access/accounts.ts';
import { openCertificates } from '../../src/access/certificates.ts';
import { openReceiverCounts, readReceiverCounts } from '../../src/access/receiver-counts.ts';
import { receiverDatabaseFile } from '../../src/access/receiver-database.ts';
import { openReceiverMemory } from '../../src/access/receiver-memory.ts';
import { openInbox } from '../../src/archive/inbox.ts';
import { silentLog } from '../../src/base/log.ts';
import { holdLock } from '../../src/base/sqlite.ts';
import type { AlertKind, Condition } from '../../src/domain/alerts.ts';
import { keptStarts } from '../../src/domain/role-starts.ts';
import { minStateBytes } from '../../src/inspect/checks/storage.ts';
import { roleLockFile, roles } from '../../src/inspect/daemon.ts';
import { type HealthSources, healthLook } from '../../src/inspect/health/gather.ts';
import { lookIntervalMs } from '../../src/inspect/health/health-facts.ts';
import { diskProbe, inboxCounter, stateSpaceProbe } from '../../src/inspect/health/probe-disk.ts';
import { startHealth } from '../../src/inspect/health/start-health.ts';
import { loadSettings } from '../../src/settings/load-settings.ts';
import { chainedArchive } from './chained-archive.ts';

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];

const den = (changes: Partial<Camera> = {}): Camera => ({
  ...{ name: 'den', enabled: true, version: 1, allowedNetworks: [], timeZone: 'UTC', truncation: null },
  ...{ acceptanceDays: 7, requireResumption: false, maxBytesPerDay: null, maxFilesPerDay: null },
  ...{ keepClipsDays: null, keepFootageDays: null, maxBytes: null, expectEveryMs: null },
  ...{ rtspUrl: null, subRtspUrl: null, record: 'on', rtspBasic: false, rtspFingerprint: null },
  ...{ addedAt: '2026-01-01T00:00:00.000Z', passwordChangedAt: '2026-01-01T00:00:00.000Z' },
  ...changes,
});

async function installation(t: Test, cameras: Camera[] = [den()]) {
  const archive = await chainedArchive(t);
  const { catalogue, clock, dataDir, stateDir, root } = archive;
  mkdirSync(join(dataDir, 'inbox'), { recursive: true });
  const settings = {
    ...loadSettings({ environment: {}, projectRoot: root }),
    ...{ dataDir, stateDir, certsDir: join(root, 'certs') },
  };
  const locks = new Map(
    roles.map(role => {
      mkdirSync(join(stateDir, 'receiver'), { recursive: true });
      return [role, holdLock(roleLockFile(stateDir, role), 'taken')] as const;
    }),
  );
  t.teardown(() => {
    for (const lock of locks.values()) lock[Symbol.dispose]();
  });
  const sources: HealthSources = {
    ...{ catalogue, settings, timeZone: 'UTC', isChainSound: () => true },
    accounts: { cameras: () => cameras },
    inbox: openInbox({ dataDir, archiveId: archive.archiveId }),
  };
  const look = healthLook(sources);
  /** A look after this time, noted as startHealth does. */
  const after = async (ms: number) => {
    clock.at += ms;
    const seen = await look(clock.at);
    catalogue.noteLook(clock.at, seen.facts.running.includes('receive'), JSON.stringify(seen.facts));
    return seen;
  };
  let clips = 0;
  const clip = () =>
    archive.fileClip(`c${clips++}x`, `clip ${clips}`, { camera: 'den', receivedAt: clock.at });
  return {
    ...archive,
    ...{ settings, sources, after, clip },
    stop(role: (typeof roles)[number]) {
      locks.get(role)?.[Symbol.dispose]();
      locks.delete(role);
    },
  };
}

const kinds = ({ conditions }: { conditions: readonly Condition[] }) =>
  conditions.map(({ kind, subject }) => `${kind} ${subject}`.trim()).sort();

t.test('where all is well nothing is wrong', async t => {
  const { after, clip } = await installation(t);
  clip();
  const seen = await after(minuteMs);
  t.same(kinds(seen), []);
  t.match(seen.facts, {
    ...{ running: ['receive', 'archive', 'outbound'], disk: { state: 'ours' }, inboxWaiting: 0 },
    cameras: [{ camera: 'den', silent: false, recording: null }],
  });
});

t.test('a camera that sends nothing for longer than was set is silent, at the limit it is not', async t => {
  const { after, clip, catalogue } = await installation(t, [den({ expectEveryMs: 2 * hourMs })]);
  clip();
  await after(0);
  for (let heard = 0; heard < 120; heard += 5) t.same(kinds(await after(5 * minuteMs)), []);
  const seen = await after(1);
  t.same(kinds(seen), ['camera-silent den']);
  t.match(seen.conditions[0]?.sentence, /^Camera den has sent nothing since 2026-11-21T02:00:00.*every 2h/);
  t.match(catalogue.lookout(0), { facts: /"silent":true/ });
  clip();
  t.same(kinds(await after(1)), [], 'until it sends again');
});

t.test('time in which nobody received does not count, and a disabled camera is not missed', async t => {
  const cameras = [den({ expectEveryMs: 2 * hourMs })];
  const { after, clip } = await installation(t, cameras);
  clip();
  await after(0);
  t.same(kinds(await after(100 * hourMs)), [], 'it was off for four days');
  for (let heard = 0; heard < 60; heard += 5) t.same(kinds(await after(5 * minuteMs)), []);
  t.same(kinds(await after(100 * hourMs)), [], 'and after an hour off again');
  for (let heard = 0; heard < 60; heard += 5) t.same(kinds(await after(5 * minuteMs)), []);
  await after(1);
  t.same(kinds(await after(0)), ['camera-silent den']);
  cameras[0] = den({ expectEveryMs: 2 * hourMs, enabled: false });
  t.same(kinds(await after(0)), []);
  cameras[0] = den({ expectEveryMs: 0 });
  t.same(kinds(await after(0)), []);
});

t.test('a camera is judged by its habit when nothing is set', async t => {
  const { after, fileClip, clock } = await installation(t);
  const hours = 21 * 24;
  for (let index = 0; index < hours; index++)
    fileClip(`c${index}x`, `clip ${index}`, {
      ...{ camera: 'den', receivedAt: clock.at - (hours - 1 - index) * hourMs },
    });
  t.same(kinds(await after(0)), []);
  for (let passed = 0; passed < 120; passed += 5) t.same(kinds(await after(5 * minuteMs)), []);
  const seen = await after(minuteMs);
  t.same(kinds(seen), ['camera-silent den'], 'twice as long as ever');
  t.match(seen.conditions[0]?.sentence, /longer than is its habit/);
});

t.test('a camera that is not recorded is told after the time that was set, with the reason', async t => {
  const { after, catalogue, clock } = await installation(t, [den({ rtspUrl: 'rtsp://192.168.1.20/x' })]);
  catalogue.beginGap('den', clock.at, 'unreachable');
  const later = async (ms: number) => {
    catalogue.beatRecorder(clock.at + ms);
    return after(ms);
  };
  t.same(kinds(await later(2 * minuteMs)), [], 'at the limit');
  const seen = await later(1);
  t.same(kinds(seen), ['recording-stopped den']);
  t.match(seen.conditions[0]?.sentence, /\(unreachable\): look whether the camera is switched on/);
  t.match(seen.facts, { cameras: [{ recording: false }], coverage: [{ camera: 'den' }] });
  // A recorder that is gone says nothing any more.
  t.same(kinds(await after(10 * minuteMs)), ['recording-stopped den']);
});

t.test(
  'a promise of retention that does not fit the disk is told once it was measured for a day',
  async t => {
    const { sources, settings, catalogue, fileClip, clock } = await installation(t);
    // A new one each time, since it is looked at every five minutes only.
    const tight = () =>
      healthLook({
        ...sources,
        settings: { ...settings, retention: { ...settings.retention, keepClipsDays: 30, maxBytes: 1000 } },
      });
    for (const word of ['a', 'b', 'c'])
      fileClip(`new${word}`, 'x'.repeat(900), { camera: 'den', receivedAt: clock.at - dayMs + 1 });
    catalogue.noteLook(clock.at, true, '{}');
    t.same(kinds(await tight()(clock.at)), [], 'a busy first day is no promise broken');
    fileClip('e', 'x'.repeat(900), { camera: 'den', receivedAt: clock.at - dayMs });
    const seen = await tight()(clock.at);
    t.same(kinds(seen), ['retention-unkept den']);
    t.equal(seen.facts.unmetPromises, 1);
  },
);

t.test('a disk that is missing, full, or fails is told, the worst only', async t => {
  const { after, dataDir, settings, sources } = await installation(t);
  renameSync(dataDir, `${dataDir}.away`);
  t.same(kinds(await after(0)), ['disk-missing'], 'it is not there');
  mkdirSync(join(dataDir, 'inbox'), { recursive: true });
  symlinkSync('MARKER', join(dataDir, 'MARKER'));
  const failed = await after(0);
  t.same(kinds(failed), ['disk-failed'], 'it answers with errors');
  t.match(failed.conditions[0]?.sentence, /\(ELOOP\)/);
  rmSync(join(dataDir, 'MARKER'));
  writeFileSync(join(dataDir, 'MARKER'), 'another');
  const foreign = await after(0);
  t.same(kinds(foreign), ['disk-missing'], 'it is somebody else’s');
  const full = healthLook({
    ...sources,
    settings: { ...settings, dataDir: `${dataDir}.away`, ftps: withMinFree(settings.ftps, 1024 ** 5) },
  });
  t.same(kinds(await full(sources.catalogue.lookout(0).lookedAt ?? 0)), ['disk-nearly-full']);
});

t.test('a disk of its own for the databases is told before nothing more can be written', async t => {
  const { sources, settings, clock } = await installation(t);
  const left = (freeBytes: number) =>
    healthLook({ ...sources, measureState: async () => ({ freeBytes, totalBytes: minStateBytes * 4 }) })(
      clock.at,
    );
  t.same(kinds(await left(minStateBytes)), []);
  t.same(kinds(await left(minStateBytes - 1)), ['disk-nearly-full state']);
  t.equal(await stateSpaceProbe(settings)(), undefined, 'one disk for both is told as that of the media');
  const apart = stateSpaceProbe({ ...settings, dataDir: '/proc' });
  t.match(await apart(), { freeBytes: Number, totalBytes: Number });
  const hanging = stateSpaceProbe(settings, 20, () => new Promise(() => {}));
  t.equal(await hanging(), undefined, 'and a disk of media that hangs holds up nothing');
});

t.test('a disk that does not answer fails in time, and is not asked again before it does', async t => {
  let asked = 0;
  let answer: (state: 'ours') => void = () => {};
  const probe = diskProbe({ dataDir: '/data', stateDir: '/state' }, 20, async () => {
    asked++;
    const state = await new Promise<'ours'>(resolve => {
      answer = resolve;
    });
    return { state, freeBytes: 1, totalBytes: 2 };
  });
  t.same(await probe(), { state: 'failed', error: 'no answer' });
  t.same(await probe(), { state: 'failed', error: 'no answer' });
  t.equal(asked, 1);
  const stuck = {
    listEntries: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
  };
  t.equal(await inboxCounter(stuck as never, 10, 20)(), null, 'nor holds counting anybody up');
  const third = probe();
  answer('ours');
  t.match(await third, { state: 'ours' });
});

t.test('a role that stopped is told at the second look, one that never ran is not', async t => {
  const { after, catalogue, stateDir, stop, clock } = await installation(t);
  (await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1, clock: ticking(clock) }))[
    Symbol.dispose
  ]();
  using _counts = openReceiverCounts({ stateDir, clock: ticking(clock), log: silentLog() });
  stop('outbound');
  t.same(kinds(await after(lookIntervalMs)), []);
  t.same(kinds(await after(lookIntervalMs)), [], 'never seen');
  catalogue.noteStart('outbound', clock.at);
  t.same(kinds(await after(lookIntervalMs)), ['role-stopped outbound']);
  stop('receive');
  t.same(kinds(await after(lookIntervalMs)), ['role-stopped outbound'], 'a restart is not told');
  t.same(kinds(await after(lookIntervalMs)), ['role-stopped outbound', 'role-stopped receive']);
});

t.test(
  'a receiver that was taken over, or whose memory is broken, does not keep the rest from being seen',
  async t => {
    const { after, stateDir, stop, clock } = await installation(t, [den({ expectEveryMs: hourMs })]);
    (await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1, clock: ticking(clock) }))[
      Symbol.dispose
    ]();
    const file = receiverDatabaseFile(stateDir);
    const hostile = new Database(file);
    hostile.exec('DROP TABLE tally; DROP TABLE receiver_start; DROP TABLE ban');
    const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS';
    hostile.exec(`CREATE VIEW tally AS ${endless} name, i AS label, i AS value FROM n`);
    hostile.exec(`CREATE VIEW receiver_start AS ${endless} id, i AS at, NULL AS ended_at FROM n`);
    hostile.exec(
      `CREATE VIEW ban AS ${endless} subject, 0 AS since, 0 AS until, 1 AS repetition, '{}' AS reasons FROM n`,
    );
    hostile.close();
    const seen = await after(minuteMs);
    t.same(seen.facts.receiverCounts, []);
    t.same([...seen.unknown], ['camera-banned'], 'whom it keeps out nobody knows');
    stop('receive');
    rmSync(roleLockFile(stateDir, 'receive'));
    mkdirSync(roleLockFile(stateDir, 'receive'));
    await after(lookIntervalMs);
    t.same(kinds(await after(lookIntervalMs)), ['role-stopped receive']);
    writeFileSync(file, 'no database');
    t.same(kinds(await after(lookIntervalMs)), ['role-stopped receive']);
  },
);

t.test('counts that no honest receiver makes are not believed', async t => {
  const { after, stateDir, clock } = await installation(t);
  (await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1, clock: ticking(clock) }))[
    Symbol.dispose
  ]();
  const forged = new Database(receiverDatabaseFile(stateDir));
  const put = forged.prepare('INSERT INTO tally (name, label, value) VALUES (?, ?, ?)');
  const label = 'x'.repeat(100);
  for (const [name, value] of [
    ['zero', 0],
    ['minus', -1],
    ['endless', Number.POSITIVE_INFINITY],
  ] as const)
    put.run(name, label, value);
  put.run('long', `${label}x`, 1);
  const start = forged.prepare('INSERT INTO receiver_start (at) VALUES (?)');
  forged.transaction(() => {
    for (let index = 0; index < 1000; index++) start.run(0);
  })();
  forged.close();
  t.same((await after(minuteMs)).facts.receiverCounts, [{ name: 'zero', label, value: 0 }]);
  t.equal(readReceiverCounts(stateDir)?.starts.length, keptStarts);
});

t.test('three crashes within a quarter of an hour are a loop, orderly ends are not', async t => {
  const { after, catalogue, clock } = await installation(t);
  const start = (at: number) => catalogue.noteStart('archive', at);
  for (let index = 0; index < 5; index++) catalogue.noteEnd(start(clock.at + index), clock.at + index);
  start(clock.at + 10);
  t.same(kinds(await after(minuteMs)), []);
  start(clock.at);
  start(clock.at + 1);
  t.same(kinds(await after(minuteMs)), [], 'two');
  start(clock.at);
  t.same(kinds(await after(1)), ['crash-loop archive']);
  t.same(kinds(await after(15 * minuteMs)), [], 'and then it held');
});

t.test('a certificate is told from its days before the end, one that cannot be read at once', async t => {
  const { after, settings, clock } = await installation(t);
  const made = { now: () => clock.at, monotonicMs: () => 0 };
  const names = { names: ['nvr'], addresses: ['127.0.0.1'] };
  await openCertificates({ certsDir: settings.certsDir, ...names, clock: made, log: silentLog() });
  const { facts } = await after(minuteMs);
  t.equal(facts.certificates.length, 2);
  const endsAt = Math.min(...facts.certificates.map(each => each.endsAt));
  t.same(kinds(await after(endsAt - clock.at - 14 * dayMs - 1)), []);
  t.match(kinds(await after(1))[0], /^certificate-ends server-/);
  const over = await after(15 * dayMs);
  t.match(over.conditions[0]?.sentence, /ended/);
  chmodSync(join(settings.certsDir, 'server-rsa.key'), 0o644);
  const unreadable = (await after(0)).conditions.find(({ subject }) => subject === 'server-rsa');
  t.match(unreadable, { kind: 'certificate-ends', sentence: /mode 644/ });
});

t.test('a ban of the address of a camera is told, bans of strangers are not', async t => {
  const cameras = [den()];
  const { after, stateDir, clock } = await installation(t, cameras);
  using memory = await openReceiverMemory({ stateDir, maxDirectoriesPerCamera: 1, clock: ticking(clock) });
  const ban = (subject: string) =>
    memory.saveBan({ subject, sinceMs: clock.at, untilMs: clock.at + hourMs, repetition: 1, reasons: {} });
  memory.rememberLogin('den', '192.168.1.20', clock.at);
  ban('192.168.1.99');
  t.same(kinds(await after(minuteMs)), []);
  ban('192.168.1.20');
  const seen = await after(minuteMs);
  t.same(kinds(seen), ['camera-banned den']);
  t.match(seen.conditions[0]?.sentence, /clipward ban clear 192\.168\.1\.20/);
  cameras[0] = den({ enabled: false });
  t.same(kinds(await after(0)), [], 'who is disabled is not missed');
  cameras[0] = den({ addedAt: new Date(clock.at - 2 * minuteMs).toISOString() });
  t.same(kinds(await after(0)), ['camera-banned den']);
  cameras[0] = den({ addedAt: new Date(clock.at - 2 * minuteMs + 1).toISOString() });
  t.same(kinds(await after(0)), [], 'there it was another camera of this name');
  cameras[0] = den();
  t.same(kinds(await after(hourMs)), [], 'it is over');
});

t.test('what could not be found out ends no alert', async t => {
  const { sources, clock, catalogue, dataDir } = await installation(t);
  rmSync(dataDir, { recursive: true });
  symlinkSync(dataDir, dataDir);
  let covers: (kind: AlertKind, subject: string) => boolean = () => false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const health = startHealth({
    ...sources,
    ...{ clock: ticking(clock), log: silentLog() },
    takeCounts: () => [{ name: 'filings', label: 'filed', value: 2 }],
    onLook: (_conditions, covered) => {
      covers = covered;
      resolve();
    },
  });
  await promise;
  await health[Symbol.asyncDispose]();
  t.notOk(covers('disk-missing', ''), 'whose it is cannot be seen');
  t.notOk(covers('retention-unkept', 'den'));
  t.notOk(covers('role-stopped', 'archive'), 'another role says so');
  t.ok(covers('role-stopped', 'receive') && covers('disk-failed', '') && covers('camera-silent', 'den'));
  t.same(catalogue.counts(), [{ name: 'filings', label: 'filed', value: 2 }]);
});

const ticking = (clock: { at: number }) => ({ now: () => clock.at, monotonicMs: () => clock.at });

function withMinFree<T extends { limits: { minFreeBytes: number } }>(ftps: T, minFreeBytes: number): T {
  return { ...ftps, limits: { ...ftps.limits, minFreeBytes } };
}
