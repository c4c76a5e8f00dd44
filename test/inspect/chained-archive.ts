// A small archive with a real key, a real chain and real files under clips/, for what is shown about it and done to it.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import type { Test } from 'tap';
import { openSigningKey, readPublicKeys } from '../../src/access/signing-key.ts';
import { clipRelativePath } from '../../src/archive/clip-path.ts';
import { footageRelativePath } from '../../src/archive/footage-path.ts';
import { openMarker, requireMarker } from '../../src/archive/marker.ts';
import { readStored } from '../../src/archive/read-stored.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { inTransaction, openDatabase } from '../../src/base/sqlite.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { chainAppends } from '../../src/catalogue/chain.ts';
import type { Clip } from '../../src/catalogue/clip-row.ts';
import type { Segment } from '../../src/catalogue/footage.ts';
import { type VerifyRequest, verify } from '../../src/inspect/verify/verify.ts';
import { sampleClip } from '../catalogue/sample-clip.ts';
import { sampleSegment } from '../catalogue/sample-segment.ts';

export type ChainedArchive = Awaited<ReturnType<typeof chainedArchive>>;

export const idOf = (word: string) => word.padEnd(26, '0');
const dayMs = 86_400_000;

export async function chainedArchive(test: Test) {
  const root = test.testdir({});
  const dataDir = join(root, 'data');
  const stateDir = join(root, 'state');
  const archiveId = await openMarker({ dataDir, stateDir });
  const { sign } = await openSigningKey({ stateDir, log: silentLog() });
  const file = catalogueFile(stateDir);
  // The wall clock of whoever appends.
  const clock = { at: Date.UTC(2026, 10, 21, 2) };
  const chain = { archiveId, sign, now: () => clock.at };
  const catalogue = openCatalogue({ file, chain });
  test.teardown(() => catalogue[Symbol.dispose]());

  const fileClip = (word: string, bytes: string | Buffer = `bytes of ${word}`, facts: Partial<Clip> = {}) => {
    const id = idOf(word);
    const camera = facts.camera ?? 'front-door';
    const receivedAt = facts.receivedAt ?? clock.at;
    const path = clipRelativePath({ camera, id, at: receivedAt, extension: 'mp4' });
    mkdirSync(dirname(join(dataDir, path)), { recursive: true });
    writeFileSync(join(dataDir, path), bytes, { mode: 0o400 });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const clip = { ...sampleClip(id), path, bytes: Buffer.byteLength(bytes), sha256, receivedAt, ...facts };
    catalogue.fileClip(clip, { upload: id, receivedAt, body: `{"receipt":"${word}"}` });
    return { ...clip, file: join(dataDir, path) };
  };
  /** A segment of a minute, 1000 bytes or so, with its file; `startAt` is when it begins. */
  const fileSegment = (
    word: string,
    startAt: number,
    facts: Partial<Segment> = {},
    bytes: string | Buffer = `footage ${word}`,
  ) => {
    const id = idOf(word);
    const camera = facts.camera ?? 'front-door';
    const path = footageRelativePath({ camera, id, startAt });
    mkdirSync(dirname(join(dataDir, path)), { recursive: true });
    writeFileSync(join(dataDir, path), bytes, { mode: 0o400 });
    const segment = { ...sampleSegment(id, startAt), camera, path, ...digestOf(bytes), ...facts };
    catalogue.fileSegment(segment, { gap: 'restart' });
    return { ...segment, file: join(dataDir, path) };
  };
  /** Statements as somebody with the sqlite3 program would run them. */
  const sqlite = (...statements: string[]) => {
    const db = new Database(file);
    try {
      db.pragma('foreign_keys = off');
      for (const statement of statements) db.exec(statement);
    } finally {
      db.close();
    }
  };
  return {
    ...{ root, dataDir, stateDir, archiveId, chain, catalogue, file, fileClip, fileSegment, sqlite },
    clock,
    nextDay: () => {
      clock.at += dayMs;
    },
    /** As retention does it: the tombstone and the row in one transaction; the file is the caller's to remove. */
    letGo(clip: Pick<Clip, 'id' | 'camera' | 'bytes' | 'sha256'>, reason = 'age') {
      const db = openDatabase({
        file,
        migrations: new URL('../../src/catalogue/migrations/', import.meta.url),
        journal: 'wal',
        synchronous: 'full',
      });
      const { id, camera, bytes, sha256 } = clip;
      inTransaction(db, () => {
        chainAppends(db, chain).appendGone({
          media: 'clip',
          id,
          camera,
          bytes,
          sha256,
          reason,
          at: clock.at,
        });
        db.prepare('DELETE FROM clip WHERE id = ?').run(id);
      });
      db.close();
    },
    async verify(
      request: VerifyRequest = {},
      more: Partial<Parameters<typeof verify>[0]> = {},
      signal = new AbortController().signal,
    ) {
      const keys = await readPublicKeys(stateDir);
      return verify(
        {
          ...{ stateDir, archiveId, catalogue, clock: systemClock },
          publicKeys: [...(keys.current ? [keys.current] : []), ...keys.earlier],
          read: (clip, aborted) => readStored(dataDir, clip, aborted),
          requireMarker: () => requireMarker({ dataDir, archiveId }),
          onProgress: () => {},
          onRemark: () => {},
          ...more,
        },
        request,
        signal,
      );
    },
  };
}

function digestOf(bytes: string | Buffer) {
  return { bytes: Buffer.byteLength(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
}
