// The whole way: a camera, the daemon, and what is on the disk and in the catalogue then.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { makeInstallation } from '../support/daemon.ts';
import { makeElementaryStream, startFakeCamera } from '../support/fake-camera.ts';

t.test(
  'a camera is recorded as soon as it has an address; a crash leaves what was whole, and a gap',
  async t => {
    const place = await makeInstallation();
    t.teardown(() => place.remove());
    const camera = await startFakeCamera({ elementaryStream: await makeElementaryStream() });
    t.teardown(() => camera[Symbol.asyncDispose]());
    const first = await place.serve();
    const accounts = await openAccountWriter({ stateDir: place.stateDir, clock: systemClock });
    const passwordHash = await hashPassword('correct horse battery staple');
    accounts.addCamera({ name: 'den', passwordHash, allowedNetworks: [], timeZone: 'UTC' });
    accounts.setCamera('den', { rtspUrl: `rtsp://127.0.0.1:${camera.port}/stream` });
    accounts[Symbol.dispose]();
    await first.waitForLog(({ msg }) => msg === 'recording');
    const file = join(place.stateDir, 'catalogue.db');
    const catalogue = openCatalogue({ file, readOnly: true });
    t.teardown(() => catalogue[Symbol.dispose]());
    // The line is written a moment before the row.
    await until(() => catalogue.isRecording('den', Date.now()));
    await until(
      () => (catalogue.openSegments()[0]?.endAt ?? 0) > (catalogue.openSegments()[0]?.startAt ?? 0),
    );
    first.kill('SIGKILL');
    await first.ended;
    const second = await place.serve();
    await second.waitForLog(({ msg }) => msg === 'recording');
    second.kill('SIGTERM');
    await second.ended;
    const span = { camera: 'den', from: 0, to: Date.now() };
    const segments = catalogue.segmentsBetween(span);
    t.strictSame(
      segments.map(({ endReason }) => endReason),
      ['crash', 'stopped'],
    );
    for (const { path, sha256 } of segments) {
      const bytes = readFileSync(join(place.dataDir, path));
      t.equal(createHash('sha256').update(bytes).digest('hex'), sha256);
      execFileSync('ffmpeg', ['-v', 'error', '-xerror', '-i', join(place.dataDir, path), '-f', 'null', '-']);
    }
    const [one, two] = segments;
    t.match(
      catalogue.gaps({ ...span, now: Date.now() }).find(({ startAt }) => startAt === one?.endAt),
      { endAt: two?.startAt, reason: 'restart' },
    );
    const left = readdirSync(join(place.dataDir, 'footage'), { recursive: true }) as string[];
    t.strictSame(
      left.filter(name => name.endsWith('.open')),
      [],
    );
  },
);

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('what was waited for did not come');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
