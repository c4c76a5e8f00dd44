// What the ffmpeg that records may see.

import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { silentLog } from '../../src/base/log.ts';
import { openConfinement } from '../../src/media/confine.ts';
import { openGuard } from '../../src/media/guard.ts';
import { confinedFfmpeg } from '../../src/media/record-process.ts';

const { level } = await openConfinement({ log: silentLog() });
const skip = level === 'bubblewrap' ? false : 'bubblewrap does not work here';
const directory = t.testdir({
  data: { '.clipward-archive': 'x', 'segment.mp4': 'footage of another camera' },
});
/** A search path with all but bubblewrap. */
const withoutBubblewrap = join(directory, 'tools');
await mkdir(withoutBubblewrap);
for (const name of ['setpriv', 'prlimit', 'ffmpeg'])
  await symlink(`/usr/bin/${name}`, join(withoutBubblewrap, name));

/** One with Landlock instead, where the kernel has that. */
const withLandlock = join(directory, 'landlock');
await mkdir(withLandlock);
for (const name of ['setpriv', 'prlimit', 'ffmpeg', 'perl'])
  await symlink(`/usr/bin/${name}`, join(withLandlock, name));
const hasLandlock = (await openGuard({ searchPath: withLandlock })).level === 'landlock';

/** What an ffmpeg that was taken over gets to read; undefined: nothing. */
async function readBy(input: string, searchPath?: string, connectPort?: number): Promise<string | undefined> {
  const args = ['-nostdin', '-v', 'error', '-f', 'data', '-i', input, '-map', '0', '-c', 'copy'];
  const [program, all] = await confinedFfmpeg([...args, '-f', 'data', 'pipe:1'], {
    searchPath,
    ...(connectPort !== undefined && { connectPort }),
  });
  return promisify(execFile)(program, all, { cwd: '/' }).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}

t.test('the ffmpeg that records sees no file but programs, and no other process', { skip }, async t => {
  const foreign = [
    join(directory, 'data', 'segment.mp4'),
    '/etc/passwd',
    `/proc/${process.pid}/environ`,
    `/proc/${process.pid}/maps`,
  ];
  for (const path of foreign) {
    t.equal(await readBy(path), undefined, path);
    if (hasLandlock) t.equal(await readBy(path, withLandlock), undefined, `${path}: by Landlock`);
    t.type(await readBy(path, withoutBubblewrap), 'string', `${path}: so this test can fail`);
  }
});

t.test('it reaches loopback, which it records from', async t => {
  const server = createServer(socket => socket.end('packets'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  for (const searchPath of [undefined, withLandlock])
    t.equal(await readBy(`tcp://127.0.0.1:${port}`, searchPath, port), 'packets');
});

t.test('a bubblewrap that does not work here is done without', async t => {
  const tools = join(directory, 'refusing');
  await mkdir(tools);
  for (const name of ['setpriv', 'prlimit', 'ffmpeg']) await symlink(`/usr/bin/${name}`, join(tools, name));
  await writeFile(join(tools, 'bwrap'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  t.match(await readBy('/etc/passwd', tools), 'root:');
});

t.test('one that cannot be tried loosens nothing', async t => {
  const tools = join(directory, 'killed');
  await mkdir(tools);
  for (const name of ['setpriv', 'prlimit', 'ffmpeg']) await symlink(`/usr/bin/${name}`, join(tools, name));
  await writeFile(join(tools, 'bwrap'), '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 });
  await t.rejects(confinedFfmpeg([], { searchPath: tools }), { name: 'TransientError' });
});
