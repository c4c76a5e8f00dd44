import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import { type Check, fail, pass, warn } from '../check.ts';

export type Space = Readonly<{ freeBytes: number; totalBytes: number }>;

/** Room on the file system of a directory, or of the nearest parent that exists: what an ordinary user may still write. */
export async function spaceOf(path: string): Promise<Space> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return spaceOf(dirname(path));
  }
}

/** Uploads are refused below a floor; this much above it is days for a few cameras. */
export const warnMarginBytes = 5 * 1024 ** 3;

/** `minFreeBytes`: below it the receiver refuses uploads (settings, ftps.limits). */
export function freeDisk(
  dataDir: string,
  minFreeBytes: number,
  measure: (path: string) => Promise<Space> = spaceOf,
): Check {
  return {
    name: 'free-disk',
    async run() {
      const { freeBytes } = await measure(dataDir);
      const text = `${Math.floor(freeBytes / 1024 ** 2)} MiB free for ${dataDir}`;
      if (freeBytes < minFreeBytes)
        return fail(`${text}, so uploads are refused`, 'Free space, or give it a larger disk.');
      if (freeBytes < minFreeBytes + warnMarginBytes)
        return warn(text, 'Free space, or give it a larger disk: cameras fill this in days.');
      return pass(text);
    },
  };
}
