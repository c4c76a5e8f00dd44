// Certificates for cameras, made by openssl.

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Signed by itself, for this name (`DNS:cam` or `IP:192.0.2.7`). */
export function makeCertificate(name: string): { key: string; cert: string; fingerprint: string } {
  const directory = mkdtempSync(join(tmpdir(), 'clipward-certificate-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=camera', '-addext', `subjectAltName=${name}`, '-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  );
  const made = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  rmSync(directory, { recursive: true });
  const fingerprint = new X509Certificate(made.cert).fingerprint256.replaceAll(':', '').toLowerCase();
  return { ...made, fingerprint };
}
