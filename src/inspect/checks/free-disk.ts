import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import { type FloorRules, floorOf } from '../../domain/retention-floor.ts';
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

/** Whether uploads are refused for want of room, or nearly: retention (settings, retention.minFreeBytes) should see to it. */
export function freeDisk(
  dataDir: string,
  rules: FloorRules,
  measure: (path: string) => Promise<Space> = spaceOf,
): Check {
  return {
    name: 'free-disk',
    async run() {
      const { freeBytes, totalBytes } = await measure(dataDir);
      const { refusedBelowBytes } = rules;
      const floorBytes = floorOf(rules, totalBytes);
      const text = `${mebibytes(freeBytes)} free for ${dataDir}`;
      if (freeBytes < refusedBelowBytes)
        return fail(
          `${text}, so uploads are refused`,
          'Free space, or give it a larger disk; clipward retention plan says why nothing more is deleted.',
        );
      if (floorBytes <= refusedBelowBytes)
        return warn(
          `the disk has ${mebibytes(totalBytes)}, and uploads are refused when less than ${mebibytes(refusedBelowBytes)} are free`,
          'Give it a larger disk, or lower ftps.limits.minFreeBytes: retention cannot keep half of a disk free.',
        );
      if (freeBytes < (refusedBelowBytes + floorBytes) / 2)
        return warn(
          `${text}, and uploads are refused below ${mebibytes(refusedBelowBytes)}`,
          'Retention does not make the room that it should: see clipward retention plan, and whether clipward runs.',
        );
      return pass(text);
    },
  };
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024 ** 2)} MiB`;
}
