// clipward check as a user runs it: a process of its own, beside a daemon and without one.

import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { loginExplicit } from '../support/ftps-client.ts';
import { makeJpeg } from '../support/media.ts';

type Shown = { id: string; path: string; thumbnail: string };

t.test('check and --repair over an installation', async t => {
  const installation = await makeInstallation();
  const daemon = await installation.serve();
  t.teardown(async () => {
    await daemon.stop();
    installation.remove();
  });
  const at = (path: string) => join(installation.dataDir, path);
  /** What check printed as JSON, whatever its exit code was. */
  const check = async (...args: string[]) => {
    const { code, stdout, stderr } = await installation.run(['check', '--json', ...args]);
    return { code, stderr, ...JSON.parse(stdout) };
  };
  const password = await addCamera(installation, 'den');
  const client = await loginExplicit(installation.explicitPort, { user: 'den', password });
  const picture = readFileSync(await makeJpeg());
  for (const name of ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'])
    t.equal((await client.upload(name, Buffer.concat([picture, Buffer.from(name)]))).code, 226);
  await daemon.waitForLog(line => line.msg === 'clip filed', 4);
  const clips: Shown[] = await installation.json(['clip', 'list']);
  const [first, second] = clips as [Shown, Shown];

  await t.test('beside the daemon a healthy archive ends with 0 and one line', async t => {
    t.match(await check(), { code: 0, findings: [], clips: 4, violations: 0, remarks: 0, unknown: 0 });
    t.strictSame(await installation.run(['check']), {
      code: 0,
      stdout: '4 clips checked, all is well\n',
      stderr: '',
    });
    t.match(await check('--repair'), { code: 0, findings: [], repaired: 0 });
  });

  await t.test('--repair beside the daemon makes a thumbnail again and takes a file in', async t => {
    rmSync(at(first.thumbnail));
    chmodSync(at(first.path), 0o600);
    const stray = first.path.replace(first.id, '0'.repeat(26));
    writeFileSync(at(stray), picture, { mode: 0o644 });
    const seen = await check();
    t.equal(seen.code, 1);
    t.match(
      seen.findings,
      [
        {
          code: 'writable-file',
          id: first.id,
          path: first.path,
          repairable: true,
          outcome: 'found',
          did: null,
        },
        { code: 'unknown-file', camera: 'den', path: stray, level: 'violation' },
        { code: 'missing-thumbnail', id: first.id, path: first.thumbnail },
      ].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    );
    const shown = await installation.run(['check']);
    t.equal(shown.code, 1);
    t.match(shown.stdout, /^unknown-file {2}clips\/den\/.*\n {4}The file has no row.*\n {4}If an import/m);
    t.match(shown.stdout, /4 clips checked, 3 violations\n$/);
    t.match(await check('--repair'), { code: 0, violations: 0, repaired: 3 });
    t.match(await check(), { code: 0, clips: 5, findings: [] });
    t.match(await installation.json(['clip', 'show', '0'.repeat(26)]), {
      ...{ camera: 'den', path: stray, kind: 'image', codec: 'mjpeg', completeness: 'whole' },
      ...{ completenessBasis: 'container', timeSource: 'arrival', claimedAt: null, bytes: picture.length },
      problem: /^Recovered by check --repair/,
    });
    t.ok(readFileSync(at(first.thumbnail)).length > 100);
  });

  await daemon.stop();

  await t.test('rows go where files are missing, but not most of a camera unless that is said', async t => {
    t.match(await installation.run(['check', '--drop-most']), {
      code: 2,
      stderr: /--drop-most goes with --repair/,
    });
    for (const { path } of clips.slice(0, 3)) rmSync(at(path));
    const refused = await check('--repair');
    t.match(refused, { code: 1, violations: 3, repaired: 0 });
    t.match(refused.findings[0], {
      code: 'missing-file',
      outcome: 'failed',
      did: /3 of the 5 .* --drop-most/,
    });
    t.match(await check('--repair', '--drop-most'), { code: 0, violations: 0, repaired: 3 });
    t.match(await check(), { code: 0, clips: 2, findings: [] });
    t.match(await installation.run(['clip', 'show', second.id]), { code: 1 });
  });

  await t.test('a disk that is not there is one finding, and nothing is repaired', async t => {
    renameSync(installation.dataDir, join(installation.root, 'away'));
    mkdirSync(installation.dataDir);
    const without = await check('--repair', '--drop-most');
    t.match(without, { code: 1, violations: 1, repaired: 0, findings: [{ code: 'marker' }] });
    rmSync(installation.dataDir, { recursive: true });
    renameSync(join(installation.root, 'away'), installation.dataDir);
    t.match(await check(), { code: 0, clips: 2 });
  });

  await t.test('a catalogue that is lost, damaged or no database is one finding', async t => {
    const file = join(installation.stateDir, 'catalogue.db');
    for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    const whole = readFileSync(file);
    rmSync(file);
    t.match(await check('--repair'), { code: 1, findings: [{ code: 'catalogue-missing' }] });
    writeFileSync(file, 'no database');
    t.match(await check('--repair'), { code: 1, findings: [{ code: 'catalogue-damaged' }] });
    // Behind the first page, so that it can be opened.
    writeFileSync(
      file,
      Buffer.concat([whole.subarray(0, 4096 * 3), Buffer.alloc(whole.length - 4096 * 3, 7)]),
    );
    const damaged = await check();
    t.equal(damaged.code, 1);
    t.ok(damaged.findings.every(({ code }: { code: string }) => code === 'catalogue-damaged'));
    writeFileSync(file, whole);
    t.match(await check(), { code: 0, clips: 2 });
  });
});

t.test('before the first start there is nothing to check, which is no failure', async t => {
  const installation = await makeInstallation();
  t.teardown(() => installation.remove());
  t.match(await installation.run(['check']), { code: 0, stdout: '', stderr: /no archive yet/ });
  t.strictSame(await installation.json(['check']), {
    findings: [],
    ...{ clips: 0, segments: 0, unknown: 0, violations: 0, remarks: 0, repaired: 0 },
  });
});
