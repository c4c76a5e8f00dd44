// An installation on a small file system of its own, that can be filled. Needs root and a loop device.

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { makeInstallation } from '../support/daemon.ts';

export const mebibyte = 1024 * 1024;

/** Why there can be no small disk here, or false. */
export function whyNoDisk(): string | false {
  if (process.getuid?.() !== 0) return 'to mount a small file system needs root';
  const root = mkdtempSync(join(tmpdir(), 'clipward-disk-'));
  try {
    mount(root, 8 * mebibyte)();
    return false;
  } catch {
    return 'this machine does not let a small file system be mounted';
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

export async function onSmallDisk(test: Test, bytes: number, settings: string[]) {
  const installation = await makeInstallation({ settings });
  const config = readFileSync(installation.config, 'utf8');
  const unmount = mount(installation.root, bytes);
  writeFileSync(installation.config, config);
  mkdirSync(join(installation.root, 'out'));
  test.teardown(() => {
    unmount();
    installation.remove();
  });
  const foreign = join(installation.root, 'foreign');
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(installation.root);
    return bavail * bsize;
  };
  return {
    ...installation,
    freeBytes,
    /** A file of somebody else takes all but so many bytes; with 0, the last block, in a moment: nobody makes room meanwhile. */
    fill(left: number) {
      const grow = freeBytes() - left - scrapBytes;
      if (left > 0 && grow > 0)
        execFileSync('fallocate', ['-o', String(sizeOf(foreign)), '-l', String(grow), foreign]);
      if (left === 0) writeUntil(foreign, scrapBytes, () => false);
      else writeUntil(foreign, blockBytes, () => freeBytes() <= left);
    },
    /** Nothing is left at all: while no daemon is there to make room. */
    fillUp() {
      for (const bytes of [scrapBytes, blockBytes]) writeUntil(foreign, bytes, () => false);
    },
    /** It shrinks to nothing, and stays. */
    release: () => truncateSync(foreign, 0),
  };
}

const scrapBytes = 2 * mebibyte;
const blockBytes = 4096;

/** What fallocate cannot: the file system needs some blocks of its own to say where those of the file are. */
function writeUntil(path: string, bytes: number, isEnough: () => boolean): void {
  const file = openSync(path, 'a');
  try {
    while (!isEnough()) writeSync(file, Buffer.alloc(bytes, 1));
    fsyncSync(file);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** ext4, of which nothing is set aside for root. The image lies beside the directory. */
function mount(directory: string, bytes: number): () => void {
  const image = `${directory}.image`;
  writeFileSync(image, '');
  truncateSync(image, bytes);
  try {
    execFileSync('mkfs.ext4', ['-q', '-m', '0', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, directory], { stdio: 'ignore' });
  } catch (error) {
    rmSync(image);
    throw error;
  }
  return () => {
    execFileSync('umount', [directory], { stdio: 'ignore' });
    rmSync(image);
  };
}
