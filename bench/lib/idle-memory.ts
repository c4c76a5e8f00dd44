// Memory of servers with cameras that are logged in and do nothing: PSS of all processes of each.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../../scripts/compare-servers/peer-process.ts';
import { loginExplicit } from '../../test/support/ftps-client.ts';
import type { FtpServer } from './ftp-peers.ts';
import { costsOf } from './process-costs.ts';

export type IdleMemory = Readonly<{
  server: string;
  cameras: number;
  /** Before the first workload, with nobody logged in. */
  freshBytes: number;
  /** Of so many that logged in then. */
  eachBytes: number;
  /** After the last workload, with so many logged in. */
  pssBytes: number;
}>;

export type FreshMemory = Omit<IdleMemory, 'pssBytes'>;

type Ground = Readonly<{ account: Account; untilQuiet(server: FtpServer): Promise<void> }>;

const cameras = 100;
const mebibyte = 1024 * 1024;
/** So long all are left alone before memory is looked at: who gives some back does so in that time. */
const restMs = 30_000;

/** Of servers that were just started. */
export async function freshMemory(servers: readonly FtpServer[], ground: Ground): Promise<FreshMemory[]> {
  await sleep(restMs);
  const found: FreshMemory[] = [];
  for (const server of servers) {
    await ground.untilQuiet(server);
    const freshBytes = costsOf(server.pids).pssBytes;
    const eachBytes = ((await withCameras(server, ground)) - freshBytes) / cameras;
    found.push({ server: server.name, cameras, freshBytes, eachBytes });
  }
  return found;
}

/** Of the same servers after what was measured in between. */
export async function idleMemory(
  servers: readonly FtpServer[],
  fresh: readonly FreshMemory[],
  ground: Ground,
): Promise<IdleMemory[]> {
  await sleep(restMs);
  const found: IdleMemory[] = [];
  for (const before of fresh) {
    const server = servers.find(({ name }) => name === before.server);
    if (server !== undefined) found.push({ ...before, pssBytes: await withCameras(server, ground) });
  }
  return found;
}

async function withCameras(server: FtpServer, { account, untilQuiet }: Ground): Promise<number> {
  const clients = [];
  try {
    for (let count = 0; count < cameras; count++) clients.push(await loginExplicit(server.port, account));
    await untilQuiet(server);
    return costsOf(server.pids).pssBytes;
  } finally {
    for (const client of clients) client.close();
  }
}

export function memoryInWords(idle: readonly IdleMemory[]): string[] {
  const inMebibytes = (bytes: number) => `${(bytes / mebibyte).toFixed(1)} MiB`;
  return [
    `memory with ${cameras} cameras logged in, after all that`,
    ...idle.map(
      ({ server, pssBytes, freshBytes, eachBytes }) =>
        `  ${server.padEnd(10)} ${inMebibytes(pssBytes)}; fresh with nobody ${inMebibytes(freshBytes)}, and ${(eachBytes / 1024).toFixed(0)} KiB for each camera`,
    ),
  ];
}
