// What the receiver remembers over a restart (receiver.db): the virtual directories of each camera, and from where cameras
// logged in. Paths are normalised virtual paths without a leading slash; '' is the root, which always exists.

import { existsSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { makeDirectory } from '../base/durable.ts';
import { type Db, inTransaction, probe } from '../base/sqlite.ts';
import { parentOf } from '../domain/virtual-path.ts';
import { type BanMemory, prepareBans } from './ban-memory.ts';
import { isBelievable } from './believable-row.ts';
import { type CutUploads, type DailyUsage, prepareCutUploads, prepareDailyUsage } from './daily-usage.ts';
import {
  openReceiverDatabase,
  readReceiverDatabase,
  receiverDatabaseFile,
  receiverDirectory,
} from './receiver-database.ts';

const hourMs = 3_600_000;
/** A directory that nobody used for so long is forgotten; the camera makes it again. */
export const directoryLifetimeMs = 30 * 24 * hourMs;
/** Addresses remembered for each camera; the one that was used longest ago gives way. */
export const maxAddressesPerCamera = 16;

export type LastLogin = Readonly<{ camera: string; address: string; atMs: number }>;

export type ReceiverMemory = Disposable & {
  /** Asks the database something; throws when it does not answer. */
  probe(): void;
  hasDirectory(camera: string, path: string): boolean;
  /** Makes a directory and its missing parents, all or none: `full` when the camera would have more than its share. */
  makeDirectory(camera: string, path: string): 'made' | 'exists' | 'full';
  /** Notes that a directory, and with it its parents, is in use. Cheap: what was noted within the hour is not written again. */
  touch(camera: string, path: string): void;
  /** The full paths of the directories in `parent`, by name. */
  listDirectories(camera: string, parent: string): readonly string[];
  /** Forgets a directory that has none in it. */
  removeDirectory(camera: string, path: string): 'removed' | 'missing' | 'not-empty';
  /** Forgets directories that nobody used for 30 days. Done at opening; call it daily. */
  prune(nowMs: number): void;
  rememberLogin(camera: string, address: string, atMs: number): void;
  /** The newest first. */
  lastLogins(): readonly LastLogin[];
} & DailyUsage &
  CutUploads &
  BanMemory;

export async function openReceiverMemory(options: {
  stateDir: string;
  maxDirectoriesPerCamera: number;
  clock: Clock;
}): Promise<ReceiverMemory> {
  const { stateDir, maxDirectoriesPerCamera, clock } = options;
  await makeDirectory(stateDir);
  await makeDirectory(receiverDirectory(stateDir), 'write');
  const db = openReceiverDatabase(stateDir);
  const directories = prepareDirectories(db, { limit: maxDirectoriesPerCamera, clock });
  directories.prune(clock.now());
  return {
    probe: () => probe(db),
    ...directories,
    ...prepareLogins(db),
    ...prepareDailyUsage(db),
    ...prepareCutUploads(db),
    ...prepareBans(db),
    [Symbol.dispose]: () => {
      db.close();
    },
  };
}

/**
 * The log-ins for a command to show, newest first; undefined when there is nothing that can be read (the receiver never
 * ran, or it belongs to another user): a command that shows facts does not fail for the want of this one.
 */
export function readLastLogins(stateDir: string): readonly LastLogin[] | undefined {
  if (!existsSync(receiverDatabaseFile(stateDir))) return undefined;
  try {
    return readReceiverDatabase(stateDir, readLogins).filter(login => isBelievable(login, ['atMs']));
  } catch {
    return undefined;
  }
}

const selectLogins = 'SELECT camera, address, at AS atMs FROM login ORDER BY at DESC, camera, address';
/** Those of some thousand cameras. */
const maxLoginsShown = 50_000;

function readLogins(db: Db): readonly LastLogin[] {
  return db.prepare<[], LastLogin>(`${selectLogins} LIMIT ${maxLoginsShown}`).all();
}

function prepareDirectories(db: Db, { limit, clock }: { limit: number; clock: Clock }) {
  const find = db.prepare<[string, string], { used_at: number }>(
    'SELECT used_at FROM directory WHERE camera = ? AND path = ?',
  );
  const count = db.prepare<[string], { total: number }>(
    'SELECT count(*) AS total FROM directory WHERE camera = ?',
  );
  const insert = db.prepare('INSERT INTO directory (camera, path, parent, used_at) VALUES (?, ?, ?, ?)');
  const use = db.prepare('UPDATE directory SET used_at = ? WHERE camera = ? AND path = ?');
  const children = db.prepare<[string, string], { path: string }>(
    'SELECT path FROM directory WHERE camera = ? AND parent = ? ORDER BY path',
  );
  const remove = db.prepare('DELETE FROM directory WHERE camera = ? AND path = ?');
  const forget = db.prepare('DELETE FROM directory WHERE used_at < ?');
  const has = (camera: string, path: string) => path === '' || find.get(camera, path) !== undefined;
  const touch = (camera: string, path: string) => {
    const now = clock.now();
    for (const each of withParents(path)) {
      const usedAt = find.get(camera, each)?.used_at;
      // Either way: a clock that was set back must not keep a directory in the future.
      if (usedAt !== undefined && Math.abs(now - usedAt) >= hourMs) use.run(now, camera, each);
    }
  };
  return {
    hasDirectory: has,
    touch: (camera: string, path: string) => inTransaction(db, () => touch(camera, path)),
    listDirectories: (camera: string, parent: string) => children.all(camera, parent).map(row => row.path),
    prune: (nowMs: number) => {
      forget.run(nowMs - directoryLifetimeMs);
    },
    makeDirectory: (camera: string, path: string) =>
      inTransaction(db, () => {
        const missing = withParents(path).filter(each => !has(camera, each));
        touch(camera, path);
        if (missing.length === 0) return 'exists';
        if ((count.get(camera)?.total ?? 0) + missing.length > limit) return 'full';
        for (const each of missing) insert.run(camera, each, parentOf(each), clock.now());
        return 'made';
      }),
    removeDirectory: (camera: string, path: string) =>
      inTransaction(db, () => {
        if (!has(camera, path)) return 'missing';
        if (path === '' || children.get(camera, path) !== undefined) return 'not-empty';
        remove.run(camera, path);
        return 'removed';
      }),
  } satisfies Partial<ReceiverMemory>;
}

function prepareLogins(db: Db) {
  const put = db.prepare(
    `INSERT INTO login (camera, address, at) VALUES (?, ?, ?)
     ON CONFLICT (camera, address) DO UPDATE SET at = max(at, excluded.at)`,
  );
  const trim = db.prepare(
    `DELETE FROM login WHERE camera = ? AND address NOT IN
       (SELECT address FROM login WHERE camera = ? ORDER BY at DESC LIMIT ${maxAddressesPerCamera})`,
  );
  const all = db.prepare<[], LastLogin>(selectLogins);
  // Asked for at every connection, and nobody else writes it.
  let remembered: readonly LastLogin[] | undefined;
  const isAt = (camera: string, address: string) => (login: LastLogin) =>
    login.camera === camera && login.address === address;
  return {
    rememberLogin(camera: string, address: string, atMs: number) {
      const known = remembered;
      remembered = undefined;
      if (known?.some(isAt(camera, address)) !== true)
        return inTransaction(db, () => {
          put.run(camera, address, atMs);
          trim.run(camera, camera);
        });
      put.run(camera, address, atMs);
      // Most often the same camera again, later than all the others: then nothing has to be read.
      if (known.every(login => login.atMs < atMs))
        remembered = [{ camera, address, atMs }, ...known.filter(login => !isAt(camera, address)(login))];
    },
    lastLogins: () => {
      remembered ??= all.all();
      return remembered;
    },
  } satisfies Partial<ReceiverMemory>;
}

/** `a/b/c` as `a`, `a/b`, `a/b/c`; nothing for the root. */
function withParents(path: string): string[] {
  if (path === '') return [];
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
