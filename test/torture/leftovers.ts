import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Ends what a killed daemon has left: processes that hold a file below `root`, which nobody else may use. bubblewrap leaves
 * one when it is killed between its two halves: its --die-with-parent is not yet in force then. Answers their programs.
 */
export function endLeftovers(root: string): readonly string[] {
  const ended: string[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || pid === process.ppid) continue;
    try {
      if (!filesOf(pid).some(path => path.startsWith(`${root}/`))) continue;
      const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      process.kill(pid, 'SIGKILL');
      ended.push(basename(program));
    } catch (error) {
      // It ended by itself meanwhile, or is somebody else's, who holds nothing of ours.
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) throw error;
    }
  }
  return ended;
}

function filesOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch (error) {
      // Closed since the directory was read.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
}
