// SQLite as all databases here use it: one connection for each, migrations from numbered .sql files, durable commits.

import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { fileModeIn, type GroupRights } from './durable.ts';
import { errnoOf, SettingsError, TransientError } from './errors.ts';

export type Db = Database.Database;

export type DatabaseOptions = Readonly<{
  file: string;
  /** The directory of `NNN-what-it-does.sql` files, as a file: URL; file NNN takes the schema from NNN-1 to NNN. */
  migrations: URL;
  /** Opens what exists and changes nothing; the schema must be the newest. */
  readOnly?: boolean;
  /**
   * `wal`: readers and one writer at once, but every reader must be able to write the -shm file. `delete`: a reader
   * needs read access only, which is what a database that another user's process may only read must use.
   */
  journal: 'wal' | 'delete';
  /** `full`: a commit survives a power cut. `normal` (with wal): it survives a crash of the process. */
  synchronous: 'full' | 'normal';
  /**
   * What another role may do with it under an installer's directories (base/durable.ts), default `none`. `write` also means
   * that its directory is in the hands of another user: what is there is looked at before it is opened.
   */
  group?: GroupRights;
}>;

const busyTimeoutMs = 5000;
/** Whoever only asks for a lock (lockIsHeld) has it for an instant; a holder has it for hours. */
const lockTimeoutMs = 200;

/**
 * Opens a database, made on first use for its owner and `group`, and brings its schema up to date in one transaction a step
 * (a new one in one for all), after a copy was made beside it (docs/backup.md).
 * Throws SettingsError when the file was written by a newer version, or is missing and was to be only read.
 */
