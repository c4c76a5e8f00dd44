// PEM files read and taken apart. What is wrong is told in one sentence; nothing that has seen a key goes into an error.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { errnoOf, SettingsError } from '../base/errors.ts';
import type { Validity } from '../domain/certificate-life.ts';

export type KeyType = 'rsa' | 'ec';

/** PEM files are a few kilobytes; a longer one is not what it should be. */
const maxPemBytes = 256 * 1024;

/** Undefined when there is none. `judge` sees the very file that is read, whatever links lead to it. Throws SettingsError. */
export async function readPem(
  file: string,
  judge?: (stat: Stats) => void | Promise<void>,
): Promise<string | undefined> {
  try {
    // A pipe by mistake or malice would be waited for.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await handle.stat();
    if (!stat.isFile() || stat.size > maxPemBytes)
      throw new SettingsError(`${file} is not a PEM file: move it away, or put the right one there.`);
    await judge?.(stat);
    return await handle.readFile('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === undefined) throw error;
    throw new SettingsError(
      `${file} cannot be read (${errnoOf(error)}): give the user that clipward runs as the right to read it.`,
      { cause: error },
    );
  }
}

export function openToOthers({ mode }: Stats, file: string, remedy: string): SettingsError {
  return new SettingsError(
    `The private key ${file} may be read or changed by other users (mode ${(mode & 0o777).toString(8)}): ${remedy} it, and replace the key if others use this machine.`,
  );
}

export function parseKey(pem: string, file: string, expected: readonly KeyType[]): KeyObject {
  const key = attempt(() => createPrivateKey(pem));
  if (key !== undefined && expected.some(type => type === key.asymmetricKeyType)) return key;
  throw new SettingsError(
    `${file} does not hold an unencrypted ${expected.map(type => type.toUpperCase()).join(' or ')} private key in PEM: put the right one there, or move it and its certificate away.`,
  );
}

/** The first certificate of what may be a chain. */
export function parseCertificate(pem: string, file: string): X509Certificate {
  const certificate = attempt(() => new X509Certificate(pem));
  if (certificate !== undefined) return certificate;
  throw new SettingsError(
    `${file} does not hold a certificate in PEM: restore it, or move it away so that clipward makes a new one.`,
  );
}

export function validityOf(certificate: X509Certificate): Validity {
  const { validFromDate, validToDate } = certificate;
  return { notBeforeAt: validFromDate.getTime(), notAfterAt: validToDate.getTime() };
}

export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
