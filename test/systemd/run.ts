// npm run test:systemd [-- --keep]: a release is made, and lives through what an installation lives through, on a machine of its own that
// is booted by systemd-nspawn. Needs root, Debian or a descendant of it, and some minutes. --keep: the machine stays after
// a failure, to look at.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureBaseSystem } from './base-system.ts';
import { type Container, makeContainer } from './container.ts';
import { stepsOf } from './life.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const diskBytes = 640 * 1024 * 1024;

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
const say = (text: string) => console.log(`# ${text}`);
if (process.getuid?.() !== 0) {
  console.error('npm run test:systemd boots a machine, which only root may do: sudo npm run test:systemd');
  process.exit(1);
}
process.exitCode = await main();
// A camera of the tests may still serve.
process.exit();

/** For who wants to look: until Ctrl-C, or a signal that ends this. */
async function keep(container: Container): Promise<void> {
  say(`look inside with: nsenter --all --target ${container.leader()} (Ctrl-C ends it)`);
  const held = setInterval(() => {}, 60_000);
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  clearInterval(held);
}

async function main(): Promise<number> {
  const base = ensureBaseSystem(say);
  say('making a release');
  const made = spawnSync(process.execPath, ['scripts/release.mjs'], { cwd: root, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`npm run release: ${made.stderr}`);
  const [archive] = readdirSync(join(root, 'release')).filter(name => name.endsWith('.tar.gz'));
  await using container = await makeContainer({
    base,
    place: mkdtempSync('/var/tmp/clipward-systemd-'),
    diskBytes,
  });
  const steps = stepsOf({ container, release: join(root, 'release', archive as string) });
  let passed = 0;
  for (const [name, work] of steps) {
    const startedAt = performance.now();
    try {
      await work();
    } catch (error) {
      console.log(`not ok ${name}\n${error instanceof Error ? error.stack : error}`);
      console.log(
        (await container.run('journalctl', '--unit=clipward*', '--output=cat', '--lines=40')).stdout,
      );
      if (values.keep) await keep(container);
      break;
    }
    passed++;
    console.log(`ok ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  }
  console.log(
    `${passed} passed, ${steps.length === passed ? 0 : 1} failed, ${Math.max(0, steps.length - passed - 1)} not reached`,
  );
  return passed === steps.length ? 0 : 1;
}
