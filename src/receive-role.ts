// The receiving role, wired: accounts and certificates opened for reading, the street door opened last. It may be reached
// by cameras, and knows neither the catalogue nor the archive nor any secret but its own TLS keys.

import { networkInterfaces } from 'node:os';
import { openCertificates } from './access/certificates.ts';
import { openAccountReader } from './access/open-accounts.ts';
import { openPasswordVerifier } from './access/passwords.ts';
import { openReceiverMemory } from './access/receiver-memory.ts';
import { recoverIncoming } from './archive/incoming.ts';
import { openUploads } from './archive/uploads.ts';
import type { Clock } from './base/clock.ts';
import { messageOf, TransientError } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { parseAddress } from './domain/networks.ts';
import { type Receiver, startReceiver } from './receive/start-receiver.ts';
import type { Settings } from './settings/settings.ts';

export type ReceiveRole = AsyncDisposable & Readonly<{ receiver: Receiver; cameraCount(): number }>;

export async function startReceiveRole(options: {
  settings: Settings;
  archiveId: string;
  log: Log;
  clock: Clock;
}): Promise<ReceiveRole> {
  const { settings, archiveId, clock } = options;
  const { dataDir, stateDir, certsDir, ftps } = settings;
  const log = options.log.child({ role: 'receive' });
  await using opened = new AsyncDisposableStack();
  const addresses = [...interfaceAddresses(), ...[ftps.passive.address].filter(isAddress)];
  const names = [ftps.passive.address].filter(name => name !== null && !isAddress(name)) as string[];
  const certificates = await openCertificates({ certsDir, names, addresses, clock, log });
  const accounts = opened.use(openAccountReader({ stateDir }));
  const memory = opened.use(
    await openReceiverMemory({
      stateDir,
      maxDirectoriesPerCamera: ftps.limits.maxDirectoriesPerCamera,
      clock,
    }),
  );
  const uploads = openUploads({ dataDir, archiveId });
  // Before the door opens there is no upload in progress: what lies in incoming/ was left by a crash.
  await recoverIncoming({ dataDir, archiveId, log }).catch(error => {
    if (!(error instanceof TransientError)) throw error;
    // The disk is not there: uploads are refused with 452 until it is, and this is done at the next start.
    log.error({ error: messageOf(error) }, 'data directory is not the one it was');
  });
  const receiver = opened.use(
    await startReceiver({
      listeners: (['explicit', 'implicit'] as const)
        .filter(name => ftps[name].enabled)
        .map(name => ({ name, host: ftps[name].host, port: ftps[name].port })),
      settings: ftps,
      allowedNetworks: ftps.allowedNetworks,
      accounts,
      verifier: openPasswordVerifier({ accounts }),
      memory,
      uploads,
      tlsIdentities: () => [certificates.rsa, certificates.ecdsa],
      clock,
      log,
    }),
  );
  const resources = opened.move();
  return {
    receiver,
    cameraCount: () => accounts.cameras().length,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Every address that a client may know this machine by; link-local ones carry a zone and are left out. */
function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap(entries => entries ?? [])
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => address);
}

function isAddress(text: string | null): text is string {
  return text !== null && parseAddress(text) !== undefined;
}
