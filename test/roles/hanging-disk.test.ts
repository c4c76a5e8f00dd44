// The end of a daemon whose disk does not answer: the call that looks for the marker never returns, and nothing can take it back.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { layoutOf } from '../../src/archive/layout.ts';
import { leaveEntry } from '../archive/sample-receipt.ts';
import { makeInstallation, startDaemon } from '../support/daemon.ts';
import { hangFile, untilItHangs } from '../support/hanging-file.ts';

const program = fileURLToPath(new URL('../support/serve-briefly.ts', import.meta.url));
/** With what a busy machine takes to end. */
const endLimitMs = 20_000;
const grace = '  limits: { minFreeBytes: 0, shutdownGraceMs: 0 }';

/** A daemon that waits for the marker before it files a clip, or a sentence why there is none here. */
async function startHanging(
  t: Test,
  { args, stopTimeoutMs }: { args: readonly string[]; stopTimeoutMs: number },
) {
  const place = await makeInstallation({ settings: [grace] });
  t.teardown(() => place.remove());
  const shell = `node=$1; shift 2; exec "$node" '${program}' ${stopTimeoutMs} "$@"`;
  const daemon = await startDaemon(['serve', ...args, '--config', place.config], undefined, {
    stdio: [],
    shell,
  });
  t.teardown(() => daemon.kill('SIGKILL'));
  const file = await hangFile(layoutOf(place.dataDir).marker);
  if (typeof file === 'string') return file;
  // First of all: a process that waits for it lives until then.
  t.teardown(() => file[Symbol.asyncDispose]());
  const { path } = await leaveEntry(place.dataDir);
  await untilItHangs(daemon.pid);
  return { daemon, entry: path };
}

for (const [what, args] of [
  ['the role archive', ['--only', 'archive']],
  ['a daemon that plays all roles', []],
] as const)
  t.test(`${what} ends by itself although its disk hangs, and the clip stays`, async t => {
    const started = await startHanging(t, { args, stopTimeoutMs: 1000 });
    if (typeof started === 'string') return t.pass(started, { skip: true });
    const { daemon, entry } = started;
    const toldAt = performance.now();
    daemon.kill('SIGTERM');
    const late = setTimeout(() => daemon.kill('SIGKILL'), endLimitMs);
    const ended = await daemon.ended;
    clearTimeout(late);
    t.same(ended, { code: 0, signal: null }, `after ${Math.round(performance.now() - toldAt)} ms`);
    t.ok(daemon.logged().some(({ msg }) => msg === 'stopping takes too long, ending at once'));
    t.same(readdirSync(entry).sort(), ['media', 'receipt.json'], 'it is filed after the next start');
  });

t.test('a second signal ends it at once', async t => {
  const started = await startHanging(t, { args: ['--only', 'archive'], stopTimeoutMs: 60_000 });
  if (typeof started === 'string') return t.pass(started, { skip: true });
  const { daemon } = started;
  daemon.kill('SIGINT');
  await daemon.waitForLog(({ msg }) => msg === 'stopping');
  daemon.kill('SIGTERM');
  const late = setTimeout(() => daemon.kill('SIGKILL'), endLimitMs);
  t.same(await daemon.ended, { code: 143, signal: null });
  clearTimeout(late);
});
