import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isWrong } from '../../src/cli/status.ts';
import { agoText, formatStatus } from '../../src/cli/status-text.ts';
import { inboxCountLimit, type Status } from '../../src/inspect/status.ts';
import { makeInstallation } from '../support/daemon.ts';
import { startCommand } from '../support/running-command.ts';

type CameraStatus = Status['cameras'][number];

const den: CameraStatus = {
  ...{ camera: 'den', enabled: true, lastClipAt: '2026-11-21T11:57:00.000+01:00', silent: false },
  ...{ gaps24h: 0, clips: 3, bytes: 7_100_000, recording: true, gap: null, coverage24h: 1 },
  ...{ clockOffsetMs: 100, clockUncertaintyMs: 3000, clockWrong: false },
};
const well: Status = {
  at: '2026-11-21T12:00:00.000+01:00',
  running: ['receive', 'archive', 'outbound'],
  marker: 'ours',
  ...{ freeBytes: 1e12, totalBytes: 4e12, inboxWaiting: 0, quarantined: 0, keyFingerprint: 'abc' },
  ...{ diskDaysLeft: 41.7, heldBytes: 0, unmet: [], warnings: [], alarms: [], alerts: [], cameras: [den] },
};
const alert = (sentence: string) => ({
  ...{ kind: 'camera-silent' as const, subject: 'den', sentence, since: '2026-11-21T10:00:00.000+01:00' },
});

t.test('where all is well the first line says so, and a line of each camera what a person asks', t => {
  const [first, , head, row] = formatStatus(well).split('\n');
  t.equal(first, '2026-11-21 12:00:00 +01:00  All is well.');
  t.match(head, /^CAMERA +LAST CLIP +CLIPS +SIZE +RECORDING +LAST 24 HOURS +CLOCK$/);
  t.match(row, /^den +3 min ago +3 +7\.1 MB +yes +100\.0 % +right$/);
  t.match(formatStatus(well), /^days of room +41$/m);
  t.match(formatStatus({ ...well, inboxWaiting: inboxCountLimit - 1 }), /^not filed yet +99999$/m);
  t.match(formatStatus({ ...well, inboxWaiting: inboxCountLimit }), /^not filed yet +100000 or more$/m);
  t.match(formatStatus({ ...well, diskDaysLeft: 3650 }), /^days of room +3650$/m);
  t.match(formatStatus({ ...well, diskDaysLeft: 3651 }), /^days of room +more than ten years$/m);
  t.match(formatStatus({ ...well, diskDaysLeft: 1 }), /^days of room +1$/m);
  t.match(formatStatus({ ...well, diskDaysLeft: 0.99 }), /^days of room +none: the oldest goes$/m);
  const unrated = { ...well, diskDaysLeft: null };
  t.match(formatStatus(unrated), /^days of room +known when the first footage is finished$/m);
  for (const recording of [false, null])
    t.match(
      formatStatus({ ...unrated, cameras: [{ ...den, recording }] }),
      /^days of room +nothing has arrived in the last week$/m,
    );
  t.end();
});

t.test('what is wrong stands first, each thing once, and cannot move the cursor', t => {
  const text = formatStatus({
    ...well,
    alerts: [alert('Camera den is silent.'), alert('A \u001b[2J name.')],
    alarms: ['Camera den is silent.'],
    warnings: ['Much is on hold.'],
  });
  t.same(text.split('\n').slice(0, 4), [
    '2026-11-21 12:00:00 +01:00  2 things are wrong:',
    '! Camera den is silent.',
    '! A \\u{1b}[2J name.',
    '! Much is on hold.',
  ]);
  const twice = formatStatus({ ...well, alerts: [alert('It ends.')], warnings: ['It ends.'] });
  t.equal(twice.split('It ends.').length - 1, 1, 'an alert that is a warning as well');
  t.match(formatStatus({ ...well, warnings: ['Much is on hold.'] }), /Something to look at:\n! Much/);
  t.match(formatStatus({ ...well, running: [] }), /One thing is wrong:\n! Clipward does not run/);
  t.match(
    formatStatus({ ...well, running: ['receive'] }),
    /One thing is wrong:\n! The role archive does not run/,
  );
  const stopped = { ...alert('The role archive hangs.'), kind: 'role-stopped' as const, subject: 'archive' };
  t.match(
    formatStatus({ ...well, running: ['receive'], alerts: [stopped] }),
    /One thing is wrong:\n! The role archive hangs/,
  );
  const missing = { ...well, marker: 'missing-or-foreign' as const };
  t.match(formatStatus(missing), /One thing is wrong:\n! The data directory is not the archive/);
  const known = { ...alert('The disk is away.'), kind: 'disk-missing' as const, subject: '' };
  t.match(formatStatus({ ...missing, alerts: [known] }), /One thing is wrong:\n! The disk is away\.\n\n/);
  t.end();
});

