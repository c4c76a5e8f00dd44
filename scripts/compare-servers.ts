// npm run compare:servers [-- --json]: the same probes against vsftpd, Pure-FTPd and this receiver. Ours must be at least as
// strict as the stricter of the two in every row; otherwise, and when a peer cannot be had, it ends with 1. Needs root:
// both peers change to the user of an account.

import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackPeers } from './compare-servers/debian-packages.ts';
import { type Server, startOurs, startPureFtpd, startVsftpd } from './compare-servers/peers.ts';
import { openGround, type Probe } from './compare-servers/probe.ts';
import { fileProbes } from './compare-servers/probes-of-files.ts';
import { loginProbes } from './compare-servers/probes-of-login.ts';
import { removeDirectory, undoAtEnd } from './lib/undo-at-end.ts';

type Row = { probe: string; outcomes: Record<string, string>; isStrictEnough: boolean };

const probeTimeoutMs = 90_000;
const asJson = process.argv.includes('--json');
const only = process.argv.slice(2).find(argument => !argument.startsWith('--'));
const probes = [...loginProbes, ...fileProbes].filter(
  ({ name }) => only === undefined || name.includes(only),
);

process.exit(await compare());

async function compare(): Promise<number> {
  if (process.getuid?.() !== 0)
    return stop('vsftpd and Pure-FTPd need root to serve an account: run this as root.');
  const directory = mkdtempSync(join(tmpdir(), 'clipward-compare-'));
  const remove = undoAtEnd(() => removeDirectory(directory));
  chmodSync(directory, 0o755);
  // What ours makes goes with it.
  process.env.TMPDIR = directory;
  const servers: Server[] = [];
  try {
    const ours = await startOurs();
    servers.push(ours);
    try {
      const unpacked = unpackPeers(directory);
      servers.push(await startVsftpd(join(directory, 'vsftpd'), unpacked, ours.identity));
      servers.push(await startPureFtpd(join(directory, 'pure-ftpd'), unpacked, ours.identity));
    } catch (error) {
      return stop(`A peer cannot be had, so nothing was compared: ${(error as Error).message}`);
    }
    const columns = await Promise.all(servers.map(probeAll));
    const names = servers.map(({ name }) => name);
    const rows = probes.map((probe, at) =>
      rowOf(
        probe,
        names,
        columns.map(column => column[at] as string),
      ),
    );
    if (asJson) console.log(JSON.stringify({ servers: names, rows }, null, 2));
    else print(names, rows);
    return rows.every(({ isStrictEnough }) => isStrictEnough) ? 0 : 1;
  } finally {
    for (const server of servers) await server.stop();
    remove();
  }
}

async function probeAll(server: Server): Promise<string[]> {
  const seen: string[] = [];
  for (const probe of probes) seen.push(await probeOne(probe, server));
  return seen;
}

async function probeOne(probe: Probe, server: Server): Promise<string> {
  const ground = openGround(server);
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<string>((_resolve, reject) => {
    deadline = setTimeout(() => reject(new Error('no end in time')), probeTimeoutMs);
  });
  try {
    return await Promise.race([probe.run(server, ground), late]);
  } catch (error) {
    return `failed: ${(error as Error).message}`;
  } finally {
    clearTimeout(deadline);
    ground.close();
  }
}

/** A probe that failed, on whichever side, has shown nothing: its row does not hold. */
function rowOf(probe: Probe, names: string[], seen: string[]): Row {
  const ranks = seen.map(outcome => probe.outcomes.indexOf(outcome));
  const [ours, ...others] = ranks as [number, ...number[]];
  return {
    probe: probe.name,
    outcomes: Object.fromEntries(names.map((name, at) => [name, seen[at] as string])),
    isStrictEnough: ranks.every(rank => rank >= 0) && ours <= Math.min(...others),
  };
}

function print(names: string[], rows: Row[]): void {
  console.log(`| probe | ${names.join(' | ')} | |`);
  console.log(`|---${'|---'.repeat(names.length)}|---|`);
  for (const { probe, outcomes, isStrictEnough } of rows)
    console.log(
      `| ${probe} | ${names.map(name => outcomes[name]).join(' | ')} | ${isStrictEnough ? '' : 'LAXER'} |`,
    );
  const lax = rows.filter(({ isStrictEnough }) => !isStrictEnough).length;
  console.log(`\n${rows.length - lax} of ${rows.length} rows: as strict as the stricter one`);
}

function stop(message: string): number {
  if (asJson) console.log(JSON.stringify({ error: message }));
  else console.error(message);
  return 1;
}
