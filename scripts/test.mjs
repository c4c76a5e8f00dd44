// npm test: everything that says whether this is right, from a fresh clone. With file or directory names: only those tests.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt } from './lib/build.mjs';
import { ensurePrograms } from './lib/debian.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { checkPlatform, main, projectRoot, run, Stop, say } from './lib/run.mjs';
import { runTap } from './lib/tap.mjs';

/** What tests run besides the project itself. */
const programs = {
  ffmpeg: ['ffmpeg', 'ffprobe'],
  curl: ['curl'],
  lftp: ['lftp'],
  python3: ['python3'],
  openssl: ['openssl'],
  bubblewrap: ['bwrap'],
  iproute2: ['ip'],
  nftables: ['nft'],
  // A file system that shares bytes, for backups.
  'btrfs-progs': ['mkfs.btrfs'],
  procps: ['ps'],
  tcpdump: ['tcpdump'],
  zsh: ['zsh'],
  fish: ['fish'],
  mandoc: ['mandoc'],
  systemd: ['systemd-analyze', 'systemd-notify'],
  shellcheck: ['shellcheck'],
  // The RTSP test camera: gst-rtsp-server, its encoders and payloaders, driven from Python.
  'python3-gi': [],
  'gir1.2-gst-rtsp-server-1.0': [],
  'gstreamer1.0-plugins-base': [],
  'gstreamer1.0-plugins-good': [],
  'gstreamer1.0-plugins-bad': [],
  'gstreamer1.0-plugins-ugly': [],
  'gstreamer1.0-libav': [],
  'gstreamer1.0-x': [],
};

const checks = {
  types: ['tsc', '-p', '.'],
  lint: ['biome', 'check', '--error-on-warnings', '--colors=off', '.'],
  'unused code': ['knip', '--no-progress'],
};

await main(async () => {
  checkPlatform();
  const unavailable = ensurePrograms(programs);
  ensurePackages();
  const args = process.argv.slice(2);
  const total = { passed: 0, failed: 0, skipped: 0 };
  buildOrCount(total);
  for (const name of unavailable) say(`${name} could not be installed: tests that need it are skipped`);
  if (args.length === 0) for (const name of Object.keys(checks)) runCheck(name, total);
  const tests = await runTap(args.flatMap(testFilesOf));
  for (const key of Object.keys(total)) total[key] += tests[key];
  if (total.passed === 0 && total.failed === 0) {
    console.log('No test ran.');
    total.failed += 1;
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
});

/** What does not compile is one failure among others: the rest is told all the same. */
function buildOrCount(total) {
  try {
    ensureBuilt({ onStart: () => say('building') });
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    total.failed += 1;
    console.log(`FAILED build\n${error.message}`);
  }
}

function runCheck(name, total) {
  const [program, ...args] = checks[name];
  const { code, output } = run(program, args, { quiet: true });
  total[code === 0 ? 'passed' : 'failed'] += 1;
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name}`);
  if (code !== 0) console.log(output.trim());
}

/** A directory means the tests in it; options of tap and single files stay what they are. */
function testFilesOf(name) {
  if (name.startsWith('-')) return [name];
  const path = join(projectRoot, name);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [name];
  return readdirSync(path, { recursive: true })
    .filter(entry => entry.endsWith('.test.ts'))
    .sort()
    .map(entry => join(name, entry));
}
