// A file that a person asked for by --out: it is there whole and durable, or not at all, and never in place of another.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createFile, syncDirectory } from '../../base/durable.ts';
import { errnoOf, FailedError } from '../../base/errors.ts';

export type OutFile = AsyncDisposable &
  Readonly<{
    /** Open for reading and writing, under a name that is not the final one. */
    file: FileHandle;
    /** Durable under its final name. Throws FailedError when something has that name by now. */
    publish(): Promise<void>;
    /** Takes back what `publish` did. */
    withdraw(): Promise<void>;
  }>;

/** Throws FailedError when `path` exists or its directory cannot be written to. Disposing leaves nothing that was not published. */
export async function openOutFile(path: string): Promise<OutFile> {
  if (await exists(path)) throw taken(path);
  const part = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomBytes(6).toString('hex')}.part`);
  const file = await createFile(part, 'none', { flags: constants.O_RDWR }).catch(error => {
    throw new FailedError(
      `${path} cannot be made (${errnoOf(error)}): name a new file in a directory that you may write to.`,
      { cause: error },
    );
  });
  return {
    file,
    async publish() {
      await file.sync();
      await giveName(part, path);
      await syncDirectory(dirname(path));
    },
    withdraw: () => rm(path, { force: true }),
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(part, { force: true });
    },
  };
}

/** Throws FailedError for a place in the archive: who does not know that it was put there takes it for a loss, or for a plant. */
export async function requireOutsideArchive(dataDir: string, path: string): Promise<void> {
  const [archive, directory] = await Promise.all(
    [dataDir, dirname(path)].map(each => realpath(each).catch(() => each)),
  );
  if (directory !== archive && !directory?.startsWith(`${archive}/`)) return;
  throw new FailedError(
    `${path} lies in the archive, where only Clipward writes: name a file in a directory of yours.`,
  );
}

export async function requireAbsent(path: string): Promise<void> {
  if (await exists(path)) throw taken(path);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    // Why it cannot be looked at, making it will say.
    () => false,
  );
}

function taken(path: string): FailedError {
  return new FailedError(`${path} exists already: name a new file in a directory that you may write to.`);
}

/** `link` fails where `rename` would replace; a stick with FAT has no links. */
async function giveName(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' || (await exists(path))) throw taken(path);
    await rename(part, path);
  }
}
