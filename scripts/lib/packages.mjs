// The npm packages, exactly as package-lock.json names them.

import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, run, Stop, say, systemPath } from './run.mjs';

/** A production environment would leave out the compiler, a frugal one the optional packages: sharp's binaries and Node. */
const options = [
  '--ignore-scripts',
  '--engine-strict=false',
  '--include=dev',
  '--include=optional',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
];

/** Installs the packages unless they are there already. */
export function ensurePackages() {
  install();
  linkCommand();
}

function install() {
  const missing = findMissingPackage(projectRoot);
  if (missing === undefined) return;
  say(`installing the npm packages (${missing})`);
  // Install scripts stay off (.npmrc): nothing here needs one. The machine's own npm, since its copy of Node is replaced.
  const npm = process.env.npm_execpath;
  const [program, ...first] = npm ? [existsSync(process.execPath) ? process.execPath : 'node', npm] : ['npm'];
  const env = { ...process.env, PATH: systemPath() };
  const { code } = run(program, [...first, 'ci', ...options], { env });
  if (code !== 0)
    throw new Stop('npm could not install the packages: see what it says above, and try again.');
  const still = findMissingPackage(projectRoot);
  if (still !== undefined)
    throw new Stop(`npm installed the packages, but ${still}: run npm ci and see what it says.`);
}

/** npm links the commands of packages, not the project's own: with this link `npx clipward` finds it and installs nothing. */
function linkCommand() {
  const link = join(projectRoot, 'node_modules', '.bin', 'clipward');
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync('../../bin/clipward.mjs', link);
}

/**
 * Says what is missing or of another version than package-lock.json says, or undefined. npm writes
 * node_modules/.package-lock.json last, so an interrupted installation has none.
 */
export function findMissingPackage(root) {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return 'there are none yet';
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(installedFile);
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || !path.startsWith('node_modules/')) continue;
    const there = installed[path];
    if (there === undefined || !existsSync(join(root, path, 'package.json'))) {
      if (isForThisMachine(entry)) return `${path.slice('node_modules/'.length)} is missing`;
    } else if (there.version !== entry.version || there.integrity !== entry.integrity) {
      return `${path.slice('node_modules/'.length)} is not at ${entry.version}`;
    }
  }
  return undefined;
}

/**
 * The directories of the packages that the program runs on here, as package-lock.json names them: no tools, and no Node, which
 * a server has of its own and keeps up to date.
 */
export function packagesToRun(root) {
  return Object.entries(packagesOf(join(root, 'package-lock.json')))
    .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.dev && !entry.devOptional)
    .map(([path]) => path)
    .filter(path => !/\/node-linux-[a-z0-9]+$/.test(path) && existsSync(join(root, path, 'package.json')));
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

/** An optional package is for certain machines; where the lockfile does not say which, it follows one that does. */
function isForThisMachine({ optional, peer, os, cpu, libc }) {
  if (!optional) return !peer;
  if (!os && !cpu) return false;
  return allows(os, process.platform) && allows(cpu, process.arch) && allows(libc, cLibrary());
}

function allows(list, value) {
  return list === undefined || list.includes(value);
}

function cLibrary() {
  return process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
}
