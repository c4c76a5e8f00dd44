// Certificates made: the local authority and the RSA server certificate by node-forge; the ECDSA one by @peculiar/x509,
// since node-forge knows no elliptic curves. Keys come from Node's own crypto; the libraries only encode and sign.

// @peculiar/x509 registers its parts through decorators and needs this before it.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import forge from 'node-forge';
import { organisation } from './organisation.ts';

export type Validity = Readonly<{ notBeforeMs: number; notAfterMs: number }>;

/** The authority that signs: both in PEM. */
export type Authority = Readonly<{ certificate: string; key: string }>;

export type ServerRequest = Readonly<{
  /** The server's private key in PEM. */
  key: string;
  /** DNS names; the first is also the common name, for clients that look nowhere else. */
  names: readonly [string, ...string[]];
  addresses: readonly string[];
  validity: Validity;
}>;

/** A self-signed authority that can sign servers and nothing below it. Answers PEM. */
export function issueAuthority(key: string, validity: Validity): string {
  const certificate = blankCertificate(key, validity);
  // Eight digits, so that the authorities of two installations can be told apart in a list of trusted ones.
  const name = subject(`${organisation} CA ${randomBytes(4).toString('hex')}`);
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/** A server certificate for an RSA key. Answers PEM, without the authority. */
export function issueRsaServer(authority: Authority, request: ServerRequest): string {
  const issuer = forge.pki.certificateFromPem(authority.certificate);
  const certificate = blankCertificate(request.key, request.validity);
  certificate.setSubject(subject(commonName(request)));
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        ...request.names.map(value => ({ type: 2, value })),
        ...request.addresses.map(ip => ({ type: 7, ip })),
      ],
    },
    { name: 'subjectKeyIdentifier' },
    {
      name: 'authorityKeyIdentifier',
      keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes(),
    },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(authority.key), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/** A server certificate for an ECDSA P-256 key, signed by the RSA authority. Answers PEM, without the authority. */
export async function issueEcdsaServer(authority: Authority, request: ServerRequest): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signature = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const publicKey = createPublicKey(request.key).toCryptoKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'verify',
  ]);
  const issuerId = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  if (issuerId === null) throw new Error('the authority has no key identifier');
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    // The name as it is encoded in the authority: a rebuilt one may differ in its string types.
    issuer: issuer.subjectName,
    subject: [{ O: [organisation] }, { CN: [commonName(request)] }],
    notBefore: new Date(request.validity.notBeforeMs),
    notAfter: new Date(request.validity.notAfterMs),
    publicKey,
    signingKey: createPrivateKey(authority.key).toCryptoKey(signature, false, ['sign']),
    signingAlgorithm: signature,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...request.names.map(value => ({ type: 'dns' as const, value })),
        ...request.addresses.map(value => ({ type: 'ip' as const, value })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      new x509.AuthorityKeyIdentifierExtension(issuerId.keyId),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

function blankCertificate(key: string, { notBeforeMs, notAfterMs }: Validity): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  const publicPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicPem);
  certificate.serialNumber = randomSerial();
  certificate.validity.notBefore = new Date(notBeforeMs);
  certificate.validity.notAfter = new Date(notAfterMs);
  return certificate;
}

function subject(name: string): forge.pki.CertificateField[] {
  return [
    { name: 'organizationName', value: organisation },
    { name: 'commonName', value: name },
  ];
}

/** X.520 bounds a common name at 64 characters; the alternative names hold it in full. */
function commonName(request: ServerRequest): string {
  return request.names[0].slice(0, 64);
}

/** 16 random bytes as a positive DER integer without leading zeros (RFC 5280 4.1.2.2). */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}
