// Keys and certificates on disk, as PEM. Each file appears as a whole or not at all, a key always before its certificate:
// an interrupted first start leaves a key without a certificate, and never the other way round.

import { generateKeyPair, type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import type { Stats } from 'node:fs';
import { link, rm, stat as statOf } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fileModeIn, type GroupRights, renameDurably, syncDirectory, writeNewFile } from '../base/durable.ts';
import { errnoOf, FailedError, SettingsError } from '../base/errors.ts';
import { type KeyType, openToOthers, parseCertificate, parseKey, readPem } from './pem-files.ts';

export type PairName = 'ca' | 'server-rsa' | 'server-ecdsa';

/** What is there of a key and its certificate. A certificate without a key can be used to check others, not to issue. */
export type StoredPair = Readonly<{
  key?: { pem: string; object: KeyObject };
  /** `pem` is the file as it is, which may hold a chain; `leaf` is its first certificate. */
  certificate?: { pem: string; leaf: X509Certificate };
}>;

const keyType: Record<PairName, KeyType> = { ca: 'rsa', 'server-rsa': 'rsa', 'server-ecdsa': 'ec' };
const makeKeyPair = promisify(generateKeyPair);

/** Throws SettingsError for a key that others may read, for what is no key or certificate, and for two that do not match. */
export async function readPair(certsDir: string, name: PairName): Promise<StoredPair> {
  const keyFile = keyFileOf(certsDir, name);
  const certificateFile = certificateFileOf(certsDir, name);
  const keyPem = await readPem(keyFile, stat => requirePrivate(stat, keyFile, groupRights(name)));
  const certificatePem = await readPem(certificateFile);
  const key =
    keyPem === undefined ? undefined : { pem: keyPem, object: parseKey(keyPem, keyFile, [keyType[name]]) };
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

export async function readKey(certsDir: string, name: PairName): Promise<string | undefined> {
  const file = keyFileOf(certsDir, name);
  const pem = await readPem(file, stat => requirePrivate(stat, file, groupRights(name)));
  if (pem !== undefined) parseKey(pem, file, [keyType[name]]);
  return pem;
}

/**
 * Makes a private key (PKCS #8) and writes it durably, for its owner alone; where roles are parted, the receiver reads the
 * servers'. A key that is there stays: of two processes that make one at once, the second takes the first one's.
 */
export async function makeKey(certsDir: string, name: PairName): Promise<string> {
  const pem = await newKey(name);
  const file = keyFileOf(certsDir, name);
  if (await appears(file, pem, groupRights(name))) return pem;
  const other = await readKey(certsDir, name);
  if (other !== undefined) return other;
  throw new FailedError(`${file} was taken away in the moment it was made: try again.`);
}

/** False when there is such a file already. */
async function appears(file: string, bytes: string, group: GroupRights): Promise<boolean> {
  const part = partOf(file);
  try {
    await writeNewFile(part, bytes, group);
    await link(part, file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(part, { force: true });
    await syncDirectory(dirname(file));
  }
}

/**
 * Puts a new key in place of the one that is there. Its certificate goes first: a key without one is what an interrupted first
 * start leaves, and is completed. The receiver, which looks every few seconds, hardly ever finds it so.
 */
export async function replaceKey(certsDir: string, name: PairName): Promise<void> {
  const file = keyFileOf(certsDir, name);
  const part = partOf(file);
  await writeNewFile(part, await newKey(name), groupRights(name));
  await rm(certificateFileOf(certsDir, name), { force: true });
  await syncDirectory(certsDir);
  await renameDurably(part, file);
}

async function newKey(name: PairName): Promise<string> {
  const { privateKey } =
    keyType[name] === 'rsa'
      ? // The authority's key lasts 20 years; 2048 bits are what every camera can verify, and quick to shake hands with.
        await makeKeyPair('rsa', { modulusLength: name === 'ca' ? 3072 : 2048 })
      : await makeKeyPair('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export async function writeCertificate(certsDir: string, name: PairName, pem: string): Promise<void> {
  const file = certificateFileOf(certsDir, name);
  const part = partOf(file);
  await writeNewFile(part, pem, 'read');
  await renameDurably(part, file);
}

/** A command may write beside the daemon, so each has a name of its own. */
function partOf(file: string): string {
  return `${file}.${randomBytes(6).toString('hex')}.new`;
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

async function requirePrivate(stat: Stats, file: string, group: GroupRights): Promise<void> {
  const allowed = fileModeIn((await statOf(dirname(file))).mode, group);
  if ((stat.mode & 0o077 & ~allowed) !== 0) throw openToOthers(stat, file, 'chmod 600');
}
