// Loaded before a program (`node --import`): kills it with SIGKILL at the Nth call that touches the file system under a
// directory, before or after the call is carried out. So every gap between two steps is tried, also those that nobody
// thought of, and nothing in the program knows about it.
//
// CLIPWARD_KILL_UNDER: the directory. CLIPWARD_KILL_AT: N, from 1; 0 only counts. CLIPWARD_KILL_WHEN: before or after.
// The program reads `globalThis.fileSystemCalls()` to learn how many there were.

import { createRequire, syncBuiltinESMExports } from 'node:module';

const require = createRequire(import.meta.url);
const promises = require('node:fs/promises') as Record<string, (...args: unknown[]) => Promise<unknown>>;
const under = process.env.CLIPWARD_KILL_UNDER ?? '';
const killAt = Number(process.env.CLIPWARD_KILL_AT ?? '0');
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

// The archive reaches what it holds open through /proc/self/fd.
const concerns = (args: unknown[]) =>
  args.some(arg => typeof arg === 'string' && (arg.startsWith(under) || arg.startsWith('/proc/self/fd/')));

for (const name of ['mkdir', 'open', 'rename', 'rm', 'rmdir', 'unlink', 'writeFile', 'link']) {
  const original = promises[name] as (...args: unknown[]) => Promise<unknown>;
  promises[name] = async (...args) => {
    const result = await (concerns(args) ? counted(() => original(...args)) : original(...args));
    if (name === 'open' && concerns(args))
      watchHandle(result as Record<string, (...args: unknown[]) => Promise<unknown>>);
    return result;
  };
}
syncBuiltinESMExports();

function watchHandle(handle: Record<string, (...args: unknown[]) => Promise<unknown>>): void {
  for (const name of ['writev', 'write', 'writeFile', 'datasync', 'sync', 'close', 'chmod']) {
    const original = (handle[name] as (...args: unknown[]) => Promise<unknown>).bind(handle);
    handle[name] = (...args) => counted(() => original(...args));
  }
}

Object.assign(globalThis, {
  armKill: () => {
    isArmed = true;
  },
  fileSystemCalls: () => calls,
});
