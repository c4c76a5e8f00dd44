// A real archive with clips that were really filed, and check over it. What somebody does by hand is done with node:fs and SQL.

import { generateKeyPairSync, sign } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { Test } from 'tap';
import { clipRelativePath } from '../../src/archive/clip-path.ts';
import { readArchiveId, requireMarker } from '../../src/archive/marker.ts';
import { isInInbox } from '../../src/archive/strays.ts';
import { systemClock } from '../../src/base/clock.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { checkArchive, type Told } from '../../src/inspect/check-archive.ts';
import type { CheckParts } from '../../src/inspect/invariants/parts.ts';
import { openRepairs, type RepairParts } from '../../src/inspect/repairs/open-repairs.ts';
import { idOf, nameFrom, openSmallArchive } from '../ingest/small-archive.ts';

type More = Partial<CheckParts> &
  Readonly<{ repair?: boolean; dropMost?: boolean; media?: RepairParts['media'] }>;

export async function checkedArchive(test: Test, root = test.testdir({})) {
  const archive = await openSmallArchive(test, root);
  const { dataDir } = archive;
  const stateDir = join(root, 'state');
  const archiveId = await readArchiveId(stateDir);
  const { privateKey } = generateKeyPairSync('ed25519');
  const chain = {
    archiveId,
    sign: (text: string) => sign(null, Buffer.from(text), privateKey).toString('base64'),
    now: () => Date.now(),
  };
  const catalogue = openCatalogue({ file: catalogueFile(stateDir), chain });
  test.teardown(() => catalogue[Symbol.dispose]());

  const look = async ({ repair = false, dropMost = false, media, ...more }: More = {}) => {
    const found: Told[] = [];
    const ours = { dataDir, archiveId };
    const clock = more.clock ?? systemClock;
    const repairs = openRepairs({
      ...{ ...ours, catalogue, clock, timeZoneOf: () => 'UTC' },
      media: media ?? (async () => archive.parts.media as Awaited<ReturnType<RepairParts['media']>>),
    });
    const parts: Omit<CheckParts, 'onUnknown'> = {
      ...{ dataDir, catalogue, clock, repairs },
      isPlayed: () => false,
      isImporting: () => false,
      isWaiting: (camera, id) => isInInbox(dataDir, camera, id),
      requireMarker: () => requireMarker(ours),
      ...more,
    };
    const summary = await checkArchive(parts, {
      repair,
      dropMost,
      tell: told => void found.push(told),
    });
    return { found, summary, codes: found.map(({ code }) => code).sort() };
  };
  return {
    ...archive,
    root,
    stateDir,
    catalogue,
    look,
    /** Files a clip that is in the chain; answers its row. */
    async clip(word: string, facts: { camera?: string; secondsAgo?: number; media?: string } = {}) {
      const { camera = 'den', secondsAgo = 600, media = `media of ${word}` } = facts;
      const path = nameFrom(secondsAgo);
      await archive.file(archive.upload(word, media, { camera, path, sentAs: path }));
      catalogue.appendPending(100);
      const clip = catalogue.clip(idOf(word));
      if (clip === undefined) throw new Error('the clip was to be filed');
      return clip;
    },
    at: (path: string) => join(dataDir, path),
    /** Puts a file there as somebody would by hand. */
    put(path: string, bytes: string) {
      mkdirSync(dirname(join(dataDir, path)), { recursive: true });
      writeFileSync(join(dataDir, path), bytes);
    },
    remove: (path: string) => rmSync(join(dataDir, path), { recursive: true }),
    overwrite(path: string, bytes: string) {
      chmodSync(join(dataDir, path), 0o600);
      writeFileSync(join(dataDir, path), bytes);
      chmodSync(join(dataDir, path), 0o400);
    },
    /** Edits the catalogue as no program of ours would. */
    sql(text: string, ...values: unknown[]) {
      const db = new Database(catalogueFile(stateDir));
      try {
        db.pragma('foreign_keys = off');
        db.prepare(text).run(...values);
      } finally {
        db.close();
      }
    },
  };
}

export type CheckedArchive = Awaited<ReturnType<typeof checkedArchive>>;

/** Of a clip that was never filed here. */
export const strayPath = clipRelativePath({
  ...{ camera: 'den', at: Date.UTC(2026, 3, 5, 6, 7, 8), id: idOf('c1'), extension: 'mp4' },
});

export function pathOf(archive: CheckedArchive, word: string): string {
  return archive.catalogue.clip(idOf(word))?.path ?? '';
}
