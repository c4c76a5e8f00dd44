// What lists of clips, events and footage have in common: which rows, and how many of them are printed at a time.

import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import type { ClipQuery } from '../catalogue/clips.ts';
import { parseWhen } from '../inspect/instants.ts';
import type { Desk } from './desk.ts';
import { formatTable } from './table.ts';

export type ListOptions = { camera?: string; since?: string; until?: string; limit?: string };
type Columns = Parameters<typeof formatTable>[0];

/** `sinceHelp`: of lists whose rows last for a while. */
export function withListOptions(
  command: Command,
  sinceHelp = 'only what starts at or after this time: ISO 8601, or how long ago (2h, 3d)',
): Command {
  return command
    .option('--camera <name>', 'only of this camera')
    .option('--since <time>', sinceHelp)
    .option('--until <time>', 'only what starts before this time')
    .option('--limit <number>', 'this many at the most');
}

/** Throws UsageError naming the option; `names` where they have more than one. */
export function listQuery(
  { camera, since, until, limit }: ListOptions,
  names = { since: '--since', until: '--until' },
): ClipQuery {
  const now = systemClock.now();
  return {
    camera,
    since: since === undefined ? undefined : parseWhen(since, names.since, now),
    until: until === undefined ? undefined : parseWhen(until, names.until, now),
    limit: limit === undefined ? undefined : parseLimit(limit),
  };
}

/** Whether the options leave something out that is there. */
export function isFiltered({ camera, since, until }: ListOptions): boolean {
  return camera !== undefined || since !== undefined || until !== undefined;
}

function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new UsageError(`--limit ${JSON.stringify(text)} is no count: expected a whole number from 1.`);
  return Number(text);
}

/** One element a line, so that a million of them need no memory. */
export function printJsonArray<T>(desk: Desk, rows: Iterable<T>, facts: (row: T) => unknown): void {
  let pending: string | undefined;
  desk.print('[');
  for (const row of rows) {
    if (pending !== undefined) desk.print(`  ${pending},`);
    pending = JSON.stringify(facts(row));
  }
  if (pending !== undefined) desk.print(`  ${pending}`);
  desk.print(']');
}

/** Columns are lined up within this many rows; nobody compares further with the eye. */
const rowsPerTable = 1000;

/** Prints a table row by row; answers how many rows there were. */
export function printTable<T>(
  desk: Desk,
  columns: Columns,
  rows: Iterable<T>,
  cells: (row: T) => string[],
): number {
  let pending: string[][] = [];
  let count = 0;
  const flush = () => {
    if (pending.length > 0) desk.print(formatTable(columns, pending));
    pending = [];
  };
  for (const row of rows) {
    pending.push(cells(row));
    count++;
    if (pending.length === rowsPerTable) flush();
  }
  flush();
  return count;
}

/** `2026-09-27 14:03:01 +02:00`: what people read, from an ISO 8601 text. */
export function shownInstant(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+/, ' ');
}

/** 50 random bits: enough to be the only one among millions. */
export const shortIdLength = 10;
