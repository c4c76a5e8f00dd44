// Long work on a real terminal: a line that says how far it is and leaves nothing behind, and nothing of it anywhere else.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { clipRelativePath } from '../../src/archive/clip-path.ts';
import { catalogueFile, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { sampleClip, sampleReceipt } from '../catalogue/sample-clip.ts';
import { addCamera, makeInstallation } from '../support/daemon.ts';
import { onTerminal } from '../support/on-terminal.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const dayMs = 86_400_000;
/** An archive with two clips that retention has to delete. */
async function installationWithOldClips(t: Test) {
  const installation = await makeInstallation({
    settings: ['  limits: { minFreeBytes: 0 }', 'retention: { keepClipsDays: 30 }'],
  });
  t.teardown(() => installation.remove());
  const { dataDir, stateDir, config } = installation;
  await addCamera(installation, 'den');
  const daemon = await installation.serve();
  t.equal((await daemon.stop()).code, 0);
  using catalogue = openCatalogue({ file: catalogueFile(stateDir) });
  for (const word of ['c1', 'c2']) {
    const id = word.padEnd(26, '0');
    const at = Date.now() - 40 * dayMs;
    const path = clipRelativePath({ camera: 'den', id, at, extension: 'mp4' });
    mkdirSync(dirname(join(dataDir, path)), { recursive: true });
    writeFileSync(join(dataDir, path), Buffer.alloc(1000), { mode: 0o400 });
    catalogue.fileClip(
      sampleClip(id, { camera: 'den', path, thumbnail: null, startAt: at, receivedAt: at, keptFrom: at }),
      sampleReceipt(id, at),
    );
  }
  return {
    ...installation,
    command: (...args: string[]) => [process.execPath, main, ...args, '--config', config],
  };
}

t.test('check tells how many files it has compared, and then clears the line', async t => {
  const { command, run, root } = await installationWithOldClips(t);
  const { shown } = onTerminal(command('check'));
  // The second is too soon after the first to be shown, unless the machine is very slow.
  t.match(
    shown,
    /^1 file compared\u001b\[1G\u001b\[2K(2 files compared\u001b\[1G\u001b\[2K)?2 clips checked, all is well\n$/,
  );
  const dumb = onTerminal(command('check'), [], { TERM: 'dumb' }).shown;
  t.notMatch(dumb, 'compared');
  t.notMatch(dumb, '\u001b');
  const piped = await run(['check']);
  t.equal(piped.stderr, '');
  t.equal(piped.stdout, dumb, 'what stays is the same everywhere');
  const file = join(root, 'report.json');
  const toFile = onTerminal([
    'sh',
    '-c',
    'out=$1; shift; exec "$@" >"$out"',
    'sh',
    file,
    ...command('check', '--json'),
  ]);
  t.match(toFile.shown, /^1 file compared\u001b\[1G\u001b\[2K[^\n]*$/, 'the terminal has the progress');
  t.match(JSON.parse(readFileSync(file, 'utf8')), { clips: 2 }, 'and the file the facts');
});

t.test('retention run tells how much it has deleted, and then clears the line', async t => {
  const { command } = await installationWithOldClips(t);
  const { code, shown } = onTerminal(command('retention', 'run'));
  t.equal(code, 0);
  t.match(shown, /^2\.0 kB deleted in this pass\u001b\[1G\u001b\[2KCAMERA +WHY/);
  t.match(shown, /\nden +age +2 +0 +2\.0 kB\n$/);
});

t.test('retention run in a pipe says what was deleted and nothing else', async t => {
  const { run } = await installationWithOldClips(t);
  const { code, stdout, stderr } = await run(['retention', 'run']);
  t.equal(code, 0);
  t.equal(stderr, '');
  t.match(stdout, /^CAMERA +WHY[^\n]*\nden +age +2 +0 +2\.0 kB\n$/);
});
