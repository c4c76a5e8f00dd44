// Faults of ffmpeg and of the disk, with everything real. One after the other: the ffmpeg of a test is found among all children.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startFakeCamera } from '../support/fake-camera.ts';
import { backWithinMs, gapBetweenRuns, recorded } from './pulled.ts';
import { children, descriptors, elementaryStream, ffmpegPid, toolsWith } from './pulling.ts';

async function opened(t: Test, more: { dataDir?: string; searchPath?: string } = {}) {
  const camera = await startFakeCamera({ elementaryStream });
  t.teardown(() => camera[Symbol.asyncDispose]());
  const { searchPath, ...place } = more;
  return recorded(t, { port: camera.port, ...place }, searchPath);
}

for (const [what, signal, reason, endReason] of [
  ['is killed', 'SIGKILL', 'restart', 'stopped'],
  ['is told to end', 'SIGTERM', 'restart', 'stopped'],
  ['hangs, and hears no SIGTERM', 'SIGSTOP', 'stalled', 'stalled'],
] as const)
  t.test(`an ffmpeg that ${what} is replaced`, async t => {
    const recording = await opened(t);
    await recording.recordingLines(1);
    const pid = await ffmpegPid();
    process.kill(pid, signal);
    await recording.recordingLines(2);
    t.notOk(existsSync(`/proc/${pid}`), 'it is gone, and no zombie');
    const found = await recording.finish();
    t.equal(gapBetweenRuns(t, found), reason);
    t.equal(found.segments[0]?.endReason, endReason);
    const second = found.segments.find(({ run }) => run !== found.segments[0]?.run);
    t.ok((second?.startAt ?? 0) - (found.segments[0]?.endAt ?? 0) < backWithinMs);
  });

t.test('without ffmpeg the log says what to install, once; recording begins when it is there', async t => {
  const searchPath = await toolsWith(t, null);
  const recording = await opened(t, { searchPath });
  const line = await recording.waitForLog(({ msg }) => msg === 'camera is not recorded');
  t.match(line.error, /ffmpeg is not installed: apt-get install ffmpeg/);
  t.equal(line.reason, 'restart');
  await symlink('/usr/bin/ffmpeg', join(searchPath, 'ffmpeg'));
  await recording.recordingLines(1);
  const { gaps } = await recording.finish();
  t.strictSame([...new Set(gaps.map(({ reason }) => reason))], ['restart']);
  t.equal(recording.logged.filter(({ msg }) => msg === 'camera is not recorded').length, 1);
});

t.test("an ffmpeg that cannot be run is our fault, and not the camera's", async t => {
  const recording = await opened(t, { searchPath: await toolsWith(t, '#!/nowhere/at/all\n') });
  const line = await recording.waitForLog(({ msg }) => msg === 'camera is not recorded');
  t.match(line.error, /127|126/);
  t.equal(line.reason, 'restart');
  await recording.stop();
});

/** A small disk of its own takes root, and a machine that lets it mount. */
const mountProblem = (() => {
  const directory = mkdtempSync(join(tmpdir(), 'clipward-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory], { stdio: 'ignore' });
    execFileSync('umount', [directory]);
    return false as const;
  } catch {
    return 'a small disk cannot be mounted here';
  } finally {
    rmdirSync(directory);
  }
})();

t.test('a disk that is full to the last block', { skip: mountProblem }, async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'clipward-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dataDir], { stdio: 'ignore' });
  t.teardown(async () => {
    execFileSync('umount', ['-l', dataDir]);
    await rm(dataDir, { recursive: true });
  });
  const recording = await opened(t, { dataDir });
  await recording.recordingLines(1);
  const reading = recording.recorders.recent('den')?.subscribe();
  for (let count = 0; count < 3; count++) await reading?.next();
  await writeFile(join(dataDir, 'foreign'), Buffer.alloc(2e6)).catch(() => {});
  const line = await recording.waitForLog(({ msg }) => msg === 'camera is not recorded');
  t.equal(line.reason, 'disk');
  t.match(line.error, /ENOSPC/);
  const wasOpen = (await readdir(dataDir, { recursive: true })).filter(name => name.endsWith('.open'));
  t.ok(wasOpen.length <= 1);
  await rm(join(dataDir, 'foreign'));
  await recording.recordingLines(2);
  const found = await recording.finish();
  t.equal(gapBetweenRuns(t, found), 'disk');
  t.equal(found.segments[0]?.endReason, 'disk');
});

t.test('a disk with less room than is to be left', async t => {
  const recording = await opened(t);
  await recording.recordingLines(1);
  recording.room.freeBytes = 0;
  await recording.waitForLog(({ msg }) => msg === 'camera is not recorded');
  t.same(await children(), [], 'nothing is asked of the camera meanwhile');
  recording.room.freeBytes = 1e9;
  await recording.recordingLines(2);
  const found = await recording.finish();
  t.equal(gapBetweenRuns(t, found), 'disk');
});

t.test('nothing is left open of all of these', async t => {
  t.strictSame(await children(), []);
  t.ok((await descriptors()) < 60);
});
