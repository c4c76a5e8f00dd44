import { lstat, opendir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import { type Check, fail, pass, warn } from '../check.ts';

const othersWrite = 0o002;
const sticky = 0o1000;
const lent = 0o2020;
/** Directories, databases, keys and the cameras' directories; media themselves are looked at by `clipward check`. */
const maxEntries = 5000;
/** Below dataDir: `clips/front-door`, no further. */
const dataDepth = 2;
const shown = 3;

export type Guarded = Readonly<{
  dataDir: string;
  stateDir: string;
  certsDir: string;
  /** The settings file, null when there is none, and the directory of the program. */
  settingsFile: string | null;
  programDir: string;
}>;

/** What others could change: settings, program, databases, keys, the archive; and what does not belong to its owner. */
export function permissions({ dataDir, stateDir, certsDir, settingsFile, programDir }: Guarded): Check {
  return {
    name: 'permissions',
    async run() {
      const found = { open: new Set<string>(), foreign: new Set<string>() };
      for (const path of [dataDir, stateDir, certsDir, programDir, settingsFile])
        if (path !== null) await lookUpwards(path, found.open);
      for (const file of ['package.json', 'dist', 'src', 'bin', 'node_modules'])
        await lookAtEntry(join(programDir, file), found.open);
      const budget = { left: maxEntries };
      for (const path of [stateDir, certsDir]) await lookBelow(path, Number.POSITIVE_INFINITY, found, budget);
      await lookBelow(dataDir, dataDepth, found, budget);
      if (found.open.size > 0)
        return fail(
          `${some(found.open)} can be changed by every user of this machine`,
          `Take that away: chmod o-w, and see who has changed what since it was so.`,
        );
      if (found.foreign.size > 0)
        return warn(
          `${some(found.foreign)} belongs to another user than the directory that it is in`,
          'Give it to the owner of the directory (chown --reference), or clipward may not be able to use it.',
        );
      return pass('nobody else can change settings, program, databases, keys and archive');
    },
  };
}

type Found = Readonly<{ open: Set<string>; foreign: Set<string> }>;

/** Whoever may write to a directory may put another in the place of what is in it, however closed that is. */
async function lookUpwards(path: string, open: Set<string>): Promise<void> {
  let place = await realpath(path).catch(() => undefined);
  while (place !== undefined) {
    await lookAtEntry(place, open);
    place = dirname(place) === place ? undefined : dirname(place);
  }
}

async function lookAtEntry(path: string, open: Set<string>): Promise<void> {
  const facts = await ifThere(stat(path));
  if (facts !== undefined && isOpen(facts)) open.add(path);
}

/** Where only names that are there can be removed by their owners (sticky), nobody can be put out of place. */
function isOpen(facts: Readonly<{ mode: number; isDirectory(): boolean }>): boolean {
  return (facts.mode & othersWrite) !== 0 && !(facts.isDirectory() && (facts.mode & sticky) !== 0);
}

async function lookBelow(
  directory: string,
  depth: number,
  found: Found,
  budget: { left: number },
): Promise<void> {
  const own = await ifThere(stat(directory));
  const entries = own && (await ifThere(opendir(directory)));
  if (entries === undefined || own === undefined) return;
  for await (const { name } of entries) {
    if (budget.left-- <= 0) return;
    const path = join(directory, name);
    const facts = await ifThere(lstat(path));
    if (facts === undefined || facts.isSymbolicLink()) continue;
    if (isOpen(facts)) found.open.add(path);
    // Where a directory is lent to write in, what is there belongs to who wrote it.
    if (facts.uid !== own.uid && (own.mode & lent) !== lent) found.foreign.add(path);
    if (facts.isDirectory() && depth > 1) await lookBelow(path, depth - 1, found, budget);
  }
}

/** The daemon works while we look, and entries go. */
async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

function some(paths: ReadonlySet<string>): string {
  const [...all] = paths;
  const more = all.length > shown ? ` and ${all.length - shown} more` : '';
  return `${all.slice(0, shown).join(', ')}${more}`;
}
