// The daemon as a server that is measured: built, in an installation of its own, with limits that no bench meets.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Account, answers, type Identity } from '../../scripts/compare-servers/peer-process.ts';
import { spawnGroup } from '../../scripts/lib/undo-at-end.ts';
import { openAccountWriter } from '../../src/access/open-accounts.ts';
import { hashPassword } from '../../src/access/password-hash.ts';
import { systemClock } from '../../src/base/clock.ts';
import { makeInstallation } from '../../test/support/daemon.ts';
import { clipward } from './bench.ts';
import { openCpuGroup } from './cpu-group.ts';
import type { FtpServer } from './ftp-peers.ts';

const mebibyte = 1024 * 1024;
const bareModule = fileURLToPath(new URL('bare.mjs', import.meta.url));

/** `isBare`: without hashing media and without syncing files (bare.mjs); no user can have it so. */
export async function startOwnReceiver(
  name: string,
  account: Account,
  { isBare }: { isBare: boolean },
): Promise<FtpServer & { identity: Identity }> {
  const many = 1_000_000;
  const limits = {
    ...{
      minFreeBytes: 0,
      maxConnections: 1000,
      maxConnectionsPerAddress: 1000,
      maxConnectionsPerCamera: 1000,
    },
    ...{ maxConnectionsBeforeLogin: 1000, maxUploadBytes: 16 * 1024 * mebibyte, maxFilesPerDay: many },
    ...{ maxBytesPerDay: many * mebibyte, idleTimeoutMs: 900_000 },
  };
  const place = await makeInstallation({ settings: [`  limits: ${JSON.stringify(limits)}`] });
  {
    using accounts = await openAccountWriter({ stateDir: place.stateDir, clock: systemClock });
    const passwordHash = await hashPassword(account.password);
    accounts.addCamera({ name: account.user, passwordHash, allowedNetworks: [], timeZone: 'UTC' });
  }
  // As an installation does: what issues certificates would otherwise stay in the memory of the first start.
  const issued = await place.run(['cert', 'renew']);
  if (issued.code !== 0) throw new Error(issued.stderr);
  const group = openCpuGroup(name);
  const node = [process.execPath, ...(isBare ? ['--import', bareModule] : [])];
  const command = [...group.prefix, ...node, clipward, 'serve', '--config', place.config];
  const child = spawnGroup(command, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    group[Symbol.dispose]();
    place.remove();
  };
  try {
    await answers(place.explicitPort);
    const read = (name: string) => readFileSync(join(place.certsDir, name), 'utf8');
    return {
      ...{ name, port: place.explicitPort, pids: [child.pid as number], cpuMs: group.cpuMs, stop },
      // An archive keeps what it got.
      clear() {},
      identity: { certificate: read('server-ecdsa.crt'), key: read('server-ecdsa.key') },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
