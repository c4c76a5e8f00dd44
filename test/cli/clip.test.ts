import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import t, { type Test } from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { openMarker } from '../../src/archive/marker.ts';
import { systemClock } from '../../src/base/clock.ts';
import { SettingsError } from '../../src/base/errors.ts';
import { holdLock } from '../../src/base/sqlite.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import { registerClipCommands } from '../../src/cli/clip.ts';
import type { Desk } from '../../src/cli/desk.ts';
import { registerDoctorCommand } from '../../src/cli/doctor.ts';
import { registerStatusCommand } from '../../src/cli/status.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { sampleClip, sampleReceipt } from '../catalogue/sample-clip.ts';

/** The commands over directories of their own; `run` gives what one of them printed. */
function installation(test: Test, settingsError?: SettingsError) {
  const root = test.testdir();
  const dirs = { dataDir: join(root, 'data'), stateDir: join(root, 'state'), certsDir: join(root, 'certs') };
  const off = { enabled: false, host: '127.0.0.1', port: 0 };
  const retention = { keepClipsDays: null, maxBytes: null, minFreeBytes: 1, minAgeHours: 72 };
  const passive = { address: null, minPort: 30_000, maxPort: 30_099 };
  const tls = { certificateDir: null };
  const ftps = { explicit: off, implicit: off, passive, tls, limits: { minFreeBytes: 0 } };
  const run = async (...args: string[]) => {
    const printed: string[] = [];
    const remarks: string[] = [];
    let exitCode = 0;
    const desk: Desk = {
      settings: () => {
        if (settingsError) throw settingsError;
        return { ...dirs, ftps, retention, record: { enabled: true } } as unknown as Settings;
      },
      wantsJson: command => command.opts().json === true,
      print: text => void printed.push(text),
      remark: text => void remarks.push(text),
      readSecret: () => Promise.resolve(''),
      setExitCode: code => {
        exitCode = code;
      },
    };
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerClipCommands(program, desk);
    registerStatusCommand(program, desk);
    registerDoctorCommand(program, desk);
    await program.parseAsync(args, { from: 'user' });
    return { out: printed.join('\n'), remarks: remarks.join('\n'), exitCode };
  };
  return {
    ...dirs,
    run,
    json: async (...args: string[]) => JSON.parse((await run(...args, '--json')).out),
    file(...clips: Clip[]) {
      mkdirSync(dirs.stateDir, { recursive: true });
      using catalogue = openCatalogue({ file: catalogueFile(dirs.stateDir) });
      for (const clip of clips) catalogue.fileClip(clip, sampleReceipt(clip.id));
    },
  };
}

const idOf = (word: string) => word.padEnd(26, '0');

t.test('before the first start there are no clips, which is no failure', async t => {
  const { run, json } = installation(t);
  t.strictSame(await json('clip', 'list'), []);
  t.match(await run('clip', 'list'), { out: '', remarks: 'No clips yet.' });
  await t.rejects(run('clip', 'show', 'abc'), { name: 'FailedError' });
});

t.test(
  'clip list --json has the fields that scripts rely on, times with the offset of the camera',
  async t => {
    const { file, json } = installation(t);
    file(sampleClip(idOf('a1'), { claimedAt: null, timeSource: 'arrival', thumbnail: null }));
    const [clip] = await json('clip', 'list');
    t.strictSame(clip, {
      id: idOf('a1'),
      camera: 'front-door',
      originalPath: `2026/09/27/Den_00_${idOf('a1')}.mp4`,
      path: `clips/front-door/2026/09/27/${idOf('a1')}.mp4`,
      bytes: 1000,
      sha256: 'a'.repeat(64),
      kind: 'video',
      completeness: 'whole',
      completenessBasis: 'close-notify',
      claimedAt: null,
      timeSource: 'arrival',
      clockOffsetMs: null,
      receivedAt: '2026-09-27T14:03:30.000+02:00',
      startAt: '2026-09-27T14:03:01.000+02:00',
      durationMs: 12_000,
      width: 1920,
      height: 1080,
      codec: 'h264',
      thumbnail: null,
      eventId: clip.eventId,
      supersededBy: null,
      withdrawnAt: null,
      problem: null,
      backfill: null,
    });
  },
);

