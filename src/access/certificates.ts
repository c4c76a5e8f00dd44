// The server's two certificates, from one local authority: old cameras are shown RSA, new ones shake hands with the
// cheaper ECDSA. Made on the first start, looked after at each later one. An operator's own certificate in their place
// is used as it is.

import { X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { closeToOthers, makeDirectory } from '../base/durable.ts';
import { FailedError, SettingsError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { alternativeNames, type Subjects, withAddressesOf } from './alternative-names.ts';
import {
  certificateFileOf,
  keyFileOf,
  makeKey,
  readKey,
  readPair,
  replaceKey,
  writeCertificate,
} from './certificate-files.ts';
import type { ServerName } from './installed-certificates.ts';
import type { Authority, Validity } from './issue-certificate.ts';
import { organisation } from './organisation.ts';

/** What `tls.createSecureContext` takes; `cert` is the chain, server first. */
export type ServerCertificate = Readonly<{ cert: string; key: string }>;

export type Certificates = Readonly<{
  rsa: ServerCertificate;
  ecdsa: ServerCertificate;
  /** The authority's certificate in PEM, for clients that check. */
  ca: string;
  /** SHA-256, as pairs of hexadecimal digits with colons. */
  fingerprints: Readonly<{ rsa: string; ecdsa: string; ca: string }>;
}>;

const dayMs = 86_400_000;
/** Whoever trusted the authority need never do it again in the life of a camera. */
const authorityLifetimeMs = 20 * 365 * dayMs;
/**
 * Cameras do not look; clients that do check the authority, which stays. Long enough that a server which is never
 * restarted does not run out, and below the 825 days that Apple's systems accept from a private authority.
 */
const serverLifetimeMs = 2 * 365 * dayMs;
const renewBeforeMs = 30 * dayMs;
/** Clocks of cameras are wrong by whole time zones. */
const backdatedMs = dayMs;
/** A key that is replaced again and again while its certificate is made is somebody's mistake. */
const maxIssues = 3;

export type CertificateParts = Readonly<{
  certsDir: string;
  /** Names and addresses that clients may use for this server, as configured. */
  names: readonly string[];
  /** Addresses of its interfaces. */
  addresses: readonly string[];
  /** False: this process cannot see them, and what a certificate has stays in it. Default: true. */
  knowsAddresses?: boolean;
  clock: Clock;
  log: Log;
}>;

type Renewal = Readonly<{
  /** Servers' certificates of ours are made anew whatever they are like; `keys`: with new keys. */
  renew: 'needed' | 'all' | 'keys';
}>;

/**
 * Reads the certificates, and makes what is missing. Server certificates are renewed, with the key they have, when they
 * end within 30 days, do not cover a name or address of this server, or come from an earlier authority. Throws
 * SettingsError for keys that others may read, pairs that do not match, and what cannot be made without the authority's key.
 */
export async function openCertificates(
  parts: CertificateParts,
  { renew }: Renewal = { renew: 'needed' },
): Promise<Certificates> {
  const { certsDir } = parts;
  const subjects = alternativeNames(parts);
  await makeDirectory(certsDir);
  await closeToOthers(certsDir);
  const authority = await openAuthority(parts);
  if (renew !== 'needed') requireSigner(authority, certsDir, 'server-rsa');
  const ask = { subjects, renew } as const;
  const rsa = await openServer(parts, authority, { ...ask, name: 'server-rsa' });
  const ecdsa = await openServer(parts, authority, { ...ask, name: 'server-ecdsa' });
  const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256;
  return {
    rsa,
    ecdsa,
    ca: authority.certificate,
    fingerprints: {
      rsa: fingerprint(rsa.cert),
      ecdsa: fingerprint(ecdsa.cert),
      ca: fingerprint(authority.certificate),
    },
  };
}

/** The file that clients who check certificates are given. */
export function authorityCertificateFile(certsDir: string): string {
  return certificateFileOf(certsDir, 'ca');
}

type OpenAuthority = Readonly<{ certificate: string; leaf: X509Certificate; signer?: Authority }>;

async function openAuthority({ certsDir, clock, log }: CertificateParts): Promise<OpenAuthority> {
  const { key, certificate } = await readPair(certsDir, 'ca');
  if (certificate !== undefined && !certificate.leaf.ca) {
    throw new SettingsError(
      `${certificateFileOf(certsDir, 'ca')} is not the certificate of an authority: restore it, or move ca.crt and ca.key away so that clipward makes new ones.`,
    );
  }
  // One that has ended is made anew, with its key: perhaps the clock was wrong when it was made.
  const hasEnded = certificate !== undefined && certificate.leaf.validToDate.getTime() <= clock.now();
  if (certificate !== undefined && !(hasEnded && key !== undefined && isOurs(certificate.leaf))) {
    if (!isValidAt(certificate.leaf, clock.now())) {
      const { validFrom, validTo } = certificate.leaf;
      log.warn({ validFrom, validTo }, 'certificate authority is not valid now');
    }
    const signer = key && { certificate: certificate.pem, key: key.pem };
    return { certificate: certificate.pem, leaf: certificate.leaf, ...(signer && { signer }) };
  }
  const keyPem = key?.pem ?? (await makeKey(certsDir, 'ca'));
  const { issueAuthority } = await loadIssuing();
  const pem = issueAuthority(keyPem, validityFrom(clock, authorityLifetimeMs));
  await writeCertificate(certsDir, 'ca', pem);
  const leaf = new X509Certificate(pem);
  log.info({ fingerprint: leaf.fingerprint256, validTo: leaf.validTo }, 'certificate authority made');
  return { certificate: pem, leaf, signer: { certificate: pem, key: keyPem } };
}

type Ask = Readonly<{ name: ServerName; subjects: Subjects; renew: Renewal['renew'] }>;

async function openServer(
  parts: CertificateParts,
  authority: OpenAuthority,
  { name, subjects: wanted, renew }: Ask,
): Promise<ServerCertificate> {
  const { certsDir, clock, log } = parts;
  const { key, certificate } = await readPair(certsDir, name);
  if (certificate === undefined)
    return issueServer(parts, authority, { name, subjects: wanted, reason: 'missing' });
  if (key === undefined) {
    throw new SettingsError(
      `${keyFileOf(certsDir, name)} is missing beside its certificate: restore it, or move the certificate away so that clipward makes both anew.`,
    );
  }
  const { leaf } = certificate;
  const isOwn = isOurs(leaf);
  const subjects = parts.knowsAddresses === false && isOwn ? withAddressesOf(leaf, wanted) : wanted;
  if (renew !== 'needed' && isOwn) {
    if (renew === 'keys') await replaceKey(certsDir, name);
    return issueServer(parts, authority, { name, subjects, reason: 'asked' });
  }
  const reason = isOwn ? reasonToRenew(leaf, authority.leaf, subjects, clock.now()) : undefined;
  if (reason !== undefined && authority.signer !== undefined)
    return issueServer(parts, authority, { name, subjects, reason });
  if (reason !== undefined)
    log.warn(
      { certificate: name, reason, validTo: leaf.validTo },
      'server certificate needs to be replaced by hand',
    );
  return { cert: certificate.pem, key: key.pem };
}

type Reason = 'missing' | 'asked' | 'expiry' | 'names' | 'authority';
type Issue = Readonly<{ name: ServerName; subjects: Subjects; reason: Reason }>;

async function issueServer(
  { certsDir, clock, log }: CertificateParts,
  authority: OpenAuthority,
  { name, subjects, reason }: Issue,
): Promise<ServerCertificate> {
  const signer = requireSigner(authority, certsDir, name);
  const { issueRsaServer, issueEcdsaServer } = await loadIssuing();
  const issue = name === 'server-rsa' ? issueRsaServer : issueEcdsaServer;
  for (let count = 0; count < maxIssues; count += 1) {
    // A key that is there is kept: only one file is replaced then, and a crash cannot part key and certificate.
    const key = (await readKey(certsDir, name)) ?? (await makeKey(certsDir, name));
    const validity = validityFrom(clock, serverLifetimeMs, authority.leaf);
    const pem = await issue(signer, { key, ...subjects, validity });
    const cert = [pem, authority.certificate].map(each => `${each.replaceAll('\r', '').trim()}\n`).join('');
    await writeCertificate(certsDir, name, cert);
    // Another process may have put a new key there meanwhile.
    if ((await readKey(certsDir, name)) !== key) continue;
    const { validTo } = new X509Certificate(pem);
    log.info({ certificate: name, reason, validTo }, 'server certificate issued');
    return { cert, key };
  }
  throw new FailedError(
    `${keyFileOf(certsDir, name)} changes while its certificate is made: let only one program do that.`,
  );
}

function requireSigner({ signer }: OpenAuthority, certsDir: string, name: ServerName): Authority {
  if (signer !== undefined) return signer;
  throw new SettingsError(
    `${certificateFileOf(certsDir, name)} cannot be made without the authority's key ${keyFileOf(certsDir, 'ca')}: restore that key, or move ca.crt away so that clipward makes a new authority.`,
  );
}

/** For one of ours: an operator's own is his to renew, and its names are what its authority confirmed. */
function reasonToRenew(
  leaf: X509Certificate,
  authority: X509Certificate,
  { names, addresses }: Subjects,
  nowMs: number,
): Reason | undefined {
  const isLasting = isValidAt(leaf, nowMs) && isValidAt(leaf, nowMs + renewBeforeMs);
  // A clock at which even the authority is not valid is wrong: what was issued by it would be wrong, too.
  if (!isLasting && isValidAt(authority, nowMs)) return 'expiry';
  if (!leaf.checkIssued(authority) || !leaf.verify(authority.publicKey)) return 'authority';
  const isCovered =
    names.every(name => leaf.checkHost(name) !== undefined) &&
    addresses.every(address => leaf.checkIP(address) !== undefined);
  return isCovered ? undefined : 'names';
}

/** Two libraries of 2 MB that a daemon needs once in two years: they would be memory of every process that asks for a name. */
function loadIssuing() {
  return import('./issue-certificate.ts');
}

/** By the name of its issuer, which says who looks after it and proves nothing. */
export function isOurs(leaf: X509Certificate): boolean {
  return leaf.issuer.split('\n').includes(`O=${organisation}`);
}

function isValidAt(certificate: X509Certificate, nowMs: number): boolean {
  return certificate.validFromDate.getTime() <= nowMs && nowMs < certificate.validToDate.getTime();
}

/** No certificate outlives the authority that signed it. */
function validityFrom(clock: Clock, lifetimeMs: number, authority?: X509Certificate): Validity {
  const notAfterMs = clock.now() + lifetimeMs;
  return {
    notBeforeMs: clock.now() - backdatedMs,
    notAfterMs: Math.min(notAfterMs, authority?.validToDate.getTime() ?? notAfterMs),
  };
}
