import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';

const room = new URL('../../scripts/lib/undo-at-end.ts', import.meta.url).href;
const limitMs = 10_000;

/** Deaf to what is asked politely, and writing all the time, with a child that is the same. */
const deaf = `
  trap '' TERM INT HUP
  (trap '' TERM INT HUP; echo child $(exec sh -c 'echo $PPID'); while :; do date > "$0/from-child"; done) &
  echo leader $$
  while :; do date > "$0/from-leader"; done`;

/**
 * A script that has made a directory and started a group, and then does as `ending` says: a process of its own. Resolves when
 * the group runs.
 */
async function startScript(t: Test, ending: string) {
  const directory = join(t.testdir(), 'made');
  mkdirSync(directory);
  const code = `
    const { removeDirectory, spawnGroup, undoAtEnd } = await import(${JSON.stringify(room)});
    const directory = ${JSON.stringify(directory)};
    const remove = undoAtEnd(() => removeDirectory(directory));
    undoAtEnd(() => { throw new Error('one that fails'); });
    const child = spawnGroup(['sh', '-c', ${JSON.stringify(deaf)}, directory], { stdio: ['ignore', 'inherit', 'ignore'] });
    const wake = setInterval(() => {}, 1000);
    process.stdin.once('data', async () => { clearInterval(wake); ${ending} });`;
  const script = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  t.teardown(() => script.kill('SIGKILL'));
  const lines = createInterface({ input: script.stdout as Readable });
  const pids: number[] = [];
  for await (const line of lines) if (pids.push(Number(line.split(' ')[1])) === 2) break;
  t.teardown(() => pids.map(endIfThere));
  t.ok(existsSync(directory) && pids.every(isAlive), 'all is there before it ends');
  return { script, directory, pids };
}

async function nothingIsLeft(t: Test, { directory, pids }: { directory: string; pids: number[] }) {
  // They were killed before the script ended, and the kernel may still be at it.
  for (const end = performance.now() + limitMs; pids.some(isAlive) && performance.now() < end; )
    await sleep(20);
  t.same(pids.filter(isAlive), []);
  t.notOk(existsSync(directory), 'the directory is removed');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  t.test(`a script that ${signal} ends leaves nothing behind`, async t => {
    const started = await startScript(t, '');
    started.script.kill(signal);
    t.same(await endOf(started.script), [null, signal], 'who waits for it sees what ended it');
    await nothingIsLeft(t, started);
  });

for (const [what, ending] of [
  ['an error that nobody handles', "setTimeout(() => { throw new Error('nobody'); });"],
  ['a promise that nobody handles', "void Promise.reject(new Error('nobody'));"],
  ['process.exit', 'process.exit(1);'],
] as const)
  t.test(`a script that ${what} ends leaves nothing behind`, async t => {
    const started = await startScript(t, ending);
    started.script.stdin.write('now\n');
    t.same(await endOf(started.script), [1, null]);
    await nothingIsLeft(t, started);
  });

t.test('what was undone is not undone again', async t => {
  const ending = `
    let count = 0;
    const undo = undoAtEnd(() => count++);
    undo();
    undo();
    process.stdin.unref();
    const ended = new Promise(resolve => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await ended;
    remove();
    process.exitCode = count === 1 ? 7 : 8;`;
  const started = await startScript(t, ending);
  started.script.stdin.write('now\n');
  t.same(await endOf(started.script), [7, null]);
  await nothingIsLeft(t, started);
});

async function endOf(script: ChildProcess): Promise<unknown[]> {
  return script.exitCode === null && script.signalCode === null
    ? await once(script, 'exit')
    : [script.exitCode, script.signalCode];
}

/** A dead one that nobody has waited for yet is none. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

function endIfThere(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}
