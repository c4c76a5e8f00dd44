// access.db opened: read-only for the receiver, for writing by the command line. What the rows mean is in accounts.ts. A
// reader needs no more than to read the file and to enter its directory: it may be another user than the owner.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { makeDirectory } from '../base/durable.ts';
import { messageOf, SettingsError, TransientError } from '../base/errors.ts';
import { type Db, dataVersion, openDatabase } from '../base/sqlite.ts';
import { prepareChanges } from './account-changes.ts';
import { type AccountSnapshot, effectiveNetworks, emptySnapshot, prepareSnapshot } from './account-rows.ts';
import type { AccountReader, AccountWriter } from './accounts.ts';

const migrations = new URL('./migrations-access/', import.meta.url);
/** Each look wakes the thread up. */
const standardPollMs = 250;

export function accessDatabaseFile(stateDir: string): string {
  return join(stateDir, 'access.db');
}

/**
 * Opens the accounts for reading. The database may appear later (a fresh installation has no camera), be replaced as a
 * whole (a backup that is restored) or be changed by other processes at any time. `pollMs`: how late a listener may be told.
 */
export function openAccountReader(options: { stateDir: string; pollMs?: number }): AccountReader {
  const file = accessDatabaseFile(options.stateDir);
  let open: (OpenFile & { identity: string }) | undefined;
  let closed = false;

  const close = () => {
    open?.db.close();
    open = undefined;
  };
  /** The connection to the file that has the name now, or undefined when there is none. */
  const current = (): OpenFile | undefined => {
    if (closed) throw new Error('the accounts are closed');
    const identity = fileIdentity(file);
    if (open?.identity !== identity) close();
    if (open === undefined && identity !== undefined) open = { ...openForReading(file), identity };
    return open;
  };
  const snapshot = () => translated(file, close, () => current()?.snapshot() ?? emptySnapshot);
  const stamp = () =>
    translated(file, close, () => {
      const opened = current();
      return opened === undefined ? 'none' : `${open?.identity} ${dataVersion(opened.db)}`;
    });
  const changes = watchChanges(stamp, options.pollMs);
  return {
    ...readingFrom(snapshot),
    onChange: changes.subscribe,
    [Symbol.dispose]: () => {
      changes[Symbol.dispose]();
      close();
      closed = true;
    },
  };
}

/**
 * Opens the accounts for changing them; the state directory and the database are made when they are missing. Throws
 * SettingsError when a newer version wrote the database.
 */
export async function openAccountWriter(options: { stateDir: string; clock: Clock }): Promise<AccountWriter> {
  await makeDirectory(options.stateDir);
  const file = accessDatabaseFile(options.stateDir);
  const db = openDatabase({ file, migrations, journal: 'delete', synchronous: 'full', group: 'read' });
  let writes = 0;
  const snapshot = rememberedSnapshot(db, () => writes);
  const changes = watchChanges(() => `${writes} ${dataVersion(db)}`);
  return {
    ...readingFrom(snapshot),
    ...prepareChanges({
      db,
      clock: options.clock,
      snapshot,
      written: () => {
        writes += 1;
      },
    }),
    onChange: changes.subscribe,
    [Symbol.dispose]: () => {
      changes[Symbol.dispose]();
      db.close();
    },
  };
}

/**
 * Undoes what a killed command left half written. Opening as a writer does it; the file must be there. Call it when reading
 * fails. Throws when the database cannot be written either.
 */
export function repairAccounts(options: { stateDir: string }): void {
  const file = accessDatabaseFile(options.stateDir);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return;
  openDatabase({ file, migrations, journal: 'delete', synchronous: 'full', group: 'read' }).close();
}

type OpenFile = Readonly<{ db: Db; snapshot: () => AccountSnapshot }>;

function openForReading(file: string): OpenFile {
  const db = openDatabase({ file, migrations, readOnly: true, journal: 'delete', synchronous: 'full' });
  return { db, snapshot: rememberedSnapshot(db, () => 0) };
}

/**
 * Reads the tables again only when another connection has written (`data_version`), or this one has (`ownWrites`). The
 * version is read before the tables, so that a change in between is seen again rather than missed.
 */
function rememberedSnapshot(db: Db, ownWrites: () => number): () => AccountSnapshot {
  const read = prepareSnapshot(db);
  let remembered: { stamp: string; value: AccountSnapshot } | undefined;
  return () => {
    const stamp = `${ownWrites()} ${dataVersion(db)}`;
    if (remembered?.stamp !== stamp) remembered = { stamp, value: read() };
    return remembered.value;
  };
}

function readingFrom(
  snapshot: () => AccountSnapshot,
): Omit<AccountReader, 'onChange' | typeof Symbol.dispose> {
  return {
    cameras: () => [...snapshot().cameras.values()],
    camera: name => snapshot().cameras.get(name),
    globalNetworks: base => effectiveNetworks(base, snapshot()),
    passwordHash: name => snapshot().passwordHashes.get(name),
    follows: () => snapshot().follows,
    pardons: () => snapshot().pardons,
  };
}

/**
 * Asks for `stamp` every `pollMs` while anybody listens, and tells when it is another. A database that cannot be
 * read just now counts as a change: listeners ask again and get the error, or the answer.
 */
function watchChanges(
  stamp: () => string,
  pollMs = standardPollMs,
): Disposable & { subscribe: AccountReader['onChange'] } {
  const listeners = new Set<{ listener: () => void }>();
  let timer: NodeJS.Timeout | undefined;
  let last = '';
  const look = () => {
    try {
      return stamp();
    } catch (error) {
      if (error instanceof TransientError) return 'unreadable';
      throw error;
    }
  };
  const poll = () => {
    const now = look();
    if (now === last) return;
    last = now;
    for (const { listener } of [...listeners]) listener();
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
  };
  return {
    subscribe: listener => {
      const entry = { listener };
      listeners.add(entry);
      if (timer === undefined) {
        last = look();
        timer = setInterval(poll, pollMs).unref();
      }
      return {
        [Symbol.dispose]: () => {
          listeners.delete(entry);
          if (listeners.size === 0) stop();
        },
      };
    },
    [Symbol.dispose]: () => {
      listeners.clear();
      stop();
    },
  };
}

/** Which file has this name: another one after a backup was put in its place. */
function fileIdentity(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}

/**
 * What SQLite says while reading means that the file is being made, brought up to date, replaced or repaired: the question
 * may be asked again, on a fresh connection. One case lasts: a command that was killed while it committed leaves a rollback
 * journal, which a reader may not undo. Until a writer opens the database (the next command that changes an account, or
 * repairAccounts), every question is answered with TransientError, and what listeners were told last holds.
 */
function translated<T>(file: string, close: () => void, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    const isOurs =
      error instanceof SettingsError || (typeof code === 'string' && /^SQLITE_|^EACCES$/.test(code));
    if (!isOurs) throw error;
    close();
    // Of another schema: that sentence says itself what to do.
    const sentence =
      error instanceof SettingsError
        ? error.message
        : `The accounts in ${file} cannot be read just now (${messageOf(error)}): try again, and see clipward doctor when it stays so.`;
    throw new TransientError(sentence, { cause: error });
  }
}
