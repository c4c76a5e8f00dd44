// kill -9 at every step of a deletion: no row without its file, no file without its row (or a garbage row), before and after
// the next start, and nothing of what was to stay is touched.

import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { openRetention } from '../../src/retain/open-retention.ts';
import { runRetention } from '../../src/retain/run-retention.ts';
import { type RetainedArchive, retainedArchive, standardRetention } from '../retain/retained-archive.ts';
import { filesUnder } from './files-under.ts';

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

t.test('kill -9 at every step of a deletion leaves what the next start finishes', async t => {
  const archive = await retainedArchive(t);
  archive.clock.at = Date.now();
  // Two of one day, so that its directories go, and one beside a neighbour that stays.
  const gone = [
    archive.clip('a1x', { daysAgo: 40 }),
    archive.clip('a2x', { daysAgo: 40 }),
    archive.clip('b1x', { daysAgo: 31, camera: 'porch' }),
    archive.segment('s1x', { daysAgo: 40, camera: 'den' }),
    archive.segment('s2x', { daysAgo: 33, camera: 'porch' }),
  ];
  const recorded = archive.segment('s3x', { daysAgo: 1, camera: 'porch' });
  const stays = [
    archive.clip('b2x', { daysAgo: 1, camera: 'porch' }),
    archive.clip('c1x', { daysAgo: 1, camera: 'yard' }),
  ];
  // Everything is in the main file then, and can be copied.
  archive.catalogue[Symbol.dispose]();
  const pristine = [recorded.path, ...stays.flatMap(({ path, thumbnail }) => [path, thumbnail ?? ''])].sort();

  const whole = copyOf(archive, 'whole');
  const calls = run(whole, 0, 'before') ?? 0;
  t.ok(calls > 20, `a pass takes ${calls} calls`);
  t.same(filesUnder(join(whole, 'data')), pristine);
  const seen = { asBefore: 0, asGarbage: 0, done: 0 };
  for (let at = 1; at <= calls; at++) {
    // Commits count as well, and have no before and after.
    for (const when of ['before', 'after'] as const) {
      const root = copyOf(archive, `killed-${when}-${at}`);
      const wasKilled = run(root, at, when) === undefined;
      // After a call that fails (a directory that is not empty) nothing has changed.
      t.ok(wasKilled || when === 'after', `killed ${when} call ${at}`);
      using catalogue = openCatalogue({ file: catalogueFile(join(root, 'state')), chain: archive.chain });
      const rows = () => catalogue.clipCount() + [...catalogue.segmentsByPath()].length;
      const garbage = catalogue.garbageFiles('', 100);
      const known = [...catalogue.listClips({}), ...garbage].flatMap(({ path, thumbnail }) => [
        path,
        thumbnail,
      ]);
      for (const { path } of catalogue.segmentsByPath()) known.push(path);
      const files = filesUnder(join(root, 'data'));
      t.same(
        files.filter(file => !known.includes(file)),
        [],
        `${at}: every file has its row`,
      );
      for (const clip of catalogue.listClips({}))
        t.ok(files.includes(clip.path), `${at}: every row its file`);
      for (const segment of catalogue.segmentsByPath())
        t.ok(files.includes(segment.path), `${at}: every segment its file`);
      if (garbage.length > 0) seen.asGarbage++;
      else seen[rows() === gone.length + stays.length + 1 ? 'asBefore' : 'done']++;

      await runRetention(retentionOf(archive, root, catalogue), new AbortController().signal);
      t.same(filesUnder(join(root, 'data')), pristine, `${at}: the next start finishes it`);
      t.same(catalogue.garbageFiles('', 100), [], `${at}: no garbage is left`);
      t.equal(rows(), stays.length + 1);
      for (const { id } of gone) t.ok(catalogue.hasTombstone(id));
      // Taken in, and each that went gone once.
      t.equal(catalogue.lastNumber(), gone.length * 2 + stays.length + 1);
      rmSync(root, { recursive: true });
    }
  }
  t.comment(JSON.stringify(seen));
  t.ok(seen.asBefore > 0 && seen.asGarbage > 5 && seen.done > 0, 'every kind of end was met');
});

function copyOf(archive: RetainedArchive, name: string): string {
  const root = join(archive.root, name);
  for (const part of ['data', 'state'])
    cpSync(join(archive.root, part), join(root, part), { recursive: true, preserveTimestamps: true });
  return root;
}

/** The number of calls, or undefined when it was killed. */
function run(root: string, at: number, when: 'before' | 'after'): number | undefined {
  const { stdout, signal, stderr } = spawnSync(
    process.execPath,
    ['--import', pathOf('./kill-at-call.ts'), pathOf('./retaining-program.ts'), root],
    {
      encoding: 'utf8',
      env: {
        ...process.env,
        CLIPWARD_KILL_UNDER: root,
        CLIPWARD_KILL_DATABASE: catalogueFile(join(root, 'state')),
        CLIPWARD_KILL_AT: String(at),
        CLIPWARD_KILL_WHEN: when,
      },
    },
  );
  if (signal === 'SIGKILL') return undefined;
  if (stdout === '') throw new Error(`it ended by itself: ${stderr}`);
  return (JSON.parse(stdout) as { calls: number }).calls;
}

function retentionOf({ archiveId }: RetainedArchive, root: string, catalogue: RetainedArchive['catalogue']) {
  const [dataDir, stateDir] = [join(root, 'data'), join(root, 'state')];
  return openRetention({
    settings: { dataDir, stateDir, retention: standardRetention, ftps: { limits: { minFreeBytes: 0 } } },
    ...{ archiveId, catalogue, cameras: () => [], clock: systemClock },
  });
}