t.test('clips are listed newest first, by camera, span and count', async t => {
  const { file, json } = installation(t);
  const hours = (count: number) => Date.now() - count * 3_600_000;
  file(
    sampleClip('a1', { startAt: hours(1) }),
    sampleClip('a2', { startAt: hours(3), camera: 'den' }),
    sampleClip('a3', { startAt: hours(30) }),
  );
  const ids = async (...args: string[]) =>
    (await json('clip', 'list', ...args)).map((clip: { id: string }) => clip.id);
  t.strictSame(await ids(), ['a1', 'a2', 'a3']);
  t.strictSame(await ids('--camera', 'den'), ['a2']);
  t.strictSame(await ids('--since', '2h'), ['a1']);
  t.strictSame(await ids('--since', '1d', '--until', '2h'), ['a2']);
  t.strictSame(await ids('--until', new Date(hours(29)).toISOString()), ['a3']);
  t.strictSame(await ids('--limit', '2'), ['a1', 'a2']);
});

t.test('where no clip matches, it is not said that there are none', async t => {
  const { run } = installation(t);
  t.match(await run('clip', 'list', '--camera', 'frnt-door'), { out: '', remarks: 'No clip matches.' });
  t.match(await run('clip', 'list', '--limit', '1'), { out: '', remarks: 'No clips yet.' });
});

t.test('options that cannot be understood are wrong usage, named in the sentence', async t => {
  const { run } = installation(t);
  for (const [option, value] of [
    ['--since', 'yesterday'],
    ['--until', '2026-02-30'],
    ['--limit', '0'],
    ['--limit', '-1'],
    ['--limit', '1.5'],
  ] as const)
    await t.rejects(run('clip', 'list', option, value), {
      name: 'UsageError',
      message: new RegExp(`^${option} `),
    });
});

t.test('a name that a camera made up cannot disturb the terminal', async t => {
  const { file, run } = installation(t);
  file(sampleClip('a1', { originalPath: 'a\u001b[2J\u202egpj.mp4' }));
  t.match((await run('clip', 'list')).out, 'a\\u{1b}[2J\\u{202e}gpj.mp4');
  const shown = (await run('clip', 'show', 'a1')).out;
  t.match(shown, 'a\\u{1b}[2J\\u{202e}gpj.mp4');
  t.notMatch(shown, '\u001b');
});

t.test('a clip is shown by the beginning of its id, as long as that is the only one', async t => {
  const { file, json, run } = installation(t);
  file(sampleClip(idOf('a1')), sampleClip(idOf('a2')));
  t.match(await json('clip', 'show', 'a2'), { id: idOf('a2') });
  await t.rejects(run('clip', 'show', 'a'), { name: 'FailedError', message: /More than one/ });
  await t.rejects(run('clip', 'show', 'b'), { name: 'FailedError', message: /No clip/ });
  await t.rejects(run('clip', 'show', '../x'), { name: 'UsageError' });
});

t.test('a clip is copied out byte for byte, and never over a file that is there', async t => {
  const { file, run, dataDir } = installation(t);
  const id = idOf('a1');
  const path = `clips/front-door/2026/09/27/20260927T120301Z_front-door_${id}.mp4`;
  mkdirSync(dirname(join(dataDir, path)), { recursive: true });
  writeFileSync(join(dataDir, path), 'the very bytes');
  file(sampleClip(id, { path, bytes: 14 }));
  const inside = join(dataDir, 'copy.mp4');
  await t.rejects(run('clip', 'export', 'a1', '--out', inside), { message: /lies in the archive/ });
  t.notOk(existsSync(inside));
  const out = join(dirname(dataDir), 'copy.mp4');
  t.match((await run('clip', 'export', 'a1', '--out', out)).out, out);
  t.equal(readFileSync(out, 'utf8'), 'the very bytes');
  writeFileSync(out, 'somebody elses');
  await t.rejects(run('clip', 'export', 'a1', '--out', out), { name: 'FailedError', message: /exists/ });
  t.equal(readFileSync(out, 'utf8'), 'somebody elses');
});

t.test('status knows cameras with and without clips, and those that were removed', async t => {
  const { file, json, run, stateDir } = installation(t);
  t.match(await json('status'), { marker: 'not-yet', running: [], cameras: [], inboxWaiting: 0 });
  t.match((await run('status')).out, /camera add/);
  using accounts = await openAccountWriter({ stateDir, clock: systemClock });
  const passwordHash = await hashPassword('correct horse battery');
  for (const name of ['den', 'front-door'])
    accounts.addCamera({ name, passwordHash, allowedNetworks: [], timeZone: 'Europe/Berlin' });
  file(sampleClip('a1'), sampleClip('a2', { camera: 'removed' }));
  const status = await json('status');
  t.match(status.cameras, [
    { camera: 'den', enabled: true, lastClipAt: null, clips: 0, bytes: 0 },
    {
      camera: 'front-door',
      enabled: true,
      lastClipAt: '2026-09-27T14:03:30.000+02:00',
      clips: 1,
      bytes: 1000,
      recording: null,
      clockOffsetMs: null,
      clockUncertaintyMs: null,
      clockWrong: null,
      coverage24h: null,
    },
    { camera: 'removed', enabled: false, clips: 1 },
  ]);
  t.match((await run('status')).out, /^front-door +\d+ d \d+ h ago/m);
});