t.test('a camera that is silent, has gaps, a wrong clock, or is disabled shows it', t => {
  const row = (changes: Partial<CameraStatus>) =>
    formatStatus({ ...well, cameras: [{ ...den, ...changes }] }).split('\n')[3];
  t.match(row({ silent: true }), /3 min ago, silent /);
  t.match(row({ enabled: false, lastClipAt: null }), /never, disabled /);
  t.match(row({ gaps24h: 1, coverage24h: 0.9987 }), / 99\.8 %, 1 gap /);
  t.match(
    row({ gaps24h: 14, recording: false, gap: { reason: 'unreachable', since: well.at } }),
    / no: unreachable since .* 14 gaps/,
  );
  t.match(row({ clockOffsetMs: 3_600_000 }), / 1 h ahead/);
  t.match(row({ recording: null, coverage24h: null, gaps24h: null }), /7\.1 MB +right$/);
  t.match(formatStatus({ ...well, cameras: [] }), /No camera yet: clipward camera add NAME\./);
  t.end();
});

t.test('the exit code tells of alarms, alerts and a disk that is not there, and of no warning', t => {
  t.notOk(isWrong({ ...well, warnings: ['Much is on hold.'], unmet: ['den: 30 days asked.'] } as Status));
  t.notOk(isWrong({ ...well, marker: 'not-yet' }));
  t.ok(isWrong({ ...well, alarms: ['Camera den is not recorded.'] }));
  t.ok(isWrong({ ...well, alerts: [alert('Camera den is silent.')] }));
  t.ok(isWrong({ ...well, marker: 'missing-or-foreign' }));
  t.end();
});

t.test('how long ago is told in two parts', t => {
  for (const [ms, text] of [
    [-1, 'in the future'],
    [0, 'just now'],
    [59_999, 'just now'],
    [60_000, '1 min ago'],
    [3_599_999, '59 min ago'],
    [3_600_000, '1 h 0 min ago'],
    [86_399_999, '23 h 59 min ago'],
    [90_000_000, '1 d 1 h ago'],
  ] as const)
    t.equal(agoText(ms), text);
  t.end();
});

t.test('status --watch looks again until it is stopped; as JSON, a line each time', async t => {
  const place = await makeInstallation();
  t.teardown(() => place.remove());
  const watching = startCommand(['status', '--watch', '--json', '--config', place.config]);
  await watching.waitFor(/"cameras":\[\]/);
  await place.json(['camera', 'add', 'den']);
  const line = await watching.waitFor(/"camera":"den"/);
  t.match(JSON.parse(line), { running: [], cameras: [{ camera: 'den', gaps24h: null }] });
  // As where they are brought up to date.
  const accounts = join(place.stateDir, 'access.db');
  renameSync(accounts, `${accounts}.away`);
  writeFileSync(accounts, '');
  await watching.waitFor(/access\.db has schema 0/);
  renameSync(`${accounts}.away`, accounts);
  await place.json(['camera', 'add', 'yard']);
  await watching.waitFor(/"camera":"yard"/);
  t.equal(await watching.stop(), 0);
  const shown = startCommand(['status', '--watch', '--config', place.config]);
  await shown.waitFor(/^den /);
  t.equal(await shown.stop(), 0);
  t.notMatch(shown.lines.join('\n'), '\u001b', 'what is no terminal gets no escapes');
});
