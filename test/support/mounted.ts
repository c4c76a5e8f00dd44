// File systems of their own for tests: a small one that becomes full, and one that shares bytes between files. Needs root.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Undefined where it cannot be mounted. Not below t.testdir(), which is removed before teardowns run. */
export function mountTmpfs(t: Test, size: string): string | undefined {
  const place = mkdtempSync(join(tmpdir(), 'clipward-small-'));
  return mount(t, place, ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place]);
}

/** btrfs in a file. */
export function mountBtrfs(t: Test): string | undefined {
  const place = mkdtempSync(join(tmpdir(), 'clipward-btrfs-'));
  const image = `${place}.img`;
  writeFileSync(image, '');
  truncateSync(image, 128 * 1024 * 1024);
  t.teardown(() => rmSync(image, { force: true }));
  try {
    execFileSync('mkfs.btrfs', ['--quiet', '--mixed', image], { stdio: 'pipe' });
  } catch {
    rmSync(place, { recursive: true });
    return undefined;
  }
  return mount(t, place, ['-o', 'loop', image, place]);
}

function mount(t: Test, place: string, args: string[]): string | undefined {
  try {
    execFileSync('mount', args, { stdio: 'pipe' });
  } catch {
    rmSync(place, { recursive: true });
    return undefined;
  }
  t.teardown(() => {
    execFileSync('umount', ['-l', place]);
    rmSync(place, { recursive: true });
  });
  return place;
}
