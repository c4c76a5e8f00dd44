import { constants } from 'node:fs';
import { access, realpath, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../base/errors.ts';
import { counted } from '../../domain/counted.ts';
import { type Check, type Finding, fail, pass, warn } from '../check.ts';

/** Magic numbers of statfs(2). */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
const overNetwork: ReadonlySet<number> = new Set([0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997]);
/** Emptied at the start of the machine, or by a timer (systemd-tmpfiles). */
const temporary = /^\/(tmp|var\/tmp|dev\/shm|run)(\/|$)/;
/** Databases, journals and copies before an upgrade; with less than the second, the next clips are not listed. */
export const minStateBytes = 256 * 1024 * 1024;
const scarceStateBytes = 16 * 1024 * 1024;
const minInodes = 10_000;

export type Mount = Readonly<{ type: number; freeBytes: number; inodes: number; freeInodes: number }>;
export type Look = Readonly<{
  /** Of the directory, or the nearest parent that is there: its path without links. */
  place(path: string): Promise<string>;
  mount(path: string): Promise<Mount>;
  /** The error number of who may not write there; undefined when this user may. */
  obstacle(path: string): Promise<string | undefined>;
}>;

/** What the directories lie on: whether it lasts, can be written, and is fit for databases. */
export function storage(
  dirs: Readonly<{ dataDir: string; stateDir: string; certsDir: string }>,
  look: Look = disk,
): Check {
  return {
    name: 'storage',
    async run() {
      const findings: Finding[] = [];
      for (const [key, path] of Object.entries(dirs)) findings.push(await lookAt(key, path, look));
      return (
        findings.find(({ level }) => level === 'fail') ??
        findings.find(({ level }) => level === 'warn') ??
        pass('the directories lie on disks that last, and can be written')
      );
    },
  };
}

async function lookAt(key: string, path: string, look: Look): Promise<Finding> {
  const place = await look.place(path);
  const mount = await look.mount(place);
  const obstacle = await look.obstacle(place);
  if (obstacle === 'EROFS')
    return fail(
      `${key} ${path} is on a disk that is mounted read-only, as the kernel does after errors`,
      'Look into the kernel log (dmesg) for errors of the disk, then mount it writable again.',
    );
  if (obstacle !== undefined)
    return fail(
      `${key} ${path} cannot be written (${obstacle})`,
      'Give it to the user that clipward runs as, and run doctor as that user or as root.',
    );
  const roomForState = `the disk of stateDir ${path} has ${Math.floor(mount.freeBytes / 1024 ** 2)} MiB left`;
  const makeRoom = 'Make room: without it clips are stored and cannot be listed.';
  if (key === 'stateDir' && mount.freeBytes < scarceStateBytes) return fail(roomForState, makeRoom);
  if (inMemory.has(mount.type) || temporary.test(place))
    return warn(
      `${key} ${path} is a place for temporary files: what is there is gone after a restart of the machine`,
      `Set ${key} to a directory that stays, and move what is there while clipward is stopped.`,
    );
  if (key === 'stateDir' && overNetwork.has(mount.type))
    return warn(
      `stateDir ${path} is on a network file system, where locks of databases cannot be relied on`,
      'Set stateDir to a directory of a local disk; it stays small. The media may lie on the network.',
    );
  if (mount.inodes > 0 && mount.freeInodes < minInodes)
    return warn(
      `the disk of ${key} ${path} has room for ${counted(mount.freeInodes, 'more file')} only`,
      'Remove small files, or make the file system anew with more inodes (df -i shows them).',
    );
  if (key === 'stateDir' && mount.freeBytes < minStateBytes) return warn(roomForState, makeRoom);
  return pass('');
}

const disk: Look = {
  async place(path) {
    try {
      return await realpath(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
      return disk.place(dirname(path));
    }
  },
  async mount(path) {
    const { type, bavail, bsize, files, ffree } = await statfs(path);
    return { type, freeBytes: bavail * bsize, inodes: files, freeInodes: ffree };
  },
  async obstacle(path) {
    try {
      await access(path, constants.W_OK);
      return undefined;
    } catch (error) {
      return errnoOf(error);
    }
  },
};
