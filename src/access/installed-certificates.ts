import { createSecureContext } from 'node:tls';
import { SettingsError, TransientError } from '../base/errors.ts';
import { certificateFileOf, keyFileOf, readPair } from './certificate-files.ts';
import type { ServerCertificate } from './certificates.ts';
import { outsideFiles, readOutsideCertificate } from './outside-certificate.ts';
import { attempt } from './pem-files.ts';

export type CertificatePlaces = Readonly<{
  certsDir: string;
  /** Where others put a certificate (ftps.tls.certificateDir); null: only our own are shown. */
  outsideDir: string | null;
}>;

/** By the type of their keys. Each client is shown the one that it can use, ECDSA before RSA. */
export type InstalledCertificates = Readonly<{ rsa?: ServerCertificate; ecdsa?: ServerCertificate }>;

export type ServerName = 'server-rsa' | 'server-ecdsa';

/**
 * The server certificates as they are, for the receiver, which neither makes nor renews any: whoever can do that holds the
 * authority's key. Beside one from outside with an ECDSA key our RSA is there for old cameras; beside one with an RSA key
 * nothing is, or clients that check would be shown ours. Throws TransientError when ours were not made yet, SettingsError for
 * what readPair and readOutsideCertificate refuse.
 */
export async function readInstalledCertificates({
  certsDir,
  outsideDir,
}: CertificatePlaces): Promise<InstalledCertificates> {
  const outside = outsideDir === null ? undefined : await readOutsideCertificate(outsideDir);
  if (outside?.type === 'rsa') return { rsa: shown(outside) };
  const rsa = await readOwn(certsDir, 'server-rsa');
  return { rsa, ecdsa: outside === undefined ? await readOwn(certsDir, 'server-ecdsa') : shown(outside) };
}

function shown({ cert, key }: ServerCertificate): ServerCertificate {
  return { cert, key };
}

/** Every file that decides about them: what is watched for changes. */
export function installedFiles({ certsDir, outsideDir }: CertificatePlaces): readonly string[] {
  const own = (['server-rsa', 'server-ecdsa'] as const).flatMap(name => [
    certificateFileOf(certsDir, name),
    keyFileOf(certsDir, name),
  ]);
  return outsideDir === null ? own : [...own, ...Object.values(outsideFiles(outsideDir))];
}

async function readOwn(certsDir: string, name: ServerName): Promise<ServerCertificate> {
  const { key, certificate } = await readPair(certsDir, name);
  if (key === undefined || certificate === undefined)
    throw new TransientError(
      `${certsDir} does not hold the certificate ${name} with its key yet: start clipward serve --only archive first, as the owner of the directory.`,
    );
  const pair = { cert: certificate.pem, key: key.pem };
  // An operator may have put his own there.
  if (attempt(() => createSecureContext(pair)) === undefined)
    throw new SettingsError(
      `${certificateFileOf(certsDir, name)} cannot be used for TLS: restore it, or move it and its key away so that clipward makes new ones.`,
    );
  return pair;
}
