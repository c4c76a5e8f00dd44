import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Descriptor, openDescriptor } from '../base/descriptor.ts';
import { errnoOf } from '../base/errors.ts';

/** Opens a regular file with one link; undefined for anything else. O_NONBLOCK: opening a FIFO would wait for ever. */
export async function openRegular(
  path: string,
): Promise<{ file: FileHandle; size: number; ctimeMs: number; mtimeMs: number } | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, regularFlags);
  } catch (error) {
    if (isNoRegularFile(error)) return undefined;
    throw error;
  }
  const stat = await file.stat();
  if (stat.isFile() && stat.nlink === 1)
    return { file, size: stat.size, ctimeMs: stat.ctimeMs, mtimeMs: stat.mtimeMs };
  await file.close();
  return undefined;
}

/** The same at once, for the thread that files (base/descriptor.ts). */
export function openRegularNow(
  path: string,
): { file: Descriptor; size: number; ctimeMs: number } | undefined {
  let file: Descriptor;
  try {
    file = openDescriptor(path, regularFlags);
  } catch (error) {
    if (isNoRegularFile(error)) return undefined;
    throw error;
  }
  const stat = file.stat();
  if (stat.isFile() && stat.nlink === 1) return { file, size: stat.size, ctimeMs: stat.ctimeMs };
  file[Symbol.dispose]();
  return undefined;
}

const regularFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A link; a socket, or a device that nobody serves; a device that may not be opened here. */
function isNoRegularFile(error: unknown): boolean {
  return ['ELOOP', 'ENXIO', 'ENODEV', 'EPERM', 'EACCES'].includes(errnoOf(error) ?? '');
}
