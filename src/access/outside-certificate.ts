// A certificate that others make and renew (certbot, a company's authority), read where they put it: `fullchain.pem` and
// `privkey.pem` in one directory, which are links with certbot. It is judged as a whole before anybody is shown it.

import { X509Certificate } from 'node:crypto';
import type { Stats } from 'node:fs';
import { realpath, stat as statOf } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { SettingsError } from '../base/errors.ts';
import { attempt, type KeyType, openToOthers, parseCertificate, parseKey, readPem } from './pem-files.ts';

export type OutsideCertificate = Readonly<{
  cert: string;
  key: string;
  type: KeyType;
  leaf: X509Certificate;
}>;

export function outsideFiles(directory: string): { certificate: string; key: string } {
  return { certificate: join(directory, 'fullchain.pem'), key: join(directory, 'privkey.pem') };
}

/**
 * Throws SettingsError for what is missing, cannot be read, is not whole, does not match, or lies where others could change
 * it. A key may be readable for a group when another user (root) owns it: there is no other way to hand it to this one.
 */
export async function readOutsideCertificate(directory: string): Promise<OutsideCertificate> {
  const files = outsideFiles(directory);
  const keyPem = await readPem(files.key, stat => requireGuarded(stat, files.key));
  const cert = await readPem(files.certificate);
  for (const [file, pem] of [[files.key, keyPem] as const, [files.certificate, cert] as const]) {
    if (pem === undefined)
      throw new SettingsError(
        `${file} is missing: ftps.tls.certificateDir must name a directory with fullchain.pem and privkey.pem.`,
      );
  }
  return usable(cert ?? '', keyPem ?? '', files);
}

function usable(cert: string, keyPem: string, files: ReturnType<typeof outsideFiles>): OutsideCertificate {
  const key = parseKey(keyPem, files.key, ['rsa', 'ec']);
  const leaf = parseCertificate(cert, files.certificate);
  if (!isWhole(cert))
    throw new SettingsError(
      `${files.certificate} is cut off or damaged: put the whole chain there, the server's certificate first.`,
    );
  if (!leaf.checkPrivateKey(key))
    throw new SettingsError(
      `${files.certificate} does not belong to ${files.key}: put both of the same renewal there.`,
    );
  // What the TLS library refuses (a key that is too short, a broken hash) would end every session.
  if (attempt(() => createSecureContext({ cert, key: keyPem })) === undefined)
    throw new SettingsError(
      `${files.certificate} cannot be used for TLS: have a certificate made with at least RSA 2048 or P-256, and SHA-256.`,
    );
  return { cert, key: keyPem, type: key.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec', leaf };
}

/** Certificates that can be read, and nothing that is half a one. */
function isWhole(pem: string): boolean {
  const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
  const each = pem.match(block) ?? [];
  return (
    !pem.replace(block, '').includes('-----') &&
    each.every(text => attempt(() => new X509Certificate(text)) !== undefined)
  );
}

async function requireGuarded(stat: Stats, file: string): Promise<void> {
  const isForeign = stat.uid !== process.geteuid?.();
  if ((stat.mode & (isForeign ? 0o037 : 0o077)) !== 0)
    throw openToOthers(stat, file, isForeign ? 'chmod 640' : 'chmod 600');
  if (isForeign && stat.uid !== 0)
    throw new SettingsError(
      `The private key ${file} belongs to another user, who could exchange it: make root or the user that clipward runs as its owner.`,
    );
  for (const directory of new Set([dirname(file), dirname(await realpath(file))])) {
    const { mode } = await statOf(directory);
    if ((mode & 0o002) !== 0)
      throw new SettingsError(
        `Everybody may write in ${directory}, and so exchange the private key ${file}: chmod o-w it.`,
      );
  }
}
