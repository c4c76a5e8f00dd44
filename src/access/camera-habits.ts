// How each camera behaves (receiver.db, camera_habit): what `camera show` tells, so that a person with a stubborn camera
// sees what it does, and a report about a model has its facts.

import { existsSync } from 'node:fs';
import type { Db } from '../base/sqlite.ts';
import { parseSessionEvent, type SessionEvent } from '../domain/session-event.ts';
import { isBelievable } from './believable-row.ts';
import { readReceiverDatabase, receiverDatabaseFile } from './receiver-database.ts';

export type CameraHabits = Readonly<{
  /** The control connection of the last log-in. */
  control: Readonly<{ listener: string; protocol: string; cipher: string; alpn: string | null }> | null;
  /** Whether the password of the last log-in is one that is tried first; null: not known. */
  weakPassword: boolean | null;
  passiveMode: 'PASV' | 'EPSV' | null;
  /** The last data connection that was secured. */
  data: Readonly<{
    protocol: string;
    cipher: string;
    isBound: boolean;
    handshake: 'before' | 'after';
  }> | null;
  /** Of uploads that the client ended by itself, how many with close_notify; of all uploads, how many were cut short. */
  counts: Readonly<{ withCloseNotify: number; withoutCloseNotify: number; partial: number }>;
  lastUpload: Readonly<{
    atMs: number;
    path: string;
    bytes: number;
    completeness: 'whole' | 'unproven' | 'partial';
  }> | null;
  lastRefusal: Readonly<{ atMs: number; address: string; event: SessionEvent }> | null;
}>;

/** What was newly seen: facts replace, counts are added. */
export type HabitChange = Partial<CameraHabits>;

type Account = Readonly<{ name: string; addedAt: string }>;

export function mergeHabits(before: HabitChange, after: HabitChange): HabitChange {
  const counts = after.counts && {
    withCloseNotify: (before.counts?.withCloseNotify ?? 0) + after.counts.withCloseNotify,
    withoutCloseNotify: (before.counts?.withoutCloseNotify ?? 0) + after.counts.withoutCloseNotify,
    partial: (before.counts?.partial ?? 0) + after.counts.partial,
  };
  return { ...before, ...after, ...(counts && { counts }) };
}

/** The writing end; `note` belongs into the caller's transaction. */
export function prepareHabits(db: Db) {
  const find = prepareFind(db);
  const put = db.prepare<[Row]>(
    `INSERT OR REPLACE INTO camera_habit (${columns.join(', ')})
     VALUES (${columns.map(column => `:${column}`).join(', ')})`,
  );
  return {
    note(account: Account, change: HabitChange): void {
      const known = find.get(account.name, account.addedAt);
      put.run(rowOf(account, mergeHabits(known === undefined ? {} : habitsOf(known), change)));
    },
  };
}

/**
 * The habits of a camera as its account is now; undefined when nothing was seen of it, or what the receiver remembers
 * cannot be read: a command that shows facts does not fail for the want of this one.
 */
export function readCameraHabits(stateDir: string, account: Account): CameraHabits | undefined {
  if (!existsSync(receiverDatabaseFile(stateDir))) return undefined;
  try {
    const row = readReceiverDatabase(stateDir, db => prepareFind(db).get(account.name, account.addedAt));
    return row && isBelievable(row, ['upload_at', 'refusal_at']) ? habitsOf(row) : undefined;
  } catch {
    return undefined;
  }
}

const columns = [
  'camera',
  'account_added_at',
  'listener',
  'control_protocol',
  'control_cipher',
  'control_alpn',
  'passive_mode',
  'data_protocol',
  'data_cipher',
  'data_bound',
  'data_handshake',
  'with_close_notify',
  'without_close_notify',
  'partial_uploads',
  'upload_at',
  'upload_path',
  'upload_bytes',
  'upload_completeness',
  'refusal_at',
  'refusal_address',
  'refusal_event',
  'weak_password',
] as const;

/** Groups are written together: when its first column is null, all of a group is. */
type Row = {
  camera: string;
  account_added_at: string;
  listener: string | null;
  control_protocol: string;
  control_cipher: string;
  control_alpn: string | null;
  passive_mode: 'PASV' | 'EPSV' | null;
  data_protocol: string | null;
  data_cipher: string;
  data_bound: number;
  data_handshake: 'before' | 'after';
  with_close_notify: number;
  without_close_notify: number;
  partial_uploads: number;
  upload_at: number | null;
  upload_path: string;
  upload_bytes: number;
  upload_completeness: 'whole' | 'unproven' | 'partial';
  refusal_at: number | null;
  refusal_address: string;
  refusal_event: string;
  weak_password: number | null;
};

function prepareFind(db: Db) {
  return db.prepare<[string, string], Row>(
    'SELECT * FROM camera_habit WHERE camera = ? AND account_added_at = ?',
  );
}

function habitsOf(row: Row): CameraHabits {
  const refusal = row.refusal_at === null ? undefined : parseSessionEvent(row.refusal_event);
  return {
    control:
      row.listener === null
        ? null
        : {
            listener: row.listener,
            protocol: row.control_protocol,
            cipher: row.control_cipher,
            alpn: row.control_alpn,
          },
    weakPassword: row.weak_password === null ? null : row.weak_password === 1,
    passiveMode: row.passive_mode,
    data:
      row.data_protocol === null
        ? null
        : {
            protocol: row.data_protocol,
            cipher: row.data_cipher,
            isBound: row.data_bound === 1,
            handshake: row.data_handshake,
          },
    counts: {
      withCloseNotify: row.with_close_notify,
      withoutCloseNotify: row.without_close_notify,
      partial: row.partial_uploads,
    },
    lastUpload:
      row.upload_at === null
        ? null
        : {
            atMs: row.upload_at,
            path: row.upload_path,
            bytes: row.upload_bytes,
            completeness: row.upload_completeness,
          },
    lastRefusal:
      row.refusal_at === null || refusal === undefined
        ? null
        : { atMs: row.refusal_at, address: row.refusal_address, event: refusal },
  };
}

function rowOf(account: Account, habits: HabitChange) {
  const { control, weakPassword, passiveMode, data, counts, lastUpload, lastRefusal } = habits;
  return {
    camera: account.name,
    account_added_at: account.addedAt,
    listener: control?.listener ?? null,
    control_protocol: control?.protocol ?? null,
    control_cipher: control?.cipher ?? null,
    control_alpn: control?.alpn ?? null,
    passive_mode: passiveMode ?? null,
    data_protocol: data?.protocol ?? null,
    data_cipher: data?.cipher ?? null,
    data_bound: data ? Number(data.isBound) : null,
    data_handshake: data?.handshake ?? null,
    with_close_notify: counts?.withCloseNotify ?? 0,
    without_close_notify: counts?.withoutCloseNotify ?? 0,
    partial_uploads: counts?.partial ?? 0,
    upload_at: lastUpload?.atMs ?? null,
    upload_path: lastUpload?.path ?? null,
    upload_bytes: lastUpload?.bytes ?? null,
    upload_completeness: lastUpload?.completeness ?? null,
    refusal_at: lastRefusal?.atMs ?? null,
    refusal_address: lastRefusal?.address ?? null,
    refusal_event: lastRefusal ? JSON.stringify(lastRefusal.event) : null,
    weak_password: typeof weakPassword === 'boolean' ? Number(weakPassword) : null,
  } as Row;
}
