// Loaded before a program (`node --import`): what promises durability does nothing any more. The power-cut test must then
// find that clips are lost; if it does not, it shows nothing.
//
// CLIPWARD_NO_SYNC: `files` (fsync and fdatasync of ours) or `catalogue` (SQLite's own).

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const what = process.env.CLIPWARD_NO_SYNC;

if (what === 'files') {
  const { open } = require('node:fs/promises') as typeof import('node:fs/promises');
  await using handle = await open('/dev/null');
  Object.assign(Object.getPrototypeOf(handle), { sync: async () => {}, datasync: async () => {} });
} else if (what === 'catalogue') {
  const Database = require('better-sqlite3') as {
    prototype: { pragma(text: string, ...rest: unknown[]): unknown };
  };
  const { pragma } = Database.prototype;
  Database.prototype.pragma = function (text, ...rest) {
    return pragma.call(this, text.startsWith('synchronous') ? 'synchronous = off' : text, ...rest);
  };
} else throw new Error('CLIPWARD_NO_SYNC must say what is not synced');
