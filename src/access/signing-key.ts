// The key by which this installation signs what it has kept: Ed25519, made once. `secrets/` and what is in it are for the
// owner alone, also where roles are parted: a receiver that was taken over must not be able to sign anything. The public
// half lies beside it, so that a lost private key does not take with it what can check the days it has signed.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { closeToOthers, makeDirectory, renameDurably, replaceFile } from '../base/durable.ts';
import { errnoOf, SettingsError, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

export type PublicKey = Readonly<{
  /** SPKI, as openssl reads it. */
  pem: string;
  /** SHA-256 of the public key in DER, in hexadecimal. */
  fingerprint: string;
  /** `signature`: base64, over the text in UTF-8. */
  verify(text: string, signature: string): boolean;
}>;

export type SigningKey = Readonly<{
  publicKey: PublicKey;
  /** Base64, over the text in UTF-8. Synchronous: it is used inside transactions, and takes some 50 µs. */
  sign(text: string): string;
}>;

const privateName = 'signing.key';
const publicName = 'signing.pub';
/** A public key whose private half was lost: `signing-<the first digits of its fingerprint>.pub`. */
const earlierName = /^signing-[0-9a-f]{16}\.pub$/;
/** Nobody loses this many keys; what is beyond is not read. */
const maxEarlier = 64;
const maxPemBytes = 4096;
const makeKeyPair = promisify(generateKeyPair);

/**
 * The key of this installation; made when there is none. For the archive role, which alone makes it. Throws SettingsError
 * for a key that others may read, for what is no key, and for two halves that do not match.
 */
export async function openSigningKey(options: { stateDir: string; log: Log }): Promise<SigningKey> {
  const { stateDir, log } = options;
  const directory = secretsDirectory(stateDir);
  await makeDirectory(directory);
  await closeToOthers(directory);
  const stored = await readHalves(directory);
  if (stored.privateKey === undefined && stored.publicKey !== undefined) {
    // Refusing to start would lose clips. Whoever relies on signatures is told, here and by verify.
    await renameDurably(join(directory, publicName), join(directory, earlierNameOf(stored.publicKey)));
    log.error({ keyFingerprint: stored.publicKey.fingerprint }, 'signing key is missing');
  }
  const privateKey = stored.privateKey ?? (await makePrivateKey(directory));
  const publicKey = publicKeyOf(createPublicKey(privateKey));
  if (stored.privateKey === undefined || stored.publicKey === undefined)
    await replaceFile(join(directory, publicName), publicKey.pem);
  if (stored.privateKey === undefined)
    log.info({ keyFingerprint: publicKey.fingerprint }, 'signing key made');
  return signingKeyOf(privateKey, publicKey);
}

/**
 * For commands that write, and for roles that did not make it. `credentialsDirectory`: where systemd has put what the unit was
 * given (LoadCredential), for a user who may not read `secrets/`. Throws TransientError before the archive has been started
 * once, and as openSigningKey.
 */
export async function readSigningKey(
  stateDir: string,
  credentialsDirectory?: string | undefined,
): Promise<SigningKey> {
  if (credentialsDirectory !== undefined) {
    const file = join(credentialsDirectory, privateName);
    // Its mode is that of an access list, and the directory is this unit's alone.
    const pem = await readPem(file, { isPrivate: false });
    const given = pem === undefined ? undefined : parseKey(() => createPrivateKey(pem), file);
    if (given !== undefined) return signingKeyOf(given, publicKeyOf(createPublicKey(given)));
  }
  const { privateKey, publicKey } = await readHalves(secretsDirectory(stateDir));
  if (privateKey === undefined || publicKey === undefined)
    throw new TransientError(
      `${join(secretsDirectory(stateDir), privateName)} does not exist: start clipward serve once, which makes it.`,
    );
  return signingKeyOf(privateKey, publicKey);
}

/** What heads are checked with: the key that signs now (undefined before the first start), and those whose private half was lost. */
export async function readPublicKeys(
  stateDir: string,
): Promise<{ current: PublicKey | undefined; earlier: readonly PublicKey[] }> {
  const directory = secretsDirectory(stateDir);
  const current = await readPublicKey(join(directory, publicName));
  const names = (await namesIn(directory)).filter(name => earlierName.test(name)).sort();
  const earlier: PublicKey[] = [];
  for (const name of names.slice(0, maxEarlier)) {
    const key = await readPublicKey(join(directory, name));
    if (key) earlier.push(key);
  }
  return { current, earlier };
}

export function secretsDirectory(stateDir: string): string {
  return join(stateDir, 'secrets');
}

/** The private half comes first: an interruption leaves it without the public one, which follows from it. */
async function makePrivateKey(directory: string): Promise<KeyObject> {
  const { privateKey } = await makeKeyPair('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  await replaceFile(join(directory, privateName), pem);
  return privateKey;
}

async function readHalves(directory: string): Promise<{ privateKey?: KeyObject; publicKey?: PublicKey }> {
  const file = join(directory, privateName);
  const pem = await readPem(file, { isPrivate: true });
  const privateKey = pem === undefined ? undefined : parseKey(() => createPrivateKey(pem), file);
  const publicKey = await readPublicKey(join(directory, publicName));
  if (
    privateKey &&
    publicKey &&
    publicKeyOf(createPublicKey(privateKey)).fingerprint !== publicKey.fingerprint
  )
    throw new SettingsError(
      `${join(directory, publicName)} does not belong to ${file}: restore both from a backup, or move the public key away when the private one is the right one.`,
    );
  return { ...(privateKey && { privateKey }), ...(publicKey && { publicKey }) };
}

async function readPublicKey(file: string): Promise<PublicKey | undefined> {
  const pem = await readPem(file, { isPrivate: false });
  return pem === undefined ? undefined : publicKeyOf(parseKey(() => createPublicKey(pem), file));
}

function signingKeyOf(privateKey: KeyObject, publicKey: PublicKey): SigningKey {
  return { publicKey, sign: text => sign(null, Buffer.from(text), privateKey).toString('base64') };
}

function publicKeyOf(key: KeyObject): PublicKey {
  const fingerprint = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  return {
    pem: key.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint,
    verify: (text, signature) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64')),
  };
}

function earlierNameOf({ fingerprint }: PublicKey): string {
  return `signing-${fingerprint.slice(0, 16)}.pub`;
}

function parseKey(read: () => KeyObject, file: string): KeyObject {
  try {
    const key = read();
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // The cause is left out on purpose: nothing that has seen a key goes into an error.
  }
  throw new SettingsError(
    `${file} does not hold an unencrypted Ed25519 key in PEM: restore it from a backup of the state directory.`,
  );
}

async function readPem(file: string, { isPrivate }: { isPrivate: boolean }): Promise<string | undefined> {
  try {
    await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const facts = await handle.stat();
    if (!facts.isFile() || facts.size > maxPemBytes)
      throw new SettingsError(`${file} is not a PEM file: restore it from a backup of the state directory.`);
    if (isPrivate && (facts.mode & 0o077) !== 0)
      throw new SettingsError(
        `The signing key ${file} may be read or changed by other users (mode ${(facts.mode & 0o777).toString(8)}): chmod 600 it, and say so to whoever relies on what it signs if others use this machine.`,
      );
    return await handle.readFile('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === undefined) throw error;
    throw new SettingsError(
      `${file} cannot be read (${errnoOf(error)}): run this as the owner of the state directory.`,
      { cause: error },
    );
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await stat(directory)).isDirectory() ? await readdir(directory) : [];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
