import { TransientError } from '../base/errors.ts';
import { readPair } from './certificate-files.ts';
import type { ServerCertificate } from './certificates.ts';

export type InstalledCertificates = Readonly<{ rsa: ServerCertificate; ecdsa: ServerCertificate }>;

/**
 * The server certificates as they are. For the receiver, which neither makes nor renews any: whoever can do that holds the
 * authority's key. Throws TransientError when they were not made yet, SettingsError for what readPair refuses.
 */
export async function readInstalledCertificates(certsDir: string): Promise<InstalledCertificates> {
  return { rsa: await read(certsDir, 'server-rsa'), ecdsa: await read(certsDir, 'server-ecdsa') };
}

async function read(certsDir: string, name: 'server-rsa' | 'server-ecdsa'): Promise<ServerCertificate> {
  const { key, certificate } = await readPair(certsDir, name);
  if (key === undefined || certificate === undefined)
    throw new TransientError(
      `${certsDir} does not hold the certificate ${name} with its key yet: start clipward serve --only archive first, as the owner of the directory.`,
    );
  return { cert: certificate.pem, key: key.pem };
}
