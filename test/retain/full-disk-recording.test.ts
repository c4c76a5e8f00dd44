// The real daemon records a camera onto a disk that somebody else fills: old footage makes room, clips stay, recording goes on;
// and where nothing is left to make room with, there is a gap with its reason until there is room again.

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { readSigningKey } from '../../src/access/signing-key.ts';
import { footageRelativePath } from '../../src/archive/footage-path.ts';
import { readArchiveId } from '../../src/archive/marker.ts';
import { systemClock } from '../../src/base/clock.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { sampleSegment } from '../catalogue/sample-segment.ts';
import { addCamera } from '../support/daemon.ts';
import { makeElementaryStream, startFakeCamera } from '../support/fake-camera.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { mebibyte, onSmallDisk, whyNoDisk } from './small-disk.ts';

const skip = whyNoDisk();
const hourMs = 3_600_000;
const settings = [
  `  limits: { minFreeBytes: ${20 * mebibyte} }`,
  `retention: { minFreeBytes: ${60 * mebibyte}, intervalMs: 1000 }`,
  'record: { segmentMs: 10000, lossWindowMs: 1000 }',
];
const oldSegments = 20;

type Site = Awaited<ReturnType<typeof onSmallDisk>>;

/** Segments of five days ago, a minute each; the daemon must not run. */
async function recordedLongAgo({ dataDir, stateDir }: Site): Promise<string[]> {
  const archiveId = await readArchiveId(stateDir);
  const { sign } = await readSigningKey(stateDir);
  const chain = { archiveId, sign, now: systemClock.now };
  using catalogue = openCatalogue({ file: catalogueFile(stateDir), chain });
  const start = Date.now() - 120 * hourMs;
  return Array.from({ length: oldSegments }, (_, index) => {
    const id = `s${10 + index}`.padEnd(26, '0');
    const startAt = start + index * 60_000;
    const path = footageRelativePath({ camera: 'yard', id, startAt });
    const bytes = randomBytes(5 * mebibyte);
    mkdirSync(dirname(join(dataDir, path)), { recursive: true });
    writeFileSync(join(dataDir, path), bytes, { mode: 0o400 });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    catalogue.fileSegment(sampleSegment(id, startAt, { camera: 'yard', path, bytes: bytes.length, sha256 }), {
      gap: 'off',
    });
    return id;
  });
}

t.test('recording outlives a disk that is filled', { skip }, async t => {
  const site = await onSmallDisk(t, 300 * mebibyte, settings);
  const first = await site.serve();
  const password = await addCamera(site, 'yard');
  const client = await loginExplicit(site.explicitPort, { user: 'yard', password });
  t.equal((await client.upload('clip.bin', randomBytes(3 * mebibyte))).code, 226);
  client.close();
  await first.waitForLog(line => line.msg === 'clip filed');
  await first.stop();
  const old = await recordedLongAgo(site);
  const camera = await startFakeCamera({ elementaryStream: await makeElementaryStream() });
  t.teardown(() => camera[Symbol.asyncDispose]());
  const accounts = await openAccountWriter({ stateDir: site.stateDir, clock: systemClock });
  accounts.setCamera('yard', { rtspUrl: `rtsp://127.0.0.1:${camera.port}/stream` });
  accounts[Symbol.dispose]();
  const daemon = await site.serve();
  t.teardown(() => daemon.stop());
  await daemon.waitForLog(line => line.msg === 'recording');
  const catalogue = openCatalogue({ file: catalogueFile(site.stateDir), readOnly: true });
  t.teardown(() => catalogue[Symbol.dispose]());
  const left = () => old.filter(id => catalogue.segment(id) !== undefined);
  const gapOf = (reason: string) =>
    catalogue
      .gaps({ camera: 'yard', from: Date.now() - hourMs, to: Date.now(), now: Date.now() })
      .find(gap => gap.reason === reason);

  // Between the two floors: room is made before recording has to stop.
  site.fill(45 * mebibyte);
  await until(() => left().length < oldSegments);
  await daemon.waitForLog(line => line.msg === 'media deleted');
  t.strictSame(left(), old.slice(oldSegments - left().length), 'the oldest went first');
  t.ok(left().length > oldSegments / 2, `${left().length} of ${oldSegments} are left`);
  // ext4 counts what was deleted as free once its journal has told.
  await until(() => site.freeBytes() >= 55 * mebibyte);
  t.equal(gapOf('disk'), undefined, 'and recording went on');

  // To the last block, again and again: the rest of what is old goes, and recording goes on by itself, if it had to stop at all.
  for (let rounds = 0; left().length > 0; rounds++) {
    t.ok(rounds < 5, `${left().length} are left`);
    const before = left().length;
    site.fill(0);
    const hasRoom = () => left().length < before && site.freeBytes() >= 20 * mebibyte;
    // The last of what is old may be too little to go on with.
    await until(() => left().length === 0 || (hasRoom() && catalogue.isRecording('yard', Date.now())));
  }

  // Once more, and nothing is left that may go.
  site.fill(0);
  await until(() => gapOf('disk') !== undefined && !catalogue.isRecording('yard', Date.now()));
  await daemon.waitForLog(line => line.msg === 'retention cannot keep a promise');
  const count = daemon.logged().filter(line => line.msg === 'recording').length;
  site.release();
  await daemon.waitForLog(line => line.msg === 'recording', count + 1);
  await until(() => catalogue.isRecording('yard', Date.now()));
  t.match(gapOf('disk'), { reason: 'disk' });
  t.equal((await daemon.stop()).code, 0, 'it was the same daemon all the time');
  const checked = await site.run(['check']);
  t.equal(checked.code, 0, checked.stdout);
  t.match(checked.stdout, /^1 clip and \d+ segments of footage checked, all is well/m);
  const verified = await site.run(['verify']);
  t.equal(verified.code, 0, verified.stdout);
});

async function until(holds: () => boolean, timeoutMs = 120_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
