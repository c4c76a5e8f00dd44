// Counts of what happens in sessions (receiver.db), gathered and written a moment later: nothing here is on the path of an
// upload. The archive reads them for /metrics. Every label is a word of ours, so that no client can make more of them.

import { existsSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { inTransaction } from '../base/sqlite.ts';
import { keptStarts, type RoleStart } from '../domain/role-starts.ts';
import { isNotableRefusal, type SessionEvent } from '../domain/session-event.ts';
import { openReceiverDatabase, readReceiverDatabase, receiverDatabaseFile } from './receiver-database.ts';

export type ReceiverCount = Readonly<{ name: string; label: string; value: number }>;

const writeDelayMs = 2000;
/** Far above what our words can make. */
const maxLabels = 200;
/** Longer than our words. Who took over the receiver could write others. */
const maxWordLength = 100;

/** receiver.db must have been opened before (openReceiverMemory). The start is noted at once, the end when it is disposed. */
export function openReceiverCounts(parts: {
  stateDir: string;
  clock: Pick<Clock, 'now'>;
  log: Log;
}): Disposable & Readonly<{ observe(event: SessionEvent): void }> {
  const { stateDir, clock, log } = parts;
  const db = openReceiverDatabase(stateDir);
  const add = db.prepare<[ReceiverCount]>(`
    INSERT INTO tally (name, label, value) VALUES (@name, @label, @value)
    ON CONFLICT (name, label) DO UPDATE SET value = value + excluded.value`);
  let gathered = new Map<string, ReceiverCount>();
  let timer: NodeJS.Timeout | undefined;
  const guarded = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      log.debug({ error: messageOf(error) }, 'counts not written');
      return undefined;
    }
  };
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    const counts = [...gathered.values()];
    gathered = new Map();
    if (counts.length > 0) guarded(() => inTransaction(db, () => counts.map(count => add.run(count))));
  };
  const started = guarded(() =>
    inTransaction(db, () => {
      const { lastInsertRowid } = db.prepare('INSERT INTO receiver_start (at) VALUES (?)').run(clock.now());
      db.prepare('DELETE FROM receiver_start WHERE id <= ?').run(Number(lastInsertRowid) - keptStarts);
      return lastInsertRowid;
    }),
  );
  return {
    observe(event) {
      for (const count of countsOf(event)) {
        const key = `${count.name} ${count.label}`;
        const before = gathered.get(key);
        if (before === undefined && gathered.size >= maxLabels) continue;
        gathered.set(key, { ...count, value: count.value + (before?.value ?? 0) });
      }
      if (gathered.size > 0) timer ??= setTimeout(write, writeDelayMs).unref();
    },
    [Symbol.dispose]() {
      write();
      guarded(() =>
        db.prepare('UPDATE receiver_start SET ended_at = ? WHERE id = ?').run(clock.now(), started ?? 0),
      );
      db.close();
    },
  };
}

/** For another role; undefined when the receiver never ran, or its memory cannot be read. Starts are newest first. */
export function readReceiverCounts(
  stateDir: string,
): Readonly<{ counts: readonly ReceiverCount[]; starts: readonly RoleStart[] }> | undefined {
  if (!existsSync(receiverDatabaseFile(stateDir))) return undefined;
  try {
    return readReceiverDatabase(stateDir, db => ({
      counts: db
        .prepare<[], ReceiverCount>(`
          SELECT name, label, value FROM tally WHERE max(length(name), length(label)) <= ${maxWordLength}
            AND value BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER}
          ORDER BY name, label LIMIT ${maxLabels}`)
        .all(),
      starts: db
        .prepare<[], RoleStart>(
          `SELECT at, ended_at AS endedAt FROM receiver_start ORDER BY id DESC LIMIT ${keptStarts}`,
        )
        .all(),
    }));
  } catch {
    return undefined;
  }
}

function countsOf(event: SessionEvent): ReceiverCount[] {
  const one = (name: string, label: string): ReceiverCount => ({ name, label, value: 1 });
  switch (event.kind) {
    case 'uploaded':
      return [
        one('uploads', event.completeness),
        { name: 'upload-bytes', label: '', value: event.bytes },
        ...(event.reply >= 400 ? [one('refusals', `upload-${event.endedBy ?? 'failed'}`)] : []),
      ];
    case 'logged-in':
      return [one('sessions', event.protocol)];
    case 'login-refused':
      return [one('refusals', `login-${event.why}`)];
    case 'turned-away':
      return [one('refusals', `connection-${event.reason}`)];
    case 'handshake-failed':
      return [one('refusals', 'tls-handshake')];
    case 'plaintext-login':
      return [one('refusals', 'plaintext-login')];
    case 'refused':
      return isNotableRefusal(event) ? [one('refusals', `reply-${event.reply}`)] : [];
    default:
      return [];
  }
}
