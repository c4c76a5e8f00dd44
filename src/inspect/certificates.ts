// The certificates that clients are shown, and the authority of ours: what `cert show`, status, doctor and alerts say of them.

import type { X509Certificate } from 'node:crypto';
import { namesIn } from '../access/alternative-names.ts';
import { certificateFileOf, keyFileOf, type PairName, readPair } from '../access/certificate-files.ts';
import { isOurs } from '../access/certificates.ts';
import type { CertificatePlaces } from '../access/installed-certificates.ts';
import { outsideFiles, readOutsideCertificate } from '../access/outside-certificate.ts';
import { validityOf } from '../access/pem-files.ts';
import { SettingsError } from '../base/errors.ts';
import { type CertificateLife, certificateLife, daysLeft } from '../domain/certificate-life.ts';

export type CertificateName = PairName | 'outside';

export type CertificateFacts = Readonly<{
  name: CertificateName;
  type: 'RSA' | 'ECDSA';
  file: string;
  /** Null: it is not there, which only the authority's may be. */
  keyFile: string | null;
  /** Whether clients are shown it; the authority's goes along with ours. */
  shown: boolean;
  /** Who makes a new one before it ends. */
  renewedBy: 'clipward' | 'somebody else';
  issuer: string;
  names: readonly string[];
  addresses: readonly string[];
  validFromAt: number;
  validToAt: number;
  life: CertificateLife;
  daysLeft: number;
  /** SHA-256, pairs of hexadecimal digits with colons. */
  fingerprint: string;
}>;

export type CertificateTrouble = Readonly<{ name: CertificateName; sentence: string }>;

/** Its files are there, or should be; the sentence says why nobody can be shown it. */
export type UnusableCertificate = CertificateTrouble & CertificateFiles;

type CertificateFiles = Readonly<{ file: string; keyFile: string }>;

export type CertificateReport = Readonly<{
  /** Those that are there and can be used; empty before the first start. */
  certificates: readonly CertificateFacts[];
  /** The one from elsewhere first. */
  unusable: readonly UnusableCertificate[];
  /** What keeps one from being used, and what is near its end. */
  troubles: readonly CertificateTrouble[];
}>;

/** Reads them from the disk: a running receiver has taken what stands there within some seconds, unless there is trouble. */
export async function readCertificates(
  places: CertificatePlaces,
  nowMs: number,
  warnBeforeMs?: number,
): Promise<CertificateReport> {
  const certificates: CertificateFacts[] = [];
  const unusable: UnusableCertificate[] = [];
  const { outsideDir } = places;
  const outsideAt = filesOf('outside', places);
  const outside = await tried('outside', outsideAt, unusable, async () =>
    outsideDir === null ? undefined : readOutsideCertificate(outsideDir),
  );
  if (outside !== undefined)
    certificates.push({
      ...{ name: 'outside', ...outsideAt, shown: true, renewedBy: 'somebody else' },
      ...factsOf(outside.leaf, nowMs, warnBeforeMs),
    });
  for (const name of ['server-rsa', 'server-ecdsa', 'ca'] as const) {
    const files = filesOf(name, places);
    const pair = await tried(name, files, unusable, () => readPair(places.certsDir, name));
    if (pair?.certificate === undefined) continue;
    const { leaf } = pair.certificate;
    certificates.push({
      ...{ name, file: files.file, keyFile: pair.key === undefined ? null : files.keyFile },
      shown: name !== 'ca' && isShown(name, places, outside?.type),
      renewedBy: isOurs(leaf) ? 'clipward' : 'somebody else',
      ...factsOf(leaf, nowMs, warnBeforeMs),
    });
  }
  const troubles = [
    ...unusable.map(({ name, sentence }) => ({ name, sentence })),
    ...certificates.flatMap(lifeTrouble),
  ];
  return { certificates, unusable, troubles };
}

function filesOf(name: CertificateName, { certsDir, outsideDir }: CertificatePlaces): CertificateFiles {
  if (name !== 'outside')
    return { file: certificateFileOf(certsDir, name), keyFile: keyFileOf(certsDir, name) };
  const { certificate, key } = outsideFiles(outsideDir ?? '');
  return { file: certificate, keyFile: key };
}

/** As readInstalledCertificates chooses. */
function isShown(
  name: 'server-rsa' | 'server-ecdsa',
  { outsideDir }: CertificatePlaces,
  outsideType: 'rsa' | 'ec' | undefined,
): boolean {
  return outsideDir === null || (outsideType === 'ec' && name === 'server-rsa');
}

async function tried<T>(
  name: CertificateName,
  files: CertificateFiles,
  unusable: UnusableCertificate[],
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    unusable.push({ name, ...files, sentence: error.message });
    return undefined;
  }
}

function factsOf(leaf: X509Certificate, nowMs: number, warnBeforeMs: number | undefined) {
  const validity = validityOf(leaf);
  return {
    type: leaf.publicKey.asymmetricKeyType === 'rsa' ? 'RSA' : 'ECDSA',
    issuer: leaf.issuer.replaceAll('\n', ', '),
    ...namesIn(leaf),
    validFromAt: validity.notBeforeAt,
    validToAt: validity.notAfterAt,
    life: certificateLife(validity, nowMs, warnBeforeMs),
    daysLeft: daysLeft(validity, nowMs),
    fingerprint: leaf.fingerprint256,
  } as const;
}

function lifeTrouble(facts: CertificateFacts): CertificateTrouble[] {
  const { name, file, shown, life } = facts;
  if (life === 'lasting' || !(shown || name === 'ca')) return [];
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  const what = {
    ending: `ends on ${day(facts.validToAt)}`,
    ended: `ended on ${day(facts.validToAt)}`,
    early: `does not begin before ${day(facts.validFromAt)}`,
  }[life];
  const remedy =
    life === 'early'
      ? 'look at the clock of this machine'
      : facts.renewedBy === 'clipward'
        ? 'clipward cert renew, and look in the log for why it was not renewed'
        : 'have it renewed where it comes from, and put it there';
  return [{ name, sentence: `The certificate ${file} ${what}: ${remedy}.` }];
}
