import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCommand } from '../support/daemon.ts';

// Root may enter everything; a file in the way, and a place where the kernel lets nobody make anything, stop root too.
const cases: [settings: string, sentence: RegExp][] = [
  ['stateDir: ./file/state', /^clipward: stateDir [^\n]*\/file\/state cannot be used \(ENOTDIR at [^\n]*\n$/],
  [
    'dataDir: ./file\nstateDir: ./state',
    /^clipward: dataDir [^\n]*\/file cannot be used \(ENOTDIR at [^\n]*\n$/,
  ],
  [
    'stateDir: /proc/clipward/state',
    /^clipward: stateDir [^\n]* cannot be used \(E[A-Z]+ at \/proc\/clipward\)[^\n]*\n$/,
  ],
  ['certsDir: /proc/clipward', /^clipward: certsDir \/proc\/clipward cannot be used [^\n]*\n$/],
];

t.test('a directory that cannot be made or used is one sentence with its key and exit code 78', async t => {
  for (const [settings, sentence] of cases) {
    const directory = t.testdir({ 'clipward.yaml': `${settings}\n` });
    writeFileSync(join(directory, 'file'), '');
    const { code, stderr } = await runCommand(['serve', '--config', join(directory, 'clipward.yaml')]);
    t.equal(code, 78, settings);
    t.match(stderr, sentence);
  }
});
