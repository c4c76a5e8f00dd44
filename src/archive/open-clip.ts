import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.ts';
import { checkedRelativePath } from './clip-path.ts';
import { digestOf } from './digest.ts';
import { openRegular } from './open-regular.ts';

/**
 * Opens a stored clip once its bytes were compared with what its row says. Undefined when they differ, or it is not there as it
 * was stored; rejects with the signal's reason. The caller closes it.
 */
export async function openSameClip(
  dataDir: string,
  clip: Readonly<{ path: string; bytes: number; sha256: string }>,
  signal?: AbortSignal,
): Promise<FileHandle | undefined> {
  try {
    checkedRelativePath(clip.path, 'clips');
  } catch {
    return undefined;
  }
  const opened = await openRegular(join(dataDir, clip.path)).catch(error => {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  });
  if (opened === undefined) return undefined;
  try {
    const digest = await digestOf(opened.file, clip.bytes, signal);
    if (digest.bytes === clip.bytes && digest.sha256 === clip.sha256) return opened.file;
    await opened.file.close();
    return undefined;
  } catch (error) {
    await opened.file.close();
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
