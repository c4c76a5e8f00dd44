#!/usr/bin/env node
// The command `clipward`. It must run on any Node that somebody may have, and finds one that is new enough: better-sqlite3
// crashes an old one without a word. In a clone it also compiles what changed.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const compiled = join(root, 'dist', 'main.js');
const isClone = existsSync(join(root, 'src')) && existsSync(join(root, 'scripts', 'lib', 'build.mjs'));

// Password hashing and file writes share libuv's threads, of which there are four by default. Read when the first is needed.
if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = '8';

// What a daemon runs with, as in the units of systemd/: docs/performance.md, Memory. Both are read before the first line of a
// program, so this process becomes another one.
const daemonFlags = ['--max-semi-space-size=1'];
const daemonEnvironment = { MALLOC_ARENA_MAX: '2' };

await launch();

async function launch() {
  if (!existsSync(join(root, 'node_modules')))
    return end('The npm packages are not installed: run npm start once.');
  // scripts/ knows the rest; a package without it has its Node from its own installation.
  if (isClone) {
    try {
      await bringUpToDate();
    } catch (error) {
      return end(error.message);
    }
  }
  if (!existsSync(compiled)) return end('dist/ is missing: run npm run build first.');
  if (Number(process.versions.node.split('.')[0]) >= 24) {
    if (process.argv[2] === 'serve') becomeDaemon();
    return import(compiled);
  }
  const copy = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  if (!existsSync(copy)) {
    return end(
      `Clipward needs Node 24 or newer, this is ${process.version}: install it, or run npm start once in a clone, which brings its own.`,
    );
  }
  const { runInPlace } = await import('../scripts/lib/run.mjs');
  process.exitCode = await runInPlace(
    copy,
    [fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    process.env,
  );
}

/** Returns where that is done already, or cannot be done: then the daemon needs more memory. */
function becomeDaemon() {
  if (process.execve === undefined || daemonFlags.every(flag => process.execArgv.includes(flag))) return;
  const args = [...daemonFlags, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, [process.execPath, ...args], { ...daemonEnvironment, ...process.env });
}

async function bringUpToDate() {
  const { ensureBuilt, isBuildStale } = await import('../scripts/lib/build.mjs');
  // Installed for running only (npm ci --omit=dev) there is no compiler, and dist/ came with the release.
  if (!existsSync(join(root, 'node_modules', 'typescript')) && existsSync(compiled)) return;
  if (isBuildStale()) ensureBuilt({ onStart: () => process.stderr.write('clipward: building\n') });
}

function end(sentence) {
  process.stderr.write(`clipward: ${sentence}\n`);
  process.exitCode = 1;
}
