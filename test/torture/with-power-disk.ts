import type { Test } from 'tap';
import { openPowerDisk, type PowerDisk } from './power-disk.ts';

/** Runs `work` with a disk of its own; counts as skipped where this machine allows none. */
export async function withPowerDisk(t: Test, work: (disk: PowerDisk) => Promise<unknown>): Promise<void> {
  const disk = await openPowerDisk();
  if (typeof disk === 'string') {
    t.pass(`no power can be cut on this machine: ${disk}`, { skip: true });
    return;
  }
  await using powered = disk;
  await work(powered);
}
