// Programs started by the scripts: with the project's own Node and tools first on PATH.

import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));
export const oldestNode = 24;

/** Something that a person has to mend; the message is all they need to see. */
export class Stop extends Error {}

/** Runs a script's work: a Stop is one sentence and exit code 1, anything else a stack. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

export function say(text) {
  console.log(`clipward: ${text}`);
}

/** Says what is the matter where this cannot work at all. */
export function checkPlatform() {
  if (process.platform !== 'linux')
    throw new Stop('Clipward runs on Linux: it needs its file system calls and process limits.');
}

/** A Node that is new enough: this one, or the copy that the packages bring along. Undefined without either. */
export function findNode(root = projectRoot) {
  if (Number(process.versions.node.split('.')[0]) >= oldestNode && existsSync(process.execPath))
    return process.execPath;
  const copy = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  return existsSync(copy) ? copy : undefined;
}

export function requireNode(root = projectRoot) {
  const node = findNode(root);
  if (node !== undefined) return node;
  throw new Stop(
    `Clipward needs Node ${oldestNode} or newer, this is ${process.version}, and there is no packaged copy for ${process.arch}: install Node ${oldestNode}.`,
  );
}

/** The environment in which the project's tools find the project's Node and each other. */
export function toolEnvironment(root = projectRoot) {
  return { ...process.env, PATH: [join(root, 'node_modules', '.bin'), systemPath()].join(delimiter) };
}

/** PATH without the node_modules/.bin that npm puts in front: what the machine has. */
export function systemPath() {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter(directory => !directory.endsWith('node_modules/.bin'))
    .join(delimiter);
}

export function isInstalled(program) {
  return systemPath()
    .split(delimiter)
    .some(directory => {
      try {
        accessSync(join(directory || '.', program), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Runs a program to its end with its output shown (or captured when `quiet`). Answers `{ code, output }`. */
export function run(program, args, { env = toolEnvironment(), quiet = false } = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    cwd: projectRoot,
    env,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
  });
  if (error) throw new Stop(`${program} could not be run (${error.code ?? error.message}).`);
  return { code: status ?? exitCodeOf(signal), output: `${stdout ?? ''}${stderr ?? ''}` };
}

/**
 * Runs a program in this one's place: its input and output are ours, signals are handed on, and its exit code is the
 * answer. On Ctrl-C the terminal signals both, and npm signals us again; CLIPWARD_LAUNCHED tells the child to take what comes
 * at once for one wish (src/cli/serve.ts).
 */
export function runInPlace(program, args, env) {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...env, CLIPWARD_LAUNCHED: '1' } });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? exitCodeOf(signal)));
  });
}

function exitCodeOf(signal) {
  return 128 + (osConstants.signals[signal] ?? 0);
}
