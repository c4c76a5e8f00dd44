// Loaded before a program (`node --import`): kills it with SIGKILL at the Nth call that changes the file system under a
// directory, before or after the call is carried out. Reading, closing and syncing change nothing that a kill could show. So every gap between two steps is tried, also those that nobody
// thought of, and nothing in the program knows about it.
//
// CLIPWARD_KILL_UNDER: the directory. CLIPWARD_KILL_AT: N, from 1; 0 only counts. CLIPWARD_KILL_WHEN: before or after.
// CLIPWARD_KILL_DATABASE: a database whose commits count as well, once before each and once after it.
// The program reads `globalThis.fileSystemCalls()` to learn how many there were.

import { constants } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

const require = createRequire(import.meta.url);
const promises = require('node:fs/promises') as Record<string, (...args: unknown[]) => Promise<unknown>>;
const atOnce = require('node:fs') as Record<string, (...args: unknown[]) => unknown>;
const under = process.env.CLIPWARD_KILL_UNDER ?? '';
const killAt = Number(process.env.CLIPWARD_KILL_AT ?? '0');
const database = process.env.CLIPWARD_KILL_DATABASE;
const isBefore = process.env.CLIPWARD_KILL_WHEN !== 'after';
let isArmed = false;
let calls = 0;

const die = () => process.kill(process.pid, 'SIGKILL');

async function counted(call: () => Promise<unknown>): Promise<unknown> {
  if (!isArmed) return call();
  calls++;
  if (calls === killAt && isBefore) return die();
  const mine = calls;
  const result = await call();
  if (mine === killAt) die();
  return result;
}

function countedAtOnce(call: () => unknown): unknown {
  if (!isArmed) return call();
  calls++;
  if (calls === killAt && isBefore) return die();
  const mine = calls;
  const result = call();
  if (mine === killAt) die();
  return result;
}

// The archive reaches what it holds open through /proc/self/fd.
const concerns = (args: unknown[]) =>
  args.some(arg => typeof arg === 'string' && (arg.startsWith(under) || arg.startsWith('/proc/self/fd/')));

const { O_CREAT, O_TRUNC } = constants;
/** Of `open`, only what makes or empties a file. */
const changes = (name: string, flags: unknown) =>
  name !== 'open' ||
  (typeof flags === 'number' ? (flags & (O_CREAT | O_TRUNC)) !== 0 : /^[wa]/.test(String(flags)));

for (const name of ['mkdir', 'open', 'rename', 'rm', 'rmdir', 'unlink', 'writeFile', 'link', 'copyFile']) {
  const original = promises[name] as (...args: unknown[]) => Promise<unknown>;
  promises[name] = async (...args) => {
    const isChange = concerns(args) && changes(name, args[1]);
    const result = await (isChange ? counted(() => original(...args)) : original(...args));
    if (name === 'open' && concerns(args))
      watchHandle(result as Record<string, (...args: unknown[]) => Promise<unknown>>);
    return result;
  };
}

// What base/descriptor.ts opens is known by its number from then on.
const watched = new Set<unknown>();

for (const name of ['mkdirSync', 'openSync', 'renameSync', 'rmSync', 'rmdirSync', 'unlinkSync', 'linkSync'])
  replace(name, original => (...args) => {
    const isChange = concerns(args) && changes(name.slice(0, -'Sync'.length), args[1]);
    const result = isChange ? countedAtOnce(() => original(...args)) : original(...args);
    if (name === 'openSync' && concerns(args)) watched.add(result);
    return result;
  });
replace('closeSync', original => fd => {
  watched.delete(fd);
  return original(fd);
});
replace('fchmodSync', original => (...args) => {
  return watched.has(args[0]) ? countedAtOnce(() => original(...args)) : original(...args);
});
replace('write', original => (...args) => {
  const done = args.at(-1);
  if (!watched.has(args[0]) || typeof done !== 'function') return original(...args);
  const write = () =>
    new Promise<unknown[]>(resolve =>
      original(...args.slice(0, -1), (...result: unknown[]) => resolve(result)),
    );
  void counted(write).then(result => done(...(result as unknown[])));
});
syncBuiltinESMExports();

/** With what `promisify` reads on it. */
function replace(
  name: string,
  make: (original: (...args: unknown[]) => unknown) => (...args: unknown[]) => unknown,
): void {
  const original = atOnce[name] as (...args: unknown[]) => unknown;
  atOnce[name] = Object.defineProperties(make(original), Object.getOwnPropertyDescriptors(original));
}

function watchHandle(handle: Record<string, (...args: unknown[]) => Promise<unknown>>): void {
  for (const name of ['writev', 'write', 'writeFile', 'truncate', 'chmod']) {
    const original = (handle[name] as (...args: unknown[]) => Promise<unknown>).bind(handle);
    handle[name] = (...args) => counted(() => original(...args));
  }
}

/** What better-sqlite3 is to whoever loads it, as far as base/sqlite.ts uses it. */
type Work = (...args: unknown[]) => unknown;
type Statement = { run: Work };
type Database = {
  name: string;
  inTransaction: boolean;
  transaction(work: Work): { immediate: Work };
  prepare(sql: string): Statement;
};

if (database !== undefined) watchCommits(database);

function watchCommits(file: string): void {
  const { prototype } = require('better-sqlite3') as { prototype: Database };
  const { transaction, prepare } = prototype;
  prototype.transaction = function (work) {
    if (this.name !== file) return transaction.call(this, work);
    const watched = transaction.call(this, (...args) => {
      const result = work(...args);
      passMoment();
      return result;
    });
    const immediate: Work = (...args) => {
      const result = watched.immediate(...args);
      passMoment();
      return result;
    };
    return Object.assign((...args: unknown[]) => (watched as unknown as Work)(...args), { immediate });
  };
  prototype.prepare = function (sql) {
    const statement = prepare.call(this, sql);
    if (this.name !== file) return statement;
    const run = statement.run.bind(statement);
    statement.run = (...args) => {
      if (this.inTransaction) return run(...args);
      passMoment();
      const result = run(...args);
      passMoment();
      return result;
    };
    return statement;
  };
}

function passMoment(): void {
  if (!isArmed) return;
  calls++;
  if (calls === killAt) die();
}

Object.assign(globalThis, {
  armKill: () => {
    isArmed = true;
  },
  fileSystemCalls: () => calls,
});
