// The root of a Debian machine, as a directory: made once by debootstrap from the distribution's packages, and kept.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const cache = '/var/cache/clipward-test';
const suite = 'bookworm';
/** What install.sh would get by apt-get is here from the start: the container has no way out. */
const packages = ['systemd', 'systemd-sysv', 'ffmpeg', 'util-linux', 'perl-base', 'iproute2', 'procps'];
/** Debian package by the program that shows that it is there. */
const programs = { 'systemd-nspawn': 'systemd-container', debootstrap: 'debootstrap', nsenter: 'util-linux' };

/** Throws an Error that says what is missing. */
export function ensureBaseSystem(say: (text: string) => void): string {
  ensurePrograms(say);
  const root = join(cache, suite);
  if (existsSync(root)) return root;
  say(`fetching a Debian (${suite}) into ${root}, once`);
  mkdirSync(cache, { recursive: true });
  const unfinished = `${root}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  const options = ['--variant=minbase', `--include=${packages.join(',')}`];
  run('debootstrap', [...options, suite, unfinished]);
  renameSync(unfinished, root);
  return root;
}

function ensurePrograms(say: (text: string) => void): void {
  const missing = Object.entries(programs)
    .filter(([program]) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0)
    .map(([, debianPackage]) => debianPackage);
  if (missing.length === 0) return;
  say(`installing ${missing.join(', ')}`);
  run('apt-get', ['-qq', '-y', '--no-install-recommends', 'install', ...missing]);
}

function run(program: string, args: string[]): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return;
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-3).join(' ');
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? said}`);
}