t.test('status tells what is recorded, and is red when what should be is not', async t => {
  const { json, run, stateDir } = installation(t);
  using accounts = await openAccountWriter({ stateDir, clock: systemClock });
  const passwordHash = await hashPassword('correct horse battery');
  for (const name of ['attic', 'den', 'yard'])
    accounts.addCamera({ name, passwordHash, allowedNetworks: [], timeZone: 'UTC' });
  accounts.setCamera('den', { rtspUrl: 'rtsp://192.0.2.1/', record: 'off' });
  t.match(await run('status'), { exitCode: 0 });
  accounts.setCamera('den', { record: 'on' });
  const red = await run('status');
  t.equal(red.exitCode, 1);
  t.match(red.out, /^! No recorder runs, and den should be recorded/m);
  mkdirSync(stateDir, { recursive: true });
  using _lock = holdLock(join(stateDir, 'outbound.lock'), 'held');
  using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
  const now = Date.now();
  catalogue.beginGap('den', now - 30_000, 'refused');
  catalogue.beatRecorder(now);
  t.match(await json('status'), {
    running: ['outbound'],
    alarms: [],
    cameras: [
      { camera: 'attic', recording: null, gap: null, coverage24h: null },
      {
        camera: 'den',
        recording: false,
        gap: { reason: 'refused', since: /^\d{4}-.*\+00:00$/ },
        coverage24h: 0,
      },
      { camera: 'yard', recording: null },
    ],
  });
  const soon = await run('status');
  t.match(soon.out, /^den .* no: refused since \d{4}-\d\d-\d\d .* +0\.0 %, 1 gap/m);
  t.equal(soon.exitCode, 0, 'half a minute is no alarm');
  catalogue.beginGap('yard', now - 90_000, 'stalled');
  accounts.setCamera('yard', { rtspUrl: 'rtsp://192.0.2.2/' });
  t.match(await run('status'), { exitCode: 1, out: /^! Camera yard should be recorded and is not/m });
  t.match(await run('doctor'), { out: /^fail +recording: Camera yard/m, exitCode: 1 });
});

t.test('status counts what waits, and is red when the data directory is another one', async t => {
  const { json, run, dataDir, stateDir } = installation(t);
  await openMarker({ dataDir, stateDir });
  for (const id of ['a1', 'a2']) mkdirSync(join(dataDir, 'inbox', 'den', idOf(id)), { recursive: true });
  t.match(await json('status'), { marker: 'ours', inboxWaiting: 2 });
  t.equal((await run('status')).exitCode, 0);
  writeFileSync(join(dataDir, 'MARKER'), 'another');
  const red = await run('status');
  t.equal(red.exitCode, 1);
  t.match(red.out, /NOT the archive/);
});

t.test('doctor finds nothing that keeps a fresh installation from starting', async t => {
  const { run, json } = installation(t);
  const { out, exitCode } = await run('doctor');
  t.equal(exitCode, 0, out);
  t.match(out, /^pass {2}settings: /m);
  t.match(out, /^skip {2}archive-marker: /m);
  t.match(out, /^warn {2}cameras: no camera was added\n {6}Add one: clipward camera add NAME\.$/m);
  const report = await json('doctor');
  t.match(report[0], { check: 'settings', level: 'pass', text: String });
});

t.test('doctor fails on a data directory that is another one', async t => {
  const { run, dataDir, stateDir } = installation(t);
  await openMarker({ dataDir, stateDir });
  writeFileSync(join(dataDir, 'MARKER'), 'another');
  const { out, exitCode } = await run('doctor');
  t.equal(exitCode, 1);
  t.match(out, /^fail {2}archive-marker: /m);
});

t.test('bad settings are a finding of doctor, and the machine is looked at all the same', async t => {
  const { run } = installation(t, new SettingsError('ftps.explicit.port: expected a port.'));
  const { out, exitCode } = await run('doctor');
  t.equal(exitCode, 1);
  t.match(out, /^fail {2}settings: ftps\.explicit\.port: expected a port\.$/m);
  t.match(out, /^pass {2}ffmpeg: /m);
});
