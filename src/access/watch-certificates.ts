// Certificates over the life of a daemon. The owner renews them before they end; the receiver takes whatever stands in the
// directory, also when somebody else put it there, without a restart. Sessions keep what they began with, so a running
// upload does not notice.

import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { certificateFileOf, keyFileOf } from './certificate-files.ts';
import { type InstalledCertificates, readInstalledCertificates } from './installed-certificates.ts';

const lookIntervalMs = 5000;
const renewIntervalMs = 12 * 60 * 60 * 1000;

export type CertificateWatch = AsyncDisposable &
  Readonly<{
    current(): InstalledCertificates;
    /** Looks now; for tests and whoever has just changed something. */
    look(): Promise<void>;
  }>;

/**
 * Reads the server certificates, and again when a file was changed. A pair that cannot be used (half copied, key and
 * certificate that do not match) is told in the log and the old one stays in use. Throws SettingsError when there is none
 * to begin with.
 */
export async function watchCertificates(options: { certsDir: string; log: Log }): Promise<CertificateWatch> {
  const { certsDir, log } = options;
  let seen = await signatureOf(certsDir);
  let current = await readInstalledCertificates(certsDir);
  const ended = new AbortController();

  const look = async () => {
    const signature = await signatureOf(certsDir);
    if (signature === seen) return;
    seen = signature;
    try {
      current = await readInstalledCertificates(certsDir);
      log.info('certificates reloaded');
    } catch (error) {
      log.error({ error: messageOf(error) }, 'changed certificates cannot be used');
    }
  };
  const loop = every(lookIntervalMs, ended.signal, look);
  return {
    current: () => current,
    look,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await loop;
    },
  };
}

/** Calls `renew` (openCertificates) twice a day; it issues what is about to end. Trouble is told in the log, and tried again. */
export function startCertificateRenewal(options: { renew(): Promise<unknown>; log: Log }): AsyncDisposable {
  const ended = new AbortController();
  const loop = every(renewIntervalMs, ended.signal, async () => {
    try {
      await options.renew();
    } catch (error) {
      options.log.error({ error: messageOf(error) }, 'certificates cannot be renewed');
    }
  });
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await loop;
    },
  };
}

async function every(intervalMs: number, ended: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!ended.aborted) {
    await sleep(intervalMs, undefined, { signal: ended, ref: false }).catch(() => {});
    if (!ended.aborted) await work();
  }
}

/** Changes with every replacement of a file, also by one of the same size and time. */
async function signatureOf(certsDir: string): Promise<string> {
  const files = (['server-rsa', 'server-ecdsa'] as const).flatMap(name => [
    certificateFileOf(certsDir, name),
    keyFileOf(certsDir, name),
  ]);
  const parts = await Promise.all(
    files.map(async file => {
      const facts = await stat(file).catch(() => undefined);
      return facts === undefined ? 'none' : `${facts.ino} ${facts.size} ${facts.mtimeMs} ${facts.ctimeMs}`;
    }),
  );
  return parts.join(', ');
}
