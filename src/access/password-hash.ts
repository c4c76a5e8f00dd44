// Passwords of camera accounts: made, judged and hashed. Checking them at log-in is passwords.ts.

import { randomBytes, randomInt, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Without 0 O 1 l I: a person types it into a camera's web page. 57 characters, 5.8 bits each. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** Cameras allow at most 31 to 127 characters, often no symbols; 20 of these are 116 bits. */
const generatedLength = 20;

export const minPasswordLength = 8;
export const maxPasswordLength = 127;
/** The shortest limit of a camera that was found. */
const longestEverywhere = 31;

export const passwordRule = `${minPasswordLength} to ${maxPasswordLength} printable ASCII characters`;

/** A new password from the system's random numbers, every character equally likely. */
export function generatePassword(): string {
  return Array.from({ length: generatedLength }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
}

export function isAcceptablePassword(password: string): boolean {
  return (
    password.length >= minPasswordLength && password.length <= maxPasswordLength && /^[ -~]+$/.test(password)
  );
}

/** What a person should know about a password that is acceptable here but not in every camera, as sentences. */
export function passwordWarnings(password: string): readonly string[] {
  const warnings = [];
  if (/[^A-Za-z0-9]/.test(password)) {
    warnings.push(
      'This password has a symbol or a space in it, which many cameras refuse or change: letters and digits are safe.',
    );
  }
  if (password.length > longestEverywhere) {
    warnings.push(
      `This password is longer than ${longestEverywhere} characters, and some cameras cut it off without a word.`,
    );
  }
  return warnings;
}

type Cost = Readonly<{ log2N: number; r: number; p: number }>;

/** 32 MiB and about a tenth of a second. OWASP's password storage cheat sheet asks for 2^17; cameras' passwords are random, and a camera logs in for every clip. */
const cost: Cost = { log2N: 15, r: 8, p: 1 };
const saltBytes = 16;
const hashBytes = 32;
/** A hash from a restored or edited database may not ask for more work than this. */
const maxLog2N = 17;

/**
 * Hashes with scrypt (RFC 7914) and a fresh salt, as PHC text: `$scrypt$ln=15,r=8,p=1$salt$hash`, salt and hash in base64
 * without padding. Runs on libuv's thread pool.
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, cost);
  return `$scrypt$ln=${cost.log2N},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Whether the password has this hash. Compared in constant time; always costs one scrypt. Throws for a hash that is none. */
export async function matchesHash(password: string, encoded: string): Promise<boolean> {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/.exec(
    encoded,
  );
  const [, log2N, r, p, salt = '', hash = ''] = match ?? [];
  if (match === null || Number(log2N) > maxLog2N || Number(r) > cost.r || Number(p) > cost.p)
    throw new Error('access.db holds a password hash that this version cannot read');
  const derived = await derive(password, Buffer.from(salt, 'base64'), {
    log2N: Number(log2N),
    r: Number(r),
    p: Number(p),
  });
  return timingSafeEqual(derived, Buffer.from(hash, 'base64'));
}

/** A hash of the usual cost that no password is known for: what an unknown user's password is compared with. */
export const hashOfNobody = `$scrypt$ln=${cost.log2N},r=${cost.r},p=${cost.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

const scryptAsync = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

function derive(password: string, salt: Uint8Array, { log2N, r, p }: Cost): Promise<Buffer> {
  const N = 2 ** log2N;
  // OpenSSL counts a little more than the 128 * N * r bytes of the RFC; Node's own limit is exactly that for 2^15.
  return scryptAsync(password, salt, hashBytes, { N, r, p, maxmem: 2 * 128 * N * r });
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
