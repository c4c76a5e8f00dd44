import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../base/errors.ts';
import { type Check, pass, skip, warn } from '../check.ts';

/** Whether the kernel gives away the passive ports to ordinary connections, so that one is now and then in use. */
export function passivePorts(
  { minPort, maxPort }: Readonly<{ minPort: number; maxPort: number }>,
  directory = '/proc/sys/net/ipv4',
): Check {
  return {
    name: 'passive-ports',
    async run() {
      const range = await read(`${directory}/ip_local_port_range`);
      const [, first, last] = /^(\d+)\s+(\d+)$/.exec(range ?? '')?.map(Number) ?? [];
      if (first === undefined || last === undefined)
        return skip('the kernel does not tell which ports it gives away');
      const reserved = (await read(`${directory}/ip_local_reserved_ports`)) ?? '';
      const given = ports(minPort, maxPort).filter(
        port => port >= first && port <= last && !isListed(reserved, port),
      );
      if (given.length === 0) return pass(`nobody else is given the ports from ${minPort} to ${maxPort}`);
      return warn(
        `the kernel gives the ports from ${Math.max(first, minPort)} to ${Math.min(last, maxPort)} to other programs too`,
        `sysctl net.ipv4.ip_local_reserved_ports=${minPort}-${maxPort} keeps them (in /etc/sysctl.d for good).`,
      );
    },
  };
}

function ports(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** In `8080,30000-30099`. */
function isListed(list: string, port: number): boolean {
  return list.split(',').some(range => {
    const [first, last = first] = range.split('-').map(Number);
    return first !== undefined && last !== undefined && port >= first && port <= last;
  });
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') return undefined;
    throw error;
  }
}
