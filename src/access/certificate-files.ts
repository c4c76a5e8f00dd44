// Keys and certificates on disk, as PEM. Each file appears as a whole or not at all, a key always before its certificate:
// an interrupted first start leaves a key without a certificate, and never the other way round.

import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { open, stat as statOf } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fileModeIn, type GroupRights, replaceFile } from '../base/durable.ts';
import { errnoOf, SettingsError } from '../base/errors.ts';

export type PairName = 'ca' | 'server-rsa' | 'server-ecdsa';

/** What is there of a key and its certificate. A certificate without a key can be used to check others, not to issue. */
export type StoredPair = Readonly<{
  key?: { pem: string; object: KeyObject };
  /** `pem` is the file as it is, which may hold a chain; `leaf` is its first certificate. */
  certificate?: { pem: string; leaf: X509Certificate };
}>;

/** PEM files are a few kilobytes; a longer one is not what it should be. */
const maxPemBytes = 256 * 1024;
const keyType: Record<PairName, 'rsa' | 'ec'> = { ca: 'rsa', 'server-rsa': 'rsa', 'server-ecdsa': 'ec' };
const makeKeyPair = promisify(generateKeyPair);

/** Throws SettingsError for a key that others may read, for what is no key or certificate, and for two that do not match. */
export async function readPair(certsDir: string, name: PairName): Promise<StoredPair> {
  const keyFile = keyFileOf(certsDir, name);
  const certificateFile = certificateFileOf(certsDir, name);
  const keyPem = await readPem(keyFile, groupRights(name));
  const certificatePem = await readPem(certificateFile);
  const key = keyPem === undefined ? undefined : { pem: keyPem, object: parseKey(keyPem, keyFile, name) };
  const certificate =
    certificatePem === undefined
      ? undefined
      : { pem: certificatePem, leaf: parseCertificate(certificatePem, certificateFile) };
  if (key !== undefined && certificate !== undefined && !certificate.leaf.checkPrivateKey(key.object)) {
    throw new SettingsError(
      `${certificateFile} does not belong to ${keyFile}: restore the one that was there before, or move both away so that clipward makes new ones.`,
    );
  }
  return { ...(key && { key }), ...(certificate && { certificate }) };
}

/** Makes a private key (PKCS #8) and writes it durably, for its owner alone; where roles are parted, the receiver reads the servers'. */
export async function makeKey(certsDir: string, name: PairName): Promise<string> {
  const { privateKey } =
    keyType[name] === 'rsa'
      ? // The authority's key lasts 20 years; 2048 bits are what every camera can verify, and quick to shake hands with.
        await makeKeyPair('rsa', { modulusLength: name === 'ca' ? 3072 : 2048 })
      : await makeKeyPair('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await replaceFile(keyFileOf(certsDir, name), pem, groupRights(name));
  return pem;
}

export function writeCertificate(certsDir: string, name: PairName, pem: string): Promise<void> {
  return replaceFile(certificateFileOf(certsDir, name), pem, 'read');
}

/** The receiver shows the server certificates, and must not be able to issue any. */
function groupRights(name: PairName): GroupRights {
  return name === 'ca' ? 'none' : 'read';
}

export function keyFileOf(certsDir: string, name: PairName): string {
  return join(certsDir, `${name}.key`);
}

export function certificateFileOf(certsDir: string, name: PairName): string {
  return join(certsDir, `${name}.crt`);
}

/** `keyFor`: it is a private key, and who may read it besides its owner. */
async function readPem(file: string, keyFor?: GroupRights): Promise<string | undefined> {
  try {
    await using handle = await open(file);
    const stat = await handle.stat();
    if (!stat.isFile() || stat.size > maxPemBytes)
      throw new SettingsError(`${file} is not a PEM file: move it away, or put the right one there.`);
    const allowed = keyFor && fileModeIn((await statOf(dirname(file))).mode, keyFor);
    if (allowed !== undefined && (stat.mode & 0o077 & ~allowed) !== 0) {
      throw new SettingsError(
        `The private key ${file} may be read or changed by other users (mode ${(stat.mode & 0o777).toString(8)}): chmod 600 it, and replace the key if others use this machine.`,
      );
    }
    return await handle.readFile('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === undefined) throw error;
    throw new SettingsError(
      `${file} cannot be read (${errnoOf(error)}): the user that clipward runs as needs to own it.`,
      {
        cause: error,
      },
    );
  }
}

function parseKey(pem: string, file: string, name: PairName): KeyObject {
  const key = attempt(() => createPrivateKey(pem));
  const expected = keyType[name];
  if (key?.asymmetricKeyType === expected) return key;
  // The cause is left out on purpose: nothing that has seen a key goes into an error.
  throw new SettingsError(
    `${file} does not hold an unencrypted ${expected.toUpperCase()} private key in PEM: restore it, or move it and its certificate away so that clipward makes new ones.`,
  );
}

function parseCertificate(pem: string, file: string): X509Certificate {
  const certificate = attempt(() => new X509Certificate(pem));
  if (certificate !== undefined) return certificate;
  throw new SettingsError(
    `${file} does not hold a certificate in PEM: restore it, or move it away so that clipward makes a new one.`,
  );
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
