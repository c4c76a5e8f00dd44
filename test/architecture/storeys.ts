// The rule of ARCHITECTURE.md as a function over source texts, so that the rule itself can be tested.

import { posix } from 'node:path';

/** Rooms by storey, from the ground up. Imports go down; never up, never sideways. */
const rooms: Readonly<Record<string, number>> = {
  base: 0,
  domain: 1,
  access: 2,
  archive: 2,
  catalogue: 2,
  media: 2,
  settings: 2,
  receive: 3,
  watch: 3,
  ingest: 3,
  record: 3,
  retain: 3,
  deliver: 3,
  inspect: 3,
  hall: 4,
  cli: 5,
  main: 6,
};
const hall = new Set([
  'service.ts',
  'supervise.ts',
  'self-test.ts',
  'background-role.ts',
  'role-thread.ts',
  'role-worker.ts',
  'outbound-role.ts',
  'archive-role.ts',
  'receive-role.ts',
  'watch-over.ts',
  'http.ts',
]);

const thirdParties: Readonly<Record<string, readonly string[]>> = {
  base: ['pino', 'pino-pretty', 'better-sqlite3'],
  access: ['node-forge', '@peculiar/x509', 'reflect-metadata'],
  archive: ['zod'],
  media: ['sharp', 'zod'],
  settings: ['zod', 'yaml'],
  receive: ['ftp-srv'],
  watch: ['chokidar'],
  deliver: ['nodemailer'],
  inspect: ['prom-client'],
  cli: ['commander'],
  main: ['commander'],
};
/** Libraries that one file keeps from all others: to replace them is to change that file. */
const keepers: Readonly<Record<string, readonly string[]>> = {
  'ftp-srv': ['receive/engine.ts', 'receive/ftp-srv.d.ts'],
  'better-sqlite3': ['base/sqlite.ts'],
  pino: ['base/log.ts'],
  'pino-pretty': ['base/log.ts'],
  nodemailer: ['deliver/email.ts'],
  'prom-client': ['inspect/metrics.ts'],
};
/** Thoughts touch nothing: these only compare and take apart. */
const pureNodeModules = new Set(['node:net', 'node:path']);

const whyNot: Readonly<Record<string, string>> = {
  'a stage to the catalogue':
    'the receiver must not know the catalogue; leave what is to be known in the receipt, ingest files it.',
  sideways:
    'neighbours reach each other only through a callback that service.ts names, or through the file system and the catalogue.',
  'store to store':
    'stores do not know each other; let the stage that needs both pass on what one says to the other.',
  up: 'imports go down only; take what is needed as a parameter, or move the shared part down.',
};

type Import = Readonly<{ target: string; isType: boolean }>;

/** `files`: source texts by path below src/. Answers one sentence for each broken rule. */
export function brokenImportRules(files: ReadonlyMap<string, string>): string[] {
  const graph = new Map([...files].map(([path, text]) => [path, importsOf(text)] as const));
  const broken: string[] = [];
  for (const [path, imports] of graph) {
    const room = roomOf(path);
    if (room === undefined) {
      broken.push(
        `src/${path} is in no room: give its directory a storey in test/architecture/storeys.ts and ARCHITECTURE.md.`,
      );
      continue;
    }
    for (const { target } of imports) {
      const problem = target.startsWith('.')
        ? ownImportProblem(path, room, posix.join(posix.dirname(path), target), files)
        : foreignImportProblem(path, room, target);
      if (problem !== undefined) broken.push(problem);
    }
  }
  return [...broken, ...cycles(graph)];
}

/** Every module that a text imports: static, dynamic, re-exported, for its side effects, and `import type`. */
export function importsOf(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const [, type, target] of code.matchAll(
    /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm,
  ))
    found.push({ target: target as string, isType: type !== undefined });
  for (const [, target] of code.matchAll(/\bimport\s*\(\s*['"]([^'"]+)['"]/g))
    found.push({ target: target as string, isType: false });
  return found;
}

function roomOf(path: string): string | undefined {
  if (path === 'main.ts') return 'main';
  if (hall.has(path)) return 'hall';
  const [directory, rest] = path.split('/', 2);
  return rest !== undefined && directory !== undefined && directory in rooms ? directory : undefined;
}

function ownImportProblem(
  path: string,
  room: string,
  target: string,
  files: ReadonlyMap<string, string>,
): string | undefined {
  const start = `src/${path} imports src/${target}`;
  if (!files.has(target))
    return `${start}: there is no such file; imports of our own files name the .ts file.`;
  const other = roomOf(target);
  if (other === undefined || other === room) return undefined;
  if (other === 'catalogue' && room === 'receive') return `${start}: ${whyNot['a stage to the catalogue']}`;
  const [from, to] = [rooms[room] as number, rooms[other] as number];
  if (from > to) return undefined;
  if (from < to) return `${start}, which is above it: ${whyNot.up}`;
  if (from === 2) return `${start}: ${whyNot['store to store']}`;
  return `${start}: ${whyNot.sideways}`;
}

function foreignImportProblem(path: string, room: string, target: string): string | undefined {
  const start = `src/${path} imports ${target}`;
  if (target.startsWith('node:')) {
    if (room !== 'domain' || pureNodeModules.has(target)) return undefined;
    return `${start}: domain touches nothing; let the caller do it and pass in what it found.`;
  }
  const name = target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
  if (!thirdParties[room]?.includes(name))
    return `${start}: ${room} takes no part of that library; a library is imported in as few rooms as can be (test/architecture/storeys.ts).`;
  const kept = keepers[name];
  if (kept !== undefined && !kept.includes(path))
    return `${start}: only src/${kept[0]} does; use what that file exports.`;
  return undefined;
}

/** Cycles of imports that run; `import type` is gone by then. Each is told once. */
function cycles(graph: ReadonlyMap<string, readonly Import[]>): string[] {
  const told: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const round = [...trail.slice(start), path].map(each => `src/${each}`);
      told.push(`${round.join(' imports ')}: a circle; move what both need into a file of its own.`);
      return;
    }
    if (done.has(path)) return;
    for (const { target, isType } of graph.get(path) ?? []) {
      if (!isType && target.startsWith('.')) visit(posix.join(posix.dirname(path), target), [...trail, path]);
    }
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return told;
}
