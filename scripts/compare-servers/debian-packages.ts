// Debian's packages unpacked beside the system: vsftpd and Pure-FTPd conflict, so at most one of them could be installed.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** libwrap0 is a library that vsftpd needs and few systems still have. */
const usual = ['vsftpd', 'pure-ftpd', 'libwrap0'];
const downloadTimeoutMs = 120_000;

export type Unpacked = { root: string; libraries: string };

/** Throws, with what apt says, when the packages cannot be had. */
export function unpackPeers(directory: string, packages: readonly string[] = usual): Unpacked {
  const downloads = join(directory, 'packages');
  const root = join(directory, 'unpacked');
  for (const path of [downloads, root]) mkdirSync(path);
  // apt downloads as a user of its own.
  chmodSync(downloads, 0o777);
  run('apt-get', ['-q', 'download', ...packages], downloads);
  for (const file of readdirSync(downloads).filter(name => name.endsWith('.deb')))
    run('dpkg', ['-x', join(downloads, file), root], downloads);
  const architecture = run('dpkg-architecture', ['-qDEB_HOST_MULTIARCH'], downloads, true).trim();
  const triplet =
    architecture === '' ? `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu` : architecture;
  return {
    root,
    libraries: [join(root, 'lib', triplet), join(root, 'usr', 'lib', triplet)].join(':'),
  };
}

function run(program: string, args: string[], cwd: string, isOptional = false): string {
  try {
    return execFileSync(program, args, { cwd, encoding: 'utf8', timeout: downloadTimeoutMs, stdio: 'pipe' });
  } catch (error) {
    if (isOptional) return '';
    const said = (error as { stderr?: string }).stderr?.trim() ?? '';
    throw new Error(`${program} ${args.join(' ')} failed: ${said || (error as Error).message}`);
  }
}
