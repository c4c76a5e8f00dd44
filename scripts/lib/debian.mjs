// Programs that come from the distribution, so that its security updates reach them.

import { isInstalled, run, Stop, say } from './run.mjs';

const aptGet = [
  '-y',
  '-qq',
  '--no-install-recommends',
  '-o',
  'DPkg::Lock::Timeout=120',
  '-o',
  'Acquire::Retries=2',
  'install',
];

/**
 * Sees to it that programs are there: `{ package: [programs] }`; a package that brings none (a library, a plug-in) is asked
 * for by name. As root it installs what is missing, otherwise it stops with the command to type. Answers the packages that could not be had.
 */
export function ensurePrograms(programsByPackage) {
  const missing = missingPackages(programsByPackage);
  if (missing.length === 0) return [];
  if (!isInstalled('apt-get'))
    throw new Stop(
      `Missing on this machine: ${missing.join(', ')}. Install them the way this system does it, then try again.`,
    );
  if (process.getuid() !== 0)
    throw new Stop(
      `Missing on this machine: ${missing.join(', ')}. Install with this command, then try again:\n\n  sudo apt-get install -y --no-install-recommends ${missing.join(' ')}\n`,
    );
  say(`installing ${missing.join(', ')} from the distribution`);
  // Fresh machines have no package lists yet.
  if (!install(missing)) {
    runApt(['-qq', 'update']);
    if (!install(missing)) for (const each of missing) install([each]);
  }
  return missingPackages(programsByPackage);
}

function missingPackages(programsByPackage) {
  return Object.keys(programsByPackage).filter(name => {
    const programs = programsByPackage[name];
    return programs.length === 0 ? !packageIsThere(name) : !programs.every(isInstalled);
  });
}

function packageIsThere(name) {
  if (!isInstalled('dpkg-query')) return false;
  const { code, output } = run('dpkg-query', ['--status', name], { quiet: true });
  return code === 0 && /^Status: .* installed$/m.test(output);
}

function install(packages) {
  return runApt([...aptGet, ...packages]) === 0;
}

function runApt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { code, output } = run('apt-get', args, { env, quiet: true });
  if (code !== 0) console.error(output.trim());
  return code;
}
