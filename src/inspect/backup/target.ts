// The directory that a backup is written to. It says that it is not complete until it is: by INCOMPLETE, and by having no
// archive-id, without which no daemon starts on it.

import { constants } from 'node:fs';
import { mkdir, open, realpath, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { layoutOf } from '../../archive/layout.ts';
import { makeDirectory, replaceFile, syncDirectory } from '../../base/durable.ts';
import { errnoOf, FailedError, SettingsError } from '../../base/errors.ts';
import { holdLock } from '../../base/sqlite.ts';

export type BackupTarget = AsyncDisposable &
  Readonly<{
    directory: string;
    dataDir: string;
    stateDir: string;
    certsDir: string;
    settingsFile: string;
    /** Says by its files that it is complete, durably. */
    finish(facts: Readonly<Record<string, unknown>>): Promise<void>;
  }>;

const incompleteName = 'INCOMPLETE';
const factsName = 'BACKUP.json';
const lockName = 'backup.lock';
const maxMarkBytes = 4096;

/**
 * Makes the directory `out`, whose parent exists, or with `resume` goes on with one that an earlier backup of this archive
 * did not complete. `ours`: directories of the installation, which it must not lie in. Throws FailedError.
 */
export async function openTarget(
  options: Readonly<{ out: string; resume: boolean; archiveId: string; ours: readonly string[] }>,
): Promise<BackupTarget> {
  const { resume, archiveId } = options;
  const directory = await placeOf(options.out);
  await requireOutside(directory, options.ours);
  if (resume) await requireUnfinished(directory, archiveId);
  else await makeNew(directory, archiveId);
  const lock = holdTarget(join(directory, lockName));
  const dataDir = join(directory, 'data');
  const stateDir = join(directory, 'state');
  const certsDir = join(directory, 'certs');
  // The data directory with nothing in it, as a first start makes it.
  for (const path of [dataDir, layoutOf(dataDir).inbox, stateDir]) await makeDirectory(path);
  return {
    ...{ directory, dataDir, stateDir, certsDir },
    settingsFile: join(directory, 'clipward.yaml'),
    async finish(facts) {
      await replaceFile(join(directory, 'README.txt'), readme);
      await replaceFile(join(directory, factsName), `${JSON.stringify(facts, null, 2)}\n`);
      await rm(join(directory, incompleteName));
      await rm(join(directory, lockName));
      await syncDirectory(directory);
    },
    async [Symbol.asyncDispose]() {
      lock[Symbol.dispose]();
    },
  };
}

async function placeOf(out: string): Promise<string> {
  const wanted = resolve(out);
  try {
    return join(await realpath(dirname(wanted)), basename(wanted));
  } catch (error) {
    throw new FailedError(
      `${dirname(wanted)} cannot be entered (${errnoOf(error)}): name a new directory in one that is there, on a disk that is mounted.`,
      { cause: error },
    );
  }
}

async function requireOutside(directory: string, ours: readonly string[]): Promise<void> {
  for (const each of ours) {
    const path = await realpath(each).catch(() => each);
    if (directory === path || directory.startsWith(`${path}/`) || path.startsWith(`${directory}/`))
      throw new FailedError(
        `${directory} and ${path}, which is to be kept by it, lie in one another: name a directory elsewhere, best on another disk.`,
      );
  }
}

async function makeNew(directory: string, archiveId: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST')
      throw new FailedError(
        `${directory} exists already, and nothing is ever overwritten: name a new directory, or add --resume to go on with a backup that was interrupted.`,
        { cause: error },
      );
    throw new FailedError(
      `${directory} cannot be made (${errnoOf(error)}): name a new directory in one that the owner of the state directory may write to.`,
      { cause: error },
    );
  }
  await syncDirectory(dirname(directory));
  await replaceFile(join(directory, incompleteName), `${incompleteText}archive ${archiveId}\n`);
}

async function requireUnfinished(directory: string, archiveId: string): Promise<void> {
  const text = await readMark(join(directory, incompleteName));
  const [, id] = /^archive (\S+)$/m.exec(text) ?? [];
  if (id === undefined)
    throw new FailedError(
      `${directory} holds no backup that was interrupted: leave --resume out, and name a new directory.`,
    );
  if (id !== archiveId)
    throw new FailedError(
      `${directory} holds a backup of another archive: name a new directory, and leave --resume out.`,
    );
}

async function readMark(path: string): Promise<string> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxMarkBytes), 0, maxMarkBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}

function holdTarget(file: string): Disposable {
  try {
    return holdLock(file, `Another backup is being written to ${dirname(file)}: wait for its end.`);
  } catch (error) {
    if (error instanceof SettingsError) throw new FailedError(error.message, { cause: error });
    throw error;
  }
}

const incompleteText = `This backup is not complete, and nothing can be restored from it yet.
Go on with it by the same command and --resume, or remove this directory.
`;

const readme = `This is a complete backup of a Clipward archive, made by clipward backup.

data/          the media; belongs to where the setting dataDir points
state/         databases, keys and passwords; belongs to where stateDir points
certs/         certificates and their keys; belongs to where certsDir points
clipward.yaml  the settings
BACKUP.json    what is in it

To restore: stop clipward, copy the three directories to empty places, name these places in the settings file,
start clipward, then run clipward check and clipward verify. docs/backup.md of Clipward says it step by step.
Never let two copies of one archive run.
`;
