// Certificates over the life of a daemon. The owner renews them before they end; the receiver takes whatever stands in the
// directories, also when somebody else put it there, without a restart. Sessions keep what they began with, so a running
// upload does not notice.

import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { certificateLife, daysLeft } from '../domain/certificate-life.ts';
import {
  type CertificatePlaces,
  type InstalledCertificates,
  installedFiles,
  readInstalledCertificates,
} from './installed-certificates.ts';
import { validityOf } from './pem-files.ts';

const lookIntervalMs = 3000;
const renewIntervalMs = 12 * 60 * 60 * 1000;
const warnIntervalMs = 24 * 60 * 60 * 1000;

export type CertificateWatch = AsyncDisposable &
  Readonly<{
    current(): InstalledCertificates;
    /** Looks now; for tests. */
    look(): Promise<void>;
  }>;

/**
 * Reads the server certificates, and again when a file was changed and left alone since the look before: who writes one file
 * after the other is given time. What cannot be used then is told in the log, and the old ones stay in use. Once a day it is
 * told, too, that one in use is near its end. Throws SettingsError when there is nothing to begin with.
 */
export async function watchCertificates(
  options: CertificatePlaces & { log: Log; clock: Clock; intervalMs?: number },
): Promise<CertificateWatch> {
  const { log } = options;
  let taken = await signatureOf(options);
  let last = taken;
  let current = await readInstalledCertificates(options);
  let complaint: string | undefined;
  const tellEnds = endTeller(options);
  tellEnds(current);
  const ended = new AbortController();

  const look = async () => {
    const signature = await signatureOf(options);
    const isSettled = signature === last;
    last = signature;
    if (signature !== taken && isSettled) {
      try {
        current = await readInstalledCertificates(options);
        taken = signature;
        complaint = undefined;
        log.info('certificates reloaded');
      } catch (error) {
        // Tried again at each look: what is mended may be the rights of a directory above.
        if (complaint !== messageOf(error))
          log.error({ error: messageOf(error) }, 'changed certificates cannot be used');
        complaint = messageOf(error);
      }
    }
    tellEnds(current);
  };
  const loop = every(options.intervalMs ?? lookIntervalMs, ended.signal, look);
  return {
    current: () => current,
    look,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await loop;
    },
  };
}

/** Warns of each certificate at most once a day, however often it is called. */
function endTeller({ log, clock }: { log: Log; clock: Clock }): (shown: InstalledCertificates) => void {
  const toldAt = new Map<string, number>();
  return shown => {
    for (const { cert } of Object.values(shown)) {
      const leaf = new X509Certificate(cert);
      const validity = validityOf(leaf);
      const life = certificateLife(validity, clock.now());
      if (
        life === 'lasting' ||
        clock.monotonicMs() - (toldAt.get(leaf.fingerprint256) ?? -Infinity) < warnIntervalMs
      )
        continue;
      toldAt.set(leaf.fingerprint256, clock.monotonicMs());
      const facts = {
        ...{ names: leaf.subjectAltName, fingerprint: leaf.fingerprint256 },
        ...{ validFrom: leaf.validFrom, validTo: leaf.validTo, daysLeft: daysLeft(validity, clock.now()) },
      };
      if (life === 'ending') log.warn(facts, 'certificate ends soon');
      else if (life === 'ended') log.warn(facts, 'certificate has ended');
      else log.warn(facts, 'certificate does not begin yet');
    }
  };
}

/** Calls `renew` (openCertificates) twice a day; it issues what is about to end. Trouble is told in the log, and tried again. */
export function startCertificateRenewal(options: {
  renew(): Promise<unknown>;
  log: Log;
  intervalMs?: number;
}): AsyncDisposable {
  const ended = new AbortController();
  const loop = every(options.intervalMs ?? renewIntervalMs, ended.signal, async () => {
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

/** Changes with every replacement of a file, also by one of the same size and time, and of a link on the way to it. */
async function signatureOf(places: CertificatePlaces): Promise<string> {
  const parts = await Promise.all(
    installedFiles(places).map(async file => {
      const facts = await stat(file).catch(() => undefined);
      return facts === undefined
        ? 'none'
        : `${facts.dev} ${facts.ino} ${facts.size} ${facts.mtimeMs} ${facts.ctimeMs}`;
    }),
  );
  return parts.join(', ');
}
