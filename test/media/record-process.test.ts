// What the ffmpeg that records may see.

import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { release } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { silentLog } from '../../src/base/log.ts';
import { openConfinement } from '../../src/media/confine.ts';
import { type ConfineOptions, confineFfmpeg } from '../../src/media/confined-ffmpeg.ts';
import { openGuard } from '../../src/media/guard.ts';

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

/** Landlock knows ports from Linux 6.7 on. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const hasPortRules = hasLandlock && (major > 6 || (major === 6 && minor >= 7));

async function confinedFfmpeg(args: readonly string[], options: ConfineOptions) {
  return (await confineFfmpeg(options)).command(args);
}

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

t.test('it reaches nothing else on the network, by TCP or otherwise', async t => {
  const visitors: string[] = [];
  const server = createServer(socket => socket.end('packets'));
  const other = createServer(socket => {
    visitors.push('tcp');
    socket.end('secrets');
  });
  for (const each of [server, other]) {
    await new Promise<void>(resolve => each.listen(0, '127.0.0.1', resolve));
    t.teardown(() => each.close());
  }
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  t.teardown(() => udp.close());
  udp.on('message', () => visitors.push('udp'));
  const portOf = (each: typeof server) => (each.address() as { port: number }).port;
  const send = async (searchPath?: string) => {
    const from = `tcp://127.0.0.1:${portOf(server)}`;
    const [program, all] = await confinedFfmpeg(
      [
        ...['-nostdin', '-v', 'error', '-f', 'data', '-i', from, '-map', '0', '-c', 'copy'],
        ...['-f', 'data', `udp://127.0.0.1:${udp.address().port}`],
      ],
      { searchPath, connectPort: portOf(server) },
    );
    return promisify(execFile)(program, all, { cwd: '/' }).then(
      () => 'sent',
      () => 'failed',
    );
  };
  const strong = [...(skip ? [] : [undefined]), ...(hasLandlock ? [withLandlock] : [])];
  for (const searchPath of strong) {
    if (hasPortRules)
      t.equal(await readBy(`tcp://127.0.0.1:${portOf(other)}`, searchPath, portOf(server)), undefined);
    t.equal(await send(searchPath), 'failed');
  }
  t.same(visitors, []);
  t.equal(await readBy(`tcp://127.0.0.1:${portOf(other)}`, withoutBubblewrap, portOf(server)), 'secrets');
  const arrived = once(udp, 'message');
  t.equal(await send(withoutBubblewrap), 'sent');
  await arrived;
  t.same(visitors, ['tcp', 'udp'], 'so this test can fail');
});

t.test('where there is neither bubblewrap nor Landlock, it has no socket but TCP all the same', async t => {
  const tools = join(directory, 'old-kernel');
  await mkdir(tools);
  for (const name of ['setpriv', 'prlimit', 'ffmpeg']) await symlink(`/usr/bin/${name}`, join(tools, name));
  // The place of isOptional in landlockPrefix: without it, the script ends where the kernel has no Landlock.
  const perl = '#!/bin/sh\n[ "$8" = 0 ] && exit 1\nexec /usr/bin/perl "$@"\n';
  await writeFile(join(tools, 'perl'), perl, { mode: 0o755 });
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  t.teardown(() => udp.close());
  const send = async (searchPath: string) => {
    const to = `udp://127.0.0.1:${udp.address().port}`;
    const [program, all] = await confinedFfmpeg(
      [
        ...['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'anullsrc', '-t', '0.1'],
        ...['-c', 'pcm_u8', '-f', 'u8', to],
      ],
      { searchPath, connectPort: 9 },
    );
    return promisify(execFile)(program, all, { cwd: '/' }).then(
      () => 'sent',
      () => 'failed',
    );
  };
  t.equal((await openGuard({ searchPath: tools })).level, 'setpriv');
  const server = createServer(socket => socket.end('packets'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  t.equal(await readBy(`tcp://127.0.0.1:${port}`, tools, port), 'packets');
  t.equal(await send(tools), 'failed');
  t.equal(await send(withoutBubblewrap), 'sent', 'so this test can fail');
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

t.test('what sockets are left to it is tried, and not believed', async t => {
  const soon = AbortSignal.timeout(20_000);
  const levels = async (searchPath?: string) => {
    const confined = await confineFfmpeg({ searchPath, connectPort: 9 });
    return { files: confined.files, sockets: await confined.trySockets(soon) };
  };
  const filtered = hasPortRules ? 'own-port' : 'tcp';
  if (!skip) t.same(await levels(), { files: 'bubblewrap', sockets: filtered });
  t.same(await levels(withLandlock), { files: hasLandlock ? 'landlock' : 'none', sockets: filtered });
  t.same(await levels(withoutBubblewrap), { files: 'none', sockets: 'any' });
  const tools = join(directory, 'no-filter');
  await mkdir(tools);
  for (const name of ['setpriv', 'prlimit', 'ffmpeg', 'bwrap'])
    await symlink(`/usr/bin/${name}`, join(tools, name));
  if (!skip) t.same(await levels(tools), { files: 'bubblewrap', sockets: 'any' }, 'bubblewrap without perl');
  // A kernel that knows no filter is what isOptional is for: the program runs without it.
  const perl =
    '#!/bin/sh\n[ "$1" = - ] && exec /usr/bin/perl -\nwhile [ "$1" != /etc/alternatives ]; do shift; done\nshift\nexec "$@"\n';
  await writeFile(join(tools, 'perl'), perl, { mode: 0o755 });
  t.match(await levels(tools), { sockets: 'any' }, 'a perl whose filter is not taken');
});
