// A directory as certbot keeps it: archive/ has every renewal, live/ links to the newest, which are exchanged one by one.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

export type KeyKind = 'rsa' | 'ecdsa';
const fileNames = ['privkey', 'fullchain'] as const;
type FileName = (typeof fileNames)[number];

const keyArguments: Record<KeyKind | 'weak', string[]> = {
  rsa: ['-newkey', 'rsa:2048'],
  ecdsa: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  weak: ['-newkey', 'rsa:512'],
};

/** Signed by itself: whether somebody trusts it makes no difference here. */
export function makePair(
  files: { key: string; cert: string },
  { kind = 'ecdsa', days = 90 }: { kind?: keyof typeof keyArguments; days?: number } = {},
): void {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', ...keyArguments[kind], '-nodes', '-days', String(days), '-subj', '/CN=cam.example'],
      ...['-addext', 'subjectAltName=DNS:cam.example', '-keyout', files.key, '-out', files.cert],
    ],
    { stdio: 'ignore' },
  );
  chmodSync(files.key, 0o600);
}

export function makeCertbotDirectory(root: string, kind: KeyKind = 'ecdsa') {
  const live = join(root, 'live', 'cam.example');
  const archive = join(root, 'archive', 'cam.example');
  for (const directory of [live, archive]) mkdirSync(directory, { recursive: true });
  const numbered = (name: FileName, count: number) => join(archive, `${name}${count}.pem`);
  let count = 0;
  const issue = (options: { kind?: KeyKind; days?: number } = {}) => {
    count += 1;
    makePair({ key: numbered('privkey', count), cert: numbered('fullchain', count) }, { kind, ...options });
    return readFileSync(numbered('fullchain', count), 'utf8');
  };
  const unlinkLive = (name: FileName) => unlinkSync(join(live, `${name}.pem`));
  const linkLive = (name: FileName) =>
    symlinkSync(join('..', '..', 'archive', 'cam.example', `${name}${count}.pem`), join(live, `${name}.pem`));
  const first = issue();
  for (const name of fileNames) linkLive(name);
  return {
    live,
    first,
    /** The newest file behind a link. */
    newest: (name: FileName) => numbered(name, count),
    issue,
    unlinkLive,
    linkLive,
    /** What `certbot renew` does, in its order. */
    renew(options: { kind?: KeyKind; days?: number } = {}): string {
      const pem = issue(options);
      for (const name of fileNames) {
        unlinkLive(name);
        linkLive(name);
      }
      return pem;
    },
  };
}
