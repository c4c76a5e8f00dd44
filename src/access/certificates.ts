// The server's two certificates, from one local authority: old cameras are shown RSA, new ones shake hands with the
// cheaper ECDSA. Made on the first start, looked after at each later one. An operator's own certificate in their place
// is used as it is.

import { X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { closeToOthers, makeDirectory } from '../base/durable.ts';
import { SettingsError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { parseAddress } from '../domain/networks.ts';
import {
  certificateFileOf,
  keyFileOf,
  makeKey,
  type PairName,
  readPair,
  type StoredPair,
  writeCertificate,
} from './certificate-files.ts';
import {
  type Authority,
  issueAuthority,
  issueEcdsaServer,
  issueRsaServer,
  organisation,
  type ServerRequest,
  type Validity,
} from './issue-certificate.ts';

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
/** So that a machine with a crowd of addresses does not grow a certificate that small cameras choke on. */
export const maxAlternativeNames = 64;

type Parts = Readonly<{
  certsDir: string;
  /** Names that clients may use for this server, as configured. */
  names: readonly string[];
  /** Addresses of its interfaces, and the passive address. */
  addresses: readonly string[];
  clock: Clock;
  log: Log;
}>;

/**
 * Reads the certificates, and makes what is missing. Server certificates are renewed, with the key they have, when they
 * end within 30 days, do not cover a name or address of this server, or come from an earlier authority. Throws
 * SettingsError for keys that others may read, pairs that do not match, and what cannot be made without the authority's key.
 */
export async function openCertificates(parts: Parts): Promise<Certificates> {
  const { certsDir } = parts;
  const subjects = alternativeNames(parts);
  await makeDirectory(certsDir);
  await closeToOthers(certsDir);
  const authority = await openAuthority(parts);
  const rsa = await openServer(parts, authority, subjects, 'server-rsa');
  const ecdsa = await openServer(parts, authority, subjects, 'server-ecdsa');
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

async function openAuthority({ certsDir, clock, log }: Parts): Promise<OpenAuthority> {
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
  const pem = issueAuthority(keyPem, validityFrom(clock, authorityLifetimeMs));
  await writeCertificate(certsDir, 'ca', pem);
  const leaf = new X509Certificate(pem);
  log.info({ fingerprint: leaf.fingerprint256, validTo: leaf.validTo }, 'certificate authority made');
  return { certificate: pem, leaf, signer: { certificate: pem, key: keyPem } };
}

type ServerName = Exclude<PairName, 'ca'>;
type Subjects = Pick<ServerRequest, 'names' | 'addresses'>;

async function openServer(
  parts: Parts,
  authority: OpenAuthority,
  subjects: Subjects,
  name: ServerName,
): Promise<ServerCertificate> {
  const { certsDir, clock, log } = parts;
  const { key, certificate } = await readPair(certsDir, name);
  if (certificate === undefined)
    return issueServer(parts, authority, subjects, { name, key, reason: 'missing' });
  if (key === undefined) {
    throw new SettingsError(
      `${keyFileOf(certsDir, name)} is missing beside its certificate: restore it, or move the certificate away so that clipward makes both anew.`,
    );
  }
  const reason = reasonToRenew(certificate.leaf, authority.leaf, subjects, clock.now());
  if (reason !== undefined && isOurs(certificate.leaf) && authority.signer !== undefined)
    return issueServer(parts, authority, subjects, { name, key, reason });
  if (reason !== undefined) {
    const { validTo } = certificate.leaf;
    log.warn({ certificate: name, reason, validTo }, 'server certificate needs to be replaced by hand');
  }
  return { cert: certificate.pem, key: key.pem };
}

type Reason = 'missing' | 'expiry' | 'names' | 'authority';
type Issue = Readonly<{ name: ServerName; key: StoredPair['key'] | undefined; reason: Reason }>;

async function issueServer(
  { certsDir, clock, log }: Parts,
  authority: OpenAuthority,
  subjects: Subjects,
  { name, key: existingKey, reason }: Issue,
): Promise<ServerCertificate> {
  if (authority.signer === undefined) {
    throw new SettingsError(
      `${certificateFileOf(certsDir, name)} cannot be made without the authority's key ${keyFileOf(certsDir, 'ca')}: restore that key, or move ca.crt away so that clipward makes a new authority.`,
    );
  }
  // A key that is there is kept: only one file is replaced then, and a crash cannot part key and certificate.
  const key = existingKey?.pem ?? (await makeKey(certsDir, name));
  const validity = validityFrom(clock, serverLifetimeMs, authority.leaf);
  const issue = name === 'server-rsa' ? issueRsaServer : issueEcdsaServer;
  const pem = await issue(authority.signer, { key, ...subjects, validity });
  const cert = [pem, authority.certificate].map(each => `${each.replaceAll('\r', '').trim()}\n`).join('');
  await writeCertificate(certsDir, name, cert);
  const { validTo } = new X509Certificate(pem);
  log.info({ certificate: name, reason, validTo }, 'server certificate issued');
  return { cert, key };
}

/** An operator's own certificate is judged by its time only: its names are what its authority confirmed. */
function reasonToRenew(
  leaf: X509Certificate,
  authority: X509Certificate,
  { names, addresses }: Subjects,
  nowMs: number,
): Reason | undefined {
  const isLasting = isValidAt(leaf, nowMs) && isValidAt(leaf, nowMs + renewBeforeMs);
  // A clock at which even the authority is not valid is wrong: what was issued by it would be wrong, too.
  if (!isLasting && (isValidAt(authority, nowMs) || !isOurs(leaf))) return 'expiry';
  if (!isOurs(leaf)) return undefined;
  if (!leaf.checkIssued(authority) || !leaf.verify(authority.publicKey)) return 'authority';
  const isCovered =
    names.every(name => leaf.checkHost(name) !== undefined) &&
    addresses.every(address => leaf.checkIP(address) !== undefined);
  return isCovered ? undefined : 'names';
}

function isOurs(leaf: X509Certificate): boolean {
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

/** Names that are addresses count as such. Configured ones come first: of a crowd, the interfaces' addresses are cut. */
function alternativeNames({ names, addresses }: Pick<Parts, 'names' | 'addresses'>): Subjects {
  const hosts = names.filter(name => parseAddress(name) === undefined);
  const bad = hosts.find(name => !/^[a-z0-9_][a-z0-9._-]{0,252}$/i.test(name));
  if (bad !== undefined) {
    throw new SettingsError(
      `${JSON.stringify(bad)} is no name for a certificate: give a host name like nas.lan, or an address.`,
    );
  }
  const dns = [...new Set([...hosts.map(name => name.toLowerCase()), 'localhost'])];
  const ips = ['127.0.0.1', '::1', ...[...names, ...addresses].map(parseAddress)].filter(
    ip => ip !== undefined,
  );
  const room = Math.max(2, maxAlternativeNames - dns.length);
  return { names: [dns[0] ?? 'localhost', ...dns.slice(1)], addresses: [...new Set(ips)].slice(0, room) };
}