export function openDatabase(options: DatabaseOptions): Db {
  const { file, readOnly = false, group = 'none' } = options;
  if (readOnly && !existsSync(file))
    throw new SettingsError(`${file} does not exist yet: start clipward serve or add a camera first.`);
  if (!readOnly) makeFile(file, group);
  requirePlainFile(file, group);
  const db = new Database(file, { readonly: readOnly, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    if (!readOnly) db.pragma(`journal_mode = ${options.journal}`);
    db.pragma(`synchronous = ${syncLevel(options)}`);
    db.pragma('foreign_keys = on');
    db.pragma('trusted_schema = off');
    migrate(db, options);
    return db;
  } catch (error) {
    db.close();
    throw wantsRoom(error) ? noRoom(file, error) : error;
  }
}

/** Also by the file that readers of a `wal` database share. */
function wantsRoom(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE';
}

function noRoom(file: string, cause: unknown): TransientError {
  return new TransientError(
    `${file} cannot be opened, there is no room left on its disk: free some of it, and start again.`,
    { cause },
  );
}

/**
 * With a rollback journal a commit is done when the journal is gone: `full` does not sync the directory that it was in, and
 * after a power cut it would be there again and undo the commit. `extra` does.
 */
function syncLevel({ journal, synchronous }: DatabaseOptions): string {
  return journal === 'delete' && synchronous === 'full' ? 'extra' : synchronous;
}

/** Makes the file when it is missing, and sees to its mode. SQLite gives a journal, -wal and -shm the mode of the database. */
function makeFile(file: string, group: GroupRights): void {
  const mode = fileModeIn(statSync(dirname(file)).mode, group);
  try {
    const created = openSync(file, 'wx', 0o600);
    try {
      fchmodSync(created, mode);
    } finally {
      closeSync(created);
    }
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    // Not where others may exchange the file: a link in its place would pass the mode on to what it leads to. Nor is the
    // file opened for it: closing it again would end the locks that this process has on it.
    if (group !== 'write') chmodSync(file, mode);
  }
}

/** Opening a FIFO would wait for ever, and a link that another user made leads where that user wishes. */
function requirePlainFile(file: string, group: GroupRights): void {
  const stat = group === 'write' ? lstatSync(file) : statSync(file);
  if (!stat.isFile())
    throw new SettingsError(`${file} is not a regular file: look at who put it there, and remove it.`);
}

/**
 * Asks a database that another user writes, who may have been taken over: of one moment, with the tables that the migrations
 * make and nothing else (a view may go on for ever), and of a size that can be read into memory. Throws SettingsError.
 */
export function readForeign<T>(options: Omit<DatabaseOptions, 'readOnly'>, work: (db: Db) => T): T {
  using foreign = openForeign(options);
  return foreign.read(work);
}

/** The same for who asks again and again: each time it is looked at anew what the other user has made of it. */
export function openForeign(
  options: Omit<DatabaseOptions, 'readOnly'>,
): Disposable & { read<T>(work: (db: Db) => T): T } {
  const db = openDatabase({ ...options, readOnly: true });
  return {
    read: work => {
      db.exec('BEGIN');
      try {
        requireOurs(db, options);
        return work(db);
      } finally {
        // After some errors SQLite has done so by itself.
        if (db.inTransaction) db.exec('ROLLBACK');
      }
    },
    [Symbol.dispose]: () => {
      db.close();
    },
  };
}

function requireOurs(db: Db, options: Pick<DatabaseOptions, 'file' | 'migrations'>): void {
  if (schemaOf(db) !== schemaOfMigrations(fileURLToPath(options.migrations)))
    throw new SettingsError(`${options.file} holds other tables than clipward makes: look at who made it.`);
  const pages = db.pragma('page_count', { simple: true }) as number;
  if (pages * (db.pragma('page_size', { simple: true }) as number) > maxForeignBytes)
    throw new SettingsError(`${options.file} is far larger than clipward makes it: look at what filled it.`);
}

const maxForeignBytes = 256 * 1024 * 1024;
/** Far more than our tables and indexes. */
const maxSchemaRows = 500;

function schemaOf(db: Db): string {
  return JSON.stringify(
    db
      .prepare(`SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_stat*'
        ORDER BY type, name LIMIT ${maxSchemaRows}`)
      .raw()
      .all(),
  );
}

const schemas = new Map<string, string>();

function schemaOfMigrations(directory: string): string {
  const known = schemas.get(directory);
  if (known !== undefined) return known;
  const db = new Database(':memory:');
  try {
    for (const step of stepsIn(directory)) db.exec(readFileSync(join(directory, step), 'utf8'));
    const schema = schemaOf(db);
    schemas.set(directory, schema);
    return schema;
  } finally {
    db.close();
  }
}

const versionQuestions = new WeakMap<Db, Database.Statement>();

/** The number that changes when another connection has written to the database: a cheap question to poll. */
export function dataVersion(db: Db): number {
  // It is asked several times a second: making it anew costs more than asking.
  const known = versionQuestions.get(db);
  if (known !== undefined) return known.get() as number;
  const question = db.prepare('PRAGMA data_version').pluck();
  versionQuestions.set(db, question);
  return question.get() as number;
}

/** Reads the first page of the database, through its lock; throws when it does not answer, or its file is gone. */
export function probe(db: Db): void {
  statSync(db.name);
  // What is remembered would be answered without a look at the disk.
  db.pragma('shrink_memory');
  db.pragma('user_version');
}

/** Runs `work` in one immediate transaction: it holds the write lock from the start, and rolls back when `work` throws. */
export function inTransaction<T>(db: Db, work: () => T): T {
  return db.transaction(work).immediate();
}

function migrate(db: Db, { file, migrations, readOnly = false }: DatabaseOptions): void {
  const directory = fileURLToPath(migrations);
  const steps = stepsIn(directory);
  const newest = steps.length;
  const current = db.pragma('user_version', { simple: true }) as number;
  if (current > newest) {
    throw new SettingsError(
      `${file} has schema ${current}, this version of clipward knows up to ${newest}: run the newer version, or restore a backup made before the upgrade (docs/backup.md).`,
    );
  }
  if (readOnly && current < newest) {
    throw new SettingsError(
      `${file} has schema ${current} and ${newest} is needed: start clipward serve once to bring it up to date.`,
    );
  }
  const take = (index: number, step: string) => {
    if (Number(step.slice(0, 3)) !== index + 1) throw new Error(`migration ${step} is out of order`);
    // Another process may have been quicker between the look above and the lock.
    if ((db.pragma('user_version', { simple: true }) as number) > index) return;
    // Inside the transaction, so that nobody writes between the copy and the first step.
    if (index === current && current > 0) keepCopy(file, current);
    db.exec(readFileSync(join(directory, step), 'utf8'));
    db.pragma(`user_version = ${index + 1}`);
  };
  // A new one all at once: who reads meanwhile finds nothing in it, or everything.
  if (current === 0 && newest > 0)
    inTransaction(db, () => {
      for (const [index, step] of steps.entries()) take(index, step);
    });
  else
    for (const [index, step] of steps.entries())
      if (index >= current) inTransaction(db, () => take(index, step));
}

function stepsIn(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter(name => /^\d{3}-.*\.sql$/.test(name))
    .sort();
}

/** Copies of the database as it was before a step of its schema; who must go back to the earlier version puts one in its place. */
const keptCopies = 2;

/** What the copy of `file` is called that was made before its schema `version` was left. */
export function earlierSchemaFile(file: string, version: number): string {
  return `${file}.schema-${String(version).padStart(3, '0')}`;
}

function keepCopy(file: string, version: number): void {
  const copy = earlierSchemaFile(file, version);
  const part = `${copy}.part`;
  rmSync(part, { force: true });
  try {
    copyDatabase(file, part);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  renameSync(part, copy);
  syncPath(dirname(file));
  const copies = readdirSync(dirname(file)).filter(
    name => name.startsWith(`${basename(file)}.schema-`) && /\.schema-\d{3}$/.test(name),
  );
  for (const name of copies.sort().slice(0, -keptCopies)) rmSync(join(dirname(file), name));
}

/**
 * Writes a database as it is at one moment to a new file, durably and for its owner alone, while others go on using it.
 * Throws when `to` is there, and TransientError where there is no room for it.
 */
export function copyDatabase(file: string, to: string): void {
  requirePlainFile(file, 'write');
  // SQLite writes to an empty file as to one that is not there; so it is never anybody else's, nor readable by others.
  closeSync(openSync(to, 'wx', 0o600));
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    db.pragma('trusted_schema = off');
    db.prepare('VACUUM INTO ?').run(to);
  } catch (error) {
    throw wantsRoom(error)
      ? new TransientError(
          `${file} cannot be copied to ${to}, there is no room left on the disk: free some of it, and try again.`,
          { cause: error },
        )
      : error;
  } finally {
    db.close();
  }
  syncPath(to);
}

function syncPath(path: string): void {
  const opened = openSync(path, 'r');
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

/**
 * A lock that lasts as long as the process: an open exclusive transaction, since Node has no flock. The kernel lets go
 * of it when the process ends, however it ends. Throws `SettingsError` with `sentence` when somebody else holds it.
 */
export function holdLock(file: string, sentence: string, group: GroupRights = 'none'): Disposable {
  makeFile(file, group);
  requirePlainFile(file, group);
  const db = new Database(file, { timeout: lockTimeoutMs });
  try {
    // Without a file, which could not be made on a disk that is full: then of all times a lock is needed.
    db.pragma('journal_mode = memory');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY')
      throw new SettingsError(sentence, { cause: error });
    throw error;
  }
  return {
    [Symbol.dispose]: () => {
      db.exec('ROLLBACK');
      db.close();
    },
  };
}

/** Whether some process holds the lock of `holdLock`. A file that is not there is held by nobody. */
export function lockIsHeld(file: string): boolean {
  if (!existsSync(file)) return false;
  requirePlainFile(file, 'none');
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: 0 });
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return true;
    throw error;
  } finally {
    db.close();
  }
}
