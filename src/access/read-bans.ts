// Bans for a command to show, while the receiver runs or not.

import { existsSync } from 'node:fs';
import type { Db } from '../base/sqlite.ts';
import { type Ban, maxBans } from '../domain/bans.ts';
import { networkMatcher, parseNetwork } from '../domain/networks.ts';
import { isBelievable } from './believable-row.ts';
import { readReceiverDatabase, receiverDatabaseFile } from './receiver-database.ts';

/**
 * What the receiver has written down, for a command; empty before it first ran. Throws when it cannot be read:
 * no answer is not the answer that nobody is banned.
 */
export function readBans(stateDir: string): readonly Ban[] {
  if (!existsSync(receiverDatabaseFile(stateDir))) return [];
  return readReceiverDatabase(stateDir, readRows).flatMap(believed);
}

/** `address` is canonical. A ban that is over is remembered, and is none. */
export function isBannedNow(stateDir: string, address: string, nowMs: number): boolean {
  return readBans(stateDir).some(({ subject, untilMs }) => {
    const network = parseNetwork(subject);
    return untilMs > nowMs && network !== undefined && networkMatcher([network])(address);
  });
}

type Row = Omit<Ban, 'reasons'> & { reasons: string };

function readRows(db: Db): readonly Row[] {
  return db
    .prepare<[], Row>(`
      SELECT subject, since AS sinceMs, until AS untilMs, repetition, reasons FROM ban
      ORDER BY since, subject LIMIT ${maxBans}`)
    .all();
}

function believed(row: Row): Ban[] {
  const reasons = isBelievable(row, ['sinceMs', 'untilMs']) ? parseReasons(row.reasons) : undefined;
  return reasons === undefined ? [] : [{ ...row, reasons }];
}

function parseReasons(json: string): Ban['reasons'] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    const isCounts =
      typeof value === 'object' &&
      value !== null &&
      Object.values(value).every(count => typeof count === 'number');
    return isCounts ? (value as Ban['reasons']) : undefined;
  } catch {
    return undefined;
  }
}
